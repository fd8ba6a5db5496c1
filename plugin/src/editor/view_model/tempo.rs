//! Tempo and transport in words: who leads, where the song is, what a person may do about it.

use std::time::{Duration, Instant};

use backline_client::{Bpm, Command, Connection, Snapshot, Tempo, TempoError, TransportView, sentences};

use super::{in_session, words};
use crate::editor::backend::Values;

/// Tempo and transport of the session.
#[derive(Debug, Clone, PartialEq)]
pub struct TempoPanel {
    /// Of whoever leads, else the session's.
    pub tempo: Tempo,
    /// Where it was, and how it goes on; none before anybody led or started anything.
    transport: Option<TransportView>,
    /// Whose DAW leads, or what one can do.
    pub leader: String,
    /// Tempo and meter are the session's, and anybody's to change.
    pub is_editable: bool,
    /// “Start” or “Stop”; none while a DAW leads, or while the host does not answer.
    pub by_hand: Option<StartStop>,
    /// To lead, or no longer.
    pub lead: LeadOffer,
    /// By how much the click is later than the leader plays, and why; empty where it is not.
    pub path: String,
    /// Who records; empty where nobody does.
    pub recording: String,
    /// The click is on.
    pub metronome: bool,
    /// How loud it is, in dB.
    pub metronome_db: f32,
}

/// What a press on the one button does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartStop {
    /// Nothing rolls.
    Start,
    /// Somebody has started it by hand.
    Stop,
}

/// To lead, or no longer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeadOffer {
    /// What is written on the switch.
    pub text: &'static str,
    /// What it asks for.
    pub leads: bool,
    /// Why it cannot be pressed; none where it can.
    pub obstacle: Option<&'static str>,
}

impl TempoPanel {
    /// What the snapshot holds; none without a session.
    pub fn new(snapshot: &Snapshot, values: &Values) -> Option<Self> {
        let view = &snapshot.tempo;
        let leader = view.leader.as_ref();
        let led = leader.is_some_and(|leader| leader.is_here);
        let rolls = view.transport.is_some_and(|transport| transport.is_rolling);
        let is_reached = snapshot.connection != Connection::Reconnecting;
        let by_hand = if rolls { StartStop::Stop } else { StartStop::Start };
        let panel = Self {
            tempo: view.tempo,
            transport: view.transport,
            leader: match leader {
                None => {
                    "Nobody's DAW leads. Anybody can start the beat for everybody, or let their DAW lead."
                        .to_owned()
                }
                Some(leader) if leader.is_own => {
                    "Your DAW leads: tempo, start, stop and place are everybody's.".to_owned()
                }
                Some(leader) if leader.is_here => format!("{}'s DAW leads.", leader.name),
                Some(leader) => format!("{}'s DAW leads as soon as they are back.", leader.name),
            },
            is_editable: !led,
            by_hand: (!led && is_reached).then_some(by_hand),
            lead: lead_offer(leader.is_some_and(|leader| leader.is_own), view.daw_tells),
            path: view.path.filter(|_| rolls).map(path_words).unwrap_or_default(),
            recording: recording(view.records, &view.others_record),
            metronome: values.metronome,
            metronome_db: values.metronome_db,
        };
        in_session(&snapshot.connection).then_some(panel)
    }

    /// It goes on by itself.
    pub fn is_rolling(&self) -> bool {
        self.transport.is_some_and(|transport| transport.is_rolling)
    }

    /// Where the song is: “12.3” is the third beat of bar 12; “−1.3” is counted in; none before anybody led or started anything.
    pub fn place(&self, now: Instant) -> Option<String> {
        let beats = self.beats(now)?;
        let bar = (beats / f64::from(self.tempo.meter.beats())).floor();
        let beat = beats - bar * f64::from(self.tempo.meter.beats()) + 1.0;
        let bar = if bar < 0.0 { format!("−{}", -bar) } else { (bar + 1.0).to_string() };
        Some(format!("{bar}.{}", beat.floor()))
    }

    /// How long it stays there.
    pub fn until_next_beat(&self, now: Instant) -> Option<Duration> {
        let beats = self.beats(now).filter(|_| self.is_rolling())?;
        let seconds_a_beat = self.tempo.meter.beat_quarters() / self.tempo.bpm.per_second();
        Some(Duration::from_secs_f64((1.0 - beats.rem_euclid(1.0)) * seconds_a_beat))
    }

    /// Beats since the beginning of the first bar.
    fn beats(&self, now: Instant) -> Option<f64> {
        let transport = self.transport?;
        let since = now.saturating_duration_since(transport.at).as_secs_f64();
        let rolled = if transport.is_rolling { since * self.tempo.bpm.per_second() } else { 0.0 };
        let bar = self.tempo.meter.bar_quarters();
        // Bars are counted from the beginning of the song, wherever in them one begins.
        let offset = transport.bar_start_quarters.rem_euclid(bar);
        let offset = if bar - offset < 1e-6 { 0.0 } else { offset };
        // A beat has begun when it is there to a thousandth.
        Some((transport.position_quarters + rolled - offset) / self.tempo.meter.beat_quarters() + 1e-3)
    }

    /// Another tempo, as typed.
    ///
    /// # Errors
    /// In words for the person, when it is none.
    pub fn bpm(&self, text: &str) -> Result<Command, String> {
        let number = text.trim().trim_end_matches("bpm").trim().replace(',', ".").parse().unwrap_or(f64::NAN);
        let bpm = Bpm::new(number).map_err(|error| problem(&error))?;
        Ok(Command::SetTempo(Tempo { bpm, ..self.tempo }))
    }

    /// Another meter, as typed.
    ///
    /// # Errors
    /// In words for the person, when it is none.
    pub fn meter(&self, text: &str) -> Result<Command, String> {
        let meter = text.parse().map_err(|error| problem(&error))?;
        Ok(Command::SetTempo(Tempo { meter, ..self.tempo }))
    }
}

fn lead_offer(is_own: bool, daw_tells: bool) -> LeadOffer {
    let obstacle = (!is_own && !daw_tells).then_some("Your DAW does not say where its song is.");
    match is_own {
        true => LeadOffer { text: "Stop leading", leads: false, obstacle: None },
        false => LeadOffer { text: "Lead with my DAW", leads: true, obstacle },
    }
}

fn problem(error: &TempoError) -> String {
    let (what, advice) = sentences(&error.to_string());
    format!("{what} {advice}").trim_end().to_owned()
}

fn path_words(path: Duration) -> String {
    format!("The click is with what you hear of the leader, {} after they play.", words::time(Some(path)))
}

fn recording(own: bool, others: &[String]) -> String {
    match (own, others) {
        (false, []) => String::new(),
        (false, [name]) => format!("{name} records."),
        (true, []) => "You record.".to_owned(),
        (true, names) => format!("You and {} record.", names.join(", ")),
        (false, names) => format!("{} record.", names.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::editor::view_model::tests::snapshot;
    use backline_client::{LeaderView, Meter};

    fn panel(snapshot: &Snapshot) -> TempoPanel {
        TempoPanel::new(snapshot, &Values::default()).expect("in a session")
    }

    fn rolling(at: Instant, position_quarters: f64) -> TransportView {
        TransportView { at, position_quarters, bar_start_quarters: 0.0, is_rolling: true, by_hand: true }
    }

    #[test]
    fn a_place_is_bar_and_beat_and_is_counted_in() {
        let (mut snapshot, at) = (snapshot(Connection::Hosting), Instant::now());
        snapshot.tempo.transport = Some(rolling(at, -4.0));
        let panel = panel(&snapshot);
        let place = |ms| panel.place(at + Duration::from_millis(ms)).unwrap();
        assert_eq!([0, 499, 500, 1_999].map(place), ["−1.1", "−1.1", "−1.2", "−1.4"]);
        assert_eq!([2_000, 3_999, 4_000, 30_250].map(place), ["1.1", "1.4", "2.1", "15.1"]);
        let until = panel.until_next_beat(at + Duration::from_millis(2_200)).unwrap();
        assert!(until.abs_diff(Duration::from_millis(300)) < Duration::from_millis(2), "{until:?}");
    }

    #[test]
    fn bars_that_begin_elsewhere_and_eighths_are_counted_too() {
        let (mut snapshot, at) = (snapshot(Connection::Hosting), Instant::now());
        let meter = Meter::new(6, 8).unwrap();
        snapshot.tempo.tempo = Tempo { bpm: Bpm::new(60.0).unwrap(), meter };
        let transport = TransportView { bar_start_quarters: 7.0, is_rolling: false, ..rolling(at, 7.5) };
        snapshot.tempo.transport = Some(transport);
        let panel = panel(&snapshot);
        assert_eq!(panel.place(at + Duration::from_secs(9)).as_deref(), Some("3.2"), "it stands");
        assert_eq!(panel.until_next_beat(at), None);
    }

    #[test]
    fn who_leads_is_said_and_decides_what_one_may_do() {
        let mut snapshot = snapshot(Connection::Hosting);
        let nobody = panel(&snapshot);
        assert!(nobody.is_editable && nobody.by_hand == Some(StartStop::Start));
        assert!(nobody.lead.obstacle.is_some(), "a host without a transport leads nobody");
        snapshot.tempo.daw_tells = true;
        let leader = |name: &str, is_own, is_here| Some(LeaderView { name: name.into(), is_own, is_here });
        snapshot.tempo.leader = leader("Ada", false, true);
        let led = panel(&snapshot);
        assert_eq!((led.leader.as_str(), led.is_editable, led.by_hand), ("Ada's DAW leads.", false, None));
        assert_eq!((led.lead.text, led.lead.leads, led.lead.obstacle), ("Lead with my DAW", true, None));
        snapshot.tempo.leader = leader("Ada", false, false);
        assert_eq!(panel(&snapshot).by_hand, Some(StartStop::Start), "she is away");
        snapshot.tempo.leader = leader("you", true, true);
        assert_eq!((panel(&snapshot).lead.text, panel(&snapshot).lead.leads), ("Stop leading", false));
    }

    #[test]
    fn what_is_typed_is_a_tempo_or_says_what_one_is() {
        let panel = panel(&snapshot(Connection::Hosting));
        let tempo = |bpm, meter: &str| {
            Ok(Command::SetTempo(Tempo { bpm: Bpm::new(bpm).unwrap(), meter: meter.parse().unwrap() }))
        };
        assert_eq!(panel.bpm(" 92,5 bpm"), tempo(92.5, "4/4"));
        assert_eq!(panel.meter("7 / 8"), tempo(120.0, "7/8"));
        assert_eq!(panel.bpm("fast"), Err("A tempo is from 10 to 999 beats a minute.".to_owned()));
        assert!(panel.meter("4/5").unwrap_err().starts_with("A bar has 1 to 64 beats"));
    }

    #[test]
    fn who_records_is_told_by_name() {
        let others = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        assert_eq!(recording(false, &others(&["Bob"])), "Bob records.");
        assert_eq!(recording(true, &others(&["Ada", "Bob"])), "You and Ada, Bob record.");
        assert_eq!(recording(false, &[]), "");
    }
}
