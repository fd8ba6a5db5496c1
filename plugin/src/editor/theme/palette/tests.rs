//! Every pair of roles that is used together, in both palettes and in everybody's colours.

use std::path::Path;

use super::*;
use crate::editor::theme::{NOTICE_TINT, PARTICIPANT_COLOURS, STATUS_TINT, WASH, mix};

fn check(palette: &Palette, pair: &str, ink: Color32, ground: Color32, wanted: f32) {
    let found = contrast(ink, ground);
    let name = if palette.is_dark { "dark" } else { "light" };
    assert!(found >= wanted, "{name}: {pair} is {found:.2} to 1 instead of {wanted} to 1");
}

/// The chosen colours, and what anybody could send: black, white, and the corners between.
fn everybodys_colours() -> Vec<[u8; 3]> {
    let corners = (0..8).map(|bits: u8| [bits & 1, bits >> 1 & 1, bits >> 2 & 1].map(|bit| bit * 255));
    PARTICIPANT_COLOURS.into_iter().chain(corners).chain([[128; 3], [26, 29, 34], [250, 251, 252]]).collect()
}

fn tones(palette: &Palette) -> [(&'static str, Color32); 4] {
    [("amber", palette.amber), ("green", palette.green), ("blue", palette.blue), ("red", palette.red)]
}

#[test]
fn the_measure_is_that_of_wcag() {
    assert!((contrast(Color32::BLACK, Color32::WHITE) - 21.0).abs() < 0.01);
    assert!((contrast(Color32::from_rgb(0x77, 0x77, 0x77), Color32::WHITE) - 4.48).abs() < 0.01);
}

#[test]
fn text_is_readable_on_every_ground() {
    for palette in [&DARK, &LIGHT] {
        let grounds = [
            ("backdrop", palette.backdrop),
            ("bar", palette.bar),
            ("panel", palette.panel),
            ("popup", palette.raised),
            ("field", palette.well),
        ];
        let buttons = [("button", palette.control), ("button under the pointer", palette.control_hover)];
        for (ground, colour) in grounds.into_iter().chain(buttons) {
            for (ink, text) in [("text", palette.text), ("soft text", palette.text_soft)] {
                check(palette, &format!("{ink} on {ground}"), text, colour, TEXT_CONTRAST);
            }
            check(palette, &format!("amber on {ground}"), palette.amber, colour, TEXT_CONTRAST);
        }
        for (ground, colour) in grounds {
            check(palette, &format!("faint text on {ground}"), palette.text_faint, colour, TEXT_CONTRAST);
            for (name, ink) in tones(palette) {
                check(palette, &format!("{name} on {ground}"), ink, colour, TEXT_CONTRAST);
            }
        }
    }
}

#[test]
fn text_is_readable_on_messages_of_every_tone() {
    for palette in [&DARK, &LIGHT] {
        let quiet = [("quiet", palette.text_faint)];
        for (name, tone) in tones(palette).into_iter().chain(quiet) {
            for (ground, share) in
                [(palette.bar, STATUS_TINT), (palette.panel, NOTICE_TINT), (palette.raised, 0.0)]
            {
                let ground = mix(ground, tone, share);
                for ink in [palette.text, palette.text_soft, palette.text_faint] {
                    check(palette, &format!("text on a {name} message"), ink, ground, TEXT_CONTRAST);
                }
                check(palette, &format!("the lamp of a {name} message"), tone, ground, MARK_CONTRAST);
            }
        }
    }
}

#[test]
fn what_is_lit_can_be_read_and_told_from_what_is_not() {
    for palette in [&DARK, &LIGHT] {
        let lit = [
            ("amber", palette.amber_lit),
            ("amber under the pointer", palette.amber_bright),
            ("red", palette.red_lit),
            ("yellow", palette.yellow_lit),
            ("green", palette.green_lit),
        ];
        for (name, fill) in lit {
            check(palette, &format!("text on lit {name}"), palette.text_on_lit, fill, TEXT_CONTRAST);
            let outline = palette.outline(fill);
            check(palette, &format!("lit {name} on a panel"), outline, palette.panel, MARK_CONTRAST);
        }
    }
}

#[test]
fn lamps_and_meters_stand_out() {
    for palette in [&DARK, &LIGHT] {
        for (index, ink) in palette.meter.into_iter().enumerate() {
            check(palette, &format!("colour {index} of a meter"), ink, palette.well, MARK_CONTRAST);
        }
        for ground in [palette.bar, palette.panel, palette.raised, palette.backdrop] {
            for (name, tone) in tones(palette) {
                check(palette, &format!("a {name} lamp"), tone, ground, MARK_CONTRAST);
            }
            check(palette, "what has the keyboard", palette.focus, ground, MARK_CONTRAST);
        }
    }
}

#[test]
fn everybodys_colour_stands_out_and_everybodys_name_can_be_read() {
    for palette in [&DARK, &LIGHT] {
        for rgb in everybodys_colours() {
            let (mark, word) = (palette.mark(rgb), palette.word(rgb));
            for ground in [palette.panel, palette.well] {
                check(palette, &format!("the colour {rgb:?}"), mark, ground, MARK_CONTRAST);
                check(palette, &format!("a name in {rgb:?}"), word, ground, TEXT_CONTRAST);
            }
            let wash = mix(palette.panel, mark, WASH);
            for ink in [palette.text, palette.text_soft] {
                check(palette, &format!("names on a strip in {rgb:?}"), ink, wash, TEXT_CONTRAST);
            }
            // Below the names the wash has half gone.
            let half = mix(palette.panel, mark, WASH / 2.0);
            let figures = tones(palette).into_iter().chain([("faint", palette.text_faint)]);
            for (name, ink) in figures {
                check(palette, &format!("{name} figures on a strip in {rgb:?}"), ink, half, TEXT_CONTRAST);
            }
        }
    }
}

#[test]
fn the_dark_palette_leaves_the_chosen_colours_as_they_are() {
    for [r, g, b] in PARTICIPANT_COLOURS {
        assert_eq!(DARK.mark([r, g, b]), Color32::from_rgb(r, g, b));
    }
}

/// Colours have one place: whatever else draws asks for a role.
#[test]
fn no_other_file_of_the_editor_names_a_colour() {
    let mut found = Vec::new();
    search(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/editor"), &mut found);
    assert_eq!(found, [""; 0]);
}

fn search(folder: &Path, found: &mut Vec<String>) {
    const LITERALS: [&str; 4] = ["Color32::from_", "Color32::WHITE", "Color32::BLACK", "Color32::RED"];
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("theme") {
            search(&path, found);
        } else if path.is_file() && !path.ends_with("theme.rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let named = LITERALS.into_iter().filter(|literal| text.contains(literal));
            found.extend(named.map(|literal| format!("{literal} in {}", path.display())));
        }
    }
}
