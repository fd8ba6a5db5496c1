//! The strips, in words: slot order, and an absent source keeps its place.

use std::sync::Arc;

use backline_client::{FaderView, MemberOperations, Route, SlotView, Snapshot, SourceId, SourceView, Stage};

use super::link::Link;
use super::plot::Past;
use super::recording::RecordingOffset;
use super::returns::track_name;
use super::words;
use crate::editor::backend::{SlotValues, Values};
use crate::editor::theme::Tone;

/// Latency that is felt, and latency that is hard to play with, in milliseconds.
pub(super) const LATENCY_FELT_MS: f64 = 25.0;
pub(super) const LATENCY_HARD_MS: f64 = 50.0;
/// Loss that is worth a look, and loss that is heard, as shares.
pub(super) const LOSS_SEEN: f32 = 0.001;
const LOSS_HEARD: f32 = 0.02;
/// What a source without a colour of its own gets.
const AWAY_COLOUR: [u8; 3] = [0x78, 0x80, 0x8E];

/// One slot.
#[derive(Debug, Clone, PartialEq)]
pub struct Strip {
    /// Counts from 0.
    pub slot: usize,
    /// Whom it carries; none where it is free.
    pub bound: Option<BoundStrip>,
}

/// How a source comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RouteBadge {
    /// Straight.
    Direct,
    /// Through a TURN server.
    ThroughTurn,
    /// Through the host.
    ThroughHost,
    /// In the mix that the server makes.
    Mixed,
    /// Not yet.
    Waiting,
}

/// A slot that carries a source.
#[derive(Debug, Clone, PartialEq)]
pub struct BoundStrip {
    /// Whom it carries.
    pub source: SourceId,
    /// The source is in the session now, and this track returns it.
    pub present: bool,
    /// Why not, in a word: "Away", or "Other track".
    pub absence: &'static str,
    /// "Guitar".
    pub source_name: String,
    /// "Ada".
    pub participant_name: String,
    /// sRGB.
    pub colour: [u8; 3],
    /// How it comes.
    pub route: RouteBadge,
    /// The same as a sentence.
    pub route_text: String,
    /// Nobody on the way can listen.
    pub encrypted: bool,
    /// The same as a sentence.
    pub encrypted_text: String,
    /// "7.4 ms", one way.
    pub latency: String,
    /// Whether that is good.
    pub latency_tone: Tone,
    /// "0.0 %".
    pub loss: String,
    /// Whether that is good.
    pub loss_tone: Tone,
    /// How good the link is; none while it is away.
    pub link: Option<Link>,
    /// Name and figure, for the tooltip and the menu. Shared by the frames that show the same.
    pub details: Arc<Vec<(String, String)>>,
    /// What was measured of it in the last minutes.
    pub past: Past,
    /// By how much a recording of it must be moved earlier; none while that is not measured.
    pub recording_offset: Option<RecordingOffset>,
    /// In dB.
    pub gain_db: f32,
    /// -1 to 1.
    pub pan: f32,
    /// "L20".
    pub pan_text: String,
    /// How loud everyone gets it, in dB; none while it is away.
    pub send_db: Option<f32>,
    /// We may move that.
    pub may_move_send: bool,
    /// Who moved it last, and whether we may.
    pub send_text: String,
    /// Not heard.
    pub muted: bool,
    /// Heard alone.
    pub solo: bool,
    /// Not heard because others are solo.
    pub hidden_by_solo: bool,
    /// The bus by index, where there is a choice.
    pub bus: Option<usize>,
}

impl BoundStrip {
    /// It is heard: fader and meter are drawn in full.
    pub fn live(&self) -> bool {
        self.present && !self.muted && !self.hidden_by_solo
    }
}

/// Every slot, in order.
pub(super) fn strips(snapshot: &Snapshot, values: &Values) -> Vec<Strip> {
    let any_solo =
        snapshot.slots.iter().zip(&values.slots).any(|(slot, values)| slot.is_some() && values.solo);
    let slots = snapshot.slots.iter().zip(&values.slots).enumerate();
    slots
        .map(|(slot, (view, slot_values))| {
            let bound = view.as_ref().map(|view| {
                let source = snapshot.sources.iter().find(|source| source.source == view.source);
                let bus = values.has_aux_buses.then_some(slot_values.bus);
                let elsewhere = source.and_then(|source| elsewhere(snapshot, source));
                let bound = bound(snapshot, (view, source, elsewhere), slot_values, any_solo, bus);
                let here = source.filter(|_| bound.present);
                let recording_offset = here.and_then(|source| RecordingOffset::new(source, values));
                let past = here.and_then(|source| snapshot.histories.get(&source.source)).cloned();
                BoundStrip { recording_offset, past: Past(past.unwrap_or_default()), ..bound }
            });
            Strip { slot, bound }
        })
        .collect()
}

/// Where a source is heard that is in the session and not returned here.
fn elsewhere(snapshot: &Snapshot, source: &SourceView) -> Option<String> {
    if !source.present || source.returned_by == Some(snapshot.you.instance) {
        return None;
    }
    let owner = snapshot.instances.iter().find(|one| Some(one.instance) == source.returned_by);
    Some(match owner {
        Some(owner) => format!("In the session, and returned by {}", track_name(&owner.source_name)),
        None => "In the session, and no track of this project returns it".to_owned(),
    })
}

fn bound(
    snapshot: &Snapshot,
    (slot, source, elsewhere): (&SlotView, Option<&SourceView>, Option<String>),
    values: &SlotValues,
    any_solo: bool,
    bus: Option<usize>,
) -> BoundStrip {
    let present = slot.present && source.is_none_or(|source| source.present);
    let here = source.filter(|_| present);
    let (participant_name, source_name) = names(slot, source);
    let route = here.map_or(RouteBadge::Waiting, |source| route(source.route));
    let encrypted = here.is_some_and(|source| source.encrypted);
    let latency = here.and_then(|source| source.latency);
    let loss = here.map(|source| source.loss);
    BoundStrip {
        source: slot.source,
        present,
        absence: if elsewhere.is_some() { "Other track" } else { "Away" },
        source_name,
        participant_name,
        colour: source.map_or(AWAY_COLOUR, |source| source.colour),
        route,
        route_text: elsewhere.unwrap_or_else(|| route_text(route, present).to_owned()),
        encrypted,
        encrypted_text: if encrypted {
            "Encrypted: nobody on the way can listen; what comes through the host, the host can hear"
        } else {
            "No path to them yet; what you play travels encrypted or not at all"
        }
        .to_owned(),
        latency: words::time(latency),
        latency_tone: latency.map_or(Tone::Quiet, |latency| latency_tone(latency.as_secs_f64() * 1000.0)),
        loss: loss.map_or_else(|| words::NO_FIGURE.to_owned(), words::share),
        loss_tone: loss.map_or(Tone::Quiet, loss_tone),
        link: here.map(|source| Link::new(snapshot, source)),
        details: here.map(|source| details(snapshot, slot, source).into()).unwrap_or_default(),
        past: Past::default(),
        recording_offset: None,
        gain_db: values.gain_db,
        pan: values.pan,
        pan_text: words::pan(values.pan),
        send_db: here.map(|source| send_db(&source.send)),
        may_move_send: here.is_some_and(|source| source.send.may_move),
        send_text: here.map(send_text).unwrap_or_default(),
        muted: values.muted,
        solo: values.solo,
        hidden_by_solo: any_solo && !values.solo,
        bus,
    }
}

fn send_db(send: &FaderView) -> f32 {
    if send.mute { f32::NEG_INFINITY } else { send.gain.db() }
}

fn send_text(source: &SourceView) -> String {
    let what = format!("How loud everyone gets {}'s {}", source.participant_name, source.source_name);
    let moved = match source.send.moved_by.as_deref() {
        Some(name) => format!(". Moved last by {name}"),
        None => String::new(),
    };
    let may = if source.send.may_move {
        "You may move it for everyone."
    } else {
        "Only they may move it, until they let you."
    };
    format!("{what}{moved}.\n{may}")
}

/// Participant and source; of an absent source what the project remembers ("Ada · Guitar").
fn names(slot: &SlotView, source: Option<&SourceView>) -> (String, String) {
    let (participant, name) = match source {
        Some(source) => (source.participant_name.clone(), source.source_name.clone()),
        None => match slot.name.split_once(" · ") {
            Some((participant, name)) => (participant.to_owned(), name.to_owned()),
            None => (String::new(), slot.name.clone()),
        },
    };
    (words::or(&participant, "Participant"), words::or(&name, "Source"))
}

fn route(route: Route) -> RouteBadge {
    match route {
        Route::Direct => RouteBadge::Direct,
        Route::ThroughTurn => RouteBadge::ThroughTurn,
        Route::ThroughHost => RouteBadge::ThroughHost,
        Route::Mixed => RouteBadge::Mixed,
        Route::Waiting => RouteBadge::Waiting,
    }
}

fn route_text(route: RouteBadge, present: bool) -> &'static str {
    match (present, route) {
        (false, _) => "Not in the session now; the strip keeps its place and its levels",
        (true, RouteBadge::Direct) => "Direct: straight from the other participant",
        (true, RouteBadge::ThroughTurn) => "Through a TURN server: no shorter way was found",
        (true, RouteBadge::ThroughHost) => "Through the host: no direct path was found",
        (true, RouteBadge::Mixed) => "In the mix that the server makes for you; this fader moves it there",
        (true, RouteBadge::Waiting) => "Waiting for the first audio",
    }
}

pub(super) fn latency_tone(ms: f64) -> Tone {
    match ms {
        ms if ms <= LATENCY_FELT_MS => Tone::Good,
        ms if ms <= LATENCY_HARD_MS => Tone::Warning,
        _ => Tone::Bad,
    }
}

pub(super) fn loss_tone(loss: f32) -> Tone {
    match loss {
        loss if loss < LOSS_SEEN => Tone::Good,
        loss if loss < LOSS_HEARD => Tone::Warning,
        _ => Tone::Bad,
    }
}

fn details(snapshot: &Snapshot, slot: &SlotView, source: &SourceView) -> Vec<(String, String)> {
    let row = |name: &str, figure: String| (name.to_owned(), figure);
    let mut rows = vec![row("One way, capture to playout", words::time(source.latency))];
    if let Some(stages) = &source.stages {
        let stage = |stage: Stage| {
            format!("{}, rarely over {}", words::time(Some(stage.median)), words::time(Some(stage.p99)))
        };
        rows.extend([
            row("– block of their device", words::time(Some(stages.capture_block))),
            row("– cut and encoded", words::time(Some(stages.encode))),
            row("– on the network", stage(stages.network)),
            row("– held back by playout", stage(stages.playout)),
            row("– block of your device", words::time(Some(stages.output_block))),
        ]);
    } else {
        rows.push(row("Held back by playout", words::time(Some(source.depth))));
    }
    rows.extend([
        row("They hear you after", words::time(source.hears_us_after)),
        row("Round trip of the network", words::time(source.round_trip)),
        row("Concealed, last seconds", words::share(source.loss)),
        row("Concealed since joining", words::frames(source.concealed_frames)),
        row("Lost by the network, of late", words::share(source.lost)),
        row("Recovered from copies", words::frames(source.recovered_frames)),
        row("Sent again in time", words::packets(source.repaired)),
        row("Their clock against yours", words::drift(source.drift_ppm)),
        row("Comes as", source.encoding.clone()),
    ]);
    if let Some(name) = slot.monitor.moved_by.as_ref().filter(|name| *name != "you") {
        rows.push(row("In your ears set by", name.clone()));
    }
    let of_them = |member: &&MemberOperations| member.participant == source.source.participant;
    if let Some(member) = snapshot.operations.iter().find(of_them) {
        rows.push(row("Moves of theirs in the session", words::operations(&member.traffic.last_second)));
    }
    rows
}
