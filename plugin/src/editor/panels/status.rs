//! The bottom line: the worst message with its advice, a way to the others, and a way to dismiss it.
//!
//! It is always there and always as high, so that a message moves nothing.

use egui::text::{LayoutJob, TextFormat, TextWrapping};
use egui::{Align2, Id, Popup, PopupCloseBehavior, Rect, RectAlign, Role, Sense, Ui, WidgetInfo, pos2, vec2};

use crate::editor::intent::Intent;
use crate::editor::theme::{self, Tone, colour, hairline, mix};
use crate::editor::view_model::{Message, Offer, StatusLine};
use crate::editor::widgets::button::{Button, Weight, icon_button};
use crate::editor::widgets::draw;
use crate::editor::widgets::icon::{Icon, icon};
use backline_client::Command;

/// Size of a message that is too long for two lines, in points, and the most lines that the bottom line has room for.
const SMALL: f32 = 11.0;
const ROWS_MAX: usize = 3;

/// Draws the line; `beside` points at its right are somebody else's.
pub fn show(ui: &Ui, rect: Rect, beside: f32, status: &StatusLine, intents: &mut Vec<Intent>) {
    let worst = status.messages.first();
    let fill = worst
        .map_or(colour(ui).bar, |message| mix(colour(ui).bar, message.tone.colour(ui), theme::STATUS_TINT));
    ui.painter().rect_filled(rect, 0.0, fill);
    let line = worst.map_or(colour(ui).line, |message| mix(colour(ui).line, message.tone.colour(ui), 0.45));
    ui.painter().hline(rect.x_range(), rect.top() + 0.5, hairline(ui, line));
    let rect = rect.with_max_x(rect.right() - beside);
    match worst {
        Some(message) => {
            let more = if status.messages.len() > 1 { 92.0 } else { 0.0 };
            let room = rect.with_max_x(rect.right() - 12.0 - more);
            one(ui, room, message, "status", intents);
            if more > 0.0 {
                let place =
                    Rect::from_center_size(pos2(rect.right() - 56.0, rect.center().y), vec2(80.0, 26.0));
                others(ui, place, &status.messages, intents);
            }
        }
        None => calm(ui, rect, &status.calm),
    }
}

fn calm(ui: &Ui, rect: Rect, text: &str) {
    let room = rect.shrink2(vec2(16.0, 0.0));
    let response = ui.interact(room, Id::unique("calm"), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Status, true, text));
    draw::line(
        ui.painter(),
        room.with_max_x(room.right() - 110.0),
        Align2::LEFT_CENTER,
        text,
        theme::regular(12.0),
        colour(ui).text_faint,
    );
    let version = concat!("Backline ", env!("CARGO_PKG_VERSION"));
    draw::line(
        ui.painter(),
        room.with_min_x(room.right() - 100.0),
        Align2::RIGHT_CENTER,
        version,
        theme::regular(11.0),
        colour(ui).text_faint,
    );
}

/// Where a line is narrower, in points, *Discard* is in the list of all messages only.
const DISCARD_ROOM: f32 = 350.0;

/// A message: lamp, what happened, what to do, a cross where it can be dismissed.
fn one(ui: &Ui, rect: Rect, message: &Message, id: &str, intents: &mut Vec<Intent>) {
    let centre = pos2(rect.left() + 24.0, rect.center().y);
    ui.painter().circle_filled(centre, 9.0, message.tone.colour(ui).gamma_multiply(0.2));
    match message.tone {
        Tone::Bad => icon(ui.painter(), Icon::Close, centre, 13.0, message.tone.colour(ui)),
        tone => {
            ui.painter().circle_filled(centre, 4.0, tone.colour(ui));
        }
    }
    let has_discard = message.offer == Some(Offer::Sync) && rect.width() >= DISCARD_ROOM;
    let beside =
        message.offer.map_or(36.0, |offer| width_of(offer) + 20.0 + if has_discard { 86.0 } else { 0.0 });
    let text =
        Rect::from_min_max(pos2(rect.left() + 44.0, rect.top()), pos2(rect.right() - beside, rect.bottom()));
    let response =
        ui.interact(text, Id::unique((id, "text", message.dismiss, &message.text)), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Alert, true, &message.text));
    if sentences(ui, text, message) {
        response.on_hover_text(format!("{}\n{}", message.text, message.advice));
    }
    if let Some(offer) = message.offer {
        let width = width_of(offer);
        let centre = pos2(rect.right() - 12.0 - width / 2.0, rect.center().y);
        let id = format!("{id} {offer:?}");
        let button = Button { id: &id, text: offer.text(), icon: None, weight: Weight::Plain, enabled: true };
        let place = Rect::from_center_size(centre, vec2(width, 26.0));
        if button.show(ui, place).clicked() {
            intents.push(match offer {
                Offer::Sync => Intent::send(Command::SyncNow),
                Offer::CarryOn => Intent::CarryOn,
                Offer::DiscardLeftBehind => Intent::send(Command::DiscardLeftBehind),
            });
        }
        if has_discard {
            discard(ui, place.translate(vec2(-90.0, 0.0)), id, intents);
        }
    }
    if let Some(notice) = message.dismiss {
        let place = Rect::from_center_size(pos2(rect.right() - 18.0, rect.center().y), vec2(26.0, 26.0));
        if icon_button(ui, place, Id::unique((id, "dismiss", notice)), Icon::Close, "Dismiss").clicked() {
            intents.push(Intent::send(Command::DismissNotice(notice)));
        }
    }
}

/// What happened, and under it what to do; where that is too long for a line each, both in smaller lines. True where even so
/// something is cut.
fn sentences(ui: &Ui, rect: Rect, message: &Message) -> bool {
    let palette = colour(ui);
    let line = |text: &str, font, ink| {
        let mut job = LayoutJob::single_section(text.to_owned(), TextFormat::simple(font, ink));
        job.wrap = TextWrapping::truncate_at_width(rect.width());
        ui.painter().layout_job(job)
    };
    let mut lines = vec![line(&message.text, theme::medium(12.5), palette.text)];
    if !message.advice.is_empty() {
        lines.push(line(&message.advice, theme::regular(11.5), palette.text_soft));
    }
    if lines.iter().any(|line| line.elided) {
        let wrap = TextWrapping { max_rows: ROWS_MAX, ..TextWrapping::wrap_at_width(rect.width()) };
        let mut job = LayoutJob { wrap, ..LayoutJob::default() };
        job.append(&message.text, 0.0, TextFormat::simple(theme::medium(SMALL), palette.text));
        job.append(&message.advice, 4.0, TextFormat::simple(theme::regular(SMALL), palette.text_soft));
        lines = vec![ui.painter().layout_job(job)];
    }
    let height: f32 = lines.iter().map(|line| line.size().y).sum();
    let mut top = rect.center().y - height / 2.0;
    for line in &lines {
        ui.painter().galley(pos2(rect.left(), top), line.clone(), palette.text);
        top += line.size().y;
    }
    lines.iter().any(|line| line.elided)
}

/// The way out where the host never comes back.
fn discard(ui: &Ui, place: Rect, beside: String, intents: &mut Vec<Intent>) {
    let id = beside + " discard";
    let button = Button { id: &id, text: "Discard", icon: None, weight: Weight::Quiet, enabled: true };
    let response = button.show(ui, place);
    if response.on_hover_text("Gives up what waits: everything is as the others have it").clicked() {
        intents.push(Intent::send(Command::DiscardWaiting));
    }
}

/// Of its button, in points.
fn width_of(offer: Offer) -> f32 {
    match offer {
        Offer::Sync | Offer::DiscardLeftBehind => 84.0,
        Offer::CarryOn => 132.0,
    }
}

/// "1 of 3": opens the list of all messages upwards.
fn others(ui: &Ui, rect: Rect, messages: &[Message], intents: &mut Vec<Intent>) {
    let text = format!("1 of {}", messages.len());
    let response = ui.interact(rect, Id::unique("all messages"), Sense::click());
    response.widget_info(|| {
        WidgetInfo::labeled(Role::Button, true, format!("All messages ({})", messages.len()))
    });
    let fill = if response.hovered() || response.has_focus() {
        colour(ui).control_hover
    } else {
        colour(ui).control
    };
    ui.painter().rect_filled(rect, theme::control_corners(), fill);
    draw::focus_ring(ui, &response, rect, theme::control_corners());
    draw::line(
        ui.painter(),
        rect.with_max_x(rect.right() - 16.0),
        Align2::CENTER_CENTER,
        &text,
        theme::medium(12.0),
        colour(ui).text,
    );
    icon(ui.painter(), Icon::Open, pos2(rect.right() - 14.0, rect.center().y), 11.0, colour(ui).text_soft);
    let menu = Popup::menu(&response)
        .align(RectAlign::TOP_END)
        .close_behavior(PopupCloseBehavior::CloseOnClickOutside);
    menu.gap(10.0).show(|ui| {
        ui.spacing_mut().item_spacing.y = 2.0;
        for message in messages {
            let (place, _) = ui.allocate_exact_size(vec2(560.0, 46.0), Sense::hover());
            one(ui, place, message, "list", intents);
        }
    });
}
