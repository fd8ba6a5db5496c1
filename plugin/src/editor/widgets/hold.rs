//! A button that is on while it is held: with the mouse, with the space bar while it has the keyboard.

use egui::{Align2, Color32, Id, Key, Rect, Response, Role, Sense, Stroke, StrokeKind, Ui, WidgetInfo};

use crate::editor::intent::{Control, Intent};
use crate::editor::theme::{self, colour};

/// What a held button is for.
pub struct Hold<'a> {
    /// The parameter that is 1 while it is held.
    pub control: Control,
    /// What is written on it, and its name in the accessibility tree.
    pub text: &'a str,
    /// On now, whoever holds it: this button, a pedal, automation.
    pub on: bool,
    /// Its colour when on.
    pub tint: Color32,
}

impl Hold<'_> {
    /// Draws the button into `rect`; `is_held` is its memory from frame to frame. One gesture lasts as long as it is held.
    pub fn show(self, ui: &Ui, rect: Rect, is_held: &mut bool, intents: &mut Vec<Intent>) -> Response {
        let response = ui.interact(rect, Id::unique(("hold", self.control)), Sense::click_and_drag());
        let by_space = response.has_focus() && ui.input(|input| input.key_down(Key::Space));
        let holds = response.is_pointer_button_down_on() || by_space;
        match (std::mem::replace(is_held, holds), holds) {
            (false, true) => intents.extend([Intent::Begin(self.control), Intent::Set(self.control, 1.0)]),
            (true, false) => intents.extend([Intent::Set(self.control, 0.0), Intent::End(self.control)]),
            _ => {}
        }
        let is_on = self.on || holds;
        response.widget_info(|| WidgetInfo::selected(Role::Button, true, is_on, self.text));
        let (fill, ink) = match (is_on, response.hovered()) {
            (true, _) => (self.tint, colour(ui).text_on_lit),
            (false, true) => (colour(ui).control_hover, colour(ui).text),
            (false, false) => (colour(ui).control, colour(ui).text),
        };
        let line = if response.has_focus() { colour(ui).amber_bright } else { colour(ui).line_strong };
        ui.painter().rect(rect, theme::control_corners(), fill, Stroke::new(1.0, line), StrokeKind::Inside);
        ui.painter().text(rect.center(), Align2::CENTER_CENTER, self.text, theme::semibold(14.0), ink);
        response
    }
}
