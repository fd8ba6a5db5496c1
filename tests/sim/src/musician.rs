//! One participant: the callbacks of a sound card, the instances that they call, the engine.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use backline_bridge::{CycleClock, Meters, NetEnd};
use backline_client::engine::EngineEvent;
use backline_client::{Engine, HostKeys, Quality, Stored};
use backline_session::document::{KeptDocument, LedgerWrite};
use backline_session::{InstanceConfig, ReturnChoice, SessionConfig};
use backline_wire::limits::SLOTS;
use backline_wire::{Generation, IdentityKey, InstanceId, Name, Revision, SourceId};

use crate::card::Card;
use crate::chance::Chance;
use crate::seat::{Seat, Track};
use crate::signal::{Signal, silence};

/// From the call of one instance to that of the next, in one cycle of their host.
const CALL_TIME: Duration = Duration::from_micros(20);

/// Who takes part.
pub struct Musician {
    /// Their name, and the seed of their identity.
    pub name: &'static str,
    /// Of their DAW project.
    pub instance: u64,
    /// Their sound card.
    pub card: Card,
    /// How they send.
    pub quality: Quality,
    /// Whether they let it move by itself.
    pub automatic: bool,
    /// The most that their playouts hold back.
    pub depth_ceiling: Duration,
    /// What they play.
    pub signal: Signal,
    /// Slots as their project has them.
    pub slots: [Option<SourceId>; SLOTS],
}

impl Musician {
    /// Somebody at 48 kHz and block 64 who sends PCM and holds back 5 ms at the most.
    pub fn new(name: &'static str, signal: Signal) -> Self {
        Self {
            name,
            instance: 1,
            card: Card::default(),
            quality: Quality::LowestLatency,
            automatic: false,
            depth_ceiling: Duration::from_millis(5),
            signal,
            slots: [None; SLOTS],
        }
    }

    pub(crate) fn session_config(&self, generation: u32) -> SessionConfig {
        SessionConfig {
            identity: self.identity(),
            app: Name::new("simulation"),
            name: Name::new(self.name),
            colour: [1, 2, 3],
            first: self.instance_config(generation),
        }
    }

    /// Of the first instance; the others send and listen as it does.
    pub(crate) fn instance_config(&self, generation: u32) -> InstanceConfig {
        InstanceConfig {
            instance: InstanceId(self.instance),
            generation: Generation(generation),
            source_name: Name::new("Guitar"),
            sends: true,
            quality: self.quality,
            automatic: self.automatic,
            depth_ceiling: self.depth_ceiling,
            slots: self.slots,
            returns: ReturnChoice::Automatic,
        }
    }

    /// The source that they publish.
    pub fn source(&self) -> SourceId {
        self.source_of(self.instance)
    }

    /// The source that one of their instances publishes.
    pub fn source_of(&self, instance: u64) -> SourceId {
        SourceId { participant: self.identity().participant_id(), instance: InstanceId(instance) }
    }

    fn identity(&self) -> IdentityKey {
        let mut seed = [0; 32];
        for (to, from) in seed.iter_mut().zip(self.name.bytes()) {
            *to = from;
        }
        IdentityKey::from_seed(seed)
    }
}

/// What a host's disk holds of the session.
pub(crate) struct Disk {
    pub keys: HostKeys,
    pub document: KeptDocument,
    /// Written, and not confirmed yet.
    pub written: Option<Revision>,
}

/// A musician at work.
pub(crate) struct Stage {
    pub musician: Musician,
    pub engine: Option<Engine>,
    /// Of the session that they host; it outlives the engine.
    pub disk: Option<Disk>,
    /// When the engine wants to be woken; none while that may have changed.
    pub deadline: Option<Instant>,
    pub events: Vec<EngineEvent>,
    pub local: SocketAddr,
    /// What the others see; another one after the router was rebound.
    pub public: SocketAddr,
    pub clock_offset: Duration,
    /// Their instances, in the order in which the host calls them; never empty.
    pub seats: Vec<Seat>,
    pub callbacks: u64,
    pub is_running: bool,
    /// Until when their computer stands still.
    pub paused_until: Duration,
    /// What arrived meanwhile.
    pub waiting: Vec<(SocketAddr, Vec<u8>)>,
    cycles: Arc<CycleClock>,
    /// When the next callback comes.
    due: Duration,
    chance: Chance,
}

impl Stage {
    pub fn new(
        mut musician: Musician,
        local: SocketAddr,
        clock_offset: Duration,
        (origin, chance): (Instant, Chance),
    ) -> Self {
        let cycles = Arc::new(CycleClock::new(origin));
        let signal = std::mem::replace(&mut musician.signal, silence());
        let first = Track { slots: musician.slots, ..Track::new(musician.instance, signal) };
        let seat = Seat::new(first, &musician.card, Arc::clone(&cycles));
        let due = musician.card.first_callback;
        Self {
            musician,
            engine: None,
            disk: None,
            deadline: None,
            events: Vec::new(),
            local,
            public: local,
            clock_offset,
            seats: vec![seat],
            callbacks: 0,
            is_running: true,
            paused_until: Duration::ZERO,
            waiting: Vec::new(),
            cycles,
            due,
            chance,
        }
    }

    /// The first instance, which hosts or joins.
    pub fn first(&mut self) -> &mut Seat {
        &mut self.seats[0]
    }

    pub fn meters(&self) -> &Arc<Meters> {
        self.seats[0].net_end.meters()
    }

    /// When the next callback is due; it comes later where the computer stands still.
    pub fn next_callback(&self) -> Duration {
        self.due
    }

    /// All callbacks from now on come so much later.
    pub fn postpone(&mut self, time: Duration) {
        self.musician.card.first_callback += time;
        self.due += time;
    }

    /// One callback of the card: the host calls every instance.
    pub fn callback(&mut self, now: Instant) {
        let frames = self.musician.card.block_frames;
        let first = self.callbacks * frames as u64;
        self.callbacks += 1;
        let late = self.musician.card.lateness.mul_f64(self.chance.share());
        // They come late, but in order.
        self.due = self.due.max(self.musician.card.callback_at(self.callbacks) + late);
        let mut now = now;
        for seat in &mut self.seats {
            seat.callback(now, first, frames);
            now += CALL_TIME;
        }
    }

    /// One more track; in the session, if they are in one.
    pub fn add_seat(&mut self, now: Instant, track: Track, generation: u32) {
        let mut seat = Seat::new(track, &self.musician.card, Arc::clone(&self.cycles));
        let frames = self.callbacks as usize * self.musician.card.block_frames;
        seat.sent.resize(frames, [0.0; 2]);
        seat.heard.resize(frames, [0.0; 2]);
        self.enter(now, &seat, generation);
        self.seats.push(seat);
    }

    /// A track is deleted, with what it has heard. The last one cannot be.
    pub fn remove_seat(&mut self, now: Instant, instance: u64) {
        assert!(self.seats.len() > 1, "whoever deletes their last track leaves");
        let (gone, stay) =
            std::mem::take(&mut self.seats).into_iter().partition(|seat| seat.track.instance == instance);
        self.seats = stay;
        for seat in gone {
            if let Some(engine) = &mut self.engine {
                engine.remove_instance(now, seat.track.id());
            }
        }
    }

    /// They are in a session now: with all tracks.
    pub fn attach(&mut self, now: Instant, mut engine: Engine, generation: u32) {
        attach(&mut engine, self.seats[0].track.id(), &self.seats[0].net_end);
        self.engine = Some(engine);
        let others = self.seats.split_off(1);
        others.iter().for_each(|seat| self.enter(now, seat, generation));
        self.seats.extend(others);
    }

    fn enter(&mut self, now: Instant, seat: &Seat, generation: u32) {
        let template = self.musician.instance_config(generation);
        if let Some(engine) = &mut self.engine {
            engine.session_mut().add_instance(now, seat.track.config(&template, generation));
            attach(engine, seat.track.id(), &seat.net_end);
        }
    }

    /// What the worker does when it wakes.
    pub fn turn(&mut self, now: Instant) {
        let waiting = std::mem::take(&mut self.waiting);
        let Some(engine) = &mut self.engine else { return };
        for (source, datagram) in &waiting {
            engine.handle_datagram(now, *source, self.local, datagram);
        }
        if engine.poll_timeout() <= now {
            engine.handle_timeout(now);
        }
        let mut ends: Vec<(InstanceId, &mut NetEnd)> =
            self.seats.iter_mut().map(|seat| (seat.track.id(), &mut seat.net_end)).collect();
        engine.run_audio(now, &mut ends);
        self.disk.iter_mut().for_each(|disk| disk.run(engine, now));
        while let Some(event) = engine.poll_event() {
            self.events.push(event);
        }
    }
}

impl Disk {
    /// Confirms what it has, and takes what there is: a disk that takes from one turn to the next.
    fn run(&mut self, engine: &mut Engine, now: Instant) {
        if let Some(revision) = self.written.take() {
            engine.handle_stored(now, Stored::Ledger(revision));
        }
        while let Some(write) = engine.poll_ledger() {
            self.document.apply(&write);
            if let LedgerWrite::Entry(entry) = write {
                self.written = Some(entry.revision);
            }
        }
    }
}

fn attach(engine: &mut Engine, instance: InstanceId, net_end: &NetEnd) {
    if let Err(error) = engine.attach(instance, Some(net_end)) {
        unreachable!("the rates of simulated cards can be converted: {error}");
    }
}
