//! Bar 1: whoever comes, goes, crashes, is cut off or takes another name, in whatever order: moving N moves N, and nothing else.

use std::time::Duration;

use backline_media_report::figure::{Figure, Limit, Report};
use backline_sim::Chance;
use backline_wire::Name;

use crate::control_room::ControlRoom;

const SEED: u64 = 401;
const STEPS: usize = 12;
const SETTLES_WITHIN: Duration = Duration::from_secs(30);

/// What is wrong after a list of steps.
#[derive(Default)]
struct Wrong {
    /// Faders that were not touched and moved.
    others_moved: u64,
    /// Faders that somebody sees elsewhere than where they were left last.
    not_last: u64,
    /// Lists after which not all had one document, or something still waited.
    apart: u64,
}

/// What a fader should be at: where it was moved to last, by whomever.
struct Model {
    centi_db: Vec<i16>,
    is_in: Vec<bool>,
    is_cut: Vec<bool>,
}

/// 10,000 random lists of joins, departures, crashes, cuts, names and moves.
pub fn measure(report: &mut Report<'_>) {
    let lists = report.seconds(10_000, 300);
    let mut wrong = Wrong::default();
    let mut moves = 0;
    for list in 0..lists {
        moves += one(SEED + list, &mut wrong);
        if (list + 1) % 500 == 0 {
            report.progress(&format!("{} of {lists} lists", list + 1));
        }
    }
    let what = format!(
        "{lists} random lists of {STEPS} joins, departures, crashes, cuts, names and moves ({moves} moves)"
    );
    let mut line = |part: &str, text: &str, count: u64| {
        let what = format!("{what}: {text}");
        report.print(&Figure::judged(&format!("1.{part}"), what, count as f64, "", Limit::AtMost(0.0)));
    };
    line("others", "faders that moved and were not touched", wrong.others_moved);
    line("last", "faders that somebody sees elsewhere than where they were left", wrong.not_last);
    line("equal", "lists after which not everybody had the same document", wrong.apart);
}

/// One list; returns how many moves there were in it.
fn one(seed: u64, wrong: &mut Wrong) -> u64 {
    let mut chance = Chance::new(seed);
    let count = 2 + chance.below(3);
    let mut room = ControlRoom::new(seed, count, Duration::from_millis(5 + chance.below(40) as u64));
    let mut model = Model { centi_db: vec![0; count], is_in: vec![true; count], is_cut: vec![false; count] };
    let mut moves = 0;
    let mut done = Vec::new();
    for _ in 0..STEPS {
        let who = chance.below(count);
        let what = match chance.below(12) {
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
            _ => {
                let source = chance.below(count);
                let to = -(chance.below(6_000) as i16);
                moves += drag(&mut room, &mut model, (who, source, to), wrong);
                format!("{who} drags {source} to {to}")
            }
        };
        done.push(what);
        // Two moves closer together than clocks agree have no order.
        room.world.run(Duration::from_millis(200 + chance.below(800) as u64));
    }
    for who in 1..count {
        room.cut(who, false);
        if !model.is_in[who] {
            let link = room.link.clone();
            room.world.join(room.people[who], &link);
        }
    }
    let settled = room.settle(SETTLES_WITHIN);
    let is_apart = !settled || !room.documents_agree();
    let not_last = not_as_modelled(&mut room, &model);
    if is_apart || not_last > 0 {
        eprintln!("seed {seed}: apart {is_apart}, {not_last} faders elsewhere after {done:?}");
    }
    wrong.apart += u64::from(is_apart);
    wrong.not_last += not_last;
    moves
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

/// How many faders somebody sees elsewhere than where they were left last.
fn not_as_modelled(room: &mut ControlRoom, model: &Model) -> u64 {
    let count = model.centi_db.len();
    let pairs = (0..count).flat_map(|who| (0..count).map(move |source| (who, source)));
    let is_wrong = |(who, source): &(usize, usize)| {
        let wanted = backline_wire::GainValue::from_db(f32::from(model.centi_db[*source]) / 100.0);
        room.level(*who, *source).is_none_or(|view| view.gain != wanted)
    };
    pairs.filter(is_wrong).count() as u64
}
