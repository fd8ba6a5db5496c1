//! One instance of a participant: both ends of its rings, its host's controls, what it plays and what comes out.
//!
//! Step before: the callbacks of `musician.rs`, which call all instances of a participant one after the other.

use std::sync::Arc;
use std::time::Instant;

use backline_audio::SampleRate;
use backline_bridge::{
    AUX_BUSES, AudioEnd, BlockControls, BlockIo, BridgeConfig, CycleClock, Doorbell, NetEnd, StereoBus,
    Transport, Wake, bridge,
};
use backline_client::SLOTS;
use backline_session::{InstanceConfig, ReturnChoice};
use backline_wire::{Generation, InstanceId, Name, SourceId};

use crate::card::Card;
use crate::signal::Signal;

/// A plugin on a track.
pub struct Track {
    /// Of the DAW project.
    pub instance: u64,
    /// What it plays.
    pub signal: Signal,
    /// Whether the others get that.
    pub sends: bool,
    /// What it returns.
    pub returns: ReturnChoice,
    /// Slots as the project has them.
    pub slots: [Option<SourceId>; SLOTS],
}

impl Track {
    /// One that sends, and returns the mix if no other of its participant does.
    pub fn new(instance: u64, signal: Signal) -> Self {
        Self { instance, signal, sends: true, returns: ReturnChoice::Automatic, slots: [None; SLOTS] }
    }

    /// Its id.
    pub fn id(&self) -> InstanceId {
        InstanceId(self.instance)
    }

    pub(crate) fn config(&self, template: &InstanceConfig, generation: u32) -> InstanceConfig {
        InstanceConfig {
            instance: self.id(),
            generation: Generation(generation),
            source_name: Name::new("Guitar"),
            sends: self.sends,
            slots: self.slots,
            returns: self.returns.clone(),
            ..template.clone()
        }
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

/// An instance at work.
pub(crate) struct Seat {
    pub track: Track,
    pub controls: BlockControls,
    /// Where the song of their DAW is from a sample frame of the card on; none for a host that does not say.
    pub song: Option<(u64, Transport)>,
    pub sent: Vec<[f32; 2]>,
    pub heard: Vec<[f32; 2]>,
    /// What came out of each auxiliary bus, where their host has these.
    pub apart: Option<Apart>,
    /// The host calls it.
    pub is_called: bool,
    pub net_end: NetEnd,
    audio_end: AudioEnd,
    left: Vec<f32>,
    right: Vec<f32>,
}

impl Seat {
    pub fn new(track: Track, card: &Card, cycles: Arc<CycleClock>) -> Self {
        let Ok(sample_rate) = SampleRate::new(card.rate_hz) else {
            unreachable!("a simulated card has a rate that Backline supports")
        };
        let config = BridgeConfig { sample_rate, max_block_frames: card.block_frames };
        let (audio_end, net_end) = bridge(config, Arc::new(Doorbell::new(Arc::new(NoWake))), cycles);
        Self {
            track,
            controls: BlockControls::default(),
            song: None,
            sent: Vec::new(),
            heard: Vec::new(),
            apart: None,
            is_called: true,
            net_end,
            audio_end,
            left: Vec::new(),
            right: Vec::new(),
        }
    }

    /// One block of so many sample frames, the first of which is number `first` of the card. What it is not called for it
    /// neither plays nor hears.
    pub fn callback(&mut self, now: Instant, first: u64, frames: usize) {
        self.left.clear();
        self.right.clear();
        for frame in 0..frames as u64 {
            let [left, right] = (self.track.signal)(first + frame);
            self.sent.push([left, right]);
            self.left.push(left);
            self.right.push(right);
        }
        if !self.is_called {
            self.heard.resize(self.heard.len() + frames, [0.0; 2]);
            return;
        }
        let mut channels = [self.left.as_mut_slice(), self.right.as_mut_slice()];
        let mut io = BlockIo::main_only(&mut channels, 2);
        if let Some(apart) = &mut self.apart {
            io.aux = apart.buses(frames);
        }
        let rate_hz = f64::from(self.net_end.sample_rate().hz());
        self.controls.transport = self.song.map(|(frame, song)| match first.checked_sub(frame) {
            Some(since) => song.after(since as f64 / rate_hz),
            None => song.standing(),
        });
        self.audio_end.process(now, io, &self.controls);
        if let Some(apart) = &mut self.apart {
            apart.record();
        }
        self.heard.extend(self.left.iter().zip(&self.right).map(|(left, right)| [*left, *right]));
    }
}
