//! Keys of MIDI keyboards and pedals that talk while they are held: any key, on any channel.
//!
//! Which one is a matter of the DAW, which routes MIDI to a track or not. The step before is `plugin.rs`, which hands the events of a block
//! over; the step after is `params.rs`, where [`talks`](crate::params::BacklineParams::talks) also looks at the parameter.

use nice_plug::midi::{Channel, Key, NoteEvent};

/// The keys that are down, one bit each. [audio-thread]
#[derive(Debug, Default)]
pub struct TalkKeys {
    down: [u128; 16],
}

impl TalkKeys {
    /// A note begins or ends; of all other events nothing follows. It counts from the block in which it comes.
    pub fn hear<S>(&mut self, event: &NoteEvent<S>) {
        match *event {
            // Keyboards that send no note-off send this instead.
            NoteEvent::NoteOn { channel, key, velocity, .. } if velocity <= 0.0 => self.release(channel, key),
            NoteEvent::NoteOn { channel: Channel::Number(channel), key: Key::Number(key), .. } => {
                if let Some(down) = self.down.get_mut(usize::from(channel)) {
                    *down |= bit(key);
                }
            }
            NoteEvent::NoteOff { channel, key, .. } | NoteEvent::Choke { channel, key, .. } => {
                self.release(channel, key);
            }
            _ => {}
        }
    }

    /// Some key is down.
    pub fn is_any_down(&self) -> bool {
        self.down.iter().any(|down| *down != 0)
    }

    /// All are up: the host begins anew, and what it does not tell would hold for ever.
    pub fn let_go(&mut self) {
        self.down = [0; 16];
    }

    fn release(&mut self, channel: Channel, key: Key) {
        let keys = match key {
            Key::Wildcard => u128::MAX,
            Key::Number(key) => bit(key),
        };
        for (number, down) in self.down.iter_mut().enumerate() {
            let is_meant = match channel {
                Channel::Wildcard => true,
                Channel::Number(channel) => usize::from(channel) == number,
            };
            if is_meant {
                *down &= !keys;
            }
        }
    }
}

/// None for a key that no keyboard has.
fn bit(key: u8) -> u128 {
    1_u128.checked_shl(key.into()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use nice_plug::midi::VoiceID;

    fn event(on: bool, channel: Channel, key: Key, velocity: f32) -> NoteEvent<()> {
        let (timing, voice_id) = (0, VoiceID::Wildcard);
        match on {
            true => NoteEvent::NoteOn { timing, voice_id, channel, key, velocity },
            false => NoteEvent::NoteOff { timing, voice_id, channel, key, velocity },
        }
    }

    #[test]
    fn one_talks_while_any_key_is_down() {
        let mut keys = TalkKeys::default();
        let mut play = |on, channel, key, velocity| {
            keys.hear(&event(on, Channel::Number(channel), Key::Number(key), velocity));
            keys.is_any_down()
        };
        assert!(play(true, 0, 60, 0.5));
        assert!(play(true, 15, 127, 1.0));
        assert!(play(false, 0, 60, 0.0), "the other one is down yet");
        assert!(play(false, 15, 60, 0.0), "nor is this it");
        assert!(!play(true, 15, 127, 0.0), "a velocity of nothing is a note-off");
        assert!(
            !play(true, 16, 60, 1.0) && !play(true, 0, 128, 1.0),
            "there is no such channel, no such key"
        );
    }

    #[test]
    fn whatever_is_meant_for_all_keys_lets_go_of_all() {
        let mut keys = TalkKeys::default();
        for channel in [1, 2] {
            keys.hear(&event(true, Channel::Number(channel), Key::Number(60), 1.0));
        }
        keys.hear(&event(false, Channel::Number(1), Key::Wildcard, 0.0));
        assert!(keys.is_any_down());
        keys.hear(&event(false, Channel::Wildcard, Key::Number(60), 0.0));
        assert!(!keys.is_any_down());
        keys.hear(&event(true, Channel::Wildcard, Key::Wildcard, 1.0));
        assert!(!keys.is_any_down(), "nobody presses all keys");
    }
}
