//! The names of the auxiliary outputs: the number, and whoever is heard there now.
//!
//! The number stays in front, because it is what a strip's menu and a project know the output by. The step before is a snapshot of
//! `backline_client`; the step after, in CLAP, is `clap_aux_ports.rs`.

use backline_bridge::{AUX_BUSES, BusChoice};
use backline_client::{Snapshot, SourceView};
use clap_sys::string_sizes::CLAP_NAME_SIZE;

use crate::editor::view_model::words;

/// A host's field has a byte more, for the end.
pub const AUX_NAME_BYTES_MAX: usize = CLAP_NAME_SIZE - 1;

/// Stands for what has no room.
const CUT: char = '…';

/// A name for each auxiliary output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuxNames([String; AUX_BUSES]);

impl Default for AuxNames {
    /// Nobody plays there.
    fn default() -> Self {
        Self(std::array::from_fn(|aux| format!("Aux {}", aux + 1)))
    }
}

impl AuxNames {
    /// Whoever is here and returned by this instance is named on the output of their slot, in the order of slots.
    pub fn new(snapshot: &Snapshot, bus: impl Fn(usize) -> BusChoice) -> Self {
        let mut names = Self::default();
        let mut are_named = [false; AUX_BUSES];
        for (slot, view) in snapshot.slots.iter().enumerate() {
            let (Some(view), BusChoice::Aux(aux)) = (view, bus(slot)) else { continue };
            let source = snapshot.sources.iter().find(|source| source.source == view.source);
            let here = source.filter(|source| view.present && source.present);
            let (Some(source), Some(name)) = (here, names.0.get_mut(usize::from(aux))) else { continue };
            let is_named = std::mem::replace(&mut are_named[usize::from(aux)], true);
            name.push_str(if is_named { ", " } else { ": " });
            name.push_str(&source_name(source));
        }
        names.0.iter_mut().for_each(cut);
        names
    }

    /// The name of an output, at most [`AUX_NAME_BYTES_MAX`] bytes.
    pub fn get(&self, aux: usize) -> Option<&str> {
        self.0.get(aux).map(String::as_str)
    }
}

/// "Anna Guitar"; a source without a name goes by its participant's.
fn source_name(source: &SourceView) -> String {
    let participant = words::or(&source.participant_name, "Participant");
    match source.source_name.trim() {
        "" => participant,
        name => format!("{participant} {name}"),
    }
}

/// Shortens a name that is too long, at a whole character.
fn cut(name: &mut String) {
    if name.len() > AUX_NAME_BYTES_MAX {
        name.truncate(name.floor_char_boundary(AUX_NAME_BYTES_MAX - CUT.len_utf8()));
        name.push(CUT);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::editor::view_model::tests::{slot, snapshot, source};
    use backline_client::Connection;

    /// Sources on the first slots, in this order.
    fn session(names: &[(&str, &str)]) -> Snapshot {
        let mut session = snapshot(Connection::Joined);
        for (index, (participant, name)) in names.iter().enumerate() {
            let source = SourceView {
                participant_name: (*participant).to_owned(),
                source_name: (*name).to_owned(),
                ..source(index as u8, Some(index))
            };
            session.slots[index] = Some(slot(source.source));
            session.sources.push(source);
        }
        session
    }

    /// The names where each of the first slots plays on one of these outputs, counted from 1; 0 is main.
    fn named(session: &Snapshot, buses: &[u8]) -> AuxNames {
        AuxNames::new(session, |slot| match buses.get(slot) {
            None | Some(0) => BusChoice::Main,
            Some(aux) => BusChoice::Aux(aux - 1),
        })
    }

    fn all(names: &AuxNames) -> Vec<&str> {
        (0..AUX_BUSES).filter_map(|aux| names.get(aux)).collect()
    }

    #[test]
    fn where_nobody_plays_the_number_is_the_name() {
        let plain = ["Aux 1", "Aux 2", "Aux 3", "Aux 4", "Aux 5", "Aux 6", "Aux 7", "Aux 8"];
        assert_eq!(all(&AuxNames::default()), plain);
        assert_eq!(all(&named(&snapshot(Connection::Idle), &[3; 16])), plain);
        assert_eq!(all(&named(&session(&[("Anna", "Guitar")]), &[0])), plain, "on main");
    }

    #[test]
    fn whoever_is_routed_there_is_named_behind_the_number_in_the_order_of_slots() {
        let session =
            session(&[("Anna", "Guitar"), ("Ben", ""), ("Anna", "Voice"), ("Clara", "Piano"), ("", " ")]);
        let names = named(&session, &[3, 3, 8, 0, 1]);
        assert_eq!(
            (names.get(2), names.get(7)),
            (Some("Aux 3: Anna Guitar, Ben"), Some("Aux 8: Anna Voice"))
        );
        assert_eq!((names.get(0), names.get(1)), (Some("Aux 1: Participant"), Some("Aux 2")));
        assert_eq!(names.get(8), None);
    }

    #[test]
    fn an_output_that_does_not_exist_is_nobodys_place() {
        assert_eq!(named(&session(&[("Anna", "Guitar")]), &[9]), AuxNames::default());
    }

    #[test]
    fn whoever_is_away_or_returned_by_another_track_is_not_named() {
        let mut session =
            session(&[("Anna", "Guitar"), ("Ben", "Drums"), ("Clara", "Piano"), ("Dora", "Bass")]);
        session.sources[0].present = false;
        if let Some(slot) = &mut session.slots[1] {
            slot.present = false;
        }
        session.sources.remove(2);
        assert_eq!(named(&session, &[1, 1, 1, 1]).get(0), Some("Aux 1: Dora Bass"));
    }

    #[test]
    fn a_name_without_room_is_cut_at_a_whole_character() {
        for width in 0..8 {
            let filler = format!("{}{}", "x".repeat(width), "ö".repeat(28));
            let session = session(&[(filler.as_str(), "€€€€€€€€"); 16]);
            let names = named(&session, &[2; 16]);
            let name = names.get(1).unwrap_or_default();
            assert!(
                (AUX_NAME_BYTES_MAX - 3..=AUX_NAME_BYTES_MAX).contains(&name.len()),
                "{} bytes",
                name.len()
            );
            assert!(name.starts_with("Aux 2: ") && name.ends_with(CUT), "{name}");
        }
        let whole = "y".repeat(AUX_NAME_BYTES_MAX - "Aux 1: ".len());
        let names = named(&session(&[(whole.as_str(), "")]), &[1]);
        assert_eq!(names.get(0), Some(format!("Aux 1: {whole}").as_str()), "what just fits is not cut");
    }
}
