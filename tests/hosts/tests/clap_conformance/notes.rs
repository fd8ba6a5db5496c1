//! Notes: what the note port takes, and events in every dialect, in good order and in none.

use backline_hosts::clap_plugin::{HostEvent, Note};

use crate::{BLOCK_FRAMES, CLASSES, Random, active, bundle, fill};

/// A note, or some of them.
pub fn note(random: &mut Random, with_wildcards: bool) -> Note {
    let (id, channel, key) = (random.below(100), random.below(16), random.below(128));
    let mut or_any = |value: usize| if with_wildcards && random.share() < 0.2 { -1 } else { value as i16 };
    Note { id: i32::from(or_any(id)), port: or_any(0), channel: or_any(channel), key: or_any(key) }
}

/// Something of notes, in any dialect, whether or not it fits what was before.
pub fn event(random: &mut Random) -> HostEvent {
    let which = note(random, true);
    let mut byte = || random.below(256) as u8;
    let midi = [byte() | 0x80, byte() & 0x7f, byte() & 0x7f];
    let word = u32::from_be_bytes([0x40, byte(), byte(), byte()]);
    let beyond = Note { id: i32::MAX, port: 9, channel: 99, key: i16::MAX };
    match random.below(12) {
        0 => HostEvent::NoteOn(note(random, false), random.share()),
        1 => HostEvent::NoteOff(which),
        2 => HostEvent::Choke(which),
        3 => HostEvent::End(which),
        4 => HostEvent::Expression(which, random.below(9) as i32 - 1, random.share() * 200.0 - 100.0),
        5 | 6 => HostEvent::Midi(0, midi),
        7 => HostEvent::Midi(random.below(3) as u16, [0xff, 0xff, 0xff]),
        8 => HostEvent::Midi2(0, [word, u32::MAX, 0, 0]),
        9 => HostEvent::SystemMessage(0),
        10 => HostEvent::NoteOn(beyond, f64::NAN),
        _ => HostEvent::NoteOff(beyond),
    }
}

#[test]
fn the_note_port_takes_what_it_would_rather_have() {
    for class in CLASSES {
        let dialects = bundle().instance(class).unwrap().note_dialects();
        assert_eq!(dialects.len(), 1, "{class}");
        for (supported, preferred) in dialects {
            assert!(preferred.is_some_and(|one| supported.supports(one)), "{class}: {supported:?}");
        }
    }
}

#[test]
fn notes_in_good_order_change_no_sound() {
    for class in CLASSES {
        let heard = [false, true].map(|with_notes| {
            let mut plugin = bundle().instance(class).unwrap();
            let monitor = plugin.parameter_id("Bypass").unwrap();
            active(&mut plugin, |processor| {
                let (mut random, mut hands, mut heard) = (Random(103), Random(107), Vec::new());
                let mut down = Vec::new();
                processor.automate(monitor, 0.0, 0);
                for _ in 0..20 {
                    for at in (0..BLOCK_FRAMES as u32).step_by(19) {
                        let event = match down.len() {
                            0..8 if hands.is_heads() => {
                                down.push(note(&mut hands, false));
                                down.last().map(|note| HostEvent::NoteOn(*note, hands.share()))
                            }
                            0 => None,
                            count => Some(HostEvent::NoteOff(down.swap_remove(hands.below(count)))),
                        };
                        if let Some(event) = event.filter(|_| with_notes) {
                            processor.push(event, at);
                        }
                    }
                    fill(processor, &mut random);
                    processor.process_checked(BLOCK_FRAMES).unwrap();
                    heard.extend_from_slice(processor.output(0, 0));
                }
                heard
            })
        });
        assert!(heard[0] == heard[1], "{class}");
    }
}

#[test]
fn notes_in_no_order_of_every_dialect_let_nothing_but_audio_out() {
    for class in CLASSES {
        let mut plugin = bundle().instance(class).unwrap();
        active(&mut plugin, |processor| {
            let mut random = Random(109);
            for _ in 0..40 {
                let mut at = 0;
                while at < BLOCK_FRAMES {
                    processor.push(event(&mut random), at as u32);
                    at += random.below(12);
                }
                fill(processor, &mut random);
                processor.process_checked(BLOCK_FRAMES).unwrap();
            }
            processor.push(HostEvent::Choke(Note::ANY), 0);
            processor.process_checked(BLOCK_FRAMES).unwrap();
        });
    }
}
