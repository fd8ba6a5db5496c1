//! One guest of a soak: it comes in, plays, listens, moves faders, goes, and comes back as the same participant.
//!
//! Unlike a client of a measurement it follows streams that end and routes that change, so that what it misses is the server's doing. The step before is
//! `house.rs`; the step after is its port.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use backline_io::{Port, entropy};
use backline_transport::{Certificate, MediaHead, MediaPacket, Path, PathConfig, PathEvent, Role};
use backline_wire::credentials::ufrag_from_random;
use backline_wire::{
    Candidate, Change, Control, Counter, Fader, Fingerprint, GainValue, GoodbyeReason, IdentityKey,
    InviteLink, Operation, OutboxId, PublishedSource, Revision, Route, Setting, SourceId, Ssrc, StreamFormat,
    mix_source,
};

use crate::LoadError;
use crate::hello::hello;
use crate::music::Music;

/// What guests have counted together.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Heard {
    /// Packets of its own.
    pub sent: u64,
    /// Packets of others, passed on.
    pub heard: u64,
    /// Those between the first and the last that did not come.
    pub missed: u64,
    /// Frames of its mixes.
    pub mixed: u64,
    /// Those between the first and the last that did not come.
    pub mixed_missed: u64,
    /// Changes of faders of which it was told what became of them.
    pub answered: u64,
    /// Changes of route that it was told of.
    pub routes: u64,
    /// Warnings that it was over a limit.
    pub warnings: u64,
}

/// What who floods is called.
const FLOODER: &str = "Flooder";

/// Who somebody is, whenever they are in.
pub(crate) struct Person {
    pub number: usize,
    pub link: InviteLink,
    /// What they play is dropped with their flood, and no loss that others would count.
    pub floods: bool,
    key: IdentityKey,
    /// Changes of faders so far.
    counter: u64,
}

impl Person {
    pub fn new(number: usize, link: InviteLink) -> Result<Self, LoadError> {
        let seed = entropy::seed().map_err(|error| LoadError::Server(format!("can't be called: {error}")))?;
        Ok(Self { number, link, floods: false, key: IdentityKey::from_seed(seed), counter: 0 })
    }
}

/// Why somebody is in no longer, without having left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Gone {
    /// They were over a limit.
    OverLimit,
    /// Anything else.
    Otherwise(String),
}

/// Somebody who is in, or on their way in.
pub(crate) struct Guest {
    port: Port,
    path: Path,
    at: SocketAddr,
    fingerprint: Fingerprint,
    format: StreamFormat,
    frame: Duration,
    stream: Option<Ssrc>,
    next_frame: u32,
    next_at: Instant,
    streams: BTreeMap<Ssrc, Stream>,
    route: Route,
    gone: Option<Gone>,
    counts: Heard,
    buffer: Vec<u8>,
}

/// A stream of somebody else.
#[derive(Debug, Clone, Copy)]
struct Stream {
    source: SourceId,
    is_mix: bool,
    first: Option<u32>,
    last: u32,
    count: u64,
}

impl Guest {
    /// Calls the server.
    pub fn call(
        person: &Person,
        music: &Music,
        certificate: &Certificate,
        now: Instant,
    ) -> Result<Self, LoadError> {
        let failed = |error: &dyn std::fmt::Display| LoadError::Server(format!("can't be called: {error}"));
        let seed = entropy::seed().map_err(|error| failed(&error))?;
        let port = Port::bind(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0))
            .map_err(|error| LoadError::Server(error.to_string()))?;
        let at = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port.number());
        let candidates: Vec<Candidate> = person.link.addresses().iter().map(|at| (*at).into()).collect();
        let [a, b, c, d, e, f, g, h, ..] = seed;
        let config = PathConfig {
            role: Role::Dialer,
            local: person.link.secret().ice_credentials_joiner(&ufrag_from_random([a, b, c, d, e, f, g, h])),
            remote: person.link.secret().ice_credentials_host(),
            remote_fingerprint: Some(*person.link.fingerprint()),
            certificate,
            local_addresses: &[at],
            remote_candidates: &candidates,
        };
        let frames = music.encoding.frame_frames();
        Ok(Self {
            port,
            path: Path::new(config, now).map_err(|error| failed(&error))?,
            at,
            fingerprint: certificate.fingerprint(),
            format: StreamFormat {
                payload_type: music.encoding.payload_type(),
                frame_frames: frames as u16,
                bitrate_bps: music.encoding.payload_bps(),
                redundancy: 0,
                copy_distance: 1,
                block_frames: 0,
            },
            frame: Duration::from_secs_f64(frames as f64 / 48_000.0),
            stream: None,
            next_frame: (person.number * 37 % music.payloads.len().max(1)) as u32,
            next_at: now,
            streams: BTreeMap::new(),
            route: Route::default(),
            gone: None,
            counts: Heard::default(),
            buffer: Vec::new(),
        })
    }

    /// Its port, to be watched.
    pub fn port_mut(&mut self) -> &mut Port {
        &mut self.port
    }

    /// The number of its port.
    pub fn port_number(&self) -> u16 {
        self.at.port()
    }

    /// Whether its stream is open.
    pub fn is_in(&self) -> bool {
        self.stream.is_some() && self.gone.is_none()
    }

    /// Why it is in no longer.
    pub fn gone(&self) -> Option<&Gone> {
        self.gone.as_ref()
    }

    /// What it has counted since it was asked last.
    pub fn take_counts(&mut self) -> Heard {
        self.settle_up();
        std::mem::take(&mut self.counts)
    }

    /// Reads what has arrived, and does what is due.
    pub fn turn(&mut self, person: &Person, now: Instant, music: &Music) {
        let Self { port, path, at, .. } = self;
        port.receive(|source, _, datagram| path.handle_datagram(now, source, *at, datagram));
        if self.path.poll_timeout().is_some_and(|due| due <= now) {
            self.path.handle_timeout(now);
        }
        self.take_events(person, now);
        while let Some(ssrc) = self.stream.filter(|_| self.next_at <= now) {
            self.play(ssrc, now, music);
        }
        self.transmit();
    }

    /// Moves the fader by which it hears somebody else, where it hears anybody.
    pub fn move_fader(&mut self, person: &mut Person, now: Instant) {
        let others: Vec<SourceId> =
            self.streams.values().filter(|stream| !stream.is_mix).map(|stream| stream.source).collect();
        let Some(source) = others.get(person.counter as usize % others.len().max(1)).copied() else { return };
        if !self.is_in() {
            return;
        }
        person.counter += 1;
        let counter = Counter(person.counter);
        let fader = Fader::Monitor { listener: person.key.participant_id(), source };
        let gain = GainValue::from_db(-((person.counter % 24) as f32));
        let change = Change::Fader { fader, setting: Setting::Gain(gain) };
        let operations = vec![Operation { counter, age_ms: 0, change }];
        self.say(now, &Control::Operate { outbox: OutboxId(1), settled: counter, operations });
    }

    /// Throws a datagram at the server from its own address, beside its path.
    pub fn throw(&self, person: &Person, datagram: &[u8]) {
        // What the system does not take is no flood.
        for address in person.link.addresses().iter().take(1) {
            let _ = self.port.send(*address, datagram);
        }
    }

    /// Says goodbye.
    pub fn leave(&mut self, now: Instant) {
        self.say(now, &Control::Goodbye { reason: GoodbyeReason::Leaving });
        self.transmit();
        self.path.close(now);
        self.transmit();
    }

    fn play(&mut self, ssrc: Ssrc, now: Instant, music: &Music) {
        let at = self.next_frame as usize % music.payloads.len().max(1);
        let Some(payload) = music.payloads.get(at) else { return };
        let head = MediaHead {
            payload_type: self.format.payload_type,
            timestamp: self.next_frame.wrapping_mul(u32::from(self.format.frame_frames)),
            captured_at: None,
            level: Some(-20),
            marker: false,
        };
        self.counts.sent += u64::from(self.path.send_media(now, ssrc, head, payload).is_ok());
        self.next_frame = self.next_frame.wrapping_add(1);
        self.next_at += self.frame;
    }

    fn transmit(&mut self) {
        while let Some(head) = self.path.poll_transmit(&mut self.buffer) {
            // A datagram that the system does not take is lost, and counted by who misses it.
            let _ = self.port.send(head.destination, &self.buffer);
        }
    }

    fn take_events(&mut self, person: &Person, now: Instant) {
        while let Some(event) = self.path.poll_event() {
            match event {
                PathEvent::Connected { .. } => {
                    let hello = self.hello(person);
                    self.say(now, &hello);
                }
                PathEvent::Control(bytes) => match Control::decode(&bytes) {
                    Ok(message) => self.told(person, now, message),
                    Err(error) => self.end(Gone::Otherwise(format!("a message was not understood: {error}"))),
                },
                PathEvent::Media(packet) => self.hear(&packet),
                PathEvent::Feedback { .. } => {}
                PathEvent::Closed { reason } => self.end(Gone::Otherwise(reason.to_string())),
            }
        }
    }

    fn hear(&mut self, packet: &MediaPacket) {
        let frame = packet.head.timestamp / u32::from(self.format.frame_frames).max(1);
        // What is passed on while there is a mix was on its way when the route changed, or is ahead of the word that it has.
        let counts = |stream: &&mut Stream| stream.is_mix == (self.route == Route::Mix);
        if let Some(stream) = self.streams.get_mut(&packet.ssrc).filter(counts) {
            stream.first.get_or_insert(frame);
            stream.last = stream.last.max(frame);
            stream.count += 1;
        }
    }

    fn told(&mut self, person: &Person, now: Instant, message: Control) {
        match message {
            Control::Published(source) => self.published(person, now, &source),
            Control::Unpublished { source } => self.forget(|stream| stream.source == source),
            Control::Route { route, .. } => {
                self.route = route;
                self.counts.routes += 1;
                self.settle_up();
            }
            // The first has none, and is answered with none: it wants the whole document.
            Control::Changes { document, entries, .. } => {
                let revision = entries.last().map_or(Revision::default(), |entry| entry.revision);
                self.say(now, &Control::Follow { document, revision });
            }
            Control::Outcomes { outcomes, .. } => self.counts.answered += outcomes.len() as u64,
            Control::Warning { .. } => self.counts.warnings += 1,
            Control::Refused { reason } => self.end(Gone::Otherwise(reason.to_string())),
            Control::Goodbye { reason: GoodbyeReason::OverLimit(_) } => self.end(Gone::OverLimit),
            Control::Goodbye { reason } => self.end(Gone::Otherwise(reason.to_string())),
            _ => {}
        }
    }

    fn published(&mut self, person: &Person, now: Instant, source: &PublishedSource) {
        let is_mine = source.info.source.participant == person.key.participant_id();
        let ready =
            if is_mine { self.path.open_stream(source.ssrc) } else { self.path.expect_stream(source.ssrc) };
        if let Err(error) = ready {
            return self.end(Gone::Otherwise(error.to_string()));
        }
        if is_mine {
            self.stream = Some(source.ssrc);
            let phase = (person.number as f64 * 0.618_034).fract();
            self.next_at = now + self.frame.mul_f64(phase);
            return;
        }
        if source.info.name.to_string() == FLOODER {
            return;
        }
        let is_mix = source.info.source == mix_source(person.link.fingerprint());
        let fresh = Stream { source: source.info.source, is_mix, first: None, last: 0, count: 0 };
        self.streams.entry(source.ssrc).or_insert(fresh);
    }

    /// Counts streams that are over.
    fn forget(&mut self, is_over: impl Fn(&Stream) -> bool) {
        let over: Vec<Ssrc> =
            self.streams.iter().filter(|(_, stream)| is_over(stream)).map(|(ssrc, _)| *ssrc).collect();
        for ssrc in over {
            self.path.forget_stream(ssrc);
            if let Some(stream) = self.streams.remove(&ssrc) {
                stream.add_to(&mut self.counts);
            }
        }
    }

    /// Counts what was heard so far; from here on it is heard anew.
    fn settle_up(&mut self) {
        for stream in self.streams.values_mut() {
            stream.add_to(&mut self.counts);
            (stream.first, stream.last, stream.count) = (None, 0, 0);
        }
    }

    fn end(&mut self, why: Gone) {
        self.stream = None;
        self.gone.get_or_insert(why);
    }

    fn say(&mut self, now: Instant, message: &Control) {
        if let Err(error) = self.path.send_control(now, &message.encode()) {
            self.end(Gone::Otherwise(error.to_string()));
        }
    }

    fn hello(&self, person: &Person) -> Control {
        let name = if person.floods { FLOODER.to_owned() } else { format!("Guest {}", person.number) };
        hello((&person.link, &self.fingerprint), (&person.key, &name), Some(self.format))
    }
}

impl Stream {
    fn add_to(&self, counts: &mut Heard) {
        let due = self.first.map_or(0, |first| u64::from(self.last.saturating_sub(first)) + 1);
        let (heard, missed) = if self.is_mix {
            (&mut counts.mixed, &mut counts.mixed_missed)
        } else {
            (&mut counts.heard, &mut counts.missed)
        };
        *heard += self.count;
        *missed += due.saturating_sub(self.count);
    }
}

impl std::ops::AddAssign for Heard {
    fn add_assign(&mut self, other: Self) {
        self.sent += other.sent;
        self.heard += other.heard;
        self.missed += other.missed;
        self.mixed += other.mixed;
        self.mixed_missed += other.mixed_missed;
        self.answered += other.answered;
        self.routes += other.routes;
        self.warnings += other.warnings;
    }
}
