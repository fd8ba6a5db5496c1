//! One simulated client: a port, a path to the server, the messages of a participant, and counts of what it hears.
//!
//! It has no playout and no document. The step before is `crowd.rs` (time, arrivals); the step after is its port.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use backline_io::{Port, entropy};
use backline_relay::Spread;
use backline_transport::{Certificate, MediaHead, MediaPacket, Path, PathConfig, PathEvent, Role};
use backline_wire::credentials::ufrag_from_random;
use backline_wire::{
    Candidate, Control, Fingerprint, IdentityKey, InviteLink, PeerId, PublishedSource, Route, Ssrc,
    StreamFormat, mix_source,
};

use crate::LoadError;
use crate::hello::hello;
use crate::music::Music;

/// What a client is.
#[derive(Debug, Clone)]
pub struct Part {
    /// Which of all.
    pub number: usize,
    /// To its session.
    pub link: InviteLink,
    /// Whether it plays; all listen.
    pub plays: bool,
    /// Whether it rests for every other second.
    pub rests: bool,
    /// How its session's media travels.
    pub route: Route,
}

/// Where it is on its way in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Before its welcome.
    Outside,
    /// Welcomed; its stream is open if it plays, and its mix is announced where there is one.
    In,
    /// Refused or thrown out.
    Gone,
}

/// What a client counts.
#[derive(Debug, Clone, Default)]
pub struct Counts {
    /// Packets of its own.
    pub sent: u64,
    /// Packets of others.
    pub heard: u64,
    /// Packets of others that should have come between the first and the last that did.
    pub missed: u64,
    /// Streams of others of which nothing came at all.
    pub silent: u64,
    /// From the moment that a packet was due at its sender's port to the moment that it was read here.
    pub one_way: Spread,
}

/// A client.
pub struct Client {
    port: Port,
    path: Path,
    at: SocketAddr,
    part: Part,
    key: IdentityKey,
    fingerprint: Fingerprint,
    standing: Standing,
    trouble: Option<String>,
    format: StreamFormat,
    frame: Duration,
    stream: Option<Ssrc>,
    is_welcome: bool,
    mix: Option<Ssrc>,
    next_frame: u32,
    next_at: Instant,
    streams: BTreeMap<Ssrc, Heard>,
    counts: Counts,
    buffer: Vec<u8>,
}

/// Of one stream, since counting began.
#[derive(Debug, Clone, Copy, Default)]
struct Heard {
    first: Option<u32>,
    last: u32,
    count: u64,
}

/// When a packet that was heard was due at its sender: timestamp, and Unix time.
pub type Arrival = (u32, Duration);

impl Client {
    /// Calls its session's host.
    ///
    /// # Errors
    /// When the system gives no port, or the path cannot be made.
    pub fn new(
        part: Part,
        music: &Music,
        certificate: &Certificate,
        now: Instant,
    ) -> Result<Self, LoadError> {
        let seed = entropy::seed().map_err(|error| LoadError::Server(format!("can't be called: {error}")))?;
        let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let port =
            Port::bind(SocketAddr::new(loopback, 0)).map_err(|error| LoadError::Server(error.to_string()))?;
        let at = SocketAddr::new(loopback, port.number());
        let candidates: Vec<Candidate> = part.link.addresses().iter().map(|at| (*at).into()).collect();
        let [a, b, c, d, e, f, g, h, ..] = seed;
        let config = PathConfig {
            role: Role::Dialer,
            local: part.link.secret().ice_credentials_joiner(&ufrag_from_random([a, b, c, d, e, f, g, h])),
            remote: part.link.secret().ice_credentials_host(),
            remote_fingerprint: Some(*part.link.fingerprint()),
            certificate,
            local_addresses: &[at],
            remote_candidates: &candidates,
        };
        let path =
            Path::new(config, now).map_err(|error| LoadError::Server(format!("can't be called: {error}")))?;
        let frames = music.encoding.frame_frames();
        let format = StreamFormat {
            payload_type: music.encoding.payload_type(),
            frame_frames: frames as u16,
            bitrate_bps: music.encoding.payload_bps(),
            redundancy: 0,
            copy_distance: 1,
            block_frames: 0,
        };
        Ok(Self {
            port,
            path,
            at,
            // Not all play the same at the same time.
            next_frame: (part.number * 37 % music.payloads.len().max(1)) as u32,
            part,
            key: IdentityKey::from_seed(seed),
            fingerprint: certificate.fingerprint(),
            standing: Standing::Outside,
            trouble: None,
            format,
            frame: Duration::from_secs_f64(frames as f64 / 48_000.0),
            stream: None,
            is_welcome: false,
            mix: None,
            next_at: now,
            streams: BTreeMap::new(),
            counts: Counts::default(),
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

    /// Where it is on its way in.
    pub fn standing(&self) -> Standing {
        self.standing
    }

    /// What it was told when it was refused or thrown out.
    pub fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }

    /// Counting begins anew; what was counted before.
    pub fn take_counts(&mut self) -> Counts {
        for heard in self.streams.values_mut() {
            self.counts.missed += heard.missed();
            self.counts.silent += u64::from(heard.first.is_none());
            *heard = Heard::default();
        }
        std::mem::take(&mut self.counts)
    }

    /// When it wants to do something.
    pub fn due(&self) -> Instant {
        let path = self.path.poll_timeout();
        let play = self.stream.map(|_| self.next_at);
        path.into_iter().chain(play).min().unwrap_or(self.next_at + Duration::from_secs(1))
    }

    /// Reads what has arrived; `heard` is told of each packet of somebody else.
    pub fn receive(&mut self, now: Instant, unix_time: Duration, mut heard: impl FnMut(Arrival)) {
        let Self { port, path, at, .. } = self;
        port.receive(|source, _, datagram| path.handle_datagram(now, source, *at, datagram));
        self.take_events(now, unix_time, &mut heard);
        self.transmit();
    }

    /// Does what is due: timers, and the packets of its music. `unix_time` is that of `now`; how late each packet leaves goes into `lateness`.
    pub fn act(&mut self, now: Instant, unix_time: Duration, music: &Music, lateness: &mut Spread) {
        if self.path.poll_timeout().is_some_and(|due| due <= now) {
            self.path.handle_timeout(now);
            self.take_events(now, unix_time, &mut |_| {});
        }
        if let Some(ssrc) = self.stream {
            while self.next_at <= now {
                lateness.record(now.saturating_duration_since(self.next_at));
                self.play(ssrc, now, unix_time, music);
            }
        }
        self.transmit();
    }

    fn play(&mut self, ssrc: Ssrc, now: Instant, unix_time: Duration, music: &Music) {
        let is_resting = self.part.rests && rests_at(self.part.number, self.frame * self.next_frame);
        let playing = || music.payloads.get(self.next_frame as usize % music.payloads.len().max(1));
        let Some(payload) = (if is_resting { Some(&music.silence) } else { playing() }) else { return };
        let late = now.saturating_duration_since(self.next_at);
        let head = MediaHead {
            payload_type: self.format.payload_type,
            timestamp: self.next_frame.wrapping_mul(u32::from(self.format.frame_frames)),
            captured_at: Some(unix_time.saturating_sub(late)),
            level: Some(if is_resting { -127 } else { -20 }),
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

    fn take_events(&mut self, now: Instant, unix_time: Duration, heard: &mut impl FnMut(Arrival)) {
        while let Some(event) = self.path.poll_event() {
            match event {
                PathEvent::Connected { .. } => {
                    let hello = self.hello();
                    self.say(now, &hello);
                }
                PathEvent::Control(bytes) => match Control::decode(&bytes) {
                    Ok(message) => self.told(now, message),
                    Err(error) => self.leave(format!("a message was not understood: {error}")),
                },
                PathEvent::Media(packet) => self.hear(&packet, unix_time, heard),
                PathEvent::Feedback { .. } => {}
                PathEvent::Closed { reason } => self.leave(reason.to_string()),
            }
        }
    }

    fn hear(&mut self, packet: &MediaPacket, unix_time: Duration, heard: &mut impl FnMut(Arrival)) {
        // Mixes have frames of the same length.
        let frame = packet.head.timestamp / u32::from(self.format.frame_frames).max(1);
        self.streams.entry(packet.ssrc).or_default().add(frame);
        self.counts.heard += 1;
        if let Some(sent_at) = packet.head.captured_at {
            self.counts.one_way.record(unix_time.saturating_sub(sent_at));
            // Whoever plays alone hears a mix, too, but nobody in it.
            if !self.part.plays {
                heard((frame, sent_at));
            }
        }
    }

    fn told(&mut self, now: Instant, message: Control) {
        match message {
            Control::Welcome(_) => {
                self.is_welcome = true;
                self.come_in();
            }
            Control::Published(source) => self.published(now, &source),
            Control::Route { route, .. } if route != self.part.route => {
                self.leave(format!("media travels by {route} instead of {}", self.part.route));
            }
            Control::Unpublished { .. } | Control::Left { .. } => {}
            Control::Refused { reason } => self.leave(reason.to_string()),
            Control::Goodbye { reason } => self.leave(reason.to_string()),
            _ => {}
        }
    }

    fn published(&mut self, now: Instant, source: &PublishedSource) {
        let is_mine = source.info.source.participant == self.key.participant_id();
        let is_mix =
            source.peer == PeerId::HOST && source.info.source == mix_source(self.part.link.fingerprint());
        if self.part.route == Route::Mix && !is_mine && !is_mix {
            // It is in the mix.
            return;
        }
        let ready =
            if is_mine { self.path.open_stream(source.ssrc) } else { self.path.expect_stream(source.ssrc) };
        if let Err(error) = ready {
            return self.leave(error.to_string());
        }
        if is_mine {
            self.stream = Some(source.ssrc);
            // Spread evenly over the length of a frame, whoever came first.
            let phase = (self.part.number as f64 * 0.618_034).fract();
            self.next_at = now + self.frame.mul_f64(phase);
        }
        if is_mix {
            if source.info.format.frame_frames != self.format.frame_frames {
                return self.leave("its mix has frames of another length".to_owned());
            }
            self.mix = Some(source.ssrc);
            self.streams.entry(source.ssrc).or_default();
        }
        self.come_in();
    }

    fn come_in(&mut self) {
        let plays = self.stream.is_some() || !self.part.plays;
        let hears = self.mix.is_some() || self.part.route != Route::Mix;
        if self.is_welcome && plays && hears && self.standing == Standing::Outside {
            self.standing = Standing::In;
        }
    }

    fn leave(&mut self, why: String) {
        self.standing = Standing::Gone;
        self.stream = None;
        self.trouble.get_or_insert(why);
    }

    fn say(&mut self, now: Instant, message: &Control) {
        if let Err(error) = self.path.send_control(now, &message.encode()) {
            self.leave(error.to_string());
        }
    }

    fn hello(&self) -> Control {
        let name = format!("Client {}", self.part.number);
        let plays = self.part.plays.then_some(self.format);
        hello((&self.part.link, &self.fingerprint), (&self.key, &name), plays)
    }
}

/// Whether somebody who plays for a second and rests for one rests at a time; not all do at the same time.
fn rests_at(number: usize, time: Duration) -> bool {
    let mixed = (number as u32 ^ 0x5bd1_e995).wrapping_mul(0x9E37_79B1);
    let mixed = (mixed ^ (mixed >> 15)).wrapping_mul(0x85EB_CA6B);
    let phase = f64::from(mixed >> 8) / f64::from(1 << 23);
    (time.as_secs_f64() + phase) % 2.0 >= 1.0
}

impl Heard {
    fn add(&mut self, frame: u32) {
        self.first.get_or_insert(frame);
        self.last = self.last.max(frame);
        self.count += 1;
    }

    fn missed(&self) -> u64 {
        self.first
            .map_or(0, |first| (u64::from(self.last.saturating_sub(first)) + 1).saturating_sub(self.count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_rests_does_half_of_the_time_and_not_all_together() {
        let moments: Vec<Duration> = (0..4_000).map(|at| Duration::from_micros(2_500) * at).collect();
        let share = |rests: &dyn Fn(Duration) -> bool| {
            moments.iter().filter(|at| rests(**at)).count() as f64 / moments.len() as f64
        };
        assert!((0.45..0.55).contains(&share(&|at| rests_at(7, at))));
        let of_three = |room: usize| share(&|at| (0..3).all(|seat| rests_at(4 * room + seat, at)));
        let mean = (0..100).map(of_three).sum::<f64>() / 100.0;
        assert!((0.05..0.25).contains(&mean), "three of a room rest together for {mean} of the time");
    }
}
