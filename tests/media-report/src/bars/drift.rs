//! Bar 3: sound cards that do not run alike. Nothing is heard of it but that one plays so much sharper than the other.

use std::time::Duration;

use backline_sim::judge::ear::Ear;
use backline_sim::judge::track::Track;
use backline_sim::{Card, Wander, Way};

use crate::figure::{Figure, Limit, Report};
use crate::pair::{Pair, Setting};
use crate::signals::{self, Loop};

const SEED: u64 = 303;
/// The drift of somebody who has just joined is measured within this.
const SETTLING: Duration = Duration::from_secs(30);
const DELAY_FRAMES_MAX: usize = 4_800;
/// Resampled sound differs by less than this from sound that never was.
const SAME_DB: f64 = 30.0;
/// How sharply music may bend against itself: between its samples a sound may be sharper than at any of them.
const BEND_MAX: f64 = 1.25;
const LATENCY_MS_MAX: f64 = 0.5;
/// A tenth of a cent, far below what anybody hears (3 to 5 cent).
const CENT_MAX: f64 = 0.1;
/// Pitch is told over a second.
const PITCH_PLACES: usize = 100;

/// One case.
struct Case {
    id: &'static str,
    drift_ppm: f64,
    wander: Wander,
    lateness: Duration,
    seconds: u64,
    is_judged: bool,
}

/// ±300 ppm for an hour, ±1000 ppm for ten minutes, and a card that wanders on a computer that is late.
pub fn measure(report: &mut Report<'_>) {
    let music = match signals::music() {
        Ok(music) => music,
        Err(error) => return report.print(&Figure::unmeasured("3", "music", "", None, error.to_string())),
    };
    let hour = report.seconds(3_600, 60);
    let case = |id, drift_ppm, seconds| Case {
        id,
        drift_ppm,
        wander: Wander::NONE,
        lateness: Duration::ZERO,
        seconds,
        is_judged: true,
    };
    for (id, drift_ppm) in [("3.+300", 300.0), ("3.-300", -300.0)] {
        one(report, &case(id, drift_ppm, hour), &music);
    }
    for (id, drift_ppm) in [("3.+1000", 1_000.0), ("3.-1000", -1_000.0)] {
        one(report, &case(id, drift_ppm, report.seconds(600, 30)), &music);
    }
    one(report, &case("3.speech", 300.0, report.seconds(600, 30)), &signals::speech());
    one(report, &case("3.clicks", 300.0, report.seconds(600, 30)), &signals::clicks());
    let wander = Wander { swing_ppm: 20.0, period: Duration::from_secs(300) };
    let lateness = Duration::from_micros(300);
    let wandering =
        Case { wander, lateness, is_judged: false, ..case("3.wander", 100.0, report.seconds(1_200, 60)) };
    one(report, &wandering, &music);
}

fn one(report: &mut Report<'_>, case: &Case, sound: &Loop) {
    let mut setting = Setting::new(SEED, Way::clean(Duration::from_millis(5)));
    setting.listener.drift_ppm = case.drift_ppm;
    setting.listener.wander = case.wander;
    setting.listener.lateness = case.lateness;
    setting.player.lateness = case.lateness;
    let mut pair = Pair::new(&setting, sound);
    pair.settle(SETTLING);
    let mut track = pair.track(DELAY_FRAMES_MAX, SAME_DB);
    let (mut player, mut listener) = (Ear::default(), Ear::default());
    pair.run(Duration::from_secs(case.seconds), |sent, heard| {
        track.feed(sent, heard);
        player.feed(sent);
        listener.feed(heard);
    });
    let bend = f64::from(listener.sharpest_bend) / f64::from(player.sharpest_bend).max(1e-9);
    let [card, other] = [pair.world.card(pair.listener), pair.world.card(pair.player)];
    print(
        report,
        case,
        sound.name,
        &track,
        [bend, deviation_ms(&pair, &track), cents(&track, &other, &card)],
    );
}

/// The furthest that the latency was from its middle.
fn deviation_ms(pair: &Pair, track: &Track) -> f64 {
    let mut all: Vec<f64> = track.places().iter().map(|place| pair.latency_ms(place)).collect();
    all.sort_unstable_by(f64::total_cmp);
    let middle = all.get(all.len() / 2).copied().unwrap_or(f64::NAN);
    all.iter().map(|latency| (latency - middle).abs()).fold(0.0, f64::max)
}

/// The furthest that the pitch was, over a second, from what the two cards alone would make it.
fn cents(track: &Track, player: &Card, listener: &Card) -> f64 {
    let seconds = track.places().windows(PITCH_PLACES + 1).filter(|places| {
        // Unbroken ones only: between words there is no pitch to tell.
        places[PITCH_PLACES].heard - places[0].heard < 480.0 * PITCH_PLACES as f64 + 240.0
    });
    let wrong = seconds.map(|places| {
        let (from, to) = (places[0], places[PITCH_PLACES]);
        let played_s = player.frame_at_s(to.sent) - player.frame_at_s(from.sent);
        let heard_s = listener.frame_at_s(to.heard) - listener.frame_at_s(from.heard);
        1_200.0 * (played_s / heard_s).log2().abs()
    });
    wrong.fold(0.0, f64::max)
}

fn print(report: &mut Report<'_>, case: &Case, sound: &str, track: &Track, [bend, late_ms, cents]: [f64; 3]) {
    let Case { id, drift_ppm, seconds, is_judged, .. } = *case;
    let more = if is_judged { "" } else { " and ±20 ppm wander, callbacks up to 0.3 ms late" };
    let what = format!("drift {drift_ppm:+} ppm{more}, PCM, {sound}, {seconds} s");
    let mut line = |part: &str, text: String, figure: f64, unit, limit| {
        let id = if part.is_empty() { id.to_owned() } else { format!("{id}.{part}") };
        report.print(&match is_judged {
            true => Figure::judged(&id, text, figure, unit, Limit::AtMost(limit)),
            false => Figure::shown(&id, text, figure, unit),
        });
    };
    if track.judged_frames() == 0 {
        return report.print(&Figure::unmeasured(
            id,
            what,
            "",
            None,
            "nothing that was sent was found in what was heard",
        ));
    }
    let made_up = track.foreign_frames(0) as f64;
    line("", format!("{what}: sample frames of gaps"), made_up, "", 0.0);
    line("click", "the same: sharpest bend against the sound's own".to_owned(), bend, "", BEND_MAX);
    line("latency", "the same: latency, furthest from its middle".to_owned(), late_ms, "ms", LATENCY_MS_MAX);
    if sound == "music" {
        line(
            "pitch",
            "the same: pitch over a second beyond the drift, at worst".to_owned(),
            cents,
            "cent",
            CENT_MAX,
        );
    }
}
