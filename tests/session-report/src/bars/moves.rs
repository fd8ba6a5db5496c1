//! Bar 1: whoever comes, goes, crashes, is cut off or takes another name, in whatever order: moving N moves N, and nothing else; and
//! what is routed to an output stays on it, and on its slot.

use std::time::Duration;

use backline_media_report::figure::{Figure, Limit, Report};
use backline_sim::Chance;
use backline_wire::limits::AUX_BUSES;
use backline_wire::{Bus, Name};

use crate::control_room::ControlRoom;

const SEED: u64 = 401;
const STEPS: usize = 14;
const SETTLES_WITHIN: Duration = Duration::from_secs(30);

/// What is wrong after a list of steps.
#[derive(Default)]
struct Wrong {
    /// Faders that were not touched and moved.
    others_moved: u64,
    /// Faders that somebody sees elsewhere than where they were left last.
    not_last: u64,
    /// Sources that were on another output than the one they were routed to last, for somebody.
    other_bus: u64,
    /// Sources that were on another slot than the one they came in on, for somebody.
    other_slot: u64,
    /// Lists after which not all had one document, or something still waited.
    apart: u64,
}

/// What there was to be judged.
#[derive(Default)]
struct Done {
    moves: u64,
    routings: u64,
}

/// What a fader should be at: where it was moved to last, by whomever.
struct Model {
    centi_db: Vec<i16>,
    /// Where each listener has routed each source to last.
    buses: Vec<Vec<Bus>>,
    /// The slot on which each source came in first, at each listener.
    slots: Vec<Vec<Option<usize>>>,
    is_in: Vec<bool>,
    is_cut: Vec<bool>,
}

/// 10,000 random lists of joins, departures, crashes (of the host, too), cuts, names, moves and routings.
pub fn measure(report: &mut Report<'_>) {
    let lists = report.seconds(10_000, 300);
    let mut wrong = Wrong::default();
    let mut done = Done::default();
    for list in 0..lists {
        one(SEED + list, &mut done, &mut wrong);
        if (list + 1) % 500 == 0 {
            report.progress(&format!("{} of {lists} lists", list + 1));
        }
    }
    let what = format!(
        "{lists} random lists of {STEPS} joins, departures, crashes, cuts, names, moves and routings ({} moves, {} routings)",
        done.moves, done.routings
    );
    let mut line = |part: &str, text: &str, count: u64| {
        let what = format!("{what}: {text}");
        report.print(&Figure::judged(&format!("1.{part}"), what, count as f64, "", Limit::AtMost(0.0)));
    };
    line("others", "faders that moved and were not touched", wrong.others_moved);
    line("last", "faders that somebody sees elsewhere than where they were left", wrong.not_last);
    line("bus", "sources on another output than where they were routed last", wrong.other_bus);
    line("slot", "sources that changed their slot", wrong.other_slot);
    line("equal", "lists after which not everybody had the same document", wrong.apart);
}

/// One list.
fn one(seed: u64, counted: &mut Done, wrong: &mut Wrong) {
    let mut chance = Chance::new(seed);
    let count = 2 + chance.below(3);
    let mut room = ControlRoom::kept(seed, count, Duration::from_millis(5 + chance.below(40) as u64));
    let mut model = Model {
        centi_db: vec![0; count],
        buses: vec![vec![Bus::MAIN; count]; count],
        slots: vec![vec![None; count]; count],
        is_in: vec![true; count],
        is_cut: vec![false; count],
    };
    let mut done = Vec::new();
    for _ in 0..STEPS {
        let who = chance.below(count);
        let drifted = (wrong.other_bus, wrong.other_slot);
        let what = match chance.below(16) {
            0 if who == 0 => restart_host(&mut room),
            0 if who > 0 => come_or_go(&mut room, &mut model, who, false),
            1 if who > 0 => come_or_go(&mut room, &mut model, who, true),
            2 | 3 if who > 0 => {
                model.is_cut[who] = !model.is_cut[who];
                room.cut(who, model.is_cut[who]);
                format!("{who} cut: {}", model.is_cut[who])
            }
            4 => {
                let now = room.world.instant();
                let name = Name::new(&format!("Name {}", chance.below(1_000)));
                if let Some(session) = room.session(who) {
                    session.set_name(now, name, [1, 2, 3]);
                }
                format!("{who} has another name")
            }
            5..=7 => {
                let source = chance.below(count);
                let bus = Bus::try_from(chance.below(AUX_BUSES + 1) as u8).unwrap_or(Bus::MAIN);
                counted.routings += route(&mut room, &mut model, (who, source, bus), wrong);
                format!("{who} routes {source} to {bus:?}")
            }
            _ => {
                let source = chance.below(count);
                let to = -(chance.below(6_000) as i16);
                counted.moves += drag(&mut room, &mut model, (who, source, to), wrong);
                format!("{who} drags {source} to {to}")
            }
        };
        done.push(what);
        // Two moves closer together than clocks agree have no order.
        room.world.run(Duration::from_millis(200 + chance.below(800) as u64));
        look_at_routing(&mut room, &mut model, wrong);
        if drifted != (wrong.other_bus, wrong.other_slot) {
            eprintln!("seed {seed}: an output or slot is another after {done:?}");
        }
    }
    for who in 1..count {
        room.cut(who, false);
        if !model.is_in[who] {
            let link = room.link.clone();
            room.world.join(room.people[who], &link);
        }
    }
    let settled = room.settle(SETTLES_WITHIN);
    look_at_routing(&mut room, &mut model, wrong);
    wrong.other_bus += not_routed_as_modelled(&mut room, &model);
    let is_apart = !settled || !room.documents_agree();
    let not_last = not_as_modelled(&mut room, &model);
    if is_apart || not_last > 0 {
        eprintln!("seed {seed}: apart {is_apart}, {not_last} faders elsewhere after {done:?}");
    }
    wrong.apart += u64::from(is_apart);
    wrong.not_last += not_last;
}

/// The host's DAW crashes and is opened again. With changes that wait it stays: they would be lost with the process here.
fn restart_host(room: &mut ControlRoom) -> String {
    if room.session(0).is_some_and(|session| session.waiting().count() > 0) {
        return "the host stays".to_owned();
    }
    room.restart_host();
    "the host crashes and is back".to_owned()
}

/// Leaves or crashes; or comes back, where they are away. Whoever has changes that wait stays: they would be lost with the
/// process here, where there is no disk.
fn come_or_go(room: &mut ControlRoom, model: &mut Model, who: usize, crashes: bool) -> String {
    if !model.is_in[who] {
        let link = room.link.clone();
        room.world.join(room.people[who], &link);
        model.is_in[who] = true;
        return format!("{who} joins");
    }
    let waits = room.session(who).is_some_and(|session| session.waiting().count() > 0);
    if waits || model.is_cut[who] {
        return format!("{who} stays");
    }
    model.is_in[who] = false;
    room.world.save_project(room.people[who]);
    if crashes {
        room.world.crash(room.people[who]);
        return format!("{who} crashes");
    }
    room.world.leave(room.people[who]);
    format!("{who} leaves")
}

/// A fader is dragged there in some steps; every other one must stay where it is for the one who drags.
fn drag(
    room: &mut ControlRoom,
    model: &mut Model,
    (who, source, to): (usize, usize, i16),
    wrong: &mut Wrong,
) -> u64 {
    let knows = room.session(who).is_some_and(|session| session.knows_session());
    if !model.is_in[who] || !knows {
        return 0;
    }
    let others = |room: &mut ControlRoom| -> Vec<_> {
        (0..model.centi_db.len())
            .filter(|other| *other != source)
            .map(|other| room.level(who, other))
            .collect()
    };
    let from = i32::from(model.centi_db[source]);
    for step in 1..=4 {
        // Nothing comes in between: who else moves something has done so before.
        let before = others(room);
        let on_the_way = from + (i32::from(to) - from) * step / 4;
        if !room.drag(who, source, on_the_way as i16) {
            return 0;
        }
        let after = others(room);
        wrong.others_moved +=
            before.iter().zip(&after).filter(|(before, after)| before != after).count() as u64;
        room.world.run(Duration::from_millis(5));
    }
    model.centi_db[source] = to;
    1
}

/// A source is put on another output of a listener's; every other one must stay on its own.
fn route(
    room: &mut ControlRoom,
    model: &mut Model,
    (listener, source, bus): (usize, usize, Bus),
    wrong: &mut Wrong,
) -> u64 {
    let knows = room.session(listener).is_some_and(|session| session.knows_session());
    if !model.is_in[listener] || !knows || !room.route(listener, source, bus) {
        return 0;
    }
    model.buses[listener][source] = bus;
    for of in 0..model.centi_db.len() {
        let seen = room.bus_seen_by(listener, listener, of);
        wrong.other_bus += u64::from(seen != Some(model.buses[listener][of]));
    }
    1
}

/// Every source is where each listener's DAW has put it, on the slot on which it came in first.
fn look_at_routing(room: &mut ControlRoom, model: &mut Model, wrong: &mut Wrong) {
    let count = model.centi_db.len();
    for (listener, source) in pairs(count).filter(|(listener, _)| model.is_in[*listener]) {
        let Some(slot) = room.slot(listener, source) else {
            // Whoever is in has a slot for whatever has come in once, also while that is away.
            wrong.other_slot += u64::from(model.slots[listener][source].is_some());
            continue;
        };
        let first = *model.slots[listener][source].get_or_insert(slot);
        wrong.other_slot += u64::from(slot != first);
        wrong.other_bus += u64::from(room.bus(listener, source) != Some(model.buses[listener][source]));
    }
}

/// Where somebody sees another output than the one that a listener has routed a source to.
fn not_routed_as_modelled(room: &mut ControlRoom, model: &Model) -> u64 {
    let count = model.centi_db.len();
    let everywhere = (0..count).flat_map(|who| pairs(count).map(move |pair| (who, pair)));
    let is_wrong = |(who, (listener, source)): &(usize, (usize, usize))| {
        room.bus_seen_by(*who, *listener, *source) != Some(model.buses[*listener][*source])
    };
    everywhere.filter(is_wrong).count() as u64
}

fn pairs(count: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..count).flat_map(move |one| (0..count).map(move |other| (one, other)))
}

/// How many faders somebody sees elsewhere than where they were left last.
fn not_as_modelled(room: &mut ControlRoom, model: &Model) -> u64 {
    let is_wrong = |(who, source): &(usize, usize)| {
        let wanted = backline_wire::GainValue::from_db(f32::from(model.centi_db[*source]) / 100.0);
        room.level(*who, *source).is_none_or(|view| view.gain != wanted)
    };
    pairs(model.centi_db.len()).filter(is_wrong).count() as u64
}
