//! One remote source: who, how it comes, how loud, where.

use egui::{
    Align, Align2, Color32, Id, Layout, Popup, PopupCloseBehavior, Rect, Response, Role, ScrollArea, Sense,
    StrokeKind, Ui, WidgetInfo, pos2, vec2,
};

use crate::editor::ballistics::StereoMeter;
use crate::editor::intent::{Control, Intent, set_once};
use crate::editor::layout::Rows;
use crate::editor::panels::plot;
use crate::editor::theme::{self, Tone, colour, hairline, mix, participant_colour};
use crate::editor::view_model::{BoundStrip, Plot, RouteBadge, words};
use crate::editor::widgets::button::{Button, Weight, icon_button};
use crate::editor::widgets::fader::{CAP_WIDTH, Fader, SCALE_WIDTH, gain_scale};
use crate::editor::widgets::field::{Choice, drop_down};
use crate::editor::widgets::icon::{Icon, icon};
use crate::editor::widgets::knob::{Knob, pan_scale};
use crate::editor::widgets::meter::{METER_WIDTH, meter};
use crate::editor::widgets::toggle::Toggle;
use crate::editor::widgets::value::Value;
use crate::editor::widgets::{chip, draw, kept};

/// Space between the edge and the contents, in points.
const INSET: f32 = 8.0;
/// Height of the edge in the participant's colour, in points.
const EDGE: f32 = 4.0;
/// Height of the tinted part behind the names, in points.
const TINTED: f32 = 72.0;
/// Points of drag from one end of the send knob to the other.
const KNOB_TRAVEL: f32 = 180.0;

/// Width of the details, in points.
const DETAILS_WIDTH: f32 = 380.0;
/// A row of figures, in points: all of them fit into the usual window.
const FIGURE_HEIGHT: f32 = 16.0;
/// What the details have above and below their figures, in points.
const DETAILS_AROUND: f32 = 190.0;

/// A free slot: its number, and nothing to touch.
pub fn show_free(ui: &Ui, rect: Rect, slot: usize) {
    let line = hairline(ui, colour(ui).line.gamma_multiply(0.7));
    ui.painter().rect(rect, theme::panel_corners(), colour(ui).backdrop, line, StrokeKind::Inside);
    let number = pos2(rect.center().x, rect.top() + 22.0);
    ui.painter().text(number, Align2::CENTER_CENTER, slot + 1, theme::medium(12.0), colour(ui).text_faint);
}

/// Draws the strip of `slot`.
pub fn show(
    ui: &mut Ui,
    rect: Rect,
    slot: usize,
    strip: &BoundStrip,
    state: &StereoMeter,
    intents: &mut Vec<Intent>,
) {
    let tint = if strip.present { participant_colour(ui, strip.colour) } else { colour(ui).text_faint };
    frame(ui, rect, slot, tint, strip.present);
    let name = format!("{}, {}", strip.source_name, strip.participant_name);
    let mut rows = Rows::new(rect.shrink2(vec2(INSET, 0.0)));
    rows.top(10.0, 0.0);
    head(ui, &mut rows, slot, strip, &name, intents);
    path(ui, &mut rows, slot, strip);
    let knobs = rows.top(46.0, 8.0);
    let (left, right) = knobs.split_left_right_at_fraction(0.5);
    pan(ui, left, slot, strip, &name, tint, intents);
    send(ui, right, slot, strip, &name, intents);
    rows.bottom(INSET, 0.0);
    let bus = strip.bus.map(|bus| (rows.bottom(22.0, 6.0), bus));
    let switch_row = rows.bottom(24.0, 6.0);
    let value = rows.bottom(18.0, 4.0);
    let control = Control::SlotGain(slot);
    let shown = level(ui, rows.rest(), slot, strip, &name, tint, state, intents);
    let label = format!("{name}: gain, typed");
    Value {
        control,
        label: &label,
        text: &words::gain(shown),
        parse: &words::parse_gain,
        size: 12.0,
        align: Align2::CENTER_CENTER,
    }
    .show(ui, value, intents);
    switches(ui, switch_row, slot, strip, &name, intents);
    if let Some((place, bus)) = bus {
        bus_menu(ui, place, slot, bus, &name, intents);
    }
}

fn frame(ui: &Ui, rect: Rect, slot: usize, tint: Color32, present: bool) {
    let looks = (kept::place(rect), tint, present);
    kept::kept(ui, Id::unique(("strip frame", slot)), looks, |painter| {
        let colour = colour(painter);
        let (fill, ink) = match present {
            true => (colour.panel, tint),
            false => (mix(colour.panel, colour.backdrop, 0.6), colour.line_strong),
        };
        draw::panel(painter, rect, fill);
        // The edge goes on a little under what is below it, whose upper side is straight.
        draw::top_edge(painter, rect, EDGE + 1.0, ink);
        let below = Rect::from_min_size(rect.min + vec2(1.0, EDGE), vec2(rect.width() - 2.0, TINTED));
        let top = if present { mix(fill, tint, theme::WASH) } else { fill };
        draw::shaded_bar(painter, below, top, fill);
    });
}

/// Names, with the full ones and all figures in the tooltip; a cross where the source is away.
fn head(ui: &Ui, rows: &mut Rows, slot: usize, strip: &BoundStrip, name: &str, intents: &mut Vec<Intent>) {
    let title = rows.top(18.0, 0.0);
    let below = rows.top(15.0, 6.0);
    let room = if strip.present { title } else { title.with_max_x(title.right() - 18.0) };
    let both = room.union(below.with_max_x(room.right()));
    let response = ui.interact(both, Id::unique(("strip name", slot)), Sense::click());
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, name));
    draw::focus_ring(ui, &response, both.expand(2.0), theme::control_corners());
    details_menu(&response, slot, strip);
    response.on_hover_ui(|ui| details(ui, strip));
    let ink = if strip.present { colour(ui).text } else { colour(ui).text_soft };
    draw::line(ui.painter(), room, Align2::LEFT_CENTER, &strip.source_name, theme::semibold(13.0), ink);
    draw::line(
        ui.painter(),
        below,
        Align2::LEFT_CENTER,
        &strip.participant_name,
        theme::regular(11.5),
        colour(ui).text_soft,
    );
    if !strip.present {
        let place = Rect::from_center_size(pos2(title.right() - 6.0, title.center().y), vec2(18.0, 18.0));
        let label = format!("Free the strip of {name}");
        if icon_button(ui, place, Id::unique(("free", slot)), Icon::Close, &label).clicked() {
            intents.push(Intent::FreeSlot(slot));
        }
    }
}

/// How it comes: badges, latency, loss and how good the link is, in fixed places.
fn path(ui: &Ui, rows: &mut Rows, slot: usize, strip: &BoundStrip) {
    let row = rows.top(16.0, 2.0);
    if !strip.present {
        draw::line(
            ui.painter(),
            row,
            Align2::LEFT_CENTER,
            strip.absence,
            theme::medium(11.5),
            colour(ui).text_faint,
        );
        rows.top(16.0, 8.0);
        return;
    }
    let picture = match strip.route {
        RouteBadge::Direct => Icon::Direct,
        RouteBadge::ThroughTurn | RouteBadge::ThroughHost | RouteBadge::Mixed => Icon::ThroughHost,
        RouteBadge::Waiting => Icon::Waiting,
    };
    let is_detour = matches!(strip.route, RouteBadge::ThroughTurn | RouteBadge::ThroughHost);
    let ink = if is_detour { colour(ui).amber } else { colour(ui).text_soft };
    let place =
        |index: f32| Rect::from_min_size(pos2(row.left() - 2.0 + index * 20.0, row.top()), vec2(18.0, 16.0));
    chip::badge(ui, place(0.0), Id::unique(("route", slot)), picture, ink, &strip.route_text);
    let (lock, ink) =
        if strip.encrypted { (Icon::Lock, colour(ui).green) } else { (Icon::LockOpen, colour(ui).text_soft) };
    chip::badge(ui, place(1.0), Id::unique(("lock", slot)), lock, ink, &strip.encrypted_text);
    let loss_ink =
        if strip.loss_tone == Tone::Good { colour(ui).text_faint } else { strip.loss_tone.colour(ui) };
    figure(
        ui,
        row,
        Align2::RIGHT_CENTER,
        slot,
        "concealed",
        &strip.loss,
        loss_ink,
        "Concealed in the last seconds: made up, because it did not come in time",
    );
    let row = rows.top(16.0, 8.0);
    let ink = if strip.latency_tone == Tone::Good { colour(ui).text } else { strip.latency_tone.colour(ui) };
    let help = "One-way latency, from their capture to your playout";
    let (left, right) = row.split_left_right_at_x(row.right() - 18.0);
    figure(ui, left, Align2::LEFT_CENTER, slot, "latency", &strip.latency, ink, help);
    if let Some(link) = &strip.link {
        chip::bars(ui, right, Id::unique(("link", slot)), link.tone, &link.text());
    }
}

#[expect(
    clippy::too_many_arguments,
    reason = "one place, one text, one look: a type for it would be read more often than this"
)]
fn figure(ui: &Ui, row: Rect, align: Align2, slot: usize, what: &str, text: &str, ink: Color32, help: &str) {
    let width = if align == Align2::RIGHT_CENTER { 38.0 } else { row.width() };
    let place = Rect::from_min_max(
        pos2(if align == Align2::RIGHT_CENTER { row.right() - width } else { row.left() }, row.top()),
        row.max,
    );
    let response = ui.interact(place, Id::unique((what, slot)), Sense::hover());
    response.widget_info(|| WidgetInfo {
        current_text_value: Some(text.to_owned()),
        ..WidgetInfo::labeled(Role::Status, true, what)
    });
    let size = if align == Align2::RIGHT_CENTER { 11.5 } else { 13.0 };
    draw::line(ui.painter(), place, align, text, theme::medium(size), ink);
    response.on_hover_text(help);
}

/// The details with what can be done about them, by a click of either button or by the keyboard; it stays until one goes elsewhere.
fn details_menu(response: &Response, slot: usize, strip: &BoundStrip) {
    if response.secondary_clicked() {
        Popup::open_id(&response.ctx, Popup::default_response_id(response));
    }
    let menu = Popup::menu(response).close_behavior(PopupCloseBehavior::CloseOnClickOutside);
    let menu = menu.frame(theme::page_frame(&response.ctx.global_style()));
    menu.layout(Layout::top_down(Align::Min)).gap(6.0).show(|ui| {
        let shown = Id::unique(("last minutes", slot));
        let mut shows_past = ui.data(|data| data.get_temp::<bool>(shown)).unwrap_or_default();
        let height = Id::unique(("height of details", slot));
        if shows_past {
            past(ui, strip);
            // The buttons stay where they are: were they higher now, the click that led here would be outside, and close it.
            let height = ui.data(|data| data.get_temp::<f32>(height)).unwrap_or_default();
            ui.add_space((height - ui.min_size().y).max(0.0));
        } else {
            details(ui, strip);
            ui.data_mut(|data| data.insert_temp(height, ui.min_size().y));
        }
        if !strip.present {
            return;
        }
        let (row, _) = ui.allocate_exact_size(vec2(320.0, theme::CONTROL_HEIGHT), Sense::hover());
        let (left, right) = row.split_left_right_at_x(row.left() + 122.0);
        let text = if shows_past { "Figures" } else { "Last minutes" };
        let id = format!("last minutes {slot}");
        let button = Button { id: &id, text, icon: None, weight: Weight::Plain, enabled: true };
        let help = "Latency by stage, jitter, what is held back and concealed, and drift, as a plot";
        if button.show(ui, left.with_max_x(left.right() - 8.0)).on_hover_text(help).clicked() {
            shows_past = !shows_past;
            ui.data_mut(|data| data.insert_temp(shown, shows_past));
        }
        let Some(offset) = strip.recording_offset else { return };
        let id = format!("copy recording offset {slot}");
        let text = "Copy recording offset";
        let button = Button { id: &id, text, icon: Some(Icon::Copy), weight: Weight::Plain, enabled: true };
        let help = "The number of samples by which a recording of this source is moved earlier";
        if button.show(ui, right).on_hover_text(help).clicked() {
            ui.ctx().copy_text(offset.samples.to_string());
            ui.close();
        }
    });
}

/// Whose last minutes, and these as a plot.
fn past(ui: &mut Ui, strip: &BoundStrip) {
    let text = format!("{} · {}", strip.participant_name, strip.source_name);
    ui.label(egui::RichText::new(text).font(theme::semibold(13.0)).color(colour(ui).text));
    plot::show(ui, &Plot::new(&strip.past.0));
}

fn details(ui: &mut Ui, strip: &BoundStrip) {
    ui.set_max_width(DETAILS_WIDTH);
    ui.label(
        egui::RichText::new(format!("{} · {}", strip.participant_name, strip.source_name))
            .font(theme::semibold(13.0))
            .color(colour(ui).text),
    );
    ui.label(&strip.route_text);
    if strip.details.is_empty() {
        return;
    }
    ui.label(&strip.encrypted_text);
    let height = (ui.ctx().content_rect().height() - DETAILS_AROUND).max(0.0);
    ScrollArea::vertical().max_height(height).show(ui, |ui| figures(ui, strip));
}

fn figures(ui: &mut Ui, strip: &BoundStrip) {
    let grid = egui::Grid::new("details").num_columns(2).min_row_height(FIGURE_HEIGHT).spacing([16.0, 3.0]);
    grid.show(ui, |ui| {
        let offset = strip.recording_offset.map(|offset| ("Recording offset".to_owned(), offset.text()));
        for (name, figure) in offset.iter().chain(strip.details.iter()) {
            ui.label(egui::RichText::new(name).color(colour(ui).text_faint).size(12.0));
            ui.label(egui::RichText::new(figure).color(colour(ui).text).size(12.0));
            ui.end_row();
        }
    });
}

fn pan(
    ui: &Ui,
    rect: Rect,
    slot: usize,
    strip: &BoundStrip,
    name: &str,
    tint: Color32,
    intents: &mut Vec<Intent>,
) {
    let place = Rect::from_center_size(pos2(rect.center().x, rect.top() + 16.0), vec2(32.0, 32.0));
    let label = format!("{name}: pan");
    let knob =
        Knob { control: Control::SlotPan(slot), label: &label, value: strip.pan, tint, from_middle: true };
    let (_, shown) = knob.show(ui, place, &pan_scale(), intents);
    let text = Rect::from_min_max(pos2(rect.left(), place.bottom()), rect.max);
    draw::line(
        ui.painter(),
        text,
        Align2::CENTER_CENTER,
        &words::pan(shown),
        theme::regular(11.0),
        colour(ui).text_soft,
    );
}

/// How loud everyone gets it: a knob for who may move that, else only where it stands.
fn send(ui: &Ui, rect: Rect, slot: usize, strip: &BoundStrip, name: &str, intents: &mut Vec<Intent>) {
    let Some(db) = strip.send_db else { return };
    let place = Rect::from_center_size(pos2(rect.center().x, rect.top() + 16.0), vec2(32.0, 32.0));
    let text = Rect::from_min_max(pos2(rect.left(), place.bottom()), rect.max);
    let label = format!("{name}: level for everyone");
    let control = Control::RemoteSend(slot);
    let (response, shown) = if strip.may_move_send {
        let knob = Knob { control, label: &label, value: db, tint: colour(ui).amber, from_middle: false };
        knob.show(ui, place, &gain_scale(KNOB_TRAVEL, 0.0), intents)
    } else {
        let response = ui.interact(place, Id::unique(("knob", control)), Sense::hover());
        response.widget_info(|| WidgetInfo {
            current_text_value: Some(words::gain(db)),
            ..WidgetInfo::labeled(Role::Status, true, &label)
        });
        icon(ui.painter(), Icon::Lock, place.center(), 13.0, colour(ui).text_faint);
        (response, db)
    };
    response.on_hover_text(&strip.send_text);
    let ink = if strip.may_move_send { colour(ui).text_soft } else { colour(ui).text_faint };
    draw::line(ui.painter(), text, Align2::CENTER_CENTER, &words::gain(shown), theme::regular(11.0), ink);
}

#[expect(clippy::too_many_arguments, reason = "the parts of one strip")]
fn level(
    ui: &Ui,
    rect: Rect,
    slot: usize,
    strip: &BoundStrip,
    name: &str,
    tint: Color32,
    state: &StereoMeter,
    intents: &mut Vec<Intent>,
) -> f32 {
    let width = SCALE_WIDTH + CAP_WIDTH + 8.0 + METER_WIDTH;
    let left = rect.center().x - width / 2.0 - 3.0;
    let fader = Rect::from_min_size(pos2(left, rect.top()), vec2(SCALE_WIDTH + CAP_WIDTH, rect.height()));
    let label = format!("{name}: gain");
    let control = Control::SlotGain(slot);
    let (_, shown) = Fader { control, label: &label, db: strip.gain_db, tint, live: strip.live() }
        .show(ui, fader, intents);
    let place = Rect::from_min_size(pos2(fader.right() + 8.0, rect.top()), vec2(METER_WIDTH, rect.height()));
    let label = format!("{name}: level");
    if meter(ui, place, Id::unique(("meter", slot)), &label, state, strip.live()).clicked() {
        intents.push(Intent::ForgiveSlotClip(slot));
    }
    shown
}

fn switches(ui: &Ui, rect: Rect, slot: usize, strip: &BoundStrip, name: &str, intents: &mut Vec<Intent>) {
    let width = (rect.width() - 6.0) / 2.0;
    let mute = Rect::from_min_size(rect.min, vec2(width, rect.height()));
    let solo = Rect::from_min_size(pos2(rect.right() - width, rect.top()), vec2(width, rect.height()));
    let label = format!("{name}: mute");
    let toggle = Toggle {
        control: Control::SlotMute(slot),
        text: "M",
        label: &label,
        on: strip.muted,
        tint: colour(ui).red_lit,
    };
    toggle.show(ui, mute, intents).on_hover_text("Mute: you do not hear it");
    let label = format!("{name}: solo");
    let toggle = Toggle {
        control: Control::SlotSolo(slot),
        text: "S",
        label: &label,
        on: strip.solo,
        tint: colour(ui).yellow_lit,
    };
    let before = intents.len();
    let pressed = toggle.show(ui, solo, intents);
    if pressed.clicked() && ui.input(|input| input.modifiers.command) {
        intents.truncate(before);
        intents.push(Intent::SoloAlone(slot));
    }
    pressed.on_hover_text("Solo: you hear only what is solo. With Ctrl: only this one is");
}

fn bus_menu(ui: &Ui, rect: Rect, slot: usize, bus: usize, name: &str, intents: &mut Vec<Intent>) {
    let choices: Vec<Choice> =
        (0..=8).map(|bus| Choice { name: words::bus(bus), sentence: String::new() }).collect();
    let label = format!("{name}: bus");
    let picked = drop_down(ui, rect, Id::unique(("bus", slot)), &label, &words::bus(bus), &choices, &[bus]);
    if let Some(picked) = picked {
        set_once(intents, Control::SlotBus(slot), picked as f32);
    }
}
