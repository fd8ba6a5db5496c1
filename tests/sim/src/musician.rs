//! One participant: the callback of a sound card, both ends of the rings, the engine.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use backline_audio::SampleRate;
use backline_bridge::{
    AUX_BUSES, AudioEnd, BlockControls, BlockIo, BridgeConfig, Doorbell, Meters, NetEnd, StereoBus, Wake,
    bridge,
};
use backline_client::engine::EngineEvent;
use backline_client::{Engine, Quality};
use backline_session::SessionConfig;
use backline_wire::limits::SLOTS;
use backline_wire::{Generation, IdentityKey, InstanceId, Name, SourceId};

use crate::card::Card;
use crate::chance::Chance;
use crate::signal::Signal;

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
            instance: InstanceId(self.instance),
            generation: Generation(generation),
            app: Name::new("simulation"),
            name: Name::new(self.name),
            source_name: Name::new("Guitar"),
            colour: [1, 2, 3],
            quality: self.quality,
            automatic: self.automatic,
            depth_ceiling: self.depth_ceiling,
            slots: self.slots,
        }
    }

    /// The source that they publish.
    pub fn source(&self) -> SourceId {
        SourceId { participant: self.identity().participant_id(), instance: InstanceId(self.instance) }
    }

    fn identity(&self) -> IdentityKey {
        let mut seed = [0; 32];
        for (to, from) in seed.iter_mut().zip(self.name.bytes()) {
            *to = from;
        }
        IdentityKey::from_seed(seed)
    }
}

struct NoWake;

impl Wake for NoWake {
    fn wake(&self) {}
}

/// The auxiliary buses of a host, and what came out of them.
#[derive(Default)]
pub(crate) struct Apart {
    blocks: [[Vec<f32>; 2]; AUX_BUSES],
    pub heard: [Vec<[f32; 2]>; AUX_BUSES],
}

impl Apart {
    fn buses(&mut self, frames: usize) -> [Option<StereoBus<'_>>; AUX_BUSES] {
        self.blocks.each_mut().map(|[left, right]| {
            left.resize(frames, 0.0);
            right.resize(frames, 0.0);
            Some(StereoBus { left, right })
        })
    }

    fn record(&mut self) {
        for (heard, [left, right]) in self.heard.iter_mut().zip(&self.blocks) {
            heard.extend(left.iter().zip(right).map(|(left, right)| [*left, *right]));
        }
    }
}

/// A musician at work.
pub(crate) struct Stage {
    pub musician: Musician,
    pub engine: Option<Engine>,
    /// When the engine wants to be woken; none while that may have changed.
    pub deadline: Option<Instant>,
    pub events: Vec<EngineEvent>,
    pub local: SocketAddr,
    /// What the others see; another one after the router was rebound.
    pub public: SocketAddr,
    pub clock_offset: Duration,
    pub controls: BlockControls,
    pub sent: Vec<[f32; 2]>,
    pub heard: Vec<[f32; 2]>,
    /// What came out of each auxiliary bus, where their host has these.
    pub apart: Option<Apart>,
    pub callbacks: u64,
    pub is_running: bool,
    /// Until when their computer stands still.
    pub paused_until: Duration,
    /// What arrived meanwhile.
    pub waiting: Vec<(SocketAddr, Vec<u8>)>,
    audio_end: AudioEnd,
    net_end: NetEnd,
    left: Vec<f32>,
    right: Vec<f32>,
    /// When the next callback comes.
    due: Duration,
    chance: Chance,
}

impl Stage {
    pub fn new(musician: Musician, local: SocketAddr, clock_offset: Duration, chance: Chance) -> Self {
        let (audio_end, net_end) = make_bridge(&musician.card);
        let due = musician.card.first_callback;
        Self {
            musician,
            engine: None,
            deadline: None,
            events: Vec::new(),
            local,
            public: local,
            clock_offset,
            controls: BlockControls::default(),
            sent: Vec::new(),
            heard: Vec::new(),
            apart: None,
            callbacks: 0,
            is_running: true,
            paused_until: Duration::ZERO,
            waiting: Vec::new(),
            audio_end,
            net_end,
            left: Vec::new(),
            right: Vec::new(),
            due,
            chance,
        }
    }

    pub fn meters(&self) -> &Arc<Meters> {
        self.net_end.meters()
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

    /// One callback of the card.
    pub fn callback(&mut self, now: Instant) {
        let frames = self.musician.card.block_frames;
        let first = self.callbacks * frames as u64;
        self.callbacks += 1;
        let late = self.musician.card.lateness.mul_f64(self.chance.share());
        // They come late, but in order.
        self.due = self.due.max(self.musician.card.callback_at(self.callbacks) + late);
        self.left.clear();
        self.right.clear();
        for frame in 0..frames as u64 {
            let [left, right] = (self.musician.signal)(first + frame);
            self.sent.push([left, right]);
            self.left.push(left);
            self.right.push(right);
        }
        let mut channels = [self.left.as_mut_slice(), self.right.as_mut_slice()];
        let mut io = BlockIo::main_only(&mut channels, 2);
        if let Some(apart) = &mut self.apart {
            io.aux = apart.buses(frames);
        }
        self.audio_end.process(now, io, &self.controls);
        if let Some(apart) = &mut self.apart {
            apart.record();
        }
        self.heard.extend(self.left.iter().zip(&self.right).map(|(left, right)| [*left, *right]));
    }

    pub fn attach(&mut self, mut engine: Engine) {
        if let Err(error) = engine.attach(Some(&self.net_end)) {
            unreachable!("the rates of simulated cards can be converted: {error}");
        }
        self.engine = Some(engine);
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
        engine.run_audio(now, &mut self.net_end);
        while let Some(event) = engine.poll_event() {
            self.events.push(event);
        }
    }

    pub fn return_delay(&self) -> Duration {
        self.engine.as_ref().map_or(Duration::ZERO, |engine| engine.return_delay(&self.net_end))
    }
}

fn make_bridge(card: &Card) -> (AudioEnd, NetEnd) {
    let Ok(sample_rate) = SampleRate::new(card.rate_hz) else {
        unreachable!("a simulated card has a rate that Backline supports")
    };
    let config = BridgeConfig { sample_rate, max_block_frames: card.block_frames };
    bridge(config, Arc::new(Doorbell::new(Arc::new(NoWake))))
}
