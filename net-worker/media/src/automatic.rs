//! The automatic: which way of sending fits the paths to the listeners now, and why it moved.
//!
//! Each listener reports once a second how the stream arrives ([`Reception`]). Where more than half of them have the same
//! trouble, it goes one [`Step`] down: safer where packets get lost or come too late although everything was tried, narrower
//! where a queue stands or grows on the way. When all has been calm for a while it goes back up the way it came, and waits twice as
//! long each time that this was wrong. One bad listener of many moves nothing: theirs are depth and requests.
//! The step before is the session (reports, time); the step after is the [sender](crate::Sender).

mod step;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use backline_codec::Quality;
use backline_wire::{PeerId, Reception};

pub use step::Step;

/// A listener whose last report is older than this has no say.
const REPORT_FRESH: Duration = Duration::from_secs(3);
/// Reports of the same trouble, one after the other, that prove it.
const TROUBLED_REPORTS: u32 = 2;
/// After a move reports still tell of what was before.
const SETTLING: Duration = Duration::from_secs(3);
/// Calm for so long, at first and at the most, it tries a step up.
const CALM_MIN: Duration = Duration::from_secs(20);
const CALM_MAX: Duration = Duration::from_secs(320);
/// Trouble so soon after a step up means that it was wrong.
const REGRET: Duration = Duration::from_secs(30);

/// Lost and made up, in ten thousands, from which on they are trouble, and below which all is calm.
const LOST_TROUBLE: u16 = 100;
const LOST_CALM: u16 = 30;
/// So much is not lost by chance: the path carries no more, and its queue is full.
const LOST_NARROW: u16 = 1_500;
const MADE_UP_TROUBLE: u16 = 50;
const MADE_UP_CALM: u16 = 10;
/// A queue on the way that stands (µs), one that grows (µs in a second), and none.
const QUEUE_TROUBLE_US: u32 = 40_000;
const QUEUE_GROWS_US: i32 = 15_000;
const QUEUE_CALM_US: u32 = 10_000;

/// Why it moved.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Reason {
    /// This share (0 to 1) of the packets gets lost, and not all can be replaced.
    Loss(f32),
    /// Packets come too unevenly for the depth that listeners allow.
    Jitter,
    /// A queue grows on the way: about so many bits a second get through.
    Narrow(f32),
    /// All has been well for so long.
    Calm(Duration),
}

/// A change of the way of sending.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Move {
    /// The way from now on.
    pub to: Step,
    /// Why.
    pub reason: Reason,
}

#[derive(Debug, Clone, Copy)]
struct Listener {
    reception: Reception,
    at: Instant,
    trouble: Option<Trouble>,
    reports: u32,
    calm_since: Option<Instant>,
}

impl Listener {
    fn is_fresh(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.at) < REPORT_FRESH
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trouble {
    Loss,
    Jitter,
    Narrow,
}

/// Decides for one source.
#[derive(Debug)]
pub struct Automatic {
    is_on: bool,
    chosen: Quality,
    /// The steps that were left on the way down, the last one last, and the one that it is on.
    left: Vec<Step>,
    step: Step,
    listeners: BTreeMap<PeerId, Listener>,
    moved_at: Option<Instant>,
    rose_at: Option<Instant>,
    calm_needed: Duration,
}

impl Automatic {
    /// Sends as chosen until reports come.
    pub fn new(chosen: Quality, is_on: bool) -> Self {
        Self {
            is_on,
            chosen,
            left: Vec::new(),
            step: Step::Quality(chosen),
            listeners: BTreeMap::new(),
            moved_at: None,
            rose_at: None,
            calm_needed: CALM_MIN,
        }
    }

    /// The person chose another quality, or switched the automatic on or off: it begins anew at what they chose.
    pub fn choose(&mut self, chosen: Quality, is_on: bool) {
        *self = Self { listeners: std::mem::take(&mut self.listeners), ..Self::new(chosen, is_on) };
    }

    /// What the person chose.
    pub fn chosen(&self) -> Quality {
        self.chosen
    }

    /// Whether it may move.
    pub fn is_on(&self) -> bool {
        self.is_on
    }

    /// The way of sending now.
    pub fn step(&self) -> Step {
        self.step
    }

    /// A listener's report.
    pub fn heard(&mut self, listener: PeerId, reception: Reception, now: Instant) {
        let before = self.listeners.get(&listener);
        let trouble = trouble(&reception);
        let same = before.filter(|before| trouble.is_some() && before.trouble == trouble);
        let calm_since =
            before.and_then(|before| before.calm_since).or(Some(now)).filter(|_| is_calm(&reception));
        let reports = same.map_or(1, |before| before.reports + 1);
        self.listeners.insert(listener, Listener { reception, at: now, trouble, reports, calm_since });
    }

    /// How long after its capture a listener hears it, as they told of late.
    pub fn heard_after(&self, listener: PeerId, now: Instant) -> Option<Duration> {
        let listener = self.listeners.get(&listener).filter(|listener| listener.is_fresh(now))?;
        listener.reception.latency_us.map(|us| Duration::from_micros(us.into()))
    }

    /// A listener is gone.
    pub fn gone(&mut self, listener: PeerId) {
        self.listeners.remove(&listener);
    }

    /// Moves if it is time to; to be called some times a second.
    pub fn poll(&mut self, now: Instant) -> Option<Move> {
        self.listeners.retain(|_, listener| listener.is_fresh(now));
        let settling = self.moved_at.is_some_and(|at| now.saturating_duration_since(at) < SETTLING);
        if !self.is_on || settling || self.listeners.is_empty() {
            return None;
        }
        self.go_down(now).or_else(|| self.go_up(now))
    }

    fn go_down(&mut self, now: Instant) -> Option<Move> {
        let shared = [Trouble::Narrow, Trouble::Loss, Trouble::Jitter].into_iter().find(|trouble| {
            let proven = |listener: &&Listener| {
                listener.trouble == Some(*trouble) && listener.reports >= TROUBLED_REPORTS
            };
            2 * self.listeners.values().filter(proven).count() > self.listeners.len()
        })?;
        let to = if shared == Trouble::Narrow { self.step.narrower()? } else { self.step.safer()? };
        let reason = match shared {
            Trouble::Narrow => Reason::Narrow(self.available_bps()),
            Trouble::Loss => Reason::Loss(self.lost_share()),
            Trouble::Jitter => Reason::Jitter,
        };
        let regrets = self.rose_at.is_some_and(|at| now.saturating_duration_since(at) < REGRET);
        self.calm_needed = if regrets { (2 * self.calm_needed).min(CALM_MAX) } else { CALM_MIN };
        self.left.push(std::mem::replace(&mut self.step, to));
        Some(self.moved(now, reason))
    }

    fn go_up(&mut self, now: Instant) -> Option<Move> {
        let calm_needed = self.calm_needed;
        let is_calm = |listener: &&Listener| {
            listener.calm_since.is_some_and(|since| now.saturating_duration_since(since) >= calm_needed)
        };
        if 2 * self.listeners.values().filter(is_calm).count() <= self.listeners.len() {
            return None;
        }
        self.step = self.left.pop()?;
        self.rose_at = Some(now);
        Some(self.moved(now, Reason::Calm(calm_needed)))
    }

    fn moved(&mut self, now: Instant, reason: Reason) -> Move {
        self.moved_at = Some(now);
        for listener in self.listeners.values_mut() {
            (listener.trouble, listener.reports, listener.calm_since) = (None, 0, None);
        }
        Move { to: self.step, reason }
    }

    /// What gets through to the listener in the middle: what is sent, less what is lost and what the queue grows by.
    fn available_bps(&self) -> f32 {
        let sent = self.step.rate_bps() as f32;
        self.median(|reception| {
            let arrives = 1.0 - f32::from(reception.lost) / 10_000.0;
            sent * arrives / (1.0 + reception.queueing_change_us.max(0) as f32 / 1e6)
        })
    }

    fn lost_share(&self) -> f32 {
        self.median(|reception| f32::from(reception.lost) / 10_000.0)
    }

    fn median(&self, figure: impl Fn(&Reception) -> f32) -> f32 {
        let mut figures: Vec<f32> =
            self.listeners.values().map(|listener| figure(&listener.reception)).collect();
        figures.sort_by(f32::total_cmp);
        figures.get(figures.len() / 2).copied().unwrap_or_default()
    }
}

fn trouble(reception: &Reception) -> Option<Trouble> {
    let grows = reception.queueing_change_us > QUEUE_GROWS_US;
    let stands = reception.queueing_us > QUEUE_TROUBLE_US;
    let suffers = reception.made_up > MADE_UP_TROUBLE;
    if grows || stands || reception.lost > LOST_NARROW {
        Some(Trouble::Narrow)
    } else if suffers && reception.lost > LOST_TROUBLE {
        Some(Trouble::Loss)
    } else if suffers && reception.at_ceiling {
        Some(Trouble::Jitter)
    } else {
        None
    }
}

fn is_calm(reception: &Reception) -> bool {
    reception.lost < LOST_CALM && reception.made_up < MADE_UP_CALM && reception.queueing_us < QUEUE_CALM_US
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "an Instant has no other origin")]
mod tests {
    use super::*;
    use backline_wire::Ssrc;

    const WELL: Reception = Reception {
        ssrc: Ssrc(1),
        lost: 0,
        made_up: 0,
        queueing_us: 500,
        queueing_change_us: 0,
        at_ceiling: false,
        latency_us: None,
    };
    const LOSSY: Reception = Reception { lost: 500, made_up: 300, ..WELL };
    const NARROW: Reception =
        Reception { lost: 2_000, queueing_us: 80_000, queueing_change_us: 30_000, ..WELL };

    /// So many seconds of reports, one for each listener; what it did.
    fn seconds(automatic: &mut Automatic, now: &mut Instant, count: u32, reports: &[Reception]) -> Vec<Move> {
        let mut moves = Vec::new();
        for _ in 0..count {
            *now += Duration::from_secs(1);
            for (listener, reception) in reports.iter().enumerate() {
                automatic.heard(PeerId(listener as u16), *reception, *now);
            }
            moves.extend(automatic.poll(*now));
        }
        moves
    }

    fn steps(moves: &[Move]) -> Vec<Step> {
        moves.iter().map(|one| one.to).collect()
    }

    #[test]
    fn loss_makes_it_safer_one_step_at_a_time_and_calm_brings_it_back_the_same_way() {
        let (mut automatic, mut now) = (Automatic::new(Quality::LowestLatency, true), Instant::now());
        assert_eq!(seconds(&mut automatic, &mut now, 1, &[LOSSY]), [], "one report proves nothing");
        let down = seconds(&mut automatic, &mut now, 5, &[LOSSY]);
        assert_eq!(steps(&down), [Step::BalancedTwice, Step::Quality(Quality::Careful)]);
        assert_eq!(down[0].reason, Reason::Loss(0.05));
        let up = seconds(&mut automatic, &mut now, 60, &[WELL]);
        assert_eq!(steps(&up), [Step::BalancedTwice, Step::Quality(Quality::LowestLatency)]);
        assert_eq!(up[0].reason, Reason::Calm(CALM_MIN));
    }

    #[test]
    fn a_queue_makes_it_narrower_and_says_what_gets_through() {
        let (mut automatic, mut now) = (Automatic::new(Quality::LowestLatency, true), Instant::now());
        let down = seconds(&mut automatic, &mut now, 2, &[NARROW]);
        assert_eq!(steps(&down), [Step::Quality(Quality::Balanced)]);
        let Reason::Narrow(bps) = down[0].reason else { panic!("{down:?}") };
        let sent = Step::Quality(Quality::LowestLatency).rate_bps() as f32;
        assert!((bps / sent - 0.8 / 1.03).abs() < 0.001);
    }

    #[test]
    fn one_bad_listener_of_three_moves_nothing_and_two_do() {
        let (mut automatic, mut now) = (Automatic::new(Quality::Balanced, true), Instant::now());
        assert_eq!(seconds(&mut automatic, &mut now, 20, &[LOSSY, WELL, WELL]), []);
        assert_eq!(seconds(&mut automatic, &mut now, 3, &[LOSSY, LOSSY, WELL]).len(), 1);
        automatic.gone(PeerId(0));
        automatic.gone(PeerId(1));
        automatic.gone(PeerId(2));
        assert_eq!(automatic.poll(now + Duration::from_secs(60)), None, "nobody listens");
    }

    #[test]
    fn what_was_wrong_once_is_tried_again_later_and_later() {
        let (mut automatic, mut now) = (Automatic::new(Quality::Balanced, true), Instant::now());
        let mut waited = Vec::new();
        for _ in 0..7 {
            seconds(&mut automatic, &mut now, 6, &[LOSSY]);
            let before = now;
            while automatic.step() != Step::Quality(Quality::Balanced) {
                seconds(&mut automatic, &mut now, 1, &[WELL]);
            }
            waited.push(now.saturating_duration_since(before).as_secs());
        }
        assert!(waited.is_sorted() && waited[1] >= 40 && waited[6] >= 320 && waited[6] < 700, "{waited:?}");
    }

    #[test]
    fn switched_off_it_stays() {
        let (mut automatic, mut now) = (Automatic::new(Quality::Balanced, false), Instant::now());
        assert_eq!(seconds(&mut automatic, &mut now, 20, &[LOSSY]), []);
        automatic.choose(Quality::Lossless, true);
        assert_eq!(
            steps(&seconds(&mut automatic, &mut now, 3, &[NARROW])),
            [Step::Quality(Quality::LowestLatency)]
        );
        automatic.choose(Quality::Lossless, false);
        assert_eq!(automatic.step(), Step::Quality(Quality::Lossless));
    }
}
