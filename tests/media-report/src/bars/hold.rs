//! Bar 8: a router that holds everything back for half a second and lets it go at once.

use std::time::Duration;

use backline_client::Quality;
use backline_sim::Way;
use backline_sim::judge::roughness;
use backline_sim::judge::track::Track;

use crate::figure::{Figure, Limit, Report};
use crate::pair::{Pair, Setting};
use crate::signals::{self, Loop};

const SEED: u64 = 308;
const HELD: Duration = Duration::from_millis(500);
const SETTLING: Duration = Duration::from_secs(15);
/// From the flush to the next hold.
const BETWEEN: Duration = Duration::from_secs(6);
const DELAY_FRAMES_MAX: usize = 48_000;
/// Levels are told over this, in sample frames (5 ms).
const WINDOW_FRAMES: usize = 240;
/// Quieter than this is silence.
const SILENT: f32 = 1e-4;
/// As near as this to the latency before, in ms, is back: play begins anew with another phase between the two blocks, which is
/// worth up to a packet, and the least depth is half a millisecond.
const BACK_MS: f64 = 2.0;
/// The worst of some holds.
#[derive(Default)]
struct Worst {
    /// From the flush to the first sound, in ms.
    resumes_ms: f64,
    /// From the flush until the latency was as before for good, in s.
    returns_s: f64,
    falls: usize,
    rises: usize,
    bend: f64,
}

/// PCM and Opus, music.
pub fn measure(report: &mut Report<'_>) {
    let music = match signals::music() {
        Ok(music) => music,
        Err(error) => return report.print(&Figure::unmeasured("8", "music", "", None, error.to_string())),
    };
    let holds = report.seconds(20, 3);
    for (id, name, quality) in
        [("8", "PCM", Quality::LowestLatency), ("8.opus", "Opus 2.5 ms", Quality::Balanced)]
    {
        let worst = worst_of(holds, quality, &music);
        print(report, id, &format!("half a second held and let go, {name}, music, worst of {holds}"), &worst);
    }
}

fn worst_of(holds: u64, quality: Quality, sound: &Loop) -> Worst {
    let setting = Setting { quality, ..Setting::new(SEED, Way::clean(Duration::from_millis(5))) };
    let mut pair = Pair::new(&setting, sound);
    pair.settle(SETTLING);
    // Opus is not what was sent: it is followed in what a twin hears that nothing happens to.
    let is_exact = quality == Quality::LowestLatency;
    let mut twin = (!is_exact).then(|| Pair::new(&setting, sound));
    if let Some(twin) = &mut twin {
        twin.settle(SETTLING);
    }
    let mut worst = Worst::default();
    let [from, to] = [pair.player, pair.listener].map(|who| pair.world.address(who));
    for hold in 0..holds {
        // Never the same place of the music, nor of a packet.
        let pause = Duration::from_micros(1_000_300 + 137_100 * hold);
        pair.settle(pause);
        if let Some(twin) = &mut twin {
            twin.settle(pause);
        }
        let mut track = pair.track(DELAY_FRAMES_MAX, if is_exact { 30.0 } else { 15.0 });
        if !is_exact {
            track = track.from(pair.heard_frames(), pair.heard_frames());
        }
        let begin = pair.heard_frames();
        let mut heard = Vec::new();
        let mut run = |pair: &mut Pair, time: Duration| {
            let mut whole = Vec::new();
            if let Some(twin) = &mut twin {
                twin.run(time, |_, piece| whole.extend_from_slice(piece));
            }
            pair.run(time, |sent, piece| {
                let whole = std::mem::take(&mut whole);
                track.feed(if is_exact { sent } else { &whole }, piece);
                heard.extend_from_slice(piece);
            });
        };
        run(&mut pair, Duration::from_secs(2));
        let held = pair.world.now();
        pair.world.network.hold(from, to, held + HELD);
        run(&mut pair, HELD + BETWEEN);
        worst.add(&pair, &track, &heard, begin, (held + HELD).as_secs_f64(), sound);
    }
    worst
}

impl Worst {
    fn add(
        &mut self,
        pair: &Pair,
        track: &Track,
        heard: &[[f32; 2]],
        begin: u64,
        flush_s: f64,
        sound: &Loop,
    ) {
        let card = pair.world.card(pair.listener);
        let at_s = |frame: usize| card.frame_at_s((begin + frame as u64) as f64);
        let after = heard.iter().enumerate().skip_while(|(frame, _)| at_s(*frame) < flush_s);
        let first = after
            .clone()
            .find(|(_, sample)| sample[0].abs() > SILENT)
            .map_or(f64::NAN, |(frame, _)| at_s(frame));
        self.resumes_ms = greater(self.resumes_ms, 1_000.0 * (first - flush_s));
        self.returns_s = greater(self.returns_s, returns_s(pair, track, flush_s));
        let around: Vec<bool> = heard
            .chunks(WINDOW_FRAMES)
            .map(|window| window.iter().all(|sample| sample[0].abs() < SILENT))
            .collect();
        let changes = |to: bool| around.windows(2).filter(|pair| pair[0] != to && pair[1] == to).count();
        self.falls = self.falls.max(changes(true));
        self.rises = self.rises.max(changes(false));
        self.bend = greater(self.bend, f64::from(roughness(heard) / roughness(sound.frames())));
    }
}

/// The greater one; not a number stays so.
fn greater(one: f64, other: f64) -> f64 {
    if one.is_nan() || other.is_nan() { f64::NAN } else { one.max(other) }
}

/// How long after the flush the latency was as before for good.
fn returns_s(pair: &Pair, track: &Track, flush_s: f64) -> f64 {
    let places = || track.places().iter().map(|place| (pair.heard_s(place), pair.latency_ms(place)));
    let Some((_, before_ms)) = places().take_while(|(at, _)| *at < flush_s - HELD.as_secs_f64()).last()
    else {
        return f64::NAN;
    };
    let after = || places().filter(|(at, _)| *at > flush_s);
    let last_wrong = after().rfind(|(_, latency)| (latency - before_ms).abs() > BACK_MS);
    let first = after().find(|(at, _)| last_wrong.is_none_or(|(wrong, _)| *at > wrong));
    first.map_or(f64::NAN, |(at, _)| at - flush_s)
}

fn print(report: &mut Report<'_>, id: &str, what: &str, worst: &Worst) {
    let mut line = |part: &str, text: &str, figure: f64, unit, limit: f64| {
        let what = format!("{what}: {text}");
        report.print(&Figure::judged(&format!("{id}.{part}"), what, figure, unit, Limit::AtMost(limit)));
    };
    line("resumes", "first sound after the flush", worst.resumes_ms, "ms", 50.0);
    line("returns", "latency as before, for good, after", worst.returns_s, "s", 1.0);
    line("fades-out", "times that it becomes silent", worst.falls as f64, "", 1.0);
    line("fades-in", "times that it is heard again", worst.rises as f64, "", 1.0);
    line("click", "sharpest bend against the music's own", worst.bend, "", 1.25);
}
