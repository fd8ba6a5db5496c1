//! Small facts: a lamp with a word, a picture with a tooltip, bars for how good something is.
//!
//! A chip keeps its place and width whatever it says; the panel gives both.

use egui::{Align2, Color32, CornerRadius, FontId, Id, Rect, Response, Role, Sense, Ui, WidgetInfo, pos2};

use super::draw;
use super::icon::{Icon, icon};
use crate::editor::theme::{Tone, colour};

/// A lamp in the colour of `tone`, and `text` beside it.
pub fn lamp(ui: &Ui, rect: Rect, id: &str, tone: Tone, text: &str, font: FontId, ink: Color32) -> Response {
    let response = ui.interact(rect, Id::unique(("lamp", id)), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Status, true, text));
    let centre = pos2(rect.left() + 5.0, rect.center().y);
    ui.painter().circle_filled(centre, 7.0, tone.colour(ui).gamma_multiply(0.18));
    ui.painter().circle_filled(centre, 3.5, tone.colour(ui));
    let rest = Rect::from_min_max(pos2(rect.left() + 18.0, rect.top()), rect.max);
    draw::line(ui.painter(), rest, Align2::LEFT_CENTER, text, font, ink);
    response
}

/// A picture that says `label`, in its tooltip and in the accessibility tree.
pub fn badge(ui: &Ui, rect: Rect, id: Id, picture: Icon, ink: Color32, label: &str) -> Response {
    let response = ui.interact(rect, id, Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, label));
    if response.hovered() {
        ui.painter().rect_filled(rect, CornerRadius::same(4), ink.gamma_multiply(0.15));
    }
    icon(ui.painter(), picture, rect.center(), rect.height().min(13.0), ink);
    response.on_hover_text(label)
}

/// Three bars, as many lit as `tone` is good, that say `label` in the tooltip and in the accessibility tree.
pub fn bars(ui: &Ui, rect: Rect, id: Id, tone: Tone, label: &str) -> Response {
    let response = ui.interact(rect, id, Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, label));
    let lit = match tone {
        Tone::Good => 3,
        Tone::Warning => 2,
        Tone::Bad => 1,
        Tone::Quiet | Tone::Busy => 0,
    };
    for bar in 0..3_u8 {
        let ink = if bar < lit { tone.colour(ui) } else { colour(ui).line_strong };
        let left = rect.center().x - 7.0 + f32::from(bar) * 5.0;
        let top = rect.center().y + 1.5 - f32::from(bar) * 3.0;
        let place = Rect::from_min_max(pos2(left, top), pos2(left + 3.5, rect.center().y + 5.5));
        ui.painter().rect_filled(place, CornerRadius::same(1), ink);
    }
    response.on_hover_text(label)
}
