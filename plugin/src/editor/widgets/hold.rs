//! A button that is on while it is held: with the mouse, with the space bar while it has the keyboard.
//!
//! Who cannot hold it switches it: Enter, or a screen reader's click, puts it on until the next one.

use egui::accesskit::Action;
use egui::{Align2, Color32, Id, Key, Rect, Response, Role, Sense, StrokeKind, Ui, WidgetInfo};

use super::draw;
use crate::editor::intent::{Control, Intent};
use crate::editor::theme::{self, colour, hairline};

/// A held button's memory from frame to frame.
#[derive(Debug, Default)]
pub struct Held {
    /// It is on by this button: held or switched.
    pub is_on: bool,
    /// It was switched on, and stays so until it is pressed or switched again.
    is_switched: bool,
}

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
    /// Draws the button into `rect`. One gesture lasts as long as it is on.
    pub fn show(self, ui: &Ui, rect: Rect, held: &mut Held, intents: &mut Vec<Intent>) -> Response {
        let response = ui.interact(rect, Id::unique(("hold", self.control)), Sense::click_and_drag());
        let by_space = response.has_focus() && ui.input(|input| input.key_down(Key::Space));
        let holds = response.is_pointer_button_down_on() || by_space;
        held.is_switched = !holds && held.is_switched != is_switched_now(ui, &response);
        let is_on = holds || held.is_switched;
        match (std::mem::replace(&mut held.is_on, is_on), is_on) {
            (false, true) => intents.extend([Intent::Begin(self.control), Intent::Set(self.control, 1.0)]),
            (true, false) => intents.extend([Intent::Set(self.control, 0.0), Intent::End(self.control)]),
            _ => {}
        }
        let is_on = self.on || is_on;
        response.widget_info(|| WidgetInfo::selected(Role::Button, true, is_on, self.text));
        let (fill, ink) = match (is_on, response.hovered()) {
            (true, _) => (self.tint, colour(ui).text_on_lit),
            (false, true) => (colour(ui).control_hover, colour(ui).text),
            (false, false) => (colour(ui).control, colour(ui).text),
        };
        ui.painter().rect(
            rect,
            theme::control_corners(),
            fill,
            hairline(ui, colour(ui).line_strong),
            StrokeKind::Inside,
        );
        draw::focus_ring(ui, &response, rect, theme::control_corners());
        ui.painter().text(rect.center(), Align2::CENTER_CENTER, self.text, theme::semibold(14.0), ink);
        response
    }
}

/// Enter, or a screen reader's click: neither says how long it is held.
fn is_switched_now(ui: &Ui, response: &Response) -> bool {
    let has_focus = response.has_focus();
    ui.input(|input| {
        let by_enter = has_focus && input.key_pressed(Key::Enter);
        by_enter || input.has_accesskit_action_request(response.id, Action::Click)
    })
}
