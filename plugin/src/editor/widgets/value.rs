//! The number under a fader: fixed width, and a click types a new one.

use egui::{Align2, FontId, Id, Rect, Role, Sense, TextEdit, Ui, WidgetInfo};

use super::draw;
use crate::editor::intent::{Control, Intent, set_once};
use crate::editor::theme::{self, colour};

/// Space on both sides of the text, in points.
pub const INSET: f32 = 5.0;

/// What a value field shows.
pub struct Value<'a> {
    /// The parameter that a typed value sets.
    pub control: Control,
    /// Its name in the accessibility tree.
    pub label: &'a str,
    /// The value in words.
    pub text: &'a str,
    /// Turns typed text into a value, or nothing where it is none.
    pub parse: &'a dyn Fn(&str) -> Option<f32>,
    /// Size of the text, in points.
    pub size: f32,
    /// Where the text is in its place.
    pub align: Align2,
}

impl Value<'_> {
    /// Draws the value into `rect`; click to type, Enter to set, Escape to leave it.
    pub fn show(self, ui: &mut Ui, rect: Rect, intents: &mut Vec<Intent>) {
        let id = Id::unique(("value", self.control));
        let font = theme::medium(self.size);
        match ui.data(|data| data.get_temp::<String>(id)) {
            Some(text) => self.edit(ui, rect, id, text, font, intents),
            None => self.rest(ui, rect, id, font),
        }
    }

    fn rest(&self, ui: &Ui, rect: Rect, id: Id, font: FontId) {
        let response = ui.interact(rect, id, Sense::click());
        response.widget_info(|| WidgetInfo {
            current_text_value: Some(self.text.to_owned()),
            ..WidgetInfo::labeled(Role::Button, true, self.label)
        });
        if response.hovered() {
            ui.painter().rect_filled(rect, theme::control_corners(), colour(ui).well);
        }
        draw::focus_ring(ui, &response, rect, theme::control_corners());
        draw::line(
            ui.painter(),
            rect.shrink2(egui::vec2(INSET, 0.0)),
            self.align,
            self.text,
            font,
            colour(ui).text,
        );
        if response.clicked() {
            ui.data_mut(|data| data.insert_temp(id, self.text.replace(" dB", "")));
            ui.memory_mut(|memory| memory.request_focus(id.with("edit")));
        }
        response.on_hover_cursor(egui::CursorIcon::Text);
    }

    fn edit(
        &self,
        ui: &mut Ui,
        rect: Rect,
        id: Id,
        mut text: String,
        font: FontId,
        intents: &mut Vec<Intent>,
    ) {
        draw::well(ui.painter(), rect, 4);
        let edit = TextEdit::singleline(&mut text)
            .id(id.with("edit"))
            .font(font)
            .frame(egui::Frame::NONE)
            .margin(egui::Margin::ZERO)
            .align(self.align)
            .desired_width(rect.width() - 2.0 * INSET);
        let response = ui.put(rect.shrink2(egui::vec2(INSET, 2.0)), edit).accessible_name(self.label);
        if !response.lost_focus() {
            ui.data_mut(|data| data.insert_temp(id, text));
            return;
        }
        ui.data_mut(|data| data.remove::<String>(id));
        let given_up = ui.input(|input| input.key_pressed(egui::Key::Escape));
        if let Some(value) = (self.parse)(&text).filter(|_| !given_up) {
            set_once(intents, self.control, value);
        }
    }
}
