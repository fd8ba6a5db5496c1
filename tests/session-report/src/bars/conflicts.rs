//! Bar 3: three move the same fader while two of them are cut off: all end with one document, the last one's value, and the
//! others are told by whom and to what.

use std::time::Duration;

use backline_client::engine::EngineEvent;
use backline_media_report::figure::{Figure, Limit, Report};
use backline_session::SessionEvent;
use backline_sim::Chance;
use backline_wire::{GainValue, Outcome};

use crate::control_room::ControlRoom;

const SEED: u64 = 403;

/// What went wrong.
#[derive(Default)]
struct Wrong {
    apart: u64,
    not_last: u64,
    not_told: u64,
}

/// Random orders, values and times.
pub fn measure(report: &mut Report<'_>) {
    let runs = report.seconds(2_000, 100);
    let mut wrong = Wrong::default();
    (0..runs).for_each(|run| one(SEED + 1_000 * run, &mut wrong));
    let what = format!("{runs} times three move one fader, two of them offline");
    let mut line = |part: &str, text: &str, count: u64| {
        let what = format!("{what}: {text}");
        report.print(&Figure::judged(&format!("3.{part}"), what, count as f64, "", Limit::AtMost(0.0)));
    };
    line("equal", "not everybody has the same document afterwards", wrong.apart);
    line("last", "it is not where it was moved to last", wrong.not_last);
    line("told", "somebody whose move did not count was not told by whom and to what", wrong.not_told);
}

fn one(seed: u64, wrong: &mut Wrong) {
    let mut chance = Chance::new(seed);
    let mut room = ControlRoom::new(seed, 3, Duration::from_millis(5 + chance.below(40) as u64));
    let source = chance.below(3);
    for who in [1, 2] {
        room.cut(who, true);
    }
    room.world.run(Duration::from_millis(500 + chance.below(4_000) as u64));
    // Who moves when: every order of the three.
    let mut order = [0, 1, 2];
    for index in (1..3).rev() {
        order.swap(index, chance.below(index + 1));
    }
    let mut values = [0; 3];
    for who in order {
        values[who] = -(1 + 10 * chance.below(500) as i16 + who as i16);
        room.drag(who, source, values[who]);
        room.world.run(Duration::from_millis(300 + chance.below(3_000) as u64));
    }
    let mut back = [1, 2];
    if chance.below(2) == 0 {
        back.swap(0, 1);
    }
    for who in back {
        room.cut(who, false);
        room.world.run(Duration::from_millis(chance.below(3_000) as u64));
    }
    let settled = room.settle(Duration::from_secs(30));
    wrong.apart += u64::from(!settled || !room.documents_agree());
    let last = order[2];
    let wanted = GainValue::from_db(f32::from(values[last]) / 100.0);
    let is_there = (0..3).all(|who| room.level(who, source).is_some_and(|view| view.gain == wanted));
    wrong.not_last += u64::from(!is_there);
    wrong.not_told += not_told(&room, order);
}

/// Of those who moved it offline, one whose move reached the host when a later one was there already must have been told.
fn not_told(room: &ControlRoom, order: [usize; 3]) -> u64 {
    let told = |who: usize| {
        room.world.events(room.people[who]).iter().any(|event| match event {
            EngineEvent::Session(SessionEvent::Conflict(conflict)) => {
                matches!(&conflict.outcome, Outcome::Superseded { by } if by.author != room.sources[who].participant)
            }
            _ => false,
        })
    };
    // Ada moves online: whoever was offline and moved before her comes too late.
    let ada = order.iter().position(|who| *who == 0).unwrap_or(0);
    order[..ada].iter().filter(|who| !told(**who)).count() as u64
}
