//! A small lit button that is on or off: mute, solo.

use egui::{Align2, Color32, Id, Rect, Response, Role, Sense, StrokeKind, Ui, WidgetInfo};

use super::{draw, kept};
use crate::editor::intent::{Control, Intent, set_once};
use crate::editor::theme::{self, colour, hairline};

/// What a toggle is for.
pub struct Toggle<'a> {
    /// The parameter it switches between 0 and 1.
    pub control: Control,
    /// What is written on it.
    pub text: &'a str,
    /// Its name in the accessibility tree.
    pub label: &'a str,
    /// On now.
    pub on: bool,
    /// Its colour when on.
    pub tint: Color32,
}

impl Toggle<'_> {
    /// Draws the toggle into `rect`; a click pushes the other state.
    pub fn show(self, ui: &Ui, rect: Rect, intents: &mut Vec<Intent>) -> Response {
        let response = ui.interact(rect, Id::unique(("toggle", self.control)), Sense::click());
        if response.clicked() {
            set_once(intents, self.control, if self.on { 0.0 } else { 1.0 });
        }
        response.widget_info(|| WidgetInfo::selected(Role::CheckBox, ui.is_enabled(), self.on, self.label));
        let (fill, line, ink) = match (self.on, response.hovered()) {
            (true, _) => (self.tint, colour(ui).outline(self.tint), colour(ui).text_on_lit),
            (false, true) => (colour(ui).control_hover, colour(ui).line_strong, colour(ui).text),
            (false, false) => (colour(ui).control, colour(ui).line_strong, colour(ui).text_soft),
        };
        kept::kept(ui, response.id.with("paint"), (kept::place(rect), fill, line), |painter| {
            let line = hairline(painter, line);
            painter.rect(rect, theme::control_corners(), fill, line, StrokeKind::Inside);
        });
        draw::focus_ring(ui, &response, rect, theme::control_corners());
        ui.painter().text(rect.center(), Align2::CENTER_CENTER, self.text, theme::semibold(12.0), ink);
        response
    }
}
