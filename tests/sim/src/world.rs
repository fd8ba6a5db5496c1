//! The world: it moves the time from event to event, and everybody acts when their time has come.

mod hosting;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use backline_bridge::{AUX_BUSES, BlockControls, BusChoice, Meters, Transport};
use backline_client::engine::EngineEvent;
use backline_client::{Engine, EngineConfig, SourceView};
use backline_relay::{Limits, SessionId};
use backline_session::view::InstanceView;
use backline_session::{ReturnChoice, SessionState};
use backline_transport::ReachConfig;
use backline_wire::{InstanceId, InviteLink, SourceId};

use crate::card::Card;
use crate::chance::Chance;
use crate::musician::{Musician, Stage};
use crate::network::{Flying, Network};
use crate::seat::{Apart, Seat, Track};
use crate::server_node::ServerNode;
use crate::turn_server::TurnNode;

/// One of the participants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Id(pub usize);

/// 2026-01-01, as good as any.
const UNIX_START: Duration = Duration::from_secs(1_767_225_600);

/// What happens next.
#[derive(Clone, Copy)]
enum Happening {
    Arrival,
    Callback(Id),
    Deadline(Id),
    ServerDeadline,
}

/// Everything.
pub struct World {
    /// Between them.
    pub network: Network,
    epoch: Instant,
    now: Duration,
    seed: u64,
    starts: u32,
    stages: Vec<Stage>,
    turn: Option<TurnNode>,
    server: Option<ServerNode>,
    buffer: Vec<u8>,
}

impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("simulation seed {}", self.seed);
        }
    }
}

impl World {
    /// An empty one; everything random follows from the seed (or that of `BACKLINE_SEED`, `cargo xtask sim --seed N`) (but for keys, which change nothing).
    /// A test that fails shows the seed.
    ///
    /// [`World::seed`] says which it is.
    pub fn new(seed: u64) -> Self {
        let named = std::env::var("BACKLINE_SEED").ok().and_then(|text| text.parse().ok());
        let seed = named.unwrap_or(seed);
        Self {
            network: Network::new(seed),
            epoch: Instant::now(),
            now: Duration::ZERO,
            seed,
            starts: 0,
            stages: Vec::new(),
            turn: None,
            server: None,
            buffer: Vec::new(),
        }
    }

    /// What everything random follows from.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Somebody sits down, without a session yet.
    pub fn add(&mut self, musician: Musician) -> Id {
        let number = self.stages.len();
        let local = SocketAddr::from(([10, 0, 0, number as u8 + 1], 4464));
        // Nobody's wall clock agrees with anybody else's.
        let offset = Duration::from_millis(1_234 * number as u64);
        let chance = Chance::new(self.seed ^ (number as u64 + 1) << 32);
        let mut stage = Stage::new(musician, local, offset, (self.epoch, chance));
        let period = stage.musician.card.block_frames as f64 / f64::from(stage.musician.card.rate_hz);
        let late_by = self.now.saturating_sub(stage.musician.card.first_callback);
        let missed = (late_by.as_secs_f64() / period).ceil();
        stage.postpone(Duration::from_secs_f64(missed * period));
        self.stages.push(stage);
        Id(number)
    }

    /// They host a session.
    pub fn host(&mut self, who: Id) {
        let config = self.engine_config(who);
        let (now, starts) = (self.instant(), self.starts);
        match Engine::host(config) {
            Ok(engine) => self.stages[who.0].attach(now, engine, starts),
            Err(error) => unreachable!("hosting needs nothing that could be missing: {error}"),
        }
        self.act(who);
    }

    /// The link to the session that somebody hosts.
    pub fn invite(&self, who: Id) -> InviteLink {
        match self.stages[who.0].engine.as_ref().and_then(|engine| engine.invite(&[])) {
            Some(Ok(link)) => link,
            other => unreachable!("{who:?} hosts no session that can be reached: {other:?}"),
        }
    }

    /// They join.
    pub fn join(&mut self, who: Id, link: &InviteLink) {
        let config = self.engine_config(who);
        let (now, starts) = (self.instant(), self.starts);
        match Engine::join(config, link.clone()) {
            Ok(engine) => self.stages[who.0].attach(now, engine, starts),
            Err(error) => unreachable!("joining needs nothing that could be missing: {error}"),
        }
        self.act(who);
    }

    /// One hosts, and the others join with the link.
    pub fn meet(&mut self, host: Id, joiners: &[Id]) {
        self.host(host);
        let link = self.invite(host);
        for who in joiners {
            self.join(*who, &link);
        }
    }

    /// They press Leave.
    pub fn leave(&mut self, who: Id) {
        let now = self.instant();
        let stage = &mut self.stages[who.0];
        if let Some(engine) = &mut stage.engine {
            engine.close(now);
        }
        self.transmit(who);
        self.stages[who.0].engine = None;
    }

    /// Their DAW crashes: no goodbye.
    pub fn crash(&mut self, who: Id) {
        self.stages[who.0].engine = None;
    }

    /// They save their project: the first instance has its slots again when they come back.
    pub fn save_project(&mut self, who: Id) {
        let stage = &mut self.stages[who.0];
        let first = stage.seats[0].track.id();
        let bindings = stage.engine.as_ref().and_then(|engine| engine.session().bindings(first));
        stage.musician.slots = bindings.unwrap_or(stage.musician.slots);
    }

    /// Their host calls `process()` no longer, or again.
    pub fn set_running(&mut self, who: Id, running: bool) {
        let now = self.now;
        let stage = &mut self.stages[who.0];
        stage.is_running = running;
        while running && stage.next_callback() < now {
            let missed = now - stage.next_callback();
            stage.postpone(missed + Duration::from_micros(1));
        }
    }

    /// Their whole computer stands still for a while, as a virtual machine does: callbacks and worker alike. Afterwards
    /// the host makes up for the missed callbacks in one go.
    pub fn pause(&mut self, who: Id, time: Duration) {
        self.stages[who.0].paused_until = self.now + time;
    }

    /// Their router gives them another address.
    pub fn rebind(&mut self, who: Id) {
        let stage = &mut self.stages[who.0];
        stage.public.set_port(stage.public.port() + 1_000);
    }

    /// They sit behind a router: others see them at another address, and their own leads nowhere. It lets everything
    /// through to the port that it has given them.
    pub fn put_behind_router(&mut self, who: Id) {
        let stage = &mut self.stages[who.0];
        stage.public = SocketAddr::from(([203, 0, 113, who.0 as u8 + 1], 30_000));
        stage.local = SocketAddr::from(([192, 168, 0, 2], 4464));
    }

    /// A STUN and TURN server stands in the network, at this address.
    pub fn add_turn_server(&mut self) -> SocketAddr {
        let address = SocketAddr::from(([198, 51, 100, 1], 3478));
        self.turn = Some(TurnNode::new(address, self.epoch));
        address
    }

    /// A server stands in the network.
    pub fn add_server(&mut self, limits: Limits) {
        let address = SocketAddr::from(([198, 51, 100, 2], 4528));
        self.server = Some(ServerNode::new(address, limits, self.seed, self.instant()));
    }

    /// It opens a session.
    pub fn serve_session(&mut self, name: &str) -> (SessionId, InviteLink) {
        let (now, unix_time) = (self.instant(), UNIX_START + self.now);
        self.server().open(name, now, unix_time)
    }

    /// The server, for what has no word here.
    pub fn server(&mut self) -> &mut ServerNode {
        let Some(server) = &mut self.server else { unreachable!("there is no server in this world") };
        server
    }

    /// The TURN server stops without a word, and starts again having forgotten everything.
    pub fn restart_turn_server(&mut self) {
        if let Some(turn) = &mut self.turn {
            *turn = TurnNode::new(turn.address(), self.epoch);
        }
    }

    /// Datagrams that the TURN server has sent.
    pub fn sent_by_turn_server(&self) -> u64 {
        self.turn.as_ref().map_or(0, |turn| turn.sent)
    }

    /// They name servers; see [`Engine::set_servers`].
    pub fn set_servers(&mut self, who: Id, servers: ReachConfig) {
        let now = self.instant();
        if let Some(engine) = &mut self.stages[who.0].engine {
            engine.set_servers(now, servers);
        }
        self.act(who);
    }

    /// Lets time pass.
    pub fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some((at, who)) = self.next_event().filter(|(at, _)| *at <= end) {
            self.now = self.now.max(at);
            match who {
                Happening::Callback(who) => self.callback(who),
                Happening::Deadline(who) => self.act(who),
                Happening::Arrival => self.deliver(),
                Happening::ServerDeadline => self.serve(|server, now| server.shard.handle_timeout(now)),
            }
        }
        self.now = end;
    }

    /// Their sound card, by which sample frames are placed in time; after a pause of the host it is another one.
    pub fn card(&self, who: Id) -> Card {
        self.stages[who.0].musician.card
    }

    /// Their controls.
    pub fn controls(&mut self, who: Id) -> &mut BlockControls {
        &mut self.stages[who.0].first().controls
    }

    /// From sample frame `frame` of their card on (now, or to come) the song of their DAW goes on from there; before, it stands there.
    pub fn play_song(&mut self, who: Id, frame: u64, song: Transport) {
        self.stages[who.0].seats.iter_mut().for_each(|seat| seat.song = Some((frame, song)));
    }

    /// What they played since their card started, or since it was last taken.
    pub fn sent(&self, who: Id) -> &[[f32; 2]] {
        &self.stages[who.0].seats[0].sent
    }

    /// What came out of their plugin since their card started, or since it was last taken.
    pub fn heard(&self, who: Id) -> &[[f32; 2]] {
        &self.stages[who.0].seats[0].heard
    }

    /// Takes what they played so far, so that a long run needs no more memory than its pieces.
    pub fn take_sent(&mut self, who: Id) -> Vec<[f32; 2]> {
        taken(&mut self.stages[who.0].first().sent)
    }

    /// Takes what came out of their plugin so far.
    pub fn take_heard(&mut self, who: Id) -> Vec<[f32; 2]> {
        taken(&mut self.stages[who.0].first().heard)
    }

    /// They hear the first slots on auxiliary buses, one each, instead of all on the main one.
    pub fn hear_apart(&mut self, who: Id) {
        let first = self.stages[who.0].first();
        first.apart = Some(Apart::default());
        for (bus, slot) in first.controls.slots.iter_mut().take(AUX_BUSES).enumerate() {
            slot.bus = BusChoice::Aux(bus as u8);
        }
    }

    /// Takes what came out of an auxiliary bus, 0 to 7, so far; nothing where they hear all together.
    pub fn take_apart(&mut self, who: Id, bus: usize) -> Vec<[f32; 2]> {
        let apart = self.stages[who.0].first().apart.as_mut();
        apart.and_then(|apart| apart.heard.get_mut(bus)).map(taken).unwrap_or_default()
    }

    /// What they see of the others.
    pub fn sources(&self, who: Id) -> Vec<SourceView> {
        let stage = &self.stages[who.0];
        let (engine, first) = (stage.engine.as_ref(), stage.seats[0].track.id());
        engine.map_or_else(Vec::new, |engine| engine.session().source_views(first, self.instant()))
    }

    /// They put Backline on one more track.
    pub fn add_track(&mut self, who: Id, track: Track) {
        self.starts += 1;
        let (now, starts) = (self.instant(), self.starts);
        self.stages[who.0].add_seat(now, track, starts);
        self.act(who);
    }

    /// They delete a track; not the last.
    pub fn remove_track(&mut self, who: Id, instance: u64) {
        let now = self.instant();
        self.stages[who.0].remove_seat(now, instance);
        self.act(who);
    }

    /// What an instance returns from now on.
    pub fn set_returns(&mut self, who: Id, instance: u64, returns: ReturnChoice) {
        if let Some(engine) = &mut self.stages[who.0].engine {
            engine.session_mut().set_returns(InstanceId(instance), returns);
        }
        self.act(who);
    }

    /// Whether the others get what an instance plays.
    pub fn set_sends(&mut self, who: Id, instance: u64, sends: bool) {
        let now = self.instant();
        if let Some(engine) = &mut self.stages[who.0].engine {
            engine.session_mut().set_sends(now, InstanceId(instance), sends);
        }
        self.act(who);
    }

    /// Their host bypasses an instance, or no longer.
    pub fn set_bypassed(&mut self, who: Id, instance: u64, bypassed: bool) {
        self.seat(who, instance).controls.bypassed = bypassed;
    }

    /// Their host calls an instance no longer, or again.
    pub fn set_called(&mut self, who: Id, instance: u64, called: bool) {
        self.seat(who, instance).is_called = called;
    }

    /// Takes what came out of an instance so far.
    pub fn take_heard_on(&mut self, who: Id, instance: u64) -> Vec<[f32; 2]> {
        taken(&mut self.seat(who, instance).heard)
    }

    /// The instances that they have, in the order in which their host calls them.
    pub fn tracks(&self, who: Id) -> Vec<u64> {
        self.stages[who.0].seats.iter().map(|seat| seat.track.instance).collect()
    }

    /// Their instances as the session sees them.
    pub fn instances(&self, who: Id) -> Vec<InstanceView> {
        let engine = self.stages[who.0].engine.as_ref();
        engine.map_or_else(Vec::new, |engine| engine.session().instances())
    }

    /// The source that one of their instances publishes.
    pub fn source_of(&self, who: Id, instance: u64) -> SourceId {
        self.stages[who.0].musician.source_of(instance)
    }

    fn seat(&mut self, who: Id, instance: u64) -> &mut Seat {
        let seat = self.stages[who.0].seats.iter_mut().find(|seat| seat.track.instance == instance);
        seat.unwrap_or_else(|| unreachable!("{who:?} has no instance {instance}"))
    }

    /// Where they stand.
    pub fn state(&self, who: Id) -> Option<SessionState> {
        self.stages[who.0].engine.as_ref().map(|engine| engine.session().state().clone())
    }

    /// What they were told, oldest first.
    pub fn events(&self, who: Id) -> &[EngineEvent] {
        &self.stages[who.0].events
    }

    /// Their callback's meters.
    pub fn meters(&self, who: Id) -> &Arc<Meters> {
        self.stages[who.0].meters()
    }

    /// The address by which others see them.
    pub fn address(&self, who: Id) -> SocketAddr {
        self.stages[who.0].public
    }

    /// The engine, for what has no word here.
    pub fn engine(&mut self, who: Id) -> Option<&mut Engine> {
        let stage = &mut self.stages[who.0];
        stage.deadline = None;
        stage.engine.as_mut()
    }

    /// Virtual time since the world began.
    pub fn now(&self) -> Duration {
        self.now
    }

    /// The same as engines count it.
    pub fn instant(&self) -> Instant {
        self.epoch + self.now
    }

    fn engine_config(&mut self, who: Id) -> EngineConfig {
        self.starts += 1;
        let stage = &self.stages[who.0];
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&self.seed.to_le_bytes());
        seed[8..12].copy_from_slice(&self.starts.to_le_bytes());
        EngineConfig {
            session: stage.musician.session_config(self.starts),
            addresses: vec![stage.local],
            seed,
            now: self.instant(),
            unix_time: UNIX_START + self.now + stage.clock_offset,
        }
    }

    /// The next thing to happen.
    fn next_event(&mut self) -> Option<(Duration, Happening)> {
        let mut next = self.network.next_arrival().map(|at| (at, Happening::Arrival));
        let mut consider = |at: Duration, what| {
            if next.is_none_or(|(earliest, _)| at < earliest) {
                next = Some((at, what));
            }
        };
        for (number, stage) in self.stages.iter_mut().enumerate() {
            if stage.is_running {
                consider(stage.next_callback().max(stage.paused_until), Happening::Callback(Id(number)));
            }
            if let Some(engine) = &mut stage.engine {
                let deadline = *stage.deadline.get_or_insert_with(|| engine.poll_timeout());
                let at = deadline.saturating_duration_since(self.epoch);
                consider(at.max(self.now).max(stage.paused_until), Happening::Deadline(Id(number)));
            }
        }
        if let Some(server) = &self.server {
            let at = server.shard.poll_timeout().saturating_duration_since(self.epoch);
            consider(at.max(self.now), Happening::ServerDeadline);
        }
        next
    }

    fn serve(&mut self, act: impl FnOnce(&mut ServerNode, Instant)) {
        let (now, unix_time) = (self.instant(), UNIX_START + self.now);
        let Some(server) = &mut self.server else { return };
        act(server, now);
        server.turn(now, unix_time);
        while let Some(head) = server.shard.poll_transmit(&mut self.buffer) {
            self.network.send(self.now, server.address, head.destination, &self.buffer);
        }
    }

    fn callback(&mut self, who: Id) {
        let now = self.instant();
        let stage = &mut self.stages[who.0];
        stage.callback(now);
        // The worker has no time between callbacks that a host makes up for.
        while stage.next_callback() <= self.now {
            stage.callback(now);
        }
        self.act(who);
    }

    fn deliver(&mut self) {
        let now = self.instant();
        while let Some(flying) = self.network.take_arrived(self.now) {
            if let Some(turn) = self.turn.as_mut().filter(|turn| turn.owns(flying.destination)) {
                for (from, to, bytes) in turn.handle(now, flying.source, flying.destination, &flying.bytes) {
                    self.network.send(self.now, from, to, &bytes);
                }
                continue;
            }
            if self.server.as_ref().is_some_and(|server| server.address == flying.destination) {
                let Flying { source, destination, bytes, .. } = flying;
                self.serve(|server, now| server.shard.handle_datagram(now, source, destination, &bytes));
                continue;
            }
            let Some(number) = self.stages.iter().position(|stage| stage.public == flying.destination) else {
                continue;
            };
            let stage = &mut self.stages[number];
            if stage.paused_until > self.now {
                stage.waiting.push((flying.source, flying.bytes));
                continue;
            }
            let local = stage.local;
            if let Some(engine) = &mut stage.engine {
                engine.handle_datagram(now, flying.source, local, &flying.bytes);
                self.act(Id(number));
            }
        }
    }

    fn act(&mut self, who: Id) {
        let now = self.instant();
        self.stages[who.0].turn(now);
        self.transmit(who);
    }

    fn transmit(&mut self, who: Id) {
        let stage = &mut self.stages[who.0];
        let Some(engine) = &mut stage.engine else { return };
        while let Some(destination) = engine.poll_transmit(&mut self.buffer) {
            self.network.send(self.now, stage.public, destination, &self.buffer);
        }
        stage.deadline = None;
    }
}

/// What there is, leaving room for as much again.
fn taken(frames: &mut Vec<[f32; 2]>) -> Vec<[f32; 2]> {
    let room = Vec::with_capacity(frames.len() + 1_024);
    std::mem::replace(frames, room)
}
