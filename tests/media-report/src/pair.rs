//! Two participants, one of whom plays and the other listens, run in pieces so that an hour needs no more memory than a second.

use std::time::Duration;

use backline_client::Quality;
use backline_sim::judge::track::{Expected, Place, Track};
use backline_sim::signal::silence;
use backline_sim::{Card, Id, Musician, Way, World};

use crate::signals::Loop;

/// What is run at once.
const PIECE: Duration = Duration::from_millis(500);

/// What they have and want.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// Everything random follows from it.
    pub seed: u64,
    /// The network, both ways.
    pub way: Way,
    /// How the player sends.
    pub quality: Quality,
    /// The most that the listener's playout holds back.
    pub depth_ceiling: Duration,
    /// The player's sound card.
    pub player: Card,
    /// The listener's.
    pub listener: Card,
}

impl Setting {
    /// PCM at block 64, at most 5 ms deep, over a way, between cards that agree.
    pub fn new(seed: u64, way: Way) -> Self {
        Self {
            seed,
            way,
            quality: Quality::LowestLatency,
            depth_ceiling: Duration::from_millis(5),
            player: Card::default(),
            // Callbacks of two computers never come at the same moment.
            listener: Card { first_callback: Duration::from_micros(430), ..Card::default() },
        }
    }
}

/// A world; its seed is told on standard error.
pub fn world(seed: u64) -> World {
    let world = World::new(seed);
    eprintln!("simulation seed {}", world.seed());
    world
}

/// Both at work.
pub struct Pair {
    /// Everything.
    pub world: World,
    /// Who plays.
    pub player: Id,
    /// Who listens.
    pub listener: Id,
    /// Sample frames that were taken from the world so far.
    sent_frames: u64,
    heard_frames: u64,
}

impl Pair {
    /// The player hosts, the listener joins.
    pub fn new(setting: &Setting, sound: &Loop) -> Self {
        let mut world = world(setting.seed);
        world.network.usual = setting.way;
        let Setting { quality, depth_ceiling, .. } = *setting;
        let player = Musician {
            quality,
            depth_ceiling,
            card: setting.player,
            ..Musician::new("Ada", sound.signal(0))
        };
        let player = world.add(player);
        let listener =
            Musician { quality, depth_ceiling, card: setting.listener, ..Musician::new("Bob", silence()) };
        let listener = world.add(listener);
        world.meet(player, &[listener]);
        Self { world, player, listener, sent_frames: 0, heard_frames: 0 }
    }

    /// Lets time pass and hands over what was sent and heard, piece by piece.
    pub fn run(&mut self, time: Duration, mut hand: impl FnMut(&[[f32; 2]], &[[f32; 2]])) {
        let end = self.world.now() + time;
        while self.world.now() < end {
            self.world.run(PIECE.min(end - self.world.now()));
            let (sent, heard) = (self.world.take_sent(self.player), self.world.take_heard(self.listener));
            self.sent_frames += sent.len() as u64;
            self.heard_frames += heard.len() as u64;
            hand(&sent, &heard);
            self.world.take_sent(self.listener);
            self.world.take_heard(self.player);
        }
    }

    /// Lets time pass in which nobody judges.
    pub fn settle(&mut self, time: Duration) {
        self.run(time, |_, _| {});
    }

    /// Something that follows from here what the listener hears of the player.
    pub fn track(&self, delay_frames_max: usize, same_db: f64) -> Track {
        let [one, other] =
            [self.player, self.listener].map(|who| 1.0 + self.world.card(who).drift_ppm * 1e-6);
        let expected = Expected { speed: one / other, delay_frames_max, same_db };
        Track::new(expected).from(self.sent_frames, self.heard_frames)
    }

    /// The latency at a moment, from the player's sound card to the listener's, in ms.
    pub fn latency_ms(&self, place: &Place) -> f64 {
        let sent_s = self.world.card(self.player).frame_at_s(place.sent);
        1_000.0 * (self.heard_s(place) - sent_s)
    }

    /// When a moment was heard, in seconds since the world began.
    pub fn heard_s(&self, place: &Place) -> f64 {
        self.world.card(self.listener).frame_at_s(place.heard)
    }

    /// The listener's sample frames so far.
    pub fn heard_frames(&self) -> u64 {
        self.heard_frames
    }

    /// Sample frames that the engine says it made up, and packets that it had sent again, since the beginning.
    pub fn counted(&self) -> (u64, u64) {
        let sources = self.world.sources(self.listener);
        sources.first().map_or((0, 0), |source| (source.concealed_frames, source.repaired))
    }
}
