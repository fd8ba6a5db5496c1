//! The lower edge of a noisy, drifting series: how early the latest packets are, or how late the earliest pulls.
//!
//! Values are gathered in buckets of 250 ms, longer than the burst of any block, and each bucket gives its
//! minimum, less one or two stray values where it has many bursts. A robust line (Theil–Sen: the median of all slopes) through the minima of the last 6 s follows a
//! clock that drifts and ignores a packet that was late once. It measures; [`depth`](super::depth) decides.

/// Length of a bucket in ticks (250 ms): a block of 8192 at 44.1 kHz is 186 ms.
const BUCKET_TICKS: f64 = 12_000.0;
/// For so many bursts of a bucket its lowest value is stray, and the next one too for twice as many: a thread that ran late.
const BURSTS_FOR_STRAY: usize = 64;
const STRAYS_MAX: usize = 2;
/// Values closer than this in ticks are one burst: the frames of one block.
const BURST_TICKS: f64 = 12.0;
/// Buckets that the line goes through (6 s).
const BUCKETS: usize = 24;
/// Buckets from which on a slope is believed.
const BUCKETS_FOR_SLOPE: usize = 4;
/// Newest buckets whose median is the level while no slope is visible (2 s); where they are noisier than so many ticks, all are.
const BUCKETS_FOR_LEVEL: usize = 8;
const NOISY_TICKS: f64 = 8.0;
/// The slope must move the line by so many times its own noise before it is believed.
const SLOPE_OVER_NOISE: f64 = 6.0;
/// An edge may wander so many times as far as its noise.
const WANDER_OVER_NOISE: f64 = 3.0;
/// No clock is farther off than this (ticks per tick); steeper is a change of path, not drift.
const SLOPE_MAX: f64 = 0.001_5;
const PAIRS: usize = BUCKETS * (BUCKETS - 1) / 2;

#[derive(Debug, Clone, Copy, Default)]
struct Point {
    time: f64,
    value: f64,
}

/// A windowed minimum with a slope.
#[derive(Debug, Clone)]
pub struct Envelope {
    points: [Point; BUCKETS],
    count: usize,
    /// The lowest values of the open bucket, lowest first, and how many bursts it has had.
    open: [Option<Point>; STRAYS_MAX + 1],
    open_bursts: usize,
    latest: f64,
    may_stray: bool,
    open_bucket: f64,
    slope: f64,
    noise: f64,
    wander: f64,
    pivot: Point,
}

impl Envelope {
    /// Nothing measured yet; every value counts.
    pub fn new() -> Self {
        let zero = Point::default();
        Self {
            points: [zero; BUCKETS],
            count: 0,
            open: [None; STRAYS_MAX + 1],
            open_bursts: 0,
            latest: 0.0,
            may_stray: false,
            open_bucket: 0.0,
            slope: 0.0,
            noise: 0.0,
            wander: 0.0,
            pivot: zero,
        }
    }

    /// Nothing measured yet; a stray value in a hundred does not count.
    pub fn robust() -> Self {
        Self { may_stray: true, ..Self::new() }
    }

    /// Adds a value measured at `time` (ticks, never falling); returns whether a bucket was closed by it.
    pub fn add(&mut self, time: f64, value: f64) -> bool {
        let bucket = (time / BUCKET_TICKS).floor();
        if bucket > self.open_bucket + BUCKETS_FOR_LEVEL as f64 {
            *self = Self { wander: self.wander, may_stray: self.may_stray, ..Self::new() };
        }
        let closes = self.open_bursts > 0 && bucket > self.open_bucket;
        if closes {
            self.close();
        }
        self.open_bucket = bucket;
        self.open_bursts += usize::from(self.open_bursts == 0 || time - self.latest >= BURST_TICKS);
        self.latest = time;
        self.keep_lowest(Point { time, value });
        closes
    }

    /// The level of the edge at `time`; `None` before the first value.
    pub fn at(&self, time: f64) -> Option<f64> {
        if self.count < BUCKETS_FOR_SLOPE {
            return self.points[..self.count]
                .iter()
                .chain(self.open[0].iter())
                .map(|point| point.value)
                .reduce(f64::min);
        }
        Some(self.pivot.value + self.slope * (time - self.pivot.time))
    }

    /// The level at `time`, or that of the newest values where they are lower already.
    pub fn lowest_at(&self, time: f64) -> Option<f64> {
        let level = self.at(time)?;
        Some(self.open[0].map_or(level, |open| level.min(open.value)))
    }

    /// How fast the edge moves, in ticks per tick; 0 until it is certain.
    pub fn slope(&self) -> f64 {
        self.slope
    }

    /// How far a bucket's minimum may be from the edge without any drift, in ticks.
    pub fn wander(&self) -> f64 {
        self.wander.max(WANDER_OVER_NOISE * self.noise)
    }

    /// Tells by how many ticks the minimum of a bucket may wander for reasons that repeat more slowly.
    pub fn set_wander(&mut self, wander: f64) {
        self.wander = wander;
    }

    /// Whether enough has been seen for [`slope`](Self::slope) to mean something.
    pub fn is_settled(&self) -> bool {
        self.count >= BUCKETS_FOR_SLOPE
    }

    fn keep_lowest(&mut self, point: Point) {
        let mut point = Some(point);
        for kept in &mut self.open {
            let is_lower = match (&point, &kept) {
                (Some(point), Some(kept)) => point.value < kept.value,
                _ => point.is_some(),
            };
            if is_lower {
                std::mem::swap(&mut point, kept);
            }
        }
    }

    fn close(&mut self) {
        let strays = if self.may_stray { self.open_bursts / BURSTS_FOR_STRAY } else { 0 };
        let point = self.open[strays.min(STRAYS_MAX)];
        self.open = [None; STRAYS_MAX + 1];
        self.open_bursts = 0;
        let Some(point) = point else { return };
        if self.count == BUCKETS {
            self.points.copy_within(1.., 0);
            self.count -= 1;
        }
        self.points[self.count] = point;
        self.count += 1;
        if self.count >= BUCKETS_FOR_SLOPE {
            self.fit();
        }
    }

    fn fit(&mut self) {
        let last = self.points[self.count - 1].time;
        let slope = self.median_slope();
        let (level, noise) = self.level(slope, last, self.count);
        let span = last - self.points[0].time;
        let moved = (slope * span).abs();
        let certain = moved > SLOPE_OVER_NOISE * noise && moved > self.wander && slope.abs() <= SLOPE_MAX;
        self.slope = if certain { slope } else { 0.0 };
        self.noise = noise;
        let newest = if noise > NOISY_TICKS { BUCKETS } else { BUCKETS_FOR_LEVEL };
        let value = if certain { level } else { self.level(0.0, last, newest.min(self.count)).0 };
        self.pivot = Point { time: last, value };
    }

    fn median_slope(&self) -> f64 {
        let mut slopes = [0.0; PAIRS];
        let mut pairs = 0;
        for (index, late) in self.points[..self.count].iter().enumerate() {
            for early in &self.points[..index] {
                slopes[pairs] = (late.value - early.value) / (late.time - early.time).max(1.0);
                pairs += 1;
            }
        }
        median(&mut slopes[..pairs])
    }

    /// Median of the newest values, moved along `slope` to `time`, and their median distance from it.
    fn level(&self, slope: f64, time: f64, newest: usize) -> (f64, f64) {
        let points = &self.points[self.count.saturating_sub(newest)..self.count];
        let mut values = [0.0; BUCKETS];
        for (value, point) in values.iter_mut().zip(points) {
            *value = point.value + slope * (time - point.time);
        }
        let values = &mut values[..points.len()];
        let level = median(values);
        for value in values.iter_mut() {
            *value = (*value - level).abs();
        }
        (level, median(values))
    }
}

fn median(values: &mut [f64]) -> f64 {
    if values.is_empty() {
        return 0.0;
    }
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_series_has_its_minimum_and_no_slope() {
        let mut edge = Envelope::new();
        for step in 0..5000 {
            edge.add(f64::from(step) * 60.0, 100.0 + f64::from(step % 7));
        }
        assert_eq!(edge.at(300_000.0), Some(100.0));
        assert_eq!(edge.slope(), 0.0);
    }

    #[test]
    fn drift_is_found_within_two_ppm_and_one_late_packet_changes_nothing() {
        let mut edge = Envelope::new();
        for step in 0..8000 {
            let time = f64::from(step) * 60.0;
            let late = if step == 6000 { -2000.0 } else { 0.0 };
            edge.add(time, 500e-6 * time + f64::from(step % 5) + late);
        }
        assert!((edge.slope() - 500e-6).abs() < 2e-6, "{}", edge.slope());
        let now = 480_000.0;
        assert!((edge.at(now).unwrap() - 240.0).abs() < 2.0, "{:?}", edge.at(now));
    }

    #[test]
    fn a_robust_edge_ignores_what_strays_in_every_bucket() {
        let mut edge = Envelope::robust();
        for step in 0..8000 {
            let late = if step % 100 == 50 { -50.0 } else { 0.0 };
            edge.add(f64::from(step) * 60.0, late);
        }
        assert_eq!(edge.at(480_000.0), Some(0.0));
    }

    #[test]
    fn a_long_gap_forgets_what_was_before() {
        let mut edge = Envelope::new();
        edge.add(0.0, -500.0);
        edge.add(BUCKET_TICKS * 40.0, 7.0);
        assert_eq!(edge.at(BUCKET_TICKS * 40.0), Some(7.0));
    }
}
