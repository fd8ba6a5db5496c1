//! One's own send: who I am, how I send, how loud, and what I hear of myself and of the others.

use egui::{
    Align2, CornerRadius, Id, Popup, Rect, Role, Sense, Stroke, StrokeKind, Ui, Vec2, WidgetInfo, pos2, vec2,
};

use crate::editor::ballistics::StereoMeter;
use crate::editor::intent::{Control, Intent};
use crate::editor::layout::Rows;
use crate::editor::panels::access;
use crate::editor::theme::{self, PARTICIPANT_COLOURS, colour, hairline, participant_colour};
use crate::editor::view_model::send::QUALITIES;
use crate::editor::view_model::{SendPanel, words};
use crate::editor::widgets::fader::{CAP_WIDTH, Fader, SCALE_WIDTH, gain_scale};
use crate::editor::widgets::field::{Choice, drop_down, name_field};
use crate::editor::widgets::hold::{Held, Hold};
use crate::editor::widgets::knob::{Knob, depth_scale};
use crate::editor::widgets::meter::{METER_WIDTH, meter};
use crate::editor::widgets::toggle::Toggle;
use crate::editor::widgets::value::{INSET, Value};
use crate::editor::widgets::{adjust::Scale, chip, draw};
use backline_client::Command;

/// Width of the fader's column, in points.
const FADER_COLUMN: f32 = 84.0;
/// Width of the switch beside the quality, in points.
const AUTO_WIDTH: f32 = 48.0;
/// Width of the switch for talkback, in points.
const TALKBACK_WIDTH: f32 = 64.0;
/// Height of the button that is held to talk, in points.
const TALK_HEIGHT: f32 = 26.0;
/// Diameter of a knob, in points.
pub(super) const KNOB: f32 = 36.0;
/// Points of drag from one end of a gain knob to the other.
pub(super) const KNOB_TRAVEL: f32 = 180.0;

/// Draws the panel.
pub fn show(
    ui: &mut Ui,
    rect: Rect,
    panel: &SendPanel,
    state: &StereoMeter,
    talk: &mut Held,
    intents: &mut Vec<Intent>,
) {
    draw::panel(ui.painter(), rect, colour(ui).panel);
    let mut rows = Rows::new(rect.shrink(12.0));
    let title = rows.top(16.0, 8.0);
    draw::line(ui.painter(), title, Align2::LEFT_CENTER, "You", theme::semibold(13.0), colour(ui).text);
    let lamp = Rect::from_min_max(pos2(title.left() + 48.0, title.top()), title.max);
    chip::lamp(ui, lamp, "send state", panel.tone, &panel.state, theme::regular(12.0), colour(ui).text_soft);
    names(ui, &mut rows, panel, intents);
    quality(ui, &mut rows, panel, intents);
    returns(ui, &mut rows, panel, intents);
    talkback(ui, &mut rows, panel, talk, intents);
    let rest = rows.rest();
    ui.painter().hline(rest.x_range(), rest.top() + 0.5, hairline(ui, colour(ui).line));
    let body = Rect::from_min_max(pos2(rest.left(), rest.top() + 10.0), rest.max);
    fader_column(ui, Rect::from_min_size(body.min, vec2(FADER_COLUMN, body.height())), panel, state, intents);
    knobs(
        ui,
        Rect::from_min_max(pos2(body.left() + FADER_COLUMN + 14.0, body.top()), body.max),
        panel,
        intents,
    );
}

/// Colour, name of this track, name of the person.
pub(super) fn names(ui: &mut Ui, rows: &mut Rows, panel: &SendPanel, intents: &mut Vec<Intent>) {
    let row = rows.top(30.0, 6.0);
    let swatch = Rect::from_min_size(row.min, vec2(30.0, 30.0));
    if let Some(picked) = colour_menu(ui, swatch, panel.colour) {
        intents.push(Intent::send(Command::SetColour(picked)));
    }
    let field = Rect::from_min_max(pos2(swatch.right() + 6.0, row.top()), row.max);
    let font = theme::semibold(14.0);
    let source = name_field(
        ui,
        field,
        "source name",
        "Name of this track",
        &panel.source_name,
        "Name this track",
        font,
    );
    if let Some(name) = source.changed {
        intents.push(Intent::send(Command::SetSourceName(name)));
    }
    let row = rows.top(26.0, 8.0);
    let field = Rect::from_min_max(pos2(swatch.right() + 6.0, row.top()), row.max);
    draw::line(
        ui.painter(),
        Rect::from_min_max(row.min, pos2(field.left(), row.bottom())),
        Align2::CENTER_CENTER,
        "by",
        theme::regular(12.0),
        colour(ui).text_faint,
    );
    let name = name_field(
        ui,
        field,
        "participant name",
        "Your name",
        &panel.name,
        "Your name",
        theme::regular(13.0),
    );
    if let Some(name) = name.changed {
        intents.push(Intent::send(Command::SetName(name)));
    }
}

/// A swatch that opens the palette. Returns the colour picked.
fn colour_menu(ui: &Ui, rect: Rect, current: [u8; 3]) -> Option<[u8; 3]> {
    let response = ui.interact(rect, Id::unique("colour"), Sense::click());
    response.widget_info(|| WidgetInfo::labeled(Role::ColorWell, true, "Your colour"));
    let line = if response.hovered() || response.has_focus() { colour(ui).text } else { colour(ui).line };
    ui.painter().rect(
        rect,
        theme::control_corners(),
        colour(ui).well,
        hairline(ui, line),
        StrokeKind::Inside,
    );
    ui.painter().rect_filled(rect.shrink(6.0), CornerRadius::same(4), participant_colour(ui, current));
    draw::focus_ring(ui, &response, rect, theme::control_corners());
    let mut picked = None;
    Popup::menu(&response).show(|ui| {
        egui::Grid::new("palette").spacing([6.0, 6.0]).show(ui, |ui| {
            for (index, choice) in PARTICIPANT_COLOURS.into_iter().enumerate() {
                let (place, swatch) = ui.allocate_exact_size(vec2(28.0, 28.0), Sense::click());
                swatch.widget_info(|| {
                    WidgetInfo::selected(
                        Role::MenuItemRadio,
                        true,
                        choice == current,
                        format!("Colour {}", index + 1),
                    )
                });
                ui.painter().rect_filled(
                    place.shrink(3.0),
                    CornerRadius::same(6),
                    participant_colour(ui, choice),
                );
                if swatch.hovered() || choice == current {
                    ui.painter().rect_stroke(
                        place,
                        CornerRadius::same(8),
                        Stroke::new(2.0, colour(ui).text),
                        StrokeKind::Inside,
                    );
                }
                draw::focus_ring(ui, &swatch, place, CornerRadius::same(8));
                if swatch.clicked() {
                    picked = Some(choice);
                }
                if index % 4 == 3 {
                    ui.end_row();
                }
            }
        });
    });
    response.on_hover_text("Your colour, as everybody sees it");
    picked
}

fn quality(ui: &Ui, rows: &mut Rows, panel: &SendPanel, intents: &mut Vec<Intent>) {
    let choices = QUALITIES.map(|quality| Choice {
        name: quality.name().to_owned(),
        sentence: quality.description().to_owned(),
    });
    let chosen = QUALITIES.iter().position(|quality| *quality == panel.quality);
    let row = rows.top(theme::CONTROL_HEIGHT, 4.0);
    let auto = Rect::from_min_max(pos2(row.right() - AUTO_WIDTH, row.top()), row.max);
    let row = Rect::from_min_max(row.min, pos2(auto.left() - 6.0, row.bottom()));
    if let Some(index) = drop_down(
        ui,
        row,
        Id::unique("quality"),
        "Quality",
        panel.quality.name(),
        &choices,
        chosen.as_slice(),
    ) {
        intents.push(Intent::send(Command::SetQuality(QUALITIES[index])));
    }
    let toggle = Toggle {
        control: Control::Automatic,
        text: "Auto",
        label: "Automatic quality",
        on: panel.automatic,
        tint: colour(ui).amber_lit,
    };
    toggle.show(ui, auto, intents).on_hover_text(
        "While the network does not carry this quality, Backline sends another\none, says why, and comes back when it can",
    );
    let row = rows.top(16.0, 10.0);
    let (left, right) = row.split_left_right_at_fraction(0.68);
    draw::line(
        ui.painter(),
        left,
        Align2::LEFT_CENTER,
        &panel.encoding,
        theme::regular(11.0),
        colour(ui).text_soft,
    );
    draw::line(
        ui.painter(),
        right,
        Align2::RIGHT_CENTER,
        &panel.rate,
        theme::regular(11.0),
        colour(ui).text_soft,
    );
}

/// What this track returns, and whether it is sent.
fn returns(ui: &mut Ui, rows: &mut Rows, panel: &SendPanel, intents: &mut Vec<Intent>) {
    let row = rows.top(theme::CONTROL_HEIGHT, 4.0);
    let send = Rect::from_min_max(pos2(row.right() - AUTO_WIDTH, row.top()), row.max);
    let row = Rect::from_min_max(row.min, pos2(send.left() - 6.0, row.bottom()));
    returns_choice(ui, row, panel, intents);
    let toggle = Toggle {
        control: Control::Sends,
        text: "Send",
        label: "Send this track",
        on: panel.sends,
        tint: colour(ui).amber_lit,
    };
    toggle
        .show(ui, send, intents)
        .on_hover_text("Off: this track is no source in the session. Mute is for moments; this is for good");
}

/// What this track returns, as a menu.
pub(super) fn returns_choice(ui: &Ui, row: Rect, panel: &SendPanel, intents: &mut Vec<Intent>) {
    let returns = &panel.returns;
    let choices: Vec<Choice> = returns
        .choices
        .iter()
        .map(|option| Choice { name: option.name.clone(), sentence: option.sentence.clone() })
        .collect();
    let shown = format!("Returns: {}", returns.shown);
    if let Some(index) =
        drop_down(ui, row, Id::unique("returns"), "Returns", &shown, &choices, &returns.chosen)
    {
        intents.push(Intent::send(Command::SetReturns(returns.choices[index].choice.clone())));
    }
}

/// The switch for talkback, and beside it while it is on the button that is held to talk, else which track returns the mix.
fn talkback(ui: &Ui, rows: &mut Rows, panel: &SendPanel, talk: &mut Held, intents: &mut Vec<Intent>) {
    let row = rows.top(TALK_HEIGHT, 6.0);
    let talkback = Rect::from_min_max(pos2(row.right() - TALKBACK_WIDTH, row.top()), row.max);
    let row = row.with_max_x(talkback.left() - 6.0);
    let toggle = Toggle {
        control: Control::Talkback,
        text: "Talkback",
        label: "Talkback",
        on: panel.talkback,
        tint: colour(ui).amber_lit,
    };
    toggle
        .show(ui, talkback, intents)
        .on_hover_text("On: this track is sent only while you hold Talk, for a microphone between the songs");
    // Where it is switched off under a finger, the button stays until it is let go.
    if panel.talkback || talk.is_on {
        return talk_button(ui, row, panel, talk, intents);
    }
    returns_line(ui, row, panel);
}

/// Which track returns the mix.
pub(super) fn returns_line(ui: &Ui, row: Rect, panel: &SendPanel) {
    let mix = &panel.returns.mix;
    let response = ui.interact(row, Id::unique("mix returned by"), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, mix));
    let ink = colour(ui).text_soft;
    if draw::line(ui.painter(), row, Align2::LEFT_CENTER, mix, theme::regular(11.0), ink) {
        response.on_hover_text(mix);
    }
}

/// Who else may set what is heard here, at the bottom; nothing outside of a session.
pub(super) fn mix_access(ui: &mut Ui, rows: &mut Rows, panel: &SendPanel, intents: &mut Vec<Intent>) {
    let Some(mix) = &panel.mix_access else { return };
    access::mix(ui, rows.bottom(24.0, 2.0), mix, intents);
    let (left, small) = (Align2::LEFT_CENTER, theme::regular(11.0));
    draw::line(ui.painter(), rows.bottom(14.0, 0.0), left, "Others may move", small, colour(ui).text_soft);
}

/// The button that is held to talk.
fn talk_button(ui: &Ui, rect: Rect, panel: &SendPanel, talk: &mut Held, intents: &mut Vec<Intent>) {
    let hold = Hold { control: Control::Talk, text: "Talk", on: panel.talks, tint: colour(ui).green_lit };
    hold.show(ui, rect, talk, intents).on_hover_text(
        "Hold it with the mouse, or with the space bar while it has the keyboard; Enter switches it on and off.
A pedal or a key can hold it, too: by the parameter “Talk” of your DAW",
    );
}

fn fader_column(ui: &mut Ui, rect: Rect, panel: &SendPanel, state: &StereoMeter, intents: &mut Vec<Intent>) {
    let mut rows = Rows::new(rect);
    let mute = rows.bottom(26.0, 6.0);
    let value = rows.bottom(20.0, 6.0);
    let body = rows.rest();
    let fader = Rect::from_min_size(body.min, vec2(SCALE_WIDTH + CAP_WIDTH + 8.0, body.height()));
    let control = Control::SendGain;
    let tint = participant_colour(ui, panel.colour);
    let (_, shown) = Fader { control, label: "Send gain", db: panel.gain_db, tint, live: panel.live }
        .show(ui, fader, intents);
    let meter_rect =
        Rect::from_min_size(pos2(fader.right() + 10.0, body.top()), vec2(METER_WIDTH, body.height()));
    if meter(ui, meter_rect, Id::unique("send meter"), "Send level", state, panel.live).clicked() {
        intents.push(Intent::ForgiveSendClip);
    }
    let text = words::gain(shown);
    Value {
        control,
        label: "Send gain, typed",
        text: &text,
        parse: &words::parse_gain,
        size: 12.5,
        align: Align2::CENTER_CENTER,
    }
    .show(ui, value, intents);
    let toggle = Toggle {
        control: Control::SendMute,
        text: "Mute",
        label: "Mute send",
        on: panel.muted,
        tint: colour(ui).red_lit,
    };
    toggle.show(ui, mute, intents).on_hover_text("Nobody hears this track");
}

/// One knob with a name and a value beside it.
pub(super) struct Row<'a> {
    pub control: Control,
    pub name: &'a str,
    pub value: f32,
    pub scale: Scale<'a>,
    pub help: &'a str,
}

fn knobs(ui: &mut Ui, rect: Rect, panel: &SendPanel, intents: &mut Vec<Intent>) {
    let mut rows = Rows::new(rect);
    let access = panel.level_access.as_ref().zip(panel.mix_access.as_ref());
    let access = access.map(|access| (access, rows.bottom(24.0, 2.0), rows.bottom(14.0, 0.0)));
    let height = (rows.rest().height() / 3.0).min(88.0);
    for row in [
        Row {
            control: Control::MonitorGain,
            name: "Monitor",
            value: panel.monitor_db,
            scale: gain_scale(KNOB_TRAVEL, f32::NEG_INFINITY),
            help: "Your own track in your ears",
        },
        return_row(panel),
        playout_row(panel),
    ] {
        knob_row(ui, rows.top(height, 0.0), &row, intents);
    }
    let Some(((level, mix), row, caption)) = access else { return };
    let (left, small) = (Align2::LEFT_CENTER, theme::regular(11.0));
    draw::line(ui.painter(), caption, left, "Others may move", small, colour(ui).text_soft);
    let (left, right) = row.split_left_right_at_fraction(0.5);
    access::level(ui, left.with_max_x(left.right() - 3.0), level, panel.moved_by.as_deref(), intents);
    access::mix(ui, right.with_min_x(right.left() + 3.0), mix, intents);
}

/// How loud everybody else is.
pub(super) fn return_row(panel: &SendPanel) -> Row<'static> {
    Row {
        control: Control::ReturnGain,
        name: "Return",
        value: panel.return_db,
        scale: gain_scale(KNOB_TRAVEL, 0.0),
        help: "Everybody else in your ears",
    }
}

/// How much is held back of everybody else.
pub(super) fn playout_row(panel: &SendPanel) -> Row<'static> {
    Row {
        control: Control::DepthCeiling,
        name: "Playout ≤",
        value: panel.depth_ms,
        scale: depth_scale(),
        help: "The most that is held back of everybody else. Backline finds the\nsmallest depth that works by itself, and stays below this",
    }
}

/// Draws a knob, its name, and its value, which may be typed.
pub(super) fn knob_row(ui: &mut Ui, rect: Rect, row: &Row<'_>, intents: &mut Vec<Intent>) {
    let place = Rect::from_center_size(
        pos2(rect.left() + KNOB / 2.0, rect.center().y),
        Vec2::splat(KNOB.min(rect.height() - 2.0)),
    );
    let knob = Knob {
        control: row.control,
        label: row.name,
        value: row.value,
        tint: colour(ui).amber,
        from_middle: false,
    };
    let (response, shown) = knob.show(ui, place, &row.scale, intents);
    response.on_hover_text(row.help);
    let left = place.right() + 10.0;
    let name =
        Rect::from_min_max(pos2(left, rect.center().y - 17.0), pos2(rect.right(), rect.center().y - 1.0));
    draw::line(ui.painter(), name, Align2::LEFT_CENTER, row.name, theme::regular(12.0), colour(ui).text_soft);
    let value = Rect::from_min_size(pos2(left - INSET, rect.center().y), vec2(76.0, 19.0));
    let label = format!("{}, typed", row.name);
    let value_text = (row.scale.words)(shown);
    let typed = Value {
        control: row.control,
        label: &label,
        text: &value_text,
        parse: row.scale.parse,
        size: 13.0,
        align: Align2::LEFT_CENTER,
    };
    typed.show(ui, value, intents);
}
