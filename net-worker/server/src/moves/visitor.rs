//! A participant made by hand, of one path and one socket: it can do what no Backline does.
//!
//! The step after is a real shard on loopback.
#![allow(clippy::unwrap_used, reason = "in a test that is the way to fail")]

use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use backline_io::clock;
use backline_transport::{Certificate, MediaHead, Path, PathConfig, PathEvent, Role};
use backline_wire::limits::PROTOCOL_VERSION;
use backline_wire::{
    Change, Control, Counter, Fingerprint, Generation, Grantee, Hello, HelloTranscript, IdentityKey,
    InstanceId, InviteLink, Name, Operation, OutboxId, Scope, SourceId, SourceInfo, Ssrc, StreamFormat,
};

const PATIENCE: Duration = Duration::from_secs(10);
const FRAME: u32 = 120;
/// Opus, 2.5 ms, stereo (RFC 6716 section 3.1); what follows is noise to any decoder.
const PAYLOAD: [u8; 40] = {
    let mut payload = [0x5a; 40];
    payload[0] = 0xe4;
    payload
};

pub struct Visitor {
    socket: UdpSocket,
    /// Unspecified, so that a change of address needs nothing of the path.
    local: SocketAddr,
    server: SocketAddr,
    certificate: Certificate,
    link: InviteLink,
    path: Path,
    key: IdentityKey,
    buffer: Vec<u8>,
    /// What the server has said, and how many packets of each stream came.
    pub said: Vec<Control>,
    pub heard: u64,
    /// A datagram of the path that went out, for sending it again.
    pub last_sent: Vec<u8>,
    /// Datagrams that are lost on the way.
    pub loses: bool,
    timestamp: u32,
}

impl Visitor {
    pub fn knock(link: &str, number: u8) -> Self {
        let link = InviteLink::parse(link).unwrap();
        let server = *link.addresses().iter().find(|address| address.is_ipv4()).unwrap();
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_nonblocking(true).unwrap();
        let local = SocketAddr::from(([0, 0, 0, 0], socket.local_addr().unwrap().port()));
        let certificate = Certificate::generate().unwrap();
        let ufrag = backline_wire::credentials::ufrag_from_random([number; 8]);
        let config = PathConfig {
            role: Role::Dialer,
            local: link.secret().ice_credentials_joiner(&ufrag),
            remote: link.secret().ice_credentials_host(),
            remote_fingerprint: Some(*link.fingerprint()),
            certificate: &certificate,
            local_addresses: &[local],
            remote_candidates: &[server.into()],
        };
        let path = Path::new(config, clock::now()).unwrap();
        Self {
            socket,
            local,
            server,
            certificate,
            link,
            path,
            key: IdentityKey::from_seed([number; 32]),
            buffer: Vec::new(),
            said: Vec::new(),
            heard: 0,
            last_sent: Vec::new(),
            loses: false,
            timestamp: 0,
        }
    }

    /// Knocks, says a proper hello with one source, and is in.
    pub fn join(link: &str, number: u8) -> Self {
        let mut visitor = Self::greet(link, number);
        visitor.wait(|visitor| visitor.ssrc().is_some());
        let ssrc = visitor.ssrc().unwrap();
        visitor.path.open_stream(ssrc).unwrap();
        visitor
    }

    /// Knocks and says a proper hello.
    pub fn greet(link: &str, number: u8) -> Self {
        let mut visitor = Self::knock(link, number);
        visitor.wait(|visitor| visitor.path.is_connected());
        let ours: Fingerprint = visitor.certificate.fingerprint();
        let transcript = HelloTranscript::new(visitor.link.fingerprint(), &ours);
        let hello = Hello {
            protocol_version: PROTOCOL_VERSION,
            app: Name::new("A visitor"),
            name: Name::new(&format!("<b>Visitor</b> {number}")),
            colour: [number; 3],
            participant: visitor.key.participant_id(),
            instance: InstanceId(1),
            generation: Generation(1),
            signature: transcript.sign(&visitor.key),
            proof: transcript.proof(visitor.link.secret()),
            sources: vec![visitor.source()],
        };
        visitor.say(&Control::Hello(Box::new(hello)).encode());
        visitor
    }

    fn source(&self) -> SourceInfo {
        let format = StreamFormat {
            payload_type: 111,
            frame_frames: FRAME as u16,
            bitrate_bps: 128_000,
            redundancy: 0,
            copy_distance: 1,
            block_frames: 64,
        };
        SourceInfo {
            source: self.source_id(),
            name: Name::new("Guitar"),
            colour: [0; 3],
            format,
            generation: Generation(1),
        }
    }

    fn source_id(&self) -> SourceId {
        SourceId { participant: self.key.participant_id(), instance: InstanceId(1) }
    }

    /// The stream of its own source.
    pub fn ssrc(&self) -> Option<Ssrc> {
        let ours = self.source_id();
        self.said.iter().rev().find_map(|message| match message {
            Control::Published(published) if published.info.source == ours => Some(published.ssrc),
            _ => None,
        })
    }

    /// The stream of somebody else's.
    pub fn other_ssrc(&self) -> Option<Ssrc> {
        let ours = self.source_id();
        self.said.iter().rev().find_map(|message| match message {
            Control::Published(published) if published.info.source != ours => Some(published.ssrc),
            _ => None,
        })
    }

    /// Expects whatever the others publish.
    pub fn listen(&mut self) {
        self.wait(|visitor| visitor.other_ssrc().is_some());
        let ssrc = self.other_ssrc().unwrap();
        self.path.expect_stream(ssrc).unwrap();
    }

    /// Plays so many packets, 2.5 ms each.
    pub fn play(&mut self, packets: usize) {
        let ssrc = self.ssrc().unwrap();
        for _ in 0..packets {
            self.timestamp = self.timestamp.wrapping_add(FRAME);
            let head = MediaHead {
                payload_type: 111,
                timestamp: self.timestamp,
                captured_at: None,
                level: None,
                marker: false,
            };
            self.path.send_media(clock::now(), ssrc, head, &PAYLOAD).unwrap();
            self.run(Duration::from_micros(2_500));
        }
    }

    /// The time of the last packet that it has played.
    pub fn timestamp(&self) -> u32 {
        self.timestamp
    }

    /// Says something, whatever it is.
    pub fn say(&mut self, bytes: &[u8]) {
        self.path.send_control(clock::now(), bytes).unwrap();
        self.run(Duration::from_millis(20));
    }

    /// Says something about a stream that it hears.
    pub fn complain(&mut self, about: Ssrc, bytes: &[u8]) {
        self.path.send_feedback(clock::now(), about, bytes).unwrap();
        self.run(Duration::from_millis(20));
    }

    /// Lets everybody move its source's fader.
    pub fn permit(&mut self, counter: u64) {
        let change = Change::Permission {
            scope: Scope::Send(self.source_id()),
            grantee: Grantee::Everyone,
            allowed: true,
        };
        let operations = vec![Operation { counter: Counter(counter), age_ms: 0, change }];
        let message = Control::Operate { outbox: OutboxId(1), settled: Counter(counter), operations };
        self.say(&message.encode());
    }

    /// Sends a datagram from where it is, beside the path.
    pub fn throw(&self, datagram: &[u8]) {
        // A full buffer loses it, as networks do.
        let _ = self.socket.send_to(datagram, self.server);
    }

    /// Goes on from another address.
    pub fn move_away(&mut self) {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_nonblocking(true).unwrap();
        self.socket = socket;
    }

    /// Says goodbye and goes.
    pub fn leave(mut self) {
        self.say(&Control::Goodbye { reason: backline_wire::GoodbyeReason::Leaving }.encode());
        self.run(Duration::from_millis(50));
    }

    /// Until something is so.
    pub fn wait(&mut self, wish: impl Fn(&Self) -> bool) {
        let end = clock::now() + PATIENCE;
        while !wish(self) {
            assert!(clock::now() < end, "the visitor waits in vain; it heard {:?}", self.said);
            self.run(Duration::from_millis(2));
        }
    }

    /// Lets time pass.
    pub fn run(&mut self, time: Duration) {
        let end = clock::now() + time;
        loop {
            let now = clock::now();
            self.turn(now);
            if now >= end {
                return;
            }
            std::thread::sleep(Duration::from_micros(200));
        }
    }

    fn turn(&mut self, now: Instant) {
        let local = self.local;
        let mut bytes = [0; 2_048];
        while let Ok((length, from)) = self.socket.recv_from(&mut bytes) {
            self.path.handle_datagram(now, from, local, &bytes[..length]);
        }
        if self.path.poll_timeout().is_some_and(|due| due <= now) {
            self.path.handle_timeout(now);
        }
        while let Some(event) = self.path.poll_event() {
            match event {
                PathEvent::Control(bytes) => self.said.extend(Control::decode(&bytes)),
                PathEvent::Media(_) => self.heard += 1,
                _ => {}
            }
        }
        while let Some(head) = self.path.poll_transmit(&mut self.buffer) {
            if !self.loses {
                self.last_sent.clone_from(&self.buffer);
                let _ = self.socket.send_to(&self.buffer, head.destination);
            }
        }
    }
}
