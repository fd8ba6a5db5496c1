//! Where in what was sent each window of what was heard comes from.
//!
//! One correlation of the whole finds the rough delay; a correlation of each window near it finds that window's delay to the
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
/// The rough search must explain this much, or the music is not there.
const CORRELATION_MIN: f64 = 0.5;
/// A window that resembles what was sent less than this is lost.
const WINDOW_CORRELATION_MIN: f64 = 0.6;
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

/// Finds the delays of all windows; `None` when the sent music is not in what was heard.
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
    (!found.delays.is_empty()).then_some(found)
}

/// The one delay that fits the whole best.
fn rough_delay(sent: &[f32], heard: &[f32]) -> Option<isize> {
    let lead = DELAY_FRAMES_MAX / 10;
    let mut text = vec![0.0; lead];
    text.extend_from_slice(heard);
    text.resize(text.len() + DELAY_FRAMES_MAX, 0.0);
    let pattern = &sent[..sent.len().min(heard.len())];
    let lags = Correlator::new(text.len() + pattern.len()).correlate(pattern, &text);
    let reach = lags.len().min(lead + DELAY_FRAMES_MAX);
    let (lag, sum) = largest(&lags[..reach])?;
    let energy = (energy(pattern) * energy(heard)).sqrt();
    (sum > CORRELATION_MIN * energy && energy > 0.0).then_some(lag as isize - lead as isize)
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
    let text: Vec<f32> = (0..WINDOW_FRAMES + 2 * SEARCH_FRAMES)
        .map(|offset| {
            usize::try_from(first + offset as isize).ok().and_then(|at| sent.get(at)).copied().unwrap_or(0.0)
        })
        .collect();
    let lags = normalised(correlator.correlate(window, &text), &text, energy(window));
    let (lag, likeness) = largest(&lags)?;
    if likeness < WINDOW_CORRELATION_MIN {
        return None;
    }
    let whole = start as f64 - (first + lag as isize) as f64;
    Some(refine(interpolator, sent, window, start, whole))
}

/// Divides each sum by the energies of both sides, so that a loud neighbour does not win.
fn normalised(mut lags: Vec<f32>, text: &[f32], window_energy: f64) -> Vec<f32> {
    let mut behind = energy(&text[..WINDOW_FRAMES]);
    for (lag, sum) in lags.iter_mut().enumerate() {
        *sum = (f64::from(*sum) / (behind.max(1e-9) * window_energy.max(1e-9)).sqrt()) as f32;
        if let Some(next) = text.get(lag + WINDOW_FRAMES) {
            behind += f64::from(*next).powi(2) - f64::from(text[lag]).powi(2);
        }
    }
    lags
}

/// Gauss-Newton on the delay (and the level), starting from the best whole sample.
fn refine(interpolator: &Interpolator, sent: &[f32], window: &[f32], start: usize, whole: f64) -> f64 {
    let mut delay = whole;
    for _ in 0..6 {
        let at = |offset: f64, frame: usize| interpolator.at(sent, (start + frame) as f64 - delay + offset);
        let (mut gain, mut power, mut cross, mut slope_power) = (0.0, 0.0, 0.0, 0.0);
        let model: Vec<(f64, f64)> = (0..window.len())
            .step_by(2)
            .map(|frame| (at(0.0, frame), (at(0.25, frame) - at(-0.25, frame)) * 2.0))
            .collect();
        for (sample, (value, _)) in window.iter().step_by(2).zip(&model) {
            gain += f64::from(*sample) * value;
            power += value * value;
        }
        gain /= power.max(1e-12);
        for (sample, (value, slope)) in window.iter().step_by(2).zip(&model) {
            cross += (f64::from(*sample) - gain * value) * gain * slope;
            slope_power += (gain * slope).powi(2);
        }
        let step = (cross / slope_power.max(1e-12)).clamp(-0.5, 0.5);
        delay -= step;
        if step.abs() < 1e-4 {
            break;
        }
    }
    if (delay - whole).abs() > 1.0 { whole } else { delay }
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
        let agrees = |a: &WindowDelay, b: &WindowDelay| (a.delay_frames - b.delay_frames).abs() < 1.0;
        let certain = |(index, point): (usize, &WindowDelay)| {
            let before = index.checked_sub(1).is_some_and(|before| agrees(&delays[before], point));
            let after = delays.get(index + 1).is_some_and(|after| agrees(after, point));
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
        let Some(before) = self.points.get(self.index) else { return 0.0 };
        let Some(after) = self.points.get(self.index + 1) else { return before.delay_frames };
        if frame <= before.centre_frame {
            return before.delay_frames;
        }
        let share = (frame - before.centre_frame) as f64 / (after.centre_frame - before.centre_frame) as f64;
        let change = after.delay_frames - before.delay_frames;
        if change.abs() < 1.0 {
            return before.delay_frames + share * change;
        }
        if share < 0.5 { before.delay_frames } else { after.delay_frames }
    }
}
