//! Where in what was sent each window of what was heard comes from.
//!
//! Correlations of longer stretches find the rough delay; a correlation of each window near it finds that window's delay to the
//! sample; a few Gauss-Newton steps find the fraction. A tune repeats itself, so windows are searched only near the rough delay.

use super::interpolate::Interpolator;
use super::spectrum::Correlator;

/// Length of a window: 85 ms at 48 kHz, long enough to be unlike its neighbours.
pub const WINDOW_FRAMES: usize = 4096;
/// From one window to the next.
const HOP_FRAMES: usize = 1024;
/// How far from the rough delay a window is searched, both ways.
const SEARCH_FRAMES: usize = 4800;
/// The longest delay that is looked for.
const DELAY_FRAMES_MAX: usize = 48_000;
/// How much earlier than sent something may seem to be heard: the two hosts do not begin at the same sample.
const EARLY_FRAMES: usize = 4800;
/// Length of the stretches of the rough search: 0.34 s at 48 kHz.
const STRETCH_FRAMES: usize = 16_384;
/// How many of them.
const STRETCHES: usize = 12;
/// A stretch that resembles what was sent less than this says nothing about the delay.
const CORRELATION_MIN: f64 = 0.5;
/// A window that resembles what was sent less than this is lost.
const WINDOW_CORRELATION_MIN: f64 = 0.6;
/// The most that a delay changes from the middle of a window to its end: 1500 ppm.
const CHANGE_FRAMES_MAX: f64 = 3.0;
/// The most that a resampler drifts, 1000 ppm by the specification, and as much again for what measuring adds.
const DRIFT_MAX: f64 = 0.002;
/// Windows softer than this are not searched.
const SILENCE_POWER: f64 = 1e-7;
/// Refined delays this close to whole samples are whole: the path did not resample.
const WHOLE_FRAMES: f64 = 0.02;

/// The delay of one window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WindowDelay {
    /// The middle of the window in the heard recording.
    pub centre_frame: usize,
    /// Heard minus sent position.
    pub delay_frames: f64,
}

/// All windows that were searched.
#[derive(Debug, Clone, PartialEq)]
pub struct Search {
    /// Those that were found.
    pub delays: Vec<WindowDelay>,
    /// Those that held music and were not found.
    pub windows_lost: usize,
}

/// Finds the delays of all windows; `None` when the sent music is not in most of what was heard.
pub fn search(sent: &[f32], heard: &[f32]) -> Option<Search> {
    let rough = rough_delay(sent, heard)?;
    let correlator = Correlator::new(2 * (WINDOW_FRAMES + SEARCH_FRAMES));
    let interpolator = Interpolator::new();
    let mut found = Search { delays: Vec::new(), windows_lost: 0 };
    let mut start = 0;
    while start + WINDOW_FRAMES <= heard.len() {
        let window = &heard[start..start + WINDOW_FRAMES];
        let wanted = start as isize - rough;
        let inside = wanted >= 0 && wanted as usize + WINDOW_FRAMES <= sent.len();
        if inside && power(&sent[wanted as usize..wanted as usize + WINDOW_FRAMES]) > SILENCE_POWER {
            match window_delay(&correlator, &interpolator, sent, window, start, rough) {
                Some(delay_frames) => {
                    found.delays.push(WindowDelay { centre_frame: start + WINDOW_FRAMES / 2, delay_frames });
                }
                None => found.windows_lost += 1,
            }
        }
        start += HOP_FRAMES;
    }
    snap_to_whole(&mut found.delays);
    (found.delays.len() > found.windows_lost).then_some(found)
}

/// The delay around which the windows are searched: the median of what a dozen longer stretches say. One correlation of the
/// whole would not do, since a delay that wanders by some dozen samples in the course of it blurs the peak away.
fn rough_delay(sent: &[f32], heard: &[f32]) -> Option<isize> {
    let correlator = Correlator::new(2 * STRETCH_FRAMES + DELAY_FRAMES_MAX + EARLY_FRAMES);
    let last = heard.len().checked_sub(STRETCH_FRAMES)?;
    let mut delays = Vec::new();
    let mut searched = 0;
    for step in 0..STRETCHES {
        let start = last * step / (STRETCHES - 1);
        let stretch = &heard[start..start + STRETCH_FRAMES];
        let first = start as isize - DELAY_FRAMES_MAX as isize;
        let text = excerpt(sent, first, STRETCH_FRAMES + DELAY_FRAMES_MAX + EARLY_FRAMES);
        if power(&text) < SILENCE_POWER {
            continue;
        }
        searched += 1;
        let lags = normalised(correlator.correlate(stretch, &text), &text, stretch);
        let (lag, likeness) = largest(&lags)?;
        if likeness > CORRELATION_MIN {
            delays.push(DELAY_FRAMES_MAX as isize - lag as isize);
        }
    }
    delays.sort_unstable();
    if delays.len() * 4 < searched { None } else { delays.get(delays.len() / 2).copied() }
}

/// `frames` of a recording from a position that may lie outside of it, where there is silence.
fn excerpt(signal: &[f32], first: isize, frames: usize) -> Vec<f32> {
    let sample = |offset: usize| usize::try_from(first + offset as isize).ok().and_then(|at| signal.get(at));
    (0..frames).map(|offset| sample(offset).copied().unwrap_or(0.0)).collect()
}

/// The delay of one window to a fraction of a sample.
fn window_delay(
    correlator: &Correlator,
    interpolator: &Interpolator,
    sent: &[f32],
    window: &[f32],
    start: usize,
    rough: isize,
) -> Option<f64> {
    let first = start as isize - rough - SEARCH_FRAMES as isize;
    let text = excerpt(sent, first, WINDOW_FRAMES + 2 * SEARCH_FRAMES);
    let lags = normalised(correlator.correlate(window, &text), &text, window);
    let (lag, likeness) = largest(&lags)?;
    if likeness < WINDOW_CORRELATION_MIN {
        return None;
    }
    let whole = start as f64 - (first + lag as isize) as f64;
    Some(refine(interpolator, sent, window, start, whole))
}

/// Divides each sum by the energies of both sides, so that a loud neighbour does not win.
fn normalised(mut lags: Vec<f32>, text: &[f32], pattern: &[f32]) -> Vec<f32> {
    let own = energy(pattern).max(1e-9);
    let mut behind = energy(&text[..pattern.len()]);
    for (lag, sum) in lags.iter_mut().enumerate() {
        *sum = (f64::from(*sum) / (behind.max(1e-9) * own).sqrt()) as f32;
        if let Some(next) = text.get(lag + pattern.len()) {
            behind += f64::from(*next).powi(2) - f64::from(text[lag]).powi(2);
        }
    }
    lags
}

/// Gauss-Newton on the delay in the middle of the window and on its change in the course of it (and the level), starting from
/// the best whole sample. Without the change, a resampled window would answer for where its loudest note is.
fn refine(interpolator: &Interpolator, sent: &[f32], window: &[f32], start: usize, whole: f64) -> f64 {
    let centre = window.len() as f64 / 2.0;
    let (mut delay, mut change) = (whole, 0.0);
    for _ in 0..6 {
        let fit = |frame: usize| {
            let along = (frame as f64 - centre) / centre;
            let position = (start + frame) as f64 - delay - change * along;
            let at = |offset: f64| interpolator.at(sent, position + offset);
            Point {
                along,
                heard: f64::from(window[frame]),
                value: at(0.0),
                slope: (at(0.25) - at(-0.25)) * 2.0,
            }
        };
        let points: Vec<Point> = (0..window.len()).step_by(2).map(fit).collect();
        let (step, step_change) = newton_step(&points);
        delay += step.clamp(-0.5, 0.5);
        change = (change + step_change).clamp(-CHANGE_FRAMES_MAX, CHANGE_FRAMES_MAX);
        if step.abs() < 1e-4 && step_change.abs() < 1e-3 {
            break;
        }
    }
    if (delay - whole).abs() > 2.0 { whole } else { delay }
}

/// One sample of a window beside what the present delay makes of the sent recording.
struct Point {
    /// From -1 at the window's beginning to 1 at its end.
    along: f64,
    heard: f64,
    value: f64,
    slope: f64,
}

/// The steps of delay and change that explain most of what is left over.
fn newton_step(points: &[Point]) -> (f64, f64) {
    let (cross, power) = points.iter().fold((0.0, 0.0), |(cross, power), point| {
        (cross + point.heard * point.value, power + point.value * point.value)
    });
    let gain = cross / f64::max(power, 1e-12);
    let (mut a, mut b, mut c, mut u, mut v) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for point in points {
        // A larger delay moves the model towards earlier samples: against the slope.
        let (by_delay, left) = (-gain * point.slope, point.heard - gain * point.value);
        let by_change = by_delay * point.along;
        a += by_delay * by_delay;
        b += by_delay * by_change;
        c += by_change * by_change;
        u += by_delay * left;
        v += by_change * left;
    }
    let determinant = a * c - b * b;
    if determinant <= 1e-9 * a * c {
        return (u / f64::max(a, 1e-12), 0.0);
    }
    ((u * c - v * b) / determinant, (v * a - u * b) / determinant)
}

/// A path that does not resample has whole delays; the refinement's last rounding is taken away from such.
fn snap_to_whole(delays: &mut [WindowDelay]) {
    let whole = |delay: &WindowDelay| (delay.delay_frames - delay.delay_frames.round()).abs() < WHOLE_FRAMES;
    let count = delays.iter().filter(|delay| whole(delay)).count();
    if count * 10 >= delays.len() * 9 {
        delays.iter_mut().for_each(|delay| delay.delay_frames = delay.delay_frames.round());
    }
}

fn largest(values: &[f32]) -> Option<(usize, f64)> {
    let best = values.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1))?;
    Some((best.0, f64::from(*best.1)))
}

fn energy(signal: &[f32]) -> f64 {
    signal.iter().map(|sample| f64::from(*sample).powi(2)).sum()
}

fn power(signal: &[f32]) -> f64 {
    energy(signal) / signal.len().max(1) as f64
}

/// The delay at every frame of the heard recording.
#[derive(Debug, Clone, PartialEq)]
pub struct DelayTrack {
    points: Vec<WindowDelay>,
    frames: usize,
}

impl DelayTrack {
    /// A track through the found delays, for a recording of `frames`. A window that straddles a jump of the delay, or that
    /// stands alone against its neighbours, says nothing certain and is left out.
    pub fn new(delays: &[WindowDelay], frames: usize) -> Self {
        let certain = |(index, point): (usize, &WindowDelay)| {
            let before = index.checked_sub(1).is_some_and(|before| agree(&delays[before], point));
            let after = delays.get(index + 1).is_some_and(|after| agree(point, after));
            (before || after || delays.len() == 1).then_some(*point)
        };
        Self { points: delays.iter().enumerate().filter_map(certain).collect(), frames }
    }

    /// Length of the heard recording.
    pub fn frames(&self) -> usize {
        self.frames
    }

    /// The heard frames for which there is sent music of `sent_frames`, from the first window to the last.
    pub fn covered(&self, sent_frames: usize) -> std::ops::Range<usize> {
        let half = WINDOW_FRAMES / 2;
        let (Some(first), Some(last)) = (self.points.first(), self.points.last()) else { return 0..0 };
        let end = (last.centre_frame + half)
            .min((sent_frames as f64 + last.delay_frames) as usize)
            .min(self.frames);
        first.centre_frame.saturating_sub(half).min(end)..end
    }

    /// Reads the delays of rising frames.
    pub fn cursor(&self) -> DelayCursor<'_> {
        DelayCursor { points: &self.points, index: 0 }
    }
}

/// Whether a resampler could have led from one delay to the next; if not, the delay jumped.
fn agree(before: &WindowDelay, after: &WindowDelay) -> bool {
    let frames = after.centre_frame.saturating_sub(before.centre_frame) as f64;
    (after.delay_frames - before.delay_frames).abs() < frames * DRIFT_MAX
}

/// A reader of a [`DelayTrack`], frame after frame.
pub struct DelayCursor<'a> {
    points: &'a [WindowDelay],
    index: usize,
}

impl DelayCursor<'_> {
    /// The delay at a frame that is not before the last one asked for. Between two windows that agree it moves evenly;
    /// between two that do not, it jumps half-way.
    pub fn next(&mut self, frame: usize) -> f64 {
        while self.points.get(self.index + 1).is_some_and(|after| after.centre_frame <= frame) {
            self.index += 1;
        }
        // Beyond the first and the last window the delay goes on as between the two nearest.
        let last = self.points.len().saturating_sub(2);
        let pair = self.index.min(last);
        let Some(before) = self.points.get(pair) else { return 0.0 };
        let Some(after) = self.points.get(pair + 1) else { return before.delay_frames };
        let share =
            (frame as f64 - before.centre_frame as f64) / (after.centre_frame - before.centre_frame) as f64;
        let change = after.delay_frames - before.delay_frames;
        if agree(before, after) {
            return before.delay_frames + share * change;
        }
        if share < 0.5 { before.delay_frames } else { after.delay_frames }
    }
}
