//! Events as hosts make them, also those that no plugin should get: notes in every dialect, and what only looks like an event.

use clack_host::events::UnknownEvent;
use clap_sys::events::{
    CLAP_CORE_EVENT_SPACE_ID, CLAP_EVENT_MIDI, CLAP_EVENT_MIDI_SYSEX, CLAP_EVENT_MIDI2,
    CLAP_EVENT_NOTE_CHOKE, CLAP_EVENT_NOTE_END, CLAP_EVENT_NOTE_EXPRESSION, CLAP_EVENT_NOTE_OFF,
    CLAP_EVENT_NOTE_ON, CLAP_EVENT_PARAM_GESTURE_BEGIN, CLAP_EVENT_PARAM_MOD, CLAP_EVENT_PARAM_VALUE,
    clap_event_header, clap_event_midi, clap_event_midi_sysex, clap_event_midi2, clap_event_note,
    clap_event_note_expression, clap_event_param_gesture, clap_event_param_mod, clap_event_param_value,
};

/// A message that says nothing that anybody knows.
static SYSTEM_MESSAGE: [u8; 5] = [0xf0, 0x7d, 0x01, 0x02, 0xf7];

/// A note, or all that are like it: -1 stands for any.
#[derive(Debug, Clone, Copy)]
pub struct Note {
    /// Which voice.
    pub id: i32,
    /// Which note port.
    pub port: i16,
    /// 0 to 15.
    pub channel: i16,
    /// 0 to 127.
    pub key: i16,
}

impl Note {
    /// All notes.
    pub const ANY: Self = Self { id: -1, port: -1, channel: -1, key: -1 };
}

/// What a host says to a plugin at a moment.
#[derive(Debug, Clone, Copy)]
pub enum HostEvent {
    /// It begins.
    NoteOn(Note, f64),
    /// It ends.
    NoteOff(Note),
    /// It ends at once.
    Choke(Note),
    /// Only plugins tell hosts of this.
    End(Note),
    /// One of the seven expressions, or none.
    Expression(Note, i32, f64),
    /// Three bytes of MIDI.
    Midi(u16, [u8; 3]),
    /// A packet of MIDI 2.0.
    Midi2(u16, [u32; 4]),
    /// A system message of MIDI.
    SystemMessage(u16),
    /// A hand takes hold of a control.
    GestureBegin(u32),
    /// A parameter gets a value for some notes.
    NoteValue(Note, u32, f64),
    /// A parameter is modulated for some notes.
    NoteModulation(Note, u32, f64),
    /// A parameter gets a value, by an event with a cookie that the plugin has not given out.
    ForeignCookie(u32, f64),
    /// What looks like a new value of a parameter, but is of a name space that is not CLAP's.
    ForeignSpace(u16, u32, f64),
}

impl HostEvent {
    /// Hands it over as CLAP has it, at a sample frame of the block.
    pub(super) fn give(self, at_frame: u32, take: &mut dyn FnMut(&UnknownEvent)) {
        let note = |kind, which, velocity| note(kind, which, velocity, at_frame);
        let value = |which, id, new| value(which, id, new, at_frame);
        match self {
            Self::NoteOn(which, velocity) => whole(&note(CLAP_EVENT_NOTE_ON, which, velocity), take),
            Self::NoteOff(which) => whole(&note(CLAP_EVENT_NOTE_OFF, which, 0.0), take),
            Self::Choke(which) => whole(&note(CLAP_EVENT_NOTE_CHOKE, which, 0.0), take),
            Self::End(which) => whole(&note(CLAP_EVENT_NOTE_END, which, 0.0), take),
            Self::Expression(which, expression_id, value) => whole(
                &clap_event_note_expression {
                    header: header::<clap_event_note_expression>(CLAP_EVENT_NOTE_EXPRESSION, at_frame),
                    expression_id,
                    note_id: which.id,
                    port_index: which.port,
                    channel: which.channel,
                    key: which.key,
                    value,
                },
                take,
            ),
            Self::Midi(port_index, data) => {
                let header = header::<clap_event_midi>(CLAP_EVENT_MIDI, at_frame);
                whole(&clap_event_midi { header, port_index, data }, take);
            }
            Self::Midi2(port_index, data) => {
                let header = header::<clap_event_midi2>(CLAP_EVENT_MIDI2, at_frame);
                whole(&clap_event_midi2 { header, port_index, data }, take);
            }
            Self::SystemMessage(port_index) => {
                let header = header::<clap_event_midi_sysex>(CLAP_EVENT_MIDI_SYSEX, at_frame);
                let (buffer, size) = (SYSTEM_MESSAGE.as_ptr(), SYSTEM_MESSAGE.len() as u32);
                whole(&clap_event_midi_sysex { header, port_index, buffer, size }, take);
            }
            Self::GestureBegin(param_id) => {
                let header = header::<clap_event_param_gesture>(CLAP_EVENT_PARAM_GESTURE_BEGIN, at_frame);
                whole(&clap_event_param_gesture { header, param_id }, take);
            }
            Self::NoteValue(which, id, new) => whole(&value(which, id, new), take),
            Self::NoteModulation(which, id, amount) => whole(&modulation(which, id, amount, at_frame), take),
            Self::ForeignCookie(id, new) => {
                let cookie = std::ptr::without_provenance_mut(0xdead_beef);
                whole(&clap_event_param_value { cookie, ..value(Note::ANY, id, new) }, take);
            }
            Self::ForeignSpace(space_id, id, new) => {
                let mut event = value(Note::ANY, id, new);
                event.header.space_id = space_id;
                whole(&event, take);
            }
        }
    }
}

fn note(kind: u16, note: Note, velocity: f64, at_frame: u32) -> clap_event_note {
    clap_event_note {
        header: header::<clap_event_note>(kind, at_frame),
        note_id: note.id,
        port_index: note.port,
        channel: note.channel,
        key: note.key,
        velocity,
    }
}

fn value(note: Note, param_id: u32, value: f64, at_frame: u32) -> clap_event_param_value {
    clap_event_param_value {
        header: header::<clap_event_param_value>(CLAP_EVENT_PARAM_VALUE, at_frame),
        param_id,
        cookie: std::ptr::null_mut(),
        note_id: note.id,
        port_index: note.port,
        channel: note.channel,
        key: note.key,
        value,
    }
}

fn modulation(note: Note, param_id: u32, amount: f64, at_frame: u32) -> clap_event_param_mod {
    clap_event_param_mod {
        header: header::<clap_event_param_mod>(CLAP_EVENT_PARAM_MOD, at_frame),
        param_id,
        cookie: std::ptr::null_mut(),
        note_id: note.id,
        port_index: note.port,
        channel: note.channel,
        key: note.key,
        amount,
    }
}

fn header<E>(kind: u16, at_frame: u32) -> clap_event_header {
    clap_event_header {
        size: size_of::<E>() as u32,
        time: at_frame,
        space_id: CLAP_CORE_EVENT_SPACE_ID,
        type_: kind,
        flags: 0,
    }
}

/// `event` begins with a header that says its own size.
fn whole<E>(event: &E, take: &mut dyn FnMut(&UnknownEvent)) {
    // SAFETY: the header is the head of a whole event of the size that it says, and who takes it copies all of it.
    take(unsafe { UnknownEvent::from_raw(std::ptr::from_ref(event).cast()) });
}
