//! A knob for balance (a needle from the middle) and for small gains (a needle from the left).
//!
//! The behaviour is `adjust.rs`'s; the value's text is the panel's.

use egui::{Color32, Id, Painter, Rect, Response, Sense, Stroke, Ui, WidgetInfo};

use super::adjust::{Scale, adjust};
use super::draw::{arc, on_circle};
use super::kept;
use super::value_menu::value_menu;
use crate::editor::intent::{Control, Intent};
use crate::editor::theme::{colour, hairline};
use crate::editor::view_model::words;
use crate::value_text::parse_pan;

/// Where the scale starts, in turns from the top; it ends as far on the other side.
const SWEEP: f32 = 0.375;
/// Points of drag from one end to the other.
const TRAVEL_POINTS: f32 = 160.0;
/// The largest playout depth, in milliseconds.
const DEPTH_MAX_MS: f32 = backline_client::DEPTH_CEILING_MAX.as_millis() as f32;
/// Within this much of the middle a dragged balance rests there.
const CENTRE_SNAP: f32 = 0.03;

/// What a knob is for.
pub struct Knob<'a> {
    /// The parameter it moves.
    pub control: Control,
    /// Its name in the accessibility tree.
    pub label: &'a str,
    /// The value, in the control's unit.
    pub value: f32,
    /// Colour of the lit part of the scale.
    pub tint: Color32,
    /// The lit part starts in the middle (balance) instead of the left.
    pub from_middle: bool,
}

impl Knob<'_> {
    /// Draws the knob into the square `rect`. Returns its response and the shown value.
    pub fn show(self, ui: &Ui, rect: Rect, scale: &Scale<'_>, intents: &mut Vec<Intent>) -> (Response, f32) {
        let response = ui.interact(rect, Id::unique(("knob", self.control)), Sense::click_and_drag());
        let shown = adjust(ui, &response, self.control, self.value, scale, intents);
        value_menu(ui, &response, (self.control, self.label), shown, scale, intents);
        let reported = f64::from(shown.max(scale.range.0));
        response.widget_info(|| WidgetInfo::slider(ui.is_enabled(), reported, self.label));
        let place = (scale.to_place)(shown);
        let lit = response.hovered() || response.dragged() || response.has_focus();
        let looks =
            (kept::place(rect), place.to_bits(), self.tint, self.from_middle, lit, response.has_focus());
        kept::kept(ui, response.id.with("paint"), looks, |painter| {
            self.paint(painter, rect, place, lit, response.has_focus());
        });
        (response.on_hover_cursor(egui::CursorIcon::ResizeVertical), shown)
    }

    fn paint(&self, painter: &Painter, rect: Rect, place: f32, lit: bool, focused: bool) {
        let (centre, radius) = (rect.center(), rect.width() / 2.0 - 1.5);
        let turns = |place: f32| (place * 2.0 - 1.0) * SWEEP;
        arc(painter, centre, radius, -SWEEP, SWEEP, Stroke::new(3.0, colour(painter).line));
        let from = if self.from_middle { 0.0 } else { -SWEEP };
        if (turns(place) - from).abs() > 0.003 {
            arc(painter, centre, radius, from, turns(place), Stroke::new(3.0, self.tint));
        }
        let body = if lit { colour(painter).control_hover } else { colour(painter).control };
        let line = match focused {
            true => Stroke::new(2.0, colour(painter).focus),
            false => hairline(painter, colour(painter).line_strong),
        };
        painter.circle(centre, radius - 4.0, body, line);
        let needle =
            [on_circle(centre, radius * 0.25, turns(place)), on_circle(centre, radius - 5.0, turns(place))];
        painter.line_segment(needle, Stroke::new(2.0, colour(painter).text));
        if self.from_middle {
            painter.circle_filled(on_circle(centre, radius, 0.0), 1.2, colour(painter).line_strong);
        }
    }
}

/// The scale of a balance control, with a rest in the middle.
pub fn pan_scale() -> Scale<'static> {
    Scale {
        to_place: &|pan| (pan + 1.0) / 2.0,
        from_place: &tidy_pan,
        default: 0.0,
        range: (-1.0, 1.0),
        step: 0.1,
        travel_points: TRAVEL_POINTS,
        words: &words::pan,
        parse: &parse_pan,
    }
}

/// The scale of the playout depth, in milliseconds: fine where it matters, a fresh
/// instance's on a double-click.
pub fn depth_scale() -> Scale<'static> {
    Scale {
        to_place: &|ms| (ms / DEPTH_MAX_MS).max(0.0).sqrt(),
        from_place: &|place| (place * place * DEPTH_MAX_MS * 2.0).round() / 2.0,
        default: backline_client::DEPTH_CEILING_DEFAULT.as_secs_f32() * 1000.0,
        range: (0.0, DEPTH_MAX_MS),
        step: 1.0,
        travel_points: TRAVEL_POINTS * 2.0,
        words: &|ms| format!("{ms:.1} ms"),
        parse: &parse_depth,
    }
}

fn parse_depth(text: &str) -> Option<f32> {
    let number = text.trim().trim_end_matches("ms").trim().replace(',', ".");
    number.parse::<f32>().ok().filter(|ms| ms.is_finite()).map(|ms| ms.clamp(0.0, DEPTH_MAX_MS))
}

/// The balance at a place, on the parameter's grid of 50 steps to a side.
fn tidy_pan(place: f32) -> f32 {
    let pan = place * 2.0 - 1.0;
    if pan.abs() < CENTRE_SNAP { 0.0 } else { (pan * 50.0).round() / 50.0 }
}
