//! The menu of every fader and knob: type a value, reset, copy. The right button opens it, and Enter where the keyboard is.
//!
//! It shows no value that its scale does not say in words. The step before is the fader or knob; the step after is intents.

use egui::{Key, Modifiers, Popup, PopupCloseBehavior, Response, Role, Sense, SetOpenCommand, Ui, vec2};

use super::adjust::Scale;
use super::field::{Choice, menu_row, text_field};
use crate::editor::intent::{Control, Intent, set_once};
use crate::editor::theme;

/// Size of a row, in points.
const ROW: egui::Vec2 = vec2(150.0, 26.0);

/// Opens the menu where it is asked for, and draws it while it is open. `label` is the control's, `shown` the value that it shows.
pub fn value_menu(
    ui: &Ui,
    response: &Response,
    (control, label): (Control, &str),
    shown: f32,
    scale: &Scale<'_>,
    intents: &mut Vec<Intent>,
) {
    let by_key = response.has_focus() && ui.input_mut(|input| input.consume_key(Modifiers::NONE, Key::Enter));
    let opens = by_key || response.secondary_clicked();
    let menu = Popup::menu(response)
        .open_memory(opens.then_some(SetOpenCommand::Bool(true)))
        .close_behavior(PopupCloseBehavior::CloseOnClickOutside);
    menu.gap(4.0).show(|ui| {
        let now = (scale.words)(shown);
        let (place, _) = ui.allocate_exact_size(vec2(ROW.x, theme::CONTROL_HEIGHT), Sense::hover());
        let id = response.id.with("typed in menu");
        let mut text = ui.data(|data| data.get_temp::<String>(id)).filter(|_| !opens).unwrap_or_default();
        let typed =
            text_field(ui, place, id, &format!("{label}, value"), &mut text, &now, theme::regular(12.5));
        if opens {
            typed.response.request_focus();
        }
        if let Some(value) = typed.entered.then(|| (scale.parse)(&text)).flatten() {
            set_once(intents, control, value);
            ui.close();
        }
        ui.data_mut(|data| data.insert_temp(id, text));
        let row = |ui: &mut Ui, name: String| {
            menu_row(ui, ROW, &Choice { name, sentence: String::new() }, Role::MenuItem, false)
        };
        if row(ui, format!("Reset to {}", (scale.words)(scale.default))) {
            set_once(intents, control, scale.default);
            ui.close();
        }
        if row(ui, format!("Copy {now}")) {
            // A minus that other programs read.
            ui.ctx().copy_text(now.replace('−', "-"));
            ui.close();
        }
    });
}
