//! The top line: logo, state of the session, invite link, leave, zoom.

use egui::{
    Align2, Grid, Id, Popup, PopupCloseBehavior, Rect, RichText, Role, Sense, Ui, WidgetInfo, pos2, vec2,
};

use crate::editor::intent::Intent;
use crate::editor::theme::{self, Look, ZOOMS_PERCENT, colour, hairline};
use crate::editor::view_model::Header;
use crate::editor::widgets::button::{Button, Weight, icon_button};
use crate::editor::widgets::field::{Choice, drop_down, menu_row};
use crate::editor::widgets::icon::{Icon, logo};
use crate::editor::widgets::{chip, draw};
use backline_client::Command;

/// How long a copy button says so, in seconds.
const COPIED_S: f64 = 1.6;
/// Where the state starts, in points from the left.
const STATE_LEFT: f32 = 164.0;
/// Width of the state, in points.
const STATE_WIDTH: f32 = 190.0;
/// Size of a row in the menu of colours, in points.
const LOOK_ROW: egui::Vec2 = vec2(108.0, 26.0);
/// From this width on the link itself is shown beside its button, in points.
const LINK_SHOWN_FROM: f32 = 900.0;

/// Draws the header.
pub fn show(ui: &Ui, rect: Rect, header: &Header, zoom_percent: u32, intents: &mut Vec<Intent>) {
    ui.painter().rect_filled(rect, 0.0, colour(ui).bar);
    ui.painter().hline(rect.x_range(), rect.bottom() - 0.5, hairline(ui, colour(ui).line));
    brand(ui, rect);
    state(ui, rect, header);
    let mut right = rect.right() - 12.0;
    let mut slot = |width: f32| {
        let place = Rect::from_center_size(
            pos2(right - width / 2.0, rect.center().y),
            vec2(width, theme::CONTROL_HEIGHT),
        );
        right -= width + 8.0;
        place
    };
    let (look, zoom, leave, copy) = (slot(theme::CONTROL_HEIGHT), slot(74.0), slot(98.0), slot(124.0));
    // Drawn from left to right: so the keyboard goes.
    if let Some(invite) = &header.invite {
        let left = rect.left() + STATE_LEFT + STATE_WIDTH + 12.0;
        if rect.width() >= LINK_SHOWN_FROM {
            let place = Rect::from_min_max(pos2(left, copy.top()), pos2(copy.left() - 8.0, copy.bottom()));
            link(ui, place, invite);
        }
        copy_button(ui, copy, "copy in header", invite, Weight::Plain);
    }
    if let Some(text) = header.leave {
        let button = Button { id: "leave", text, icon: None, weight: Weight::Plain, enabled: true };
        if button.show(ui, leave).on_hover_text(header.leave_help).clicked() {
            intents.push(Intent::send(Command::Leave));
        }
    }
    zoom_menu(ui, zoom, zoom_percent, intents);
    look_menu(ui, look, intents);
}

fn brand(ui: &Ui, rect: Rect) {
    let width = logo(ui.painter(), pos2(rect.left() + 16.0, rect.center().y - 13.0), 26.0);
    let left = rect.left() + 16.0 + width + 11.0;
    ui.painter().text(
        pos2(left, rect.center().y),
        Align2::LEFT_CENTER,
        "Backline",
        theme::semibold(18.0),
        colour(ui).text,
    );
}

fn state(ui: &Ui, rect: Rect, header: &Header) {
    let left = rect.left() + STATE_LEFT;
    ui.painter().vline(left - 16.0, rect.y_range().shrink(12.0), hairline(ui, colour(ui).line));
    let (top, height) =
        if header.detail.is_empty() { (rect.top(), rect.height()) } else { (rect.top() + 7.0, 18.0) };
    let line = Rect::from_min_size(pos2(left, top), vec2(STATE_WIDTH, height));
    chip::lamp(ui, line, "session state", header.tone, &header.state, theme::medium(13.0), colour(ui).text);
    let below = Rect::from_min_size(pos2(left + 18.0, rect.top() + 25.0), vec2(STATE_WIDTH - 18.0, 16.0));
    if !header.detail.is_empty() {
        let response = ui.interact(below, Id::unique("participants"), Sense::hover());
        response.widget_info(|| WidgetInfo::labeled(Role::Label, true, &header.detail));
        if !header.operations.is_empty() {
            response.on_hover_ui(|ui| operations(ui, &header.operations));
        }
    }
    draw::line(
        ui.painter(),
        below,
        Align2::LEFT_CENTER,
        &header.detail,
        theme::regular(11.0),
        colour(ui).text_soft,
    );
}

/// What each participant moves in the session, in the last second.
fn operations(ui: &mut Ui, rows: &[(String, String)]) {
    ui.label(RichText::new("Moves of faders and permissions that reach you as the host").size(12.0));
    Grid::new("operations").num_columns(2).spacing([16.0, 3.0]).show(ui, |ui| {
        for (name, figure) in rows {
            ui.label(RichText::new(name).color(colour(ui).text_faint).size(12.0));
            ui.label(RichText::new(figure).color(colour(ui).text).size(12.0));
            ui.end_row();
        }
    });
}

/// A sunken field with the link, to be read rather than typed.
pub fn link(ui: &Ui, rect: Rect, invite: &str) {
    draw::well(ui.painter(), rect, 6);
    draw::line(
        ui.painter(),
        rect.shrink2(vec2(10.0, 0.0)),
        Align2::LEFT_CENTER,
        invite,
        theme::regular(12.0),
        colour(ui).text_soft,
    );
}

/// A button that puts the invite link into the clipboard and says so for a moment.
pub fn copy_button(ui: &Ui, rect: Rect, id: &str, invite: &str, weight: Weight) {
    let now = ui.input(|input| input.time);
    let copied = ui.data(|data| data.get_temp::<f64>(copied_at())).is_some_and(|at| now - at < COPIED_S);
    let (text, picture) = if copied { ("Copied", Icon::Done) } else { ("Copy link", Icon::Copy) };
    let button = Button { id, text, icon: Some(picture), weight, enabled: true };
    if button.show(ui, rect).on_hover_text("Whoever has this link can join the session").clicked() {
        copy(ui, invite);
    }
}

/// Puts the invite link into the clipboard; the copy buttons say so for a moment.
pub fn copy(ui: &Ui, invite: &str) {
    ui.ctx().copy_text(invite.to_owned());
    let now = ui.input(|input| input.time);
    ui.data_mut(|data| data.insert_temp(copied_at(), now));
    ui.ctx().request_repaint_after(std::time::Duration::from_secs_f64(COPIED_S));
}

fn copied_at() -> Id {
    Id::unique("invite copied at")
}

/// Dark or light, for every editor of this person.
fn look_menu(ui: &Ui, rect: Rect, intents: &mut Vec<Intent>) {
    let shown = Look::of(ui.ctx());
    let response = icon_button(ui, rect, Id::unique("look"), Icon::Look, "Colours");
    response.widget_info(|| WidgetInfo {
        current_text_value: Some(shown.name().to_owned()),
        ..WidgetInfo::labeled(Role::ComboBox, true, "Colours")
    });
    let menu = Popup::menu(&response).close_behavior(PopupCloseBehavior::CloseOnClick).gap(4.0);
    menu.show(|ui| {
        for look in Look::ALL {
            let choice = Choice { name: look.name().to_owned(), sentence: String::new() };
            if menu_row(ui, LOOK_ROW, &choice, Role::MenuItemRadio, look == shown) {
                intents.push(Intent::Look(look));
            }
        }
    });
}

fn zoom_menu(ui: &Ui, rect: Rect, zoom_percent: u32, intents: &mut Vec<Intent>) {
    let choices = ZOOMS_PERCENT.map(|zoom| Choice { name: format!("{zoom} %"), sentence: String::new() });
    let chosen = ZOOMS_PERCENT.iter().position(|zoom| *zoom == zoom_percent);
    let shown = format!("{zoom_percent} %");
    if let Some(index) = drop_down(ui, rect, Id::unique("zoom"), "Zoom", &shown, &choices, chosen.as_slice())
    {
        intents.push(Intent::Zoom(ZOOMS_PERCENT[index]));
    }
}
