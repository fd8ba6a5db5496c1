//! Two paths and a network between them, in memory and virtual time: no socket, no thread, no clock.
//!
//! The dialer sits behind a NAT that can rebind; the acceptor's path comes into being with the first
//! check that names its session, as in a host.
#![allow(dead_code, reason = "each test file uses a part")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failure here is a failed test")]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use backline_transport::demux::{self, Datagram, StunKind};
use backline_transport::{
    Certificate, CloseReason, MediaHead, MediaPacket, Path, PathConfig, PathEvent, Role,
};
use backline_wire::{Candidate, Fingerprint, SessionSecret, Ssrc};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Dialer,
    Acceptor,
}

/// What one side was told.
#[derive(Default)]
pub struct Heard {
    pub connected: Option<(Duration, Fingerprint)>,
    pub control: Vec<Vec<u8>>,
    pub media: Vec<MediaPacket>,
    pub feedback: Vec<(Ssrc, Vec<u8>)>,
    pub closed: Option<(Duration, CloseReason)>,
}

pub struct Options {
    pub secret_of_dialer: SessionSecret,
    pub secret_of_host: SessionSecret,
    pub dialer_local: SocketAddr,
    pub dialer_public: SocketAddr,
    pub acceptor: SocketAddr,
    /// What the dialer dials; the acceptor is at the last of them.
    pub dialed: Vec<SocketAddr>,
    pub wrong_fingerprint: bool,
    pub latency: Duration,
    pub loss_percent: u64,
    /// Answers checks of unknown sessions with error 401.
    pub answers_strangers: bool,
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        let acceptor = "198.51.100.7:22224".parse().unwrap();
        Options {
            secret_of_dialer: SessionSecret([7; 16]),
            secret_of_host: SessionSecret([7; 16]),
            dialer_local: "0.0.0.0:40000".parse().unwrap(),
            dialer_public: "203.0.113.9:61000".parse().unwrap(),
            acceptor,
            dialed: vec![acceptor],
            wrong_fingerprint: false,
            latency: Duration::from_millis(10),
            loss_percent: 0,
            answers_strangers: false,
            seed: 1,
        }
    }
}

pub struct Pair {
    pub now: Instant,
    start: Instant,
    pub options: Options,
    pub dialer: Path,
    pub acceptor: Option<Path>,
    pub host_certificate: Certificate,
    pub joiner_certificate: Certificate,
    pub dialer_heard: Heard,
    pub acceptor_heard: Heard,
    /// Every datagram that was sent, for those who want to damage some.
    pub recorded: Option<Vec<Vec<u8>>>,
    /// The peer's public address, which the NAT may change.
    pub public: SocketAddr,
    pub cut: bool,
    /// Bytes sent to addresses that are nobody's.
    pub strays: BTreeMap<SocketAddr, usize>,
    in_flight: BTreeMap<(Instant, u64), (Side, SocketAddr, Vec<u8>)>,
    sent: u64,
    pub random: Random,
}

impl Pair {
    pub fn new(options: Options) -> Pair {
        let start = any_instant();
        let host_certificate = Certificate::generate().unwrap();
        let joiner_certificate = Certificate::generate().unwrap();
        let ufrag = "0123456789abcdef";
        let expected =
            if options.wrong_fingerprint { Fingerprint([9; 32]) } else { host_certificate.fingerprint() };
        let dialed: Vec<Candidate> = options.dialed.iter().map(|at| (*at).into()).collect();
        let config = PathConfig {
            role: Role::Dialer,
            local: options.secret_of_dialer.ice_credentials_joiner(ufrag),
            remote: options.secret_of_dialer.ice_credentials_host(),
            remote_fingerprint: Some(expected),
            certificate: &joiner_certificate,
            local_addresses: &[options.dialer_local],
            remote_candidates: &dialed,
        };
        let dialer = Path::new(config, start).unwrap();
        let (public, random) = (options.dialer_public, Random(options.seed.max(1)));
        Pair {
            now: start,
            start,
            options,
            dialer,
            acceptor: None,
            host_certificate,
            joiner_certificate,
            dialer_heard: Heard::default(),
            acceptor_heard: Heard::default(),
            recorded: None,
            public,
            cut: false,
            strays: BTreeMap::new(),
            in_flight: BTreeMap::new(),
            sent: 0,
            random,
        }
    }

    /// Both connected, or a panic after ten seconds of virtual time.
    pub fn connected(options: Options) -> Pair {
        let mut pair = Pair::new(options);
        let done = pair.run_until(Duration::from_secs(10), |pair| {
            pair.dialer_heard.connected.is_some() && pair.acceptor_heard.connected.is_some()
        });
        assert!(done, "not connected: {:?} {:?}", pair.dialer_heard.closed, pair.acceptor_heard.closed);
        pair
    }

    pub fn elapsed(&self) -> Duration {
        self.now - self.start
    }

    pub fn run(&mut self, time: Duration) {
        self.run_until(time, |_| false);
    }

    /// Runs until `done`, or for `time`; true when done.
    pub fn run_until(&mut self, time: Duration, done: impl Fn(&Pair) -> bool) -> bool {
        let end = self.now + time;
        loop {
            self.collect();
            if done(self) {
                return true;
            }
            let next = self.next_event().filter(|at| *at <= end);
            let Some(at) = next else {
                self.now = end;
                return false;
            };
            self.now = self.now.max(at);
            self.step();
        }
    }

    pub fn acceptor(&mut self) -> &mut Path {
        self.acceptor.as_mut().expect("the acceptor was never reached")
    }

    pub fn side(&mut self, side: Side) -> &mut Path {
        match side {
            Side::Dialer => &mut self.dialer,
            Side::Acceptor => self.acceptor(),
        }
    }

    /// Opens a stream on one side and expects it on the other.
    pub fn open(&mut self, from: Side, ssrc: u32) {
        self.side(from).open_stream(Ssrc(ssrc)).unwrap();
        let to = if from == Side::Dialer { Side::Acceptor } else { Side::Dialer };
        self.side(to).expect_stream(Ssrc(ssrc)).unwrap();
    }

    pub fn send(&mut self, from: Side, ssrc: u32, head: MediaHead, payload: &[u8]) {
        let now = self.now;
        self.side(from).send_media(now, Ssrc(ssrc), head, payload).unwrap();
    }

    fn next_event(&self) -> Option<Instant> {
        let arrival = self.in_flight.first_key_value().map(|((at, _), _)| *at);
        let acceptor = self.acceptor.as_ref().and_then(Path::poll_timeout);
        [arrival, self.dialer.poll_timeout(), acceptor].into_iter().flatten().min()
    }

    fn step(&mut self) {
        while let Some(entry) = self.in_flight.first_entry().filter(|entry| entry.key().0 <= self.now) {
            let (to, source, datagram) = entry.remove();
            self.deliver(to, source, &datagram);
        }
        for path in [Some(&mut self.dialer), self.acceptor.as_mut()].into_iter().flatten() {
            if path.poll_timeout().is_some_and(|at| at <= self.now) {
                path.handle_timeout(self.now);
            }
        }
    }

    pub fn deliver(&mut self, to: Side, source: SocketAddr, datagram: &[u8]) {
        match to {
            Side::Dialer => {
                self.dialer.handle_datagram(self.now, source, self.options.dialer_local, datagram)
            }
            Side::Acceptor => {
                self.accept_stranger(source, datagram);
                let local = self.options.acceptor;
                if let Some(path) = &mut self.acceptor {
                    path.handle_datagram(self.now, source, local, datagram);
                }
            }
        }
    }

    /// What a host does with a datagram of nobody it knows.
    fn accept_stranger(&mut self, source: SocketAddr, datagram: &[u8]) {
        let host = self.options.secret_of_host.ice_credentials_host();
        let Datagram::Stun(stun) = demux::classify(datagram) else { return };
        if self.acceptor.is_some() || stun.kind != StunKind::Request {
            return;
        }
        if stun.local_ufrag != Some(host.ufrag.as_str()) {
            let mut answer = Vec::new();
            if self.options.answers_strangers && demux::stun_unauthorised(datagram, &mut answer) {
                assert!(answer.len() <= datagram.len(), "no amplification");
                let at = self.now + self.options.latency;
                self.in_flight.insert((at, self.sent), (Side::Dialer, self.options.acceptor, answer));
                self.sent += 1;
            }
            return;
        }
        if !demux::stun_is_proven(datagram, &host.password) {
            return;
        }
        let config = PathConfig {
            role: Role::Acceptor,
            local: host,
            remote: self.options.secret_of_host.ice_credentials_joiner(stun.remote_ufrag.unwrap()),
            remote_fingerprint: None,
            certificate: &self.host_certificate,
            local_addresses: &[self.options.acceptor],
            remote_candidates: &[],
        };
        let path = Path::new(config, self.now).unwrap();
        assert!(path.accepts(source, datagram));
        self.acceptor = Some(path);
    }

    fn collect(&mut self) {
        let mut buffer = Vec::new();
        while let Some(transmit) = self.dialer.poll_transmit(&mut buffer) {
            assert_eq!(transmit.source, self.options.dialer_local);
            self.put(Side::Acceptor, self.public, transmit.destination, &buffer);
        }
        while let Some(transmit) = self.acceptor.as_mut().and_then(|path| path.poll_transmit(&mut buffer)) {
            assert_eq!(transmit.source, self.options.acceptor);
            self.put(Side::Dialer, self.options.acceptor, transmit.destination, &buffer);
        }
        let at = self.elapsed();
        while let Some(event) = self.dialer.poll_event() {
            note(&mut self.dialer_heard, at, event);
        }
        while let Some(event) = self.acceptor.as_mut().and_then(Path::poll_event) {
            note(&mut self.acceptor_heard, at, event);
        }
    }

    fn put(&mut self, to: Side, source: SocketAddr, destination: SocketAddr, datagram: &[u8]) {
        if let Some(recorded) = &mut self.recorded {
            recorded.push(datagram.to_vec());
        }
        let reaches = match to {
            Side::Dialer => destination == self.public,
            Side::Acceptor => destination == self.options.acceptor,
        };
        if !reaches {
            *self.strays.entry(destination).or_default() += datagram.len();
        }
        if reaches && !self.cut && self.random.below(100) >= self.options.loss_percent {
            self.in_flight
                .insert((self.now + self.options.latency, self.sent), (to, source, datagram.to_vec()));
        }
        self.sent += 1;
    }
}

fn note(heard: &mut Heard, at: Duration, event: PathEvent) {
    assert!(heard.closed.is_none(), "nothing comes after Closed: {event:?}");
    match event {
        PathEvent::Connected { remote_fingerprint } => heard.connected = Some((at, remote_fingerprint)),
        PathEvent::Control(bytes) => heard.control.push(bytes),
        PathEvent::Media(packet) => heard.media.push(packet),
        PathEvent::Feedback { about, bytes } => heard.feedback.push((about, bytes.to_vec())),
        PathEvent::Closed { reason } => heard.closed = Some((at, reason)),
    }
}

/// Xorshift: enough for losses, and the same in every run.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit.max(1)
    }
}

/// Virtual time has to start somewhere.
#[allow(clippy::disallowed_methods, reason = "an Instant has no other constructor")]
fn any_instant() -> Instant {
    Instant::now()
}

pub fn head(payload_type: u8, timestamp: u32) -> MediaHead {
    MediaHead { payload_type, timestamp, captured_at: None, level: None, marker: false }
}
