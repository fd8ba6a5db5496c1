//! A session without sockets, in time that costs nothing: one plays, others listen, and a shard is between them.
//!
//! What it takes is the processor's time alone, and a day of it passes in minutes. The step before is `bin/backline-room.rs`; the step after is
//! the shard's own code, as a server runs it.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use backline_io::{clock, entropy};
use backline_kept::{Hosted, first_bytes};
use backline_relay::{Limits, MixConfig, RelayConfig, SessionId, Shard};
use backline_transport::{Certificate, LocalAddresses, MediaHead, Path, PathConfig, PathEvent, Role};
use backline_wire::credentials::ufrag_from_random;
use backline_wire::{Candidate, Control, Fingerprint, IdentityKey, InviteLink, Route, Ssrc, StreamFormat};

use crate::LoadError;
use crate::hello::hello;

/// Of a frame of Opus at 213 kbit/s and 2.5 ms.
const PAYLOAD: [u8; 67] = [0x5a; 67];
const FRAME: u32 = 120;
/// Everybody is in long before.
const PATIENCE: Duration = Duration::from_secs(20);
/// Between two looks at timers.
const STEP: Duration = Duration::from_millis(10);

/// The session, and who is in it.
pub struct Room {
    shard: Shard,
    door: SocketAddr,
    guests: Vec<Guest>,
    now: Instant,
    buffer: Vec<u8>,
}

struct Guest {
    path: Path,
    at: SocketAddr,
    link: InviteLink,
    fingerprint: Fingerprint,
    key: IdentityKey,
    name: String,
    plays: bool,
    stream: Option<Ssrc>,
    hears: bool,
    timestamp: u32,
    heard: u64,
    trouble: Option<String>,
}

impl Room {
    /// With one who plays and so many who listen, all of them in.
    ///
    /// # Errors
    /// When there is no randomness, or somebody does not get in.
    pub fn new(listeners: usize) -> Result<Self, LoadError> {
        let now = clock::now();
        // Nothing here goes as slowly as in life.
        let limits = Limits {
            participants: listeners + 1,
            packets_per_second: 1e12,
            bytes_in_per_second: 1e15,
            bytes_out_per_second: 1e15,
            ..Limits::default()
        };
        let mut shard = Shard::new(limits, now);
        let failed = |what: &dyn std::fmt::Display| LoadError::Server(format!("can't be made: {what}"));
        let seed = entropy::seed().map_err(|error| failed(&error))?;
        let Hosted { keys, document, has_store } = Hosted::new(seed).map_err(|error| failed(&error))?;
        let door = SocketAddr::from(([127, 0, 0, 1], 4_464));
        let id = SessionId(u64::from_be_bytes(first_bytes(seed)));
        let config = RelayConfig {
            secret: keys.secret,
            certificate: keys.certificate,
            addresses: LocalAddresses::of_host(&[door]),
            first_ssrc: 1,
            document,
            has_store,
            unix_time: Duration::from_secs(1_700_000_000),
            limits,
            route: Route::Forward,
            mix: MixConfig::default(),
        };
        shard.open(id, "Room".to_owned(), config, now);
        let link = shard.invite(id, &[door]).and_then(Result::ok);
        let link = link.ok_or_else(|| failed(&"it has no link"))?;
        let guests =
            (0..=listeners).map(|number| Guest::new(number, &link, now)).collect::<Result<_, _>>()?;
        let mut room = Self { shard, door, guests, now, buffer: Vec::new() };
        let end = now + PATIENCE;
        while !room.guests.iter().all(Guest::is_in) && room.now < end {
            room.pass(STEP);
        }
        let joined = room.guests.iter().filter(|guest| guest.is_in()).count();
        if joined <= listeners {
            let why = room.guests.iter().find_map(|guest| guest.trouble.clone()).unwrap_or_default();
            return Err(LoadError::Join { joined, clients: listeners + 1, why });
        }
        Ok(room)
    }

    /// So many packets of who plays, as they leave their computer. They must be given to [`Room::pass_on`], all and in order.
    pub fn packets(&mut self, count: usize) -> Vec<Vec<u8>> {
        let Self { guests, now, .. } = self;
        let Some(player) = guests.first_mut() else { return Vec::new() };
        (0..count)
            .map(|_| {
                player.play(*now);
                let mut datagram = Vec::new();
                player.path.poll_transmit(&mut datagram);
                datagram
            })
            .collect()
    }

    /// What the shard does with packets: decrypts each, and encrypts it for everybody else. Returns how many left, and how long it took.
    pub fn pass_on(&mut self, packets: &[Vec<u8>]) -> (usize, Duration) {
        let Self { shard, door, guests, now, buffer } = self;
        let Some(from) = guests.first().map(|player| player.at) else { return (0, Duration::ZERO) };
        let began = clock::now();
        let mut left = 0;
        for packet in packets {
            shard.handle_datagram(*now, from, *door, packet);
            while shard.poll_transmit(buffer).is_some() {
                left += 1;
            }
        }
        (left, clock::now().saturating_duration_since(began))
    }

    /// Time passes, in which one packet is played for each step of 10 ms.
    pub fn live(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            let now = self.now;
            self.guests.iter_mut().take(1).for_each(|player| player.play(now));
            self.pass(STEP);
        }
    }

    /// Packets that listeners have heard.
    pub fn heard(&self) -> u64 {
        self.guests.iter().map(|guest| guest.heard).sum()
    }

    /// What the shard holds, by what it is called.
    pub fn holdings(&self) -> usize {
        self.shard.holdings().values().sum()
    }

    /// How many are in.
    pub fn present(&self) -> usize {
        self.shard.people().count()
    }

    /// Everything that is on its way arrives; then the clock goes on.
    fn pass(&mut self, step: Duration) {
        let now = self.now;
        if self.shard.poll_timeout() <= now {
            self.shard.handle_timeout(now);
        }
        for guest in &mut self.guests {
            if guest.path.poll_timeout().is_some_and(|due| due <= now) {
                guest.path.handle_timeout(now);
            }
        }
        loop {
            let mut any = false;
            for guest in &mut self.guests {
                guest.take_events(now);
                while guest.path.poll_transmit(&mut self.buffer).is_some() {
                    any = true;
                    self.shard.handle_datagram(now, guest.at, self.door, &self.buffer);
                }
            }
            while let Some(head) = self.shard.poll_transmit(&mut self.buffer) {
                any = true;
                let to = self.guests.iter_mut().find(|guest| guest.at == head.destination);
                to.into_iter()
                    .for_each(|guest| guest.path.handle_datagram(now, self.door, guest.at, &self.buffer));
            }
            if !any {
                break;
            }
        }
        while self.shard.poll_event().is_some() {}
        self.now += step;
    }
}

impl Guest {
    fn new(number: usize, link: &InviteLink, now: Instant) -> Result<Self, LoadError> {
        let failed = |error: &dyn std::fmt::Display| LoadError::Server(format!("can't be called: {error}"));
        let seed = entropy::seed().map_err(|error| failed(&error))?;
        let certificate = Certificate::generate().map_err(|error| failed(&error))?;
        let at = SocketAddr::from(([127, 0, 0, 1], 10_000 + number as u16));
        let candidates: Vec<Candidate> = link.addresses().iter().map(|at| (*at).into()).collect();
        let config = PathConfig {
            role: Role::Dialer,
            local: link.secret().ice_credentials_joiner(&ufrag_from_random(first_bytes(seed))),
            remote: link.secret().ice_credentials_host(),
            remote_fingerprint: Some(*link.fingerprint()),
            certificate: &certificate,
            local_addresses: &[at],
            remote_candidates: &candidates,
        };
        Ok(Self {
            path: Path::new(config, now).map_err(|error| failed(&error))?,
            at,
            link: link.clone(),
            fingerprint: certificate.fingerprint(),
            key: IdentityKey::from_seed(seed),
            name: format!("Guest {number}"),
            plays: number == 0,
            stream: None,
            hears: false,
            timestamp: 0,
            heard: 0,
            trouble: None,
        })
    }

    fn is_in(&self) -> bool {
        if self.plays { self.stream.is_some() } else { self.hears }
    }

    fn play(&mut self, now: Instant) {
        let Some(ssrc) = self.stream else { return };
        let head = MediaHead {
            payload_type: 111,
            timestamp: self.timestamp,
            captured_at: None,
            level: Some(-20),
            marker: false,
        };
        self.timestamp = self.timestamp.wrapping_add(FRAME);
        if let Err(error) = self.path.send_media(now, ssrc, head, &PAYLOAD) {
            self.trouble.get_or_insert(error.to_string());
        }
    }

    fn take_events(&mut self, now: Instant) {
        while let Some(event) = self.path.poll_event() {
            match event {
                PathEvent::Connected { .. } => self.greet(now),
                PathEvent::Control(bytes) => self.told(&bytes),
                PathEvent::Media(_) => self.heard += 1,
                PathEvent::Feedback { .. } => {}
                PathEvent::Closed { reason } => drop(self.trouble.get_or_insert(reason.to_string())),
            }
        }
    }

    fn greet(&mut self, now: Instant) {
        let format = StreamFormat {
            payload_type: 111,
            frame_frames: FRAME as u16,
            bitrate_bps: 213_000,
            redundancy: 0,
            copy_distance: 1,
            block_frames: 0,
        };
        let who = (&self.key, self.name.as_str());
        let hello = hello((&self.link, &self.fingerprint), who, self.plays.then_some(format));
        if let Err(error) = self.path.send_control(now, &hello.encode()) {
            self.trouble.get_or_insert(error.to_string());
        }
    }

    fn told(&mut self, bytes: &[u8]) {
        let opened = match Control::decode(bytes) {
            Ok(Control::Published(source)) if source.info.source.participant == self.key.participant_id() => {
                self.stream = Some(source.ssrc);
                self.path.open_stream(source.ssrc)
            }
            Ok(Control::Published(source)) => {
                self.hears = true;
                self.path.expect_stream(source.ssrc)
            }
            Ok(Control::Refused { reason }) => {
                self.trouble.get_or_insert(reason.to_string());
                return;
            }
            _ => return,
        };
        if let Err(error) = opened {
            self.trouble.get_or_insert(error.to_string());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_hears_every_packet_and_minutes_pass_at_once() {
        let mut room = Room::new(3).unwrap();
        let packets = room.packets(100);
        assert_eq!(room.pass_on(&packets).0, 300);
        room.live(Duration::from_secs(120));
        assert_eq!((room.present(), room.heard()), (4, 3 * 12_000));
    }
}
