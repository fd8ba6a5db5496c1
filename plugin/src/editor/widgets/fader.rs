//! A vertical fader with its dB scale.
//!
//! It neither meters nor names a source. The law is `law.rs`'s, the behaviour `adjust.rs`'s.

use std::sync::Arc;

use egui::{
    Align2, Color32, CornerRadius, Galley, Id, Painter, Rect, Response, Sense, Shadow, Stroke, Ui, Vec2,
    WidgetInfo, pos2,
};

use super::adjust::{Scale, adjust};
use super::value_menu::value_menu;
use super::{draw, kept};
use crate::editor::intent::{Control, Intent};
use crate::editor::law::{FADER_SILENT_DB, FADER_TOP_DB, fader_db, fader_place};
use crate::editor::theme::{self, colour, hairline};
use crate::editor::view_model::words;

/// Marks of the scale, in dB, with the text beside each.
const MARKS: [(f32, &str); 8] = [
    (12.0, "12"),
    (6.0, "6"),
    (0.0, "0"),
    (-6.0, "6"),
    (-12.0, "12"),
    (-20.0, "20"),
    (-40.0, "40"),
    (f32::NEG_INFINITY, "∞"),
];
/// Width of the scale's texts, in points.
pub const SCALE_WIDTH: f32 = 18.0;
/// Width of the cap, in points.
pub const CAP_WIDTH: f32 = 26.0;
/// Height of the cap, in points.
const CAP_HEIGHT: f32 = 18.0;

/// What a fader is for.
pub struct Fader<'a> {
    /// The parameter it moves.
    pub control: Control,
    /// Its name in the accessibility tree.
    pub label: &'a str,
    /// The value in dB.
    pub db: f32,
    /// Colour of the line on the cap.
    pub tint: Color32,
    /// Someone hears it: the cap is drawn in full.
    pub live: bool,
}

impl Fader<'_> {
    /// Draws the fader into `rect` (scale on the left, cap on the right). Returns its response and the shown dB.
    pub fn show(self, ui: &Ui, rect: Rect, intents: &mut Vec<Intent>) -> (Response, f32) {
        let lane = Rect::from_min_max(pos2(rect.right() - CAP_WIDTH, rect.top()), rect.max);
        let rail = lane.shrink2(Vec2::new(0.0, CAP_HEIGHT / 2.0));
        let response = ui.interact(lane, Id::unique(("fader", self.control)), Sense::click_and_drag());
        let scale = gain_scale(rail.height(), 0.0);
        let shown = adjust(ui, &response, self.control, self.db, &scale, intents);
        value_menu(ui, &response, (self.control, self.label), shown, &scale, intents);
        response.widget_info(|| {
            WidgetInfo::slider(ui.is_enabled(), f64::from(shown.max(FADER_SILENT_DB)), self.label)
        });
        self.paint(ui, rect, rail, &response, shown);
        (response.on_hover_cursor(egui::CursorIcon::ResizeVertical), shown)
    }

    fn paint(&self, ui: &Ui, rect: Rect, rail: Rect, response: &Response, shown: f32) {
        paint_scale(ui, rect, rail);
        let y = rail.bottom() - fader_place(shown) * rail.height();
        let lit = response.hovered() || response.dragged() || response.has_focus();
        let looks = (kept::place(rail), y.to_bits(), self.tint, self.live, lit);
        kept::kept(ui, response.id.with("paint"), looks, |painter| {
            self.paint_groove(painter, rail, y);
            self.paint_cap(painter, self.cap(rail, y), lit);
        });
        draw::focus_ring(ui, response, self.cap(rail, y).expand(3.0), CornerRadius::same(6));
    }

    fn cap(&self, rail: Rect, y: f32) -> Rect {
        Rect::from_center_size(pos2(rail.center().x, y), Vec2::new(CAP_WIDTH, CAP_HEIGHT))
    }

    fn paint_groove(&self, painter: &Painter, rail: Rect, y: f32) {
        for (db, _) in MARKS {
            let y = rail.bottom() - fader_place(db) * rail.height();
            let line = if db == 0.0 { colour(painter).text_faint } else { colour(painter).line_strong };
            painter.hline(rail.left() + 2.0..=rail.right() - 2.0, y, hairline(painter, line));
        }
        let groove = Rect::from_center_size(rail.center(), Vec2::new(4.0, rail.height() + 8.0));
        draw::well(painter, groove, 2);
        let travelled = Rect::from_min_max(pos2(groove.left() + 1.0, y), groove.max - Vec2::splat(1.0));
        let fill = if self.live { self.tint.gamma_multiply(0.55) } else { colour(painter).line };
        painter.rect_filled(travelled, CornerRadius::same(1), fill);
    }

    fn paint_cap(&self, painter: &Painter, cap: Rect, lit: bool) {
        let shadow = Shadow { offset: [0, 3], blur: 6, spread: 0, color: colour(painter).shadow };
        painter.add(shadow.as_shape(cap, CornerRadius::same(4)));
        let [under_hand, at_rest, unheard] = colour(painter).caps;
        let [top, bottom] = match (self.live, lit) {
            (true, true) => under_hand,
            (true, false) => at_rest,
            (false, _) => unheard,
        };
        draw::shaded_rect(painter, cap, 4.0, top, bottom, colour(painter).cap_line);
        let gloss =
            hairline(painter, colour(painter).cap_gloss.gamma_multiply(if self.live { 1.0 } else { 0.3 }));
        painter.hline(cap.x_range().shrink(4.0), cap.top() + 1.5, gloss);
        for offset in [-4.0, 4.0] {
            painter.hline(
                cap.x_range().shrink(6.0),
                cap.center().y + offset,
                hairline(painter, colour(painter).cap_line.gamma_multiply(0.5)),
            );
        }
        let ink = if self.live { self.tint } else { colour(painter).text_faint };
        painter.hline(cap.x_range().shrink(3.0), cap.center().y, Stroke::new(2.0, ink));
    }
}

/// The scale of every gain control: dB by the fader's law, 1 dB a step, `default_db` on a double-click.
pub fn gain_scale(travel_points: f32, default_db: f32) -> Scale<'static> {
    Scale {
        to_place: &fader_place,
        from_place: &tidy_db,
        default: default_db,
        range: (FADER_SILENT_DB, FADER_TOP_DB),
        step: 1.0,
        travel_points,
        words: &words::gain,
        parse: &words::parse_gain,
    }
}

/// The dB value at a place, on a grid of 0.1 dB, so that what is shown is what is set.
fn tidy_db(place: f32) -> f32 {
    let db = fader_db(place);
    if db <= FADER_SILENT_DB + 0.05 { f32::NEG_INFINITY } else { (db * 10.0).round() / 10.0 }
}

/// The numbers beside the marks.
fn paint_scale(ui: &Ui, rect: Rect, rail: Rect) {
    let painter = ui.painter();
    let mut last_y = f32::NEG_INFINITY;
    let unity_y = rail.bottom() - fader_place(0.0) * rail.height();
    for ((db, _), number) in MARKS.iter().zip(&*numbers(ui)) {
        let y = rail.bottom() - fader_place(*db) * rail.height();
        // A short fader drops the marks that would touch, never the 0.
        if *db != 0.0 && (y - last_y < 11.0 || (y - unity_y).abs() < 11.0) {
            continue;
        }
        last_y = y;
        let right = pos2(rect.left() + SCALE_WIDTH - 5.0, y);
        let place = Align2::RIGHT_CENTER.anchor_size(right, number.size());
        painter.galley(place.min, Arc::clone(number), colour(ui).text_faint);
    }
}

/// The numbers of a scale as they are written in one frame.
#[derive(Clone)]
struct Numbers {
    frame: u64,
    written: Arc<Vec<Arc<Galley>>>,
}

/// Written once in a frame, for all faders.
fn numbers(ui: &Ui) -> Arc<Vec<Arc<Galley>>> {
    let (id, frame) = (Id::unique("numbers of the faders"), ui.ctx().cumulative_frame_nr());
    let before: Option<Numbers> = ui.data(|data| data.get_temp(id));
    if let Some(numbers) = before.filter(|numbers| numbers.frame == frame) {
        return numbers.written;
    }
    let write = |(db, text): &(f32, &str)| {
        let ink = if *db == 0.0 { colour(ui).text_soft } else { colour(ui).text_faint };
        ui.painter().layout_no_wrap((*text).to_owned(), theme::regular(10.0), ink)
    };
    let written = Arc::new(MARKS.iter().map(write).collect::<Vec<_>>());
    ui.data_mut(|data| data.insert_temp(id, Numbers { frame, written: Arc::clone(&written) }));
    written
}
