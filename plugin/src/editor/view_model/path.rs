//! *Test my path* in words: whether one can play together with who is there, what most of the way consists of, and what to do about it.
//!
//! A pure function of the snapshot. It measures nothing itself: every packet that plays is a measurement already, the clocks are
//! compared with each peer all the time, and who hears us tells after how long. The step before is `backend.rs`; the step after is the panel of the same name.

use std::time::Duration;

use backline_client::{LatencyStages, ParticipantId, Route, Snapshot, SourceView};

use super::in_session;
use super::strips::{LATENCY_FELT_MS, LATENCY_HARD_MS, latency_tone};
use super::words;
use crate::editor::theme::Tone;

/// What people who stand close to each other are apart, in milliseconds of sound.
const AS_ON_STAGE_MS: f64 = 10.0;
/// From here on nobody holds a beat against the others, in milliseconds.
const TOO_FAR_MS: f64 = 60.0;
/// Sound in air, in metres in a millisecond.
const SOUND_M_PER_MS: f64 = 0.343;
/// A wait of the playout is the network's fault where rare packets are later by this much.
const UNEVEN: Duration = Duration::from_millis(2);

/// Of two ways that differ by more, the longer one is what to look at.
const LOPSIDED: Duration = Duration::from_millis(10);

/// The answer to *Test my path*.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathTest {
    /// How good it is with whoever is farthest.
    pub tone: Tone,
    /// "36.0 ms there and back: as if you stood 6 m apart; good for tight playing."
    pub verdict: String,
    /// What most of that is and what to do about it; empty where that is not measured.
    pub advice: String,
    /// Everybody whose way is measured, the nearest first.
    pub people: Vec<PersonPath>,
}

/// The way to one person and back in figures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonPath {
    /// Whose.
    pub name: String,
    /// From their capture to our playout: "18.0 ms".
    pub to_you: String,
    /// From our capture to their playout; a dash as long as they play nothing of ours.
    pub to_them: String,
    /// How far apart one would stand: "6 m".
    pub apart: String,
    /// Round trip of the network.
    pub network: String,
}

/// The way to one person.
struct Way<'a> {
    participant: ParticipantId,
    source: &'a SourceView,
    one_way: Duration,
    /// Our way to them, as far as it is known.
    back: Option<Duration>,
}

impl Way<'_> {
    /// What both ways take on average; one alone stands for both.
    fn apart(&self) -> Duration {
        (self.one_way + self.back.unwrap_or(self.one_way)) / 2
    }

    fn apart_ms(&self) -> f64 {
        self.apart().as_secs_f64() * 1000.0
    }

    /// "36.0 ms there and back"
    fn length(&self) -> String {
        match self.back {
            Some(back) => format!("{} there and back", words::time(Some(self.one_way + back))),
            None => format!("{} one way", words::time(Some(self.one_way))),
        }
    }

    fn figures(&self) -> PersonPath {
        PersonPath {
            name: name(self.source),
            to_you: words::time(Some(self.one_way)),
            to_them: words::time(self.back),
            apart: metres(self.apart_ms()),
            network: words::time(self.source.round_trip),
        }
    }
}

impl PathTest {
    /// None without a session.
    pub(super) fn new(snapshot: &Snapshot) -> Option<Self> {
        if !in_session(&snapshot.connection) {
            return None;
        }
        let ways = ways(snapshot);
        let Some(farthest) = ways.last() else { return Some(Self::unmeasured(snapshot)) };
        let ms = farthest.apart_ms();
        let verdict =
            format!("{}: as if you stood {} apart; {}.", farthest.length(), metres(ms), together(ms));
        let verdict = match ways.len() {
            1 => verdict,
            _ => format!("Farthest is {}, {verdict}", name(farthest.source)),
        };
        Some(Self {
            tone: latency_tone(ms),
            verdict,
            advice: advice(farthest),
            people: ways.iter().map(Way::figures).collect(),
        })
    }

    fn unmeasured(snapshot: &Snapshot) -> Self {
        let present = || snapshot.sources.iter().filter(|source| source.present);
        let verdict = if present().next().is_none() {
            "Nobody else sends anything yet. The way is measured as soon as somebody does."
        } else {
            "The way is being measured. This takes a few seconds."
        };
        Self { tone: Tone::Quiet, verdict: verdict.to_owned(), advice: String::new(), people: Vec::new() }
    }
}

/// The longest way of each person who is there, the nearest person first.
fn ways(snapshot: &Snapshot) -> Vec<Way<'_>> {
    let mut ways: Vec<Way<'_>> = Vec::new();
    for source in snapshot.sources.iter().filter(|source| source.present && !source.is_mix) {
        let participant = source.source.participant;
        let Some(one_way) = source.latency else { continue };
        let way = Way { participant, source, one_way, back: source.hears_us_after };
        match ways.iter_mut().find(|way| way.participant == participant) {
            Some(known) if known.one_way < one_way => *known = way,
            Some(_) => {}
            None => ways.push(way),
        }
    }
    ways.sort_by_key(Way::apart);
    ways
}

fn name(source: &SourceView) -> String {
    words::or(&source.participant_name, "Participant")
}

fn metres(ms: f64) -> String {
    format!("{:.0} m", (ms * SOUND_M_PER_MS).max(1.0))
}

/// What can be played over `ms` one way.
fn together(ms: f64) -> &'static str {
    match ms {
        ms if ms <= AS_ON_STAGE_MS => "as on one stage, good for everything",
        ms if ms <= LATENCY_FELT_MS => "good for tight playing",
        ms if ms <= LATENCY_HARD_MS => "felt in fast music, good for what is slow or has one who leads",
        ms if ms <= TOO_FAR_MS => "hard to play together, unless one leads and the others follow",
        _ => "play along, but not together",
    }
}

/// What to do about a way, as far as it is measured.
fn advice(way: &Way<'_>) -> String {
    match (way.back, &way.source.stages) {
        (Some(back), _) if back > way.one_way + LOPSIDED => format!(
            "{} hears you {} later than you hear them: their playout, or how you send. They see which when they test their path.",
            name(way.source),
            words::time(Some(back - way.one_way)),
        ),
        (_, Some(stages)) => largest_part(way.source, stages),
        (_, None) if way.source.route == Route::Mixed => {
            "The server mixes what you hear; a server that is nearer to both of you helps, or a smaller buffer size on both sides."
                .to_owned()
        }
        (_, None) => String::new(),
    }
}

/// The largest part of the way of `source`, and what makes it smaller.
fn largest_part(source: &SourceView, stages: &LatencyStages) -> String {
    let name = name(source);
    let is_uneven = stages.network.p99.saturating_sub(stages.network.median) >= UNEVEN;
    let detour = matches!(source.route, Route::ThroughHost | Route::ThroughTurn);
    let parts = [
        (
            stages.capture_block,
            format!("the block of {name}’s device"),
            "a smaller buffer size in their DAW helps, 64 or 128 samples",
        ),
        (
            stages.encode,
            format!("how {name}’s track is cut and coded"),
            "the quality Lowest latency on their side helps, and a smaller buffer size there",
        ),
        (
            stages.network.median,
            "the network".to_owned(),
            if detour {
                "no direct path was found; one would be shorter, see Network before you join"
            } else {
                "that is distance and what lies between; a cable in place of Wi-Fi helps on both sides"
            },
        ),
        (
            stages.playout.median,
            "what your playout holds back".to_owned(),
            if is_uneven {
                "packets come unevenly; a cable in place of Wi-Fi helps on both sides, or a lower Playout ≤ at the price of gaps"
            } else {
                "a lower Playout ≤ helps, at the price of gaps where packets get lost"
            },
        ),
        (
            stages.output_block,
            "the block of your device".to_owned(),
            "a smaller buffer size in your DAW helps, 64 or 128 samples",
        ),
    ];
    let largest = parts.into_iter().max_by_key(|(time, ..)| *time);
    largest.map_or_else(String::new, |(time, what, remedy)| {
        format!("The largest part is {what}, {}: {remedy}.", words::time(Some(time)))
    })
}

#[cfg(test)]
mod tests {
    use backline_client::{Connection, Stage};

    use super::*;
    use crate::editor::view_model::tests::{snapshot, source, with_ada};

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn at(latency_ms: u64) -> PathTest {
        let mut snapshot = with_ada(0);
        snapshot.sources[0].latency = Some(ms(latency_ms));
        PathTest::new(&snapshot).unwrap()
    }

    #[test]
    fn it_says_how_far_apart_that_is_and_what_can_be_played() {
        assert_eq!(at(18).verdict, "18.0 ms one way: as if you stood 6 m apart; good for tight playing.");
        for (latency_ms, tone, words) in [
            (1, Tone::Good, "stood 1 m apart; as on one stage"),
            (10, Tone::Good, "stood 3 m apart; as on one stage"),
            (11, Tone::Good, "good for tight playing"),
            (25, Tone::Good, "good for tight playing"),
            (26, Tone::Warning, "felt in fast music"),
            (50, Tone::Warning, "felt in fast music"),
            (51, Tone::Bad, "hard to play together"),
            (60, Tone::Bad, "hard to play together"),
            (61, Tone::Bad, "play along, but not together"),
            (900, Tone::Bad, "play along, but not together"),
        ] {
            let test = at(latency_ms);
            assert!(test.tone == tone && test.verdict.contains(words), "{latency_ms}: {test:?}");
        }
    }

    #[test]
    fn the_farthest_person_decides_and_each_is_listed_once() {
        let mut snapshot = with_ada(0);
        let mut add = |number, name: &str, latency_ms| {
            let mut other = source(number, None);
            other.participant_name = name.into();
            other.latency = Some(ms(latency_ms));
            snapshot.sources.push(other);
        };
        add(8, "Farid", 64);
        add(9, "Ben", 3);
        let mut mics = snapshot.sources[2].clone();
        mics.latency = Some(ms(13));
        snapshot.sources.push(mics);
        let test = PathTest::new(&snapshot).unwrap();
        assert_eq!(
            test.verdict,
            "Farthest is Farid, 64.0 ms one way: as if you stood 22 m apart; play along, but not together."
        );
        let names: Vec<&str> = test.people.iter().map(|person| person.name.as_str()).collect();
        assert_eq!(names, ["Ada", "Ben", "Farid"]);
        let ben = &test.people[1];
        assert_eq!([&ben.to_you, &ben.to_them, &ben.apart, &ben.network], ["13.0 ms", "–", "4 m", "4.0 ms"]);
        assert_eq!(test.advice, "", "nothing is said of what is not measured");
    }

    #[test]
    fn what_they_hear_of_us_counts_as_what_we_hear_of_them() {
        let mut snapshot = with_ada(0);
        (snapshot.sources[0].latency, snapshot.sources[0].hears_us_after) = (Some(ms(18)), Some(ms(22)));
        let test = PathTest::new(&snapshot).unwrap();
        assert_eq!(
            test.verdict,
            "40.0 ms there and back: as if you stood 7 m apart; good for tight playing."
        );
        let ada = &test.people[0];
        assert_eq!([&ada.to_you, &ada.to_them, &ada.apart], ["18.0 ms", "22.0 ms", "7 m"]);
        snapshot.sources[0].hears_us_after = Some(ms(58));
        let test = PathTest::new(&snapshot).unwrap();
        assert!(test.verdict.starts_with("76.0 ms there and back") && test.tone == Tone::Warning, "{test:?}");
        assert!(test.advice.starts_with("Ada hears you 40.0 ms later than you hear them"), "{}", test.advice);
    }

    #[test]
    fn the_largest_stage_is_named_with_what_to_do() {
        let calm = LatencyStages {
            capture_block: ms(1),
            encode: ms(1),
            network: Stage { median: ms(1), p99: ms(1) },
            playout: Stage { median: ms(1), p99: ms(1) },
            output_block: ms(1),
        };
        let network = Stage { median: ms(20), p99: ms(21) };
        let playout = Stage { median: ms(20), p99: ms(20) };
        let uneven = Stage { median: ms(1), p99: ms(15) };
        for (stages, route, words) in [
            (
                LatencyStages { capture_block: ms(20), ..calm },
                Route::Direct,
                "block of Ada’s device, 20.0 ms: a smaller buffer",
            ),
            (LatencyStages { encode: ms(20), ..calm }, Route::Direct, "Lowest latency on their side"),
            (LatencyStages { network, ..calm }, Route::Direct, "the network, 20.0 ms: that is distance"),
            (LatencyStages { network, ..calm }, Route::ThroughHost, "no direct path was found"),
            (LatencyStages { playout, ..calm }, Route::Direct, "holds back, 20.0 ms: a lower Playout"),
            (LatencyStages { playout, network: uneven, ..calm }, Route::Direct, "packets come unevenly"),
            (
                LatencyStages { output_block: ms(20), ..calm },
                Route::Direct,
                "a smaller buffer size in your DAW",
            ),
        ] {
            let mut snapshot = with_ada(0);
            snapshot.sources[0].stages = Some(stages);
            snapshot.sources[0].route = route;
            let advice = PathTest::new(&snapshot).unwrap().advice;
            assert!(advice.contains(words), "{advice}");
        }
    }

    #[test]
    fn where_nothing_is_measured_it_says_why() {
        assert_eq!(PathTest::new(&snapshot(Connection::Idle)), None);
        let verdict = |snapshot: &Snapshot| PathTest::new(snapshot).unwrap().verdict;
        assert!(verdict(&snapshot(Connection::Hosting)).contains("Nobody else sends"));
        let mut snapshot = with_ada(0);
        snapshot.sources[0].latency = None;
        assert!(verdict(&snapshot).contains("being measured"));
    }

    #[test]
    fn in_a_mix_the_people_count_and_not_the_mix() {
        let mut snapshot = with_ada(0);
        let mut mix = source(8, None);
        (mix.is_mix, mix.participant_name, mix.latency) = (true, "Rehearsal".into(), Some(ms(90)));
        snapshot.sources.push(mix);
        (snapshot.sources[0].latency, snapshot.sources[0].route) = (Some(ms(21)), Route::Mixed);
        let test = PathTest::new(&snapshot).unwrap();
        assert!(test.verdict.starts_with("21.0 ms one way") && test.people.len() == 1, "{test:?}");
        assert!(test.advice.starts_with("The server mixes what you hear"), "{}", test.advice);
    }
}
