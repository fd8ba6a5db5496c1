use super::*;
use backline_wire::{Generation, ParticipantId};

fn id(number: u8) -> SourceId {
    SourceId { participant: ParticipantId([number; 32]), instance: InstanceId(1) }
}

fn publish(listening: &mut Listening, number: u8) {
    let format = StreamFormat {
        payload_type: 96,
        frame_frames: 60,
        bitrate_bps: 1_536_000,
        redundancy: 0,
        copy_distance: 1,
        block_frames: 64,
    };
    let info = SourceInfo {
        source: id(number),
        name: Name::new("Guitar"),
        colour: [0; 3],
        format,
        generation: Generation(1),
    };
    let (peer, ssrc) = (PeerId(number.into()), Ssrc(number.into()));
    let published = PublishedSource { peer, info, ssrc };
    listening.published(published, Name::new("Ada"));
}

fn listener(number: u64, choice: ReturnChoice) -> Listener {
    Listener::new(InstanceId(number), SlotTable::default(), Duration::from_millis(5), choice)
}

/// A listener with so many sources.
fn listening(sources: u8) -> Listening {
    let mut listening = Listening::default();
    listening.add(listener(1, ReturnChoice::Automatic));
    (0..sources).for_each(|number| publish(&mut listening, number));
    listening
}

#[expect(clippy::disallowed_methods, reason = "an instant has no other constructor, and any will do")]
fn anytime() -> Instant {
    Instant::now()
}

fn slot(listening: &Listening, number: u8) -> Option<usize> {
    listening.sources[&id(number)].slot
}

#[test]
fn a_source_without_a_slot_gets_one_when_somebody_has_left() {
    let (mut listening, start) = (listening(18), anytime());
    listening.bind_waiting(start);
    assert_eq!([slot(&listening, 16), slot(&listening, 17)], [None; 2]);

    listening.peer_left(PeerId(5));
    listening.bind_waiting(start);
    listening.bind_waiting(start + SLOT_KEPT / 2);
    assert_eq!(slot(&listening, 16), None, "they may be back in a moment");
    listening.bind_waiting(start + SLOT_KEPT);
    assert_eq!((slot(&listening, 16), slot(&listening, 5)), (Some(5), None));
    assert_eq!(slot(&listening, 17), None, "one slot is for one");
    for number in (0..16).filter(|number| *number != 5) {
        assert_eq!(slot(&listening, number), Some(number.into()), "nobody else moves");
    }
}

#[test]
fn whoever_is_back_in_time_keeps_the_slot() {
    let (mut listening, start) = (listening(17), anytime());
    listening.peer_left(PeerId(5));
    listening.bind_waiting(start);
    publish(&mut listening, 5);
    listening.bind_waiting(start + SLOT_KEPT);
    listening.bind_waiting(start + 2 * SLOT_KEPT);
    assert_eq!((slot(&listening, 5), slot(&listening, 16)), (Some(5), None));
}

#[test]
fn after_a_lost_connection_the_first_to_be_back_takes_nobodys_slot() {
    let mut listening = listening(17);
    (0..17).for_each(|number| listening.peer_left(PeerId(number)));
    for number in (0..17).rev() {
        publish(&mut listening, number);
    }
    for number in 0..16 {
        assert_eq!(slot(&listening, number), Some(number.into()));
    }
    assert_eq!(slot(&listening, 16), None);
}

#[test]
fn a_slot_that_the_person_freed_goes_to_who_waits() {
    let mut listening = listening(17);
    listening.peer_left(PeerId(3));
    let mut bindings = listening.listener(InstanceId(1)).unwrap().slots.bindings();
    bindings[3] = None;
    listening.set_slots(InstanceId(1), bindings);
    assert_eq!((slot(&listening, 16), slot(&listening, 3)), (Some(3), None));
}

fn owner(listening: &Listening, number: u8) -> Option<u64> {
    listening.sources[&id(number)].owner.map(|instance| instance.0)
}

#[test]
fn a_source_plays_on_the_one_instance_that_returns_it() {
    let (mut listening, now) = (listening(2), anytime());
    listening.add(listener(2, ReturnChoice::Sources(vec![id(1)])));
    assert_eq!([owner(&listening, 0), owner(&listening, 1)], [Some(1), Some(2)]);
    assert_eq!(slot(&listening, 1), Some(0), "the first slot there");
    let live = |listening: &Listening| {
        [(1, 0), (1, 1), (2, 0), (2, 1)]
            .map(|(instance, slot)| listening.is_live((InstanceId(instance), slot), now))
    };
    assert_eq!(
        live(&listening),
        [true, false, true, false],
        "its slot on the first stays bound and is empty"
    );

    listening.remove(InstanceId(2));
    assert_eq!((owner(&listening, 1), slot(&listening, 1)), (Some(1), Some(1)), "and waits for it there");
    assert_eq!(live(&listening), [true, true, false, false]);
}

#[test]
fn the_mix_goes_to_who_plays_and_comes_back() {
    let mut listening = listening(2);
    listening.add(listener(2, ReturnChoice::Automatic));
    listening.set_active(InstanceId(1), true);
    listening.set_active(InstanceId(2), true);
    assert_eq!(owner(&listening, 0), Some(1));
    listening.set_active(InstanceId(1), false);
    assert_eq!(owner(&listening, 0), Some(2));
    listening.set_active(InstanceId(1), true);
    assert_eq!(owner(&listening, 0), Some(1));
    listening.set_choice(InstanceId(1), ReturnChoice::Nothing);
    assert_eq!(owner(&listening, 0), Some(2));
    listening.remove(InstanceId(2));
    assert_eq!(owner(&listening, 0), None);
}
