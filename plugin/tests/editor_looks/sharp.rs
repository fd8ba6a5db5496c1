//! The editor at every scale and size: nothing overlaps, nothing is cut, and lines are whole pixels.

use backline::editor::theme::Look;
use egui::accesskit::Role;
use egui::epaint::{ClippedShape, Shape};
use egui::{Rect, Vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};

use crate::raster::paint_part;
use crate::states::{Do, LARGE, MENUS, PICTURED, SMALLEST, Shown, State, USUAL};

/// As displays and the zoom make them.
const SCALES: [f32; 6] = [1.0, 1.25, 1.5, 2.0, 2.5, 3.0];
/// Letters may reach this far over their place, in points.
const OVERHANG: f32 = 2.0;
/// What people write may be as long as they like; it is cut, and whole in the tooltip.
const WRITTEN_BY_PEOPLE: [&str; 6] =
    ["Emilia", "Upright bass", "backline://", "Join Ben and", "Opus", "Returns: "];

/// The editor at `scale` in a window of `size`, without anything open over it.
fn main_views() -> impl Iterator<Item = State> {
    let bare = PICTURED.iter().filter(|state| state.done.is_empty() && state.look == Look::Dark);
    bare.flat_map(|state| {
        SCALES
            .into_iter()
            .flat_map(move |scale| [SMALLEST, USUAL, LARGE].map(move |size| State { scale, size, ..*state }))
    })
}

/// A text and where it is.
struct Written {
    text: String,
    place: Rect,
    clip: Rect,
    is_cut: bool,
}

fn texts(shapes: &[ClippedShape]) -> Vec<Written> {
    fn collect(shape: &Shape, clip: Rect, found: &mut Vec<Written>) {
        match shape {
            Shape::Vec(shapes) => shapes.iter().for_each(|shape| collect(shape, clip, found)),
            Shape::Text(text) if !text.galley.text().trim().is_empty() => {
                let place = Rect::from_min_size(text.pos, Vec2::ZERO).union(text.visual_bounding_rect());
                let is_cut = text.galley.elided;
                found.push(Written { text: text.galley.text().to_owned(), place, clip, is_cut });
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    shapes.iter().for_each(|clipped| collect(&clipped.shape, clipped.clip_rect, &mut found));
    found
}

/// What is wrong with the texts of an editor; `is_alone` where nothing is open over anything.
fn wrong_texts(state: &State, editor: &Harness<'_, Shown>, is_alone: bool) -> Vec<String> {
    let mut wrong = Vec::new();
    let window = Rect::from_min_size(egui::Pos2::ZERO, state.size);
    // What is scrolled away is none of this test's business.
    let shown = |written: &Written| written.clip.intersect(window).contains(written.place.center());
    let texts: Vec<Written> = texts(&editor.output().shapes).into_iter().filter(shown).collect();
    for (index, written) in texts.iter().enumerate() {
        let Written { text, place, clip, is_cut } = written;
        let may_be_cut = WRITTEN_BY_PEOPLE.iter().any(|start| text.starts_with(start));
        if *is_cut && !may_be_cut {
            wrong.push(format!("“{text}” is cut"));
        }
        let at_side = place.left() < clip.left() - OVERHANG || place.right() > clip.right() + OVERHANG;
        let scrolls_sideways = clip.width() < window.width() / 1.2 && at_side;
        let is_inside = clip.expand(OVERHANG).contains_rect(*place) || scrolls_sideways;
        if !is_inside {
            wrong.push(format!("“{text}” at {place} leaves {clip}"));
        }
        for other in texts.iter().skip(index + 1).filter(|_| is_alone) {
            let both = place.shrink(OVERHANG / 2.0).intersect(other.place.shrink(OVERHANG / 2.0));
            if both.is_positive() {
                wrong.push(format!("“{text}” and “{}” overlap", other.text));
            }
        }
    }
    wrong
}

/// Everything that can be used has a place of its own in the window.
fn wrong_controls(state: &State, editor: &Harness<'_, Shown>) -> Vec<String> {
    let mut wrong = Vec::new();
    let window = Rect::from_min_size(egui::Pos2::ZERO, state.size);
    let is_control = |role: Role| {
        matches!(
            role,
            Role::Button
                | Role::CheckBox
                | Role::ComboBox
                | Role::Slider
                | Role::TextInput
                | Role::Meter
                | Role::Status
                | Role::Image
                | Role::ColorWell
        )
    };
    let nodes = editor.get_all_by(|node| is_control(node.role()));
    let places: Vec<(String, Rect)> = nodes
        .map(|node| (node.accesskit_node().label().unwrap_or_default(), node.rect()))
        // What is offered in the local network scrolls inside of its card.
        .filter(|(name, _)| !name.starts_with("Join "))
        .filter(|(_, place)| window.expand(0.5).contains_rect(*place))
        .collect();
    assert!(places.len() > 5, "{state:?}");
    for (index, (name, place)) in places.iter().enumerate() {
        for (other, taken) in &places[index + 1..] {
            let both = place.shrink(0.5).intersect(taken.shrink(0.5));
            if both.is_positive() {
                wrong.push(format!("“{name}” and “{other}” overlap"));
            }
        }
    }
    wrong
}

fn in_state(state: &State, found: &str) -> String {
    format!("{} at {} and {} %: {found}", state.name, state.size, state.scale * 100.0)
}

#[test]
fn nothing_overlaps_or_is_cut_at_any_scale() {
    let mut wrong = Vec::new();
    for state in main_views() {
        let editor = state.open();
        let found = [wrong_texts(&state, &editor, true), wrong_controls(&state, &editor)].concat();
        wrong.extend(found.into_iter().map(|found| in_state(&state, &found)));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_opens_over_the_strips_fits_into_the_smallest_window() {
    let mut wrong = Vec::new();
    let opened = PICTURED.iter().filter(|state| !state.done.is_empty()).chain(MENUS);
    for state in opened {
        let state = State { size: SMALLEST, ..*state };
        let found = wrong_texts(&state, &state.open(), false);
        wrong.extend(found.into_iter().map(|found| in_state(&state, &found)));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn lines_are_whole_pixels_at_every_scale() {
    for (scale, look) in SCALES.into_iter().flat_map(|scale| Look::ALL.map(|look| (scale, look))) {
        let state = State { name: "lines", scene: "band", done: &[] as &[Do], size: USUAL, scale, look };
        let editor = state.open();
        let margin = Rect::from_min_size(egui::Pos2::ZERO, egui::vec2(8.0, state.size.y));
        let picture = paint_part(&editor.ctx, editor.output(), state.size, margin);
        let ink = look.palette().line.to_array();
        // Down the left margin there are two lines: under the header, and over the bottom line.
        let column = (4.0 * scale) as usize;
        let lines = (0..picture.height)
            .filter(|row| picture.pixels[row * picture.width + column] == [ink[0], ink[1], ink[2]])
            .count();
        assert_eq!(lines, 2 * scale.round() as usize, "{scale} {look:?}");
    }
}
