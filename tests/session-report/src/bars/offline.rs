//! Bar 2: ten thousand changes that were made without a connection reach the host in the order in which they were made, and soon.

use std::time::Duration;

use backline_media_report::figure::{Figure, Limit, Report};
use backline_session::SessionState;
use backline_wire::{
    Change, Fader, GainValue, InstanceId, ParticipantId, Register, Setting, SettingKind, SourceId,
};

use crate::control_room::ControlRoom;

const SEED: u64 = 402;
const CHANGES: u64 = 10_000;
const ONE_WAY: Duration = Duration::from_millis(50);
const STEP: Duration = Duration::from_millis(10);
const GIVES_UP_AFTER: Duration = Duration::from_secs(60);

/// Ten thousand registers, one change each.
pub fn measure(report: &mut Report<'_>) {
    let mut room = ControlRoom::new(SEED, 2, ONE_WAY);
    room.cut(1, true);
    room.world.run(Duration::from_secs(3));
    let Some(me) = room.session(1).map(|session| session.participant()) else { return };
    let now = room.world.instant();
    for number in 0..CHANGES {
        if let Some(session) = room.session(1) {
            session.change(now, change(me, number));
        }
    }
    room.cut(1, false);
    let started = room.world.now();
    while room.session(1).is_some_and(|session| *session.state() != SessionState::Joined) {
        room.world.run(STEP);
        if room.world.now() - started > GIVES_UP_AFTER {
            break;
        }
    }
    let back = room.world.now();
    while room.session(1).is_some_and(|session| session.waiting().count() > 0) {
        room.world.run(STEP);
        if room.world.now() - back > GIVES_UP_AFTER {
            break;
        }
    }
    let took_s = (room.world.now() - back).as_secs_f64();
    let what = format!("{CHANGES} changes made offline, {} ms each way", ONE_WAY.as_millis());
    report.print(&Figure::judged(
        "2.replay",
        format!("{what}: all answered after"),
        took_s,
        "s",
        Limit::AtMost(5.0),
    ));
    let missing = misplaced(&mut room, me);
    let text = format!("{what}: not at the host, or not in the order in which they were made");
    report.print(&Figure::judged("2.order", text, missing as f64, "", Limit::AtMost(0.0)));
}

fn change(me: ParticipantId, number: u64) -> Change {
    let setting = Setting::Gain(GainValue::from_db(-(number as f32) / 100.0));
    Change::Fader { fader: fader(me, number), setting }
}

fn fader(me: ParticipantId, number: u64) -> Fader {
    let source = SourceId { participant: ParticipantId([9; 32]), instance: InstanceId(number) };
    Fader::Monitor { listener: me, source }
}

fn misplaced(room: &mut ControlRoom, me: ParticipantId) -> usize {
    let Some(document) = room.session(0).and_then(|session| session.document().cloned()) else {
        return CHANGES as usize;
    };
    let mut last = None;
    let is_misplaced = |number: &u64| {
        let entry = document.get(&Register::Fader(fader(me, *number), SettingKind::Gain));
        let Some(entry) = entry.filter(|entry| entry.change == change(me, *number)) else { return true };
        let is_later = last.is_none_or(|last| entry.revision > last);
        last = Some(entry.revision);
        !is_later
    };
    (0..CHANGES).filter(is_misplaced).count()
}
