//! All guests of a soak on one thread, and what they do: they come and go, move faders, one floods, and strangers throw rubbish.
//!
//! What they do follows from the time alone. The step before is `soak.rs`, which says when it is over; inside is `guest.rs`.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use backline_io::{Poller, clock};
use backline_transport::Certificate;
use backline_wire::InviteLink;

use super::guest::{Gone, Guest, Heard, Person};
use crate::LoadError;
use crate::music::Music;
use crate::system;

/// From turn to turn.
const TICK: Duration = Duration::from_millis(1);
/// Between two who come in.
const COME_EVERY: Duration = Duration::from_millis(100);
/// Between two who go.
const GO_EVERY: Duration = Duration::from_millis(700);
/// For how long they are away.
const AWAY: Duration = Duration::from_secs(3);
/// Between two faders that are moved.
const FADER_EVERY: Duration = Duration::from_millis(20);
/// The first of each room stay: somebody is always heard there.
pub(super) const STAY: usize = 2;
/// How often the flood begins, and its datagrams in a turn of 1 ms: over its limit, and less than what would fill the server's port for all.
const FLOOD_EVERY: Duration = Duration::from_secs(30);
const FLOOD_AT_ONCE: usize = 4;
/// Strangers' datagrams in a turn.
const RUBBISH_AT_ONCE: usize = 2;
/// A turn that comes so late does not make up for what it has missed.
const BEHIND_MAX: Duration = Duration::from_millis(50);

/// What a house has counted when it is over.
#[derive(Debug, Clone, Default)]
pub(super) struct HouseCounts {
    pub heard: Heard,
    /// Those of the one who floods, who hears what it gets.
    pub flooder_warnings: u64,
    pub flooder_disconnected: u64,
    pub joins: u64,
    pub leaves: u64,
    pub crashes: u64,
    /// Who was thrown out or refused without having done anything.
    pub thrown_out: u64,
    /// What the first of them was told.
    pub why: Option<String>,
    pub rubbish: u64,
    pub flood: u64,
    /// Who was in at the end, of those who were to be.
    pub in_at_end: usize,
    /// Datagrams that found the full port of somebody who has gone since.
    pub dropped: u64,
    /// All ports that guests had at the end.
    pub ports: Vec<u16>,
}

/// A place for one guest.
struct Seat {
    person: Person,
    stays: bool,
    guest: Option<Guest>,
    /// When they come, if they are away.
    comes_at: Instant,
}

/// Everybody.
pub(super) struct House<'a> {
    music: &'a Music,
    certificate: Certificate,
    poller: Poller,
    seats: Vec<Seat>,
    flooder: Seat,
    strangers: Vec<UdpSocket>,
    server: SocketAddr,
    next_go: Instant,
    going: usize,
    next_fader: Instant,
    moving: usize,
    next_flood: Instant,
    rubbish: u32,
    counts: HouseCounts,
}

impl<'a> House<'a> {
    /// Nobody has called yet. Each room is its link and how many it is for; the flood is in the last but one.
    pub fn new(rooms: &[(InviteLink, usize)], music: &'a Music, server_port: u16) -> Result<Self, LoadError> {
        let now = clock::now();
        let system = |what| move |error: std::io::Error| LoadError::System { what, error };
        let mut seats = Vec::new();
        for (link, places) in rooms {
            for place in 0..*places {
                let number = seats.len();
                let person = Person::new(number, link.clone())?;
                let comes_at = now + COME_EVERY * number as u32;
                seats.push(Seat { person, stays: place < STAY, guest: None, comes_at });
            }
        }
        let all_in = now + COME_EVERY * seats.len() as u32;
        let room = rooms.iter().rev().nth(1).or(rooms.first());
        let link = room.ok_or_else(|| LoadError::Server("has no room".to_owned()))?.0.clone();
        let mut person = Person::new(seats.len(), link)?;
        person.floods = true;
        let flooder = Seat { person, stays: false, guest: None, comes_at: all_in };
        let strangers: Result<Vec<UdpSocket>, LoadError> =
            (0..4).map(|_| stranger().map_err(system("strangers have no port"))).collect();
        Ok(Self {
            music,
            certificate: Certificate::generate().map_err(|error| LoadError::Server(error.to_string()))?,
            poller: Poller::new().map_err(system("no poller"))?,
            seats,
            flooder,
            strangers: strangers?,
            server: (Ipv4Addr::LOCALHOST, server_port).into(),
            next_go: all_in + AWAY,
            going: 0,
            next_fader: all_in,
            moving: 0,
            next_flood: all_in + AWAY,
            rubbish: 1,
            counts: HouseCounts::default(),
        })
    }

    /// Until it is over; afterwards nobody goes any more, and who is away comes back.
    pub fn run(mut self, is_over: &AtomicBool) -> Result<HouseCounts, LoadError> {
        let mut closing: Option<Instant> = None;
        let mut next = clock::now();
        loop {
            let now = clock::now();
            if closing.is_none() && is_over.load(Ordering::Relaxed) {
                closing = Some(now + 2 * AWAY);
            }
            if closing.is_some_and(|at| at <= now) {
                return Ok(self.finish());
            }
            if closing.is_none() {
                self.make_unrest(now);
            }
            self.turn(now)?;
            next = (next + TICK).max(now.checked_sub(BEHIND_MAX).unwrap_or(now));
            // What fails here fails again when something is sent.
            let _ = self.poller.wait(Some(Duration::ZERO));
            std::thread::sleep(next.saturating_duration_since(clock::now()));
        }
    }

    fn finish(mut self) -> HouseCounts {
        let now = clock::now();
        for seat in &mut self.seats {
            self.counts.in_at_end += usize::from(seat.guest.as_ref().is_some_and(Guest::is_in));
            if let Some(guest) = &mut seat.guest {
                self.counts.ports.push(guest.port_number());
                self.counts.heard += guest.take_counts();
                guest.leave(now);
            }
        }
        self.counts
    }

    fn turn(&mut self, now: Instant) -> Result<(), LoadError> {
        let Self { seats, flooder, music, certificate, poller, counts, .. } = self;
        for (number, seat) in seats.iter_mut().enumerate() {
            counts.joins += u64::from(seat.come(number, now, music, certificate, poller)?);
            let Some(guest) = &mut seat.guest else { continue };
            guest.turn(&seat.person, now, music);
            if let Some(gone) = guest.gone().cloned() {
                counts.thrown_out += 1;
                counts.why.get_or_insert(format!("{gone:?}"));
                counts.heard += guest.take_counts();
                (seat.guest, seat.comes_at) = (None, now + AWAY);
            }
        }
        flooder.come(seats.len(), now, music, certificate, poller)?;
        let Some(guest) = &mut flooder.guest else { return Ok(()) };
        guest.turn(&flooder.person, now, music);
        if let Some(gone) = guest.gone().cloned() {
            counts.flooder_warnings += guest.take_counts().warnings;
            counts.flooder_disconnected += u64::from(gone == Gone::OverLimit);
            (flooder.guest, flooder.comes_at) = (None, now + AWAY);
            self.next_flood = now + FLOOD_EVERY;
        }
        Ok(())
    }

    fn make_unrest(&mut self, now: Instant) {
        if now >= self.next_go {
            self.next_go = now + GO_EVERY;
            self.let_go(now);
        }
        if now >= self.next_fader {
            self.next_fader = now + FADER_EVERY;
            self.moving = (self.moving + 7) % self.seats.len().max(1);
            if let Some(seat) = self.seats.get_mut(self.moving)
                && let Some(guest) = &mut seat.guest
            {
                guest.move_fader(&mut seat.person, now);
            }
        }
        if now >= self.next_flood
            && let Some(guest) = self.flooder.guest.as_ref().filter(|guest| guest.is_in())
        {
            // As the head of a packet looks.
            let datagram = [[0x80, 111].as_slice(), &[7; 98]].concat();
            (0..FLOOD_AT_ONCE).for_each(|_| guest.throw(&self.flooder.person, &datagram));
            self.counts.flood += FLOOD_AT_ONCE as u64;
        }
        self.throw_rubbish();
    }

    /// One goes: every third without a word.
    fn let_go(&mut self, now: Instant) {
        let count = self.seats.len().max(1);
        self.going = (self.going + 23) % count;
        let going = self.going;
        let mut from_there = (0..count).map(|step| (going + step) % count);
        let goes = |at: &usize| self.seats.get(*at).is_some_and(|seat| !seat.stays && seat.is_in());
        let Some(seat) = from_there.find(goes).and_then(|at| self.seats.get_mut(at)) else { return };
        if let Some(mut guest) = seat.guest.take() {
            if (self.counts.leaves + self.counts.crashes) % 3 == 2 {
                self.counts.crashes += 1;
            } else {
                self.counts.leaves += 1;
                guest.leave(now);
            }
            self.counts.heard += guest.take_counts();
            let drops = system::port_drops();
            self.counts.dropped += drops.get(&guest.port_number()).copied().unwrap_or(0);
        }
        seat.comes_at = now + AWAY;
    }

    fn throw_rubbish(&mut self) {
        for number in 0..RUBBISH_AT_ONCE {
            let mut bytes = [0_u8; 200];
            for byte in &mut bytes {
                self.rubbish ^= self.rubbish << 13;
                self.rubbish ^= self.rubbish >> 17;
                self.rubbish ^= self.rubbish << 5;
                *byte = self.rubbish as u8;
            }
            let [kind, length, ..] = bytes;
            bytes[0] = [0, 1, 22, 128, 255][usize::from(kind) % 5];
            let length = 1 + usize::from(length) % bytes.len();
            let stranger = self.strangers.get((self.rubbish as usize + number) % self.strangers.len().max(1));
            if let (Some(stranger), Some(datagram)) = (stranger, bytes.get(..length)) {
                // What the system does not take is no rubbish.
                self.counts.rubbish += u64::from(stranger.send_to(datagram, self.server).is_ok());
            }
        }
    }
}

impl Seat {
    fn is_in(&self) -> bool {
        self.guest.as_ref().is_some_and(Guest::is_in)
    }

    /// Whoever is away and whose time has come calls.
    fn come(
        &mut self,
        number: usize,
        now: Instant,
        music: &Music,
        certificate: &Certificate,
        poller: &Poller,
    ) -> Result<bool, LoadError> {
        if self.guest.is_some() || now < self.comes_at {
            return Ok(false);
        }
        let mut guest = Guest::call(&self.person, music, certificate, now)?;
        let watched = poller.watch_as(guest.port_mut(), number);
        watched.map_err(|error| LoadError::System { what: "a port can't be watched", error })?;
        self.guest = Some(guest);
        Ok(true)
    }
}

/// At an address of its own, where the system has one: strangers share what their address may send.
fn stranger() -> std::io::Result<UdpSocket> {
    let elsewhere = UdpSocket::bind((Ipv4Addr::new(127, 0, 0, 2), 0));
    let socket = elsewhere.or_else(|_| UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)))?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}
