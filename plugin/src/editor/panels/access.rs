//! Who else may move what is one's own: a button that is lit while anybody may, and a list to choose nobody, everyone, or people.

use egui::{
    Align2, Id, Popup, PopupCloseBehavior, Rect, Role, ScrollArea, Sense, StrokeKind, Ui, WidgetInfo, pos2,
    vec2,
};

use crate::editor::intent::Intent;
use crate::editor::theme::{self, colour, hairline};
use crate::editor::view_model::Access;
use crate::editor::widgets::draw;
use crate::editor::widgets::field::{Choice, menu_row};
use crate::editor::widgets::icon::{Icon, icon};

/// Of a row in the list, in points.
const ROW_WIDTH: f32 = 260.0;
const ROW_HEIGHT: f32 = 26.0;
/// The list is scrolled where it is longer, in points.
const LIST_HEIGHT_MAX: f32 = 300.0;

/// Who else may move how loud everybody gets this track; `moved_by` is who did last.
pub fn level(ui: &Ui, rect: Rect, access: &Access, moved_by: Option<&str>, intents: &mut Vec<Intent>) {
    let moved = moved_by.map_or_else(String::new, |name| format!("\nMoved last by {name}"));
    let help = format!("Who else may move how loud everybody gets\nthis track: {}{moved}", access.shown);
    show(ui, rect, ("Level", "Others may move this level"), &help, access, intents);
}

/// Who else may set what is heard here.
pub fn mix(ui: &Ui, rect: Rect, access: &Access, intents: &mut Vec<Intent>) {
    let help =
        format!("Who else may move your strips (level, pan and mute,\nin your ears only): {}", access.shown);
    show(ui, rect, ("My mix", "Others may set what I hear"), &help, access, intents);
}

fn show(
    ui: &Ui,
    rect: Rect,
    (text, label): (&str, &str),
    help: &str,
    access: &Access,
    intents: &mut Vec<Intent>,
) {
    let response = ui.interact(rect, Id::unique(("access", label)), Sense::click());
    response.widget_info(|| WidgetInfo {
        current_text_value: Some(access.shown.clone()),
        ..WidgetInfo::labeled(Role::ComboBox, true, label)
    });
    let is_lit = response.hovered() || response.has_focus();
    let (fill, ink) = match (access.is_open, is_lit) {
        (true, _) => (colour(ui).amber_lit, colour(ui).text_on_lit),
        (false, true) => (colour(ui).control_hover, colour(ui).text),
        (false, false) => (colour(ui).control, colour(ui).text_soft),
    };
    let line = if access.is_open { colour(ui).outline(fill) } else { colour(ui).line_strong };
    ui.painter().rect(rect, theme::control_corners(), fill, hairline(ui, line), StrokeKind::Inside);
    draw::focus_ring(ui, &response, rect, theme::control_corners());
    let room = Rect::from_min_max(rect.min, pos2(rect.right() - 12.0, rect.bottom()));
    draw::line(ui.painter(), room, Align2::CENTER_CENTER, text, theme::medium(11.5), ink);
    icon(ui.painter(), Icon::Open, pos2(rect.right() - 10.0, rect.center().y), 10.0, ink);
    let menu = Popup::menu(&response).close_behavior(PopupCloseBehavior::CloseOnClickOutside);
    menu.gap(4.0).show(|ui| list(ui, access, intents));
    response.on_hover_text(help);
}

/// It stays open, so that several people can be picked; a click elsewhere or Escape closes it.
fn list(ui: &mut Ui, access: &Access, intents: &mut Vec<Intent>) {
    ScrollArea::vertical().max_height(LIST_HEIGHT_MAX).show(ui, |ui| {
        for option in &access.options {
            let role = if option.is_person { Role::MenuItemCheckBox } else { Role::MenuItemRadio };
            let choice = Choice { name: option.name.clone(), sentence: String::new() };
            if menu_row(ui, vec2(ROW_WIDTH, ROW_HEIGHT), &choice, role, option.is_chosen) {
                intents.extend(option.commands().map(Intent::send));
            }
        }
    });
}
