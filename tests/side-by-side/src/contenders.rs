//! Who is compared, each as a musician would use it: a block of 64, and otherwise the settings that it comes with.

mod backline;
mod jacktrip;
mod jamulus;

use std::path::Path;
use std::time::Duration;

use backline_hosts::audio_file::Recording;
use backline_hosts::block_clock::BlockClock;
use backline_hosts::bundles;
use backline_hosts::jack_graph::Player;
use backline_hosts::session::MUSIC_LOOP_FRAMES;
use backline_hosts::session::machine::MachineWatch;

use crate::figures::Heard;
use crate::network::Network;
use crate::{Failed, RATE_HZ};

/// From the first loss until the music begins: whoever adapts has had time to.
const ADAPT: Duration = Duration::from_secs(5);
/// Recorded after the music has ended.
const TAIL_FRAMES: usize = 24_000;

/// One of them, with its settings.
#[derive(Debug, Clone, Copy)]
pub struct Contender {
    /// In ids of figures.
    pub id: &'static str,
    /// In the table.
    pub name: &'static str,
    kind: Kind,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    /// By the name of the quality in BACKLINE_QUALITY, and the most that the playout may hold back; none is the plugin's own.
    Backline(&'static str, Option<f64>),
    /// With so many copies of each packet; 1 is none.
    JackTrip(u32),
    Jamulus,
}

impl Contender {
    /// All, in the order of the table.
    pub const ALL: [Self; 7] = [
        Self {
            id: "backline-pcm",
            name: "Backline, Lowest latency",
            kind: Kind::Backline("lowest-latency", None),
        },
        // Too short to ask again on this wire: what concealment alone makes of it.
        Self {
            id: "backline-pcm-6",
            name: "Backline, Lowest latency, playout at most 6 ms",
            kind: Kind::Backline("lowest-latency", Some(6.0)),
        },
        Self { id: "backline-opus", name: "Backline, Balanced", kind: Kind::Backline("balanced", None) },
        Self { id: "backline-careful", name: "Backline, Careful", kind: Kind::Backline("careful", None) },
        Self { id: "jacktrip", name: "JackTrip, queue 4", kind: Kind::JackTrip(1) },
        Self { id: "jacktrip-r2", name: "JackTrip, queue 4, redundancy 2", kind: Kind::JackTrip(2) },
        Self { id: "jamulus", name: "Jamulus, automatic, its server at one end", kind: Kind::Jamulus },
    ];

    /// Plays the music from the network's first place to its second.
    pub fn play(&self, network: &Network, seconds: u32, folder: &Path) -> Result<Heard, Failed> {
        match self.kind {
            Kind::Backline(quality, depth_ms) => {
                backline::play(network, (quality, depth_ms), seconds, folder)
            }
            Kind::JackTrip(copies) => jacktrip::play(network, copies, seconds, folder),
            Kind::Jamulus => jamulus::play(network, seconds, folder),
        }
    }
}

fn music(seconds: u32) -> Result<Recording, Failed> {
    Ok(Recording::read(&bundles::music('a'))?.looped(MUSIC_LOOP_FRAMES, (seconds * RATE_HZ) as usize))
}

/// Loses packets, waits, plays the music through JACK, and says what was heard.
fn play_in_jack(
    network: &Network,
    player: Player,
    sent: Recording,
    check: impl FnMut() -> Result<(), Failed>,
) -> Result<Heard, Failed> {
    network.begin_to_lose();
    std::thread::sleep(ADAPT);
    let watch = MachineWatch::start();
    let played = player.play(check);
    let stalls = watch.finish();
    let (heard, began_ns) = played?;
    let clock = BlockClock::new(began_ns, RATE_HZ, 0.0);
    Ok(Heard { sent, sent_clock: clock, heard, heard_clock: clock, stalls })
}
