//! Tempo and transport: a button in the bottom line that shows where the song is, and above it who leads, Start and Stop, and the click.

use std::time::Instant;

use egui::{
    Align, Align2, Id, Layout, Popup, PopupCloseBehavior, Rect, RectAlign, RichText, Role, Sense, StrokeKind,
    Ui, UiBuilder, WidgetInfo, pos2, vec2,
};

use crate::editor::intent::{Control, Intent};
use crate::editor::layout::Rows;
use crate::editor::panels::send::{KNOB, KNOB_TRAVEL, Row, knob_row};
use crate::editor::theme::{self, colour, hairline};
use crate::editor::view_model::TempoPanel;
use crate::editor::view_model::tempo::StartStop;
use crate::editor::widgets::button::{Button, Weight};
use crate::editor::widgets::draw;
use crate::editor::widgets::fader::gain_scale;
use crate::editor::widgets::field::name_field;
use crate::editor::widgets::toggle::Toggle;
use crate::params::METRONOME_DB;
use backline_client::Command;

/// Width of the button with the space around it, in points.
pub const WIDTH: f32 = 92.0;
/// Size of what opens above it, in points.
const PANEL_WIDTH: f32 = 330.0;
/// Bars that can be counted in.
const COUNT_INS: [&str; 3] = ["No count-in", "Count in 1 bar", "Count in 2 bars"];

/// What the person does with it.
#[derive(Debug, Clone)]
pub struct TempoEdits {
    count_in_bars: u8,
    problem: Option<String>,
}

impl Default for TempoEdits {
    fn default() -> Self {
        Self { count_in_bars: 1, problem: None }
    }
}

/// Draws the button into its place in the bottom line.
pub fn show(ui: &Ui, place: Rect, panel: &TempoPanel, edits: &mut TempoEdits, intents: &mut Vec<Intent>) {
    let now = Instant::now();
    let bar = panel.place(now).filter(|_| panel.is_rolling());
    let text = bar.map_or_else(|| "Tempo".to_owned(), |bar| format!("Bar {bar}"));
    let weight = if panel.is_rolling() { Weight::Primary } else { Weight::Plain };
    let place = Rect::from_center_size(place.center(), vec2(WIDTH - 12.0, theme::CONTROL_HEIGHT));
    let button = Button { id: "tempo", text: &text, icon: None, weight, enabled: true };
    let response = button.show(ui, place);
    if let Some(until) = panel.until_next_beat(now) {
        ui.ctx().request_repaint_after(until);
    }
    if !panel.recording.is_empty() {
        let lamp = Rect::from_center_size(place.left_top() + vec2(2.0, 2.0), vec2(9.0, 9.0));
        ui.painter().circle(lamp.center(), 4.5, colour(ui).red_lit, hairline(ui, colour(ui).bar));
        let said = ui.interact(lamp, Id::unique("recording lamp"), Sense::hover());
        said.widget_info(|| WidgetInfo::labeled(Role::Status, true, &panel.recording));
    }
    let menu = Popup::menu(&response)
        .align(RectAlign::TOP_END)
        .layout(Layout::top_down(Align::Min))
        .close_behavior(PopupCloseBehavior::CloseOnClickOutside);
    menu.frame(theme::page_frame(ui.style())).gap(10.0).show(|ui| contents(ui, panel, edits, intents));
    response.on_hover_text("Tempo, metronome, and who leads");
}

fn contents(ui: &mut Ui, panel: &TempoPanel, edits: &mut TempoEdits, intents: &mut Vec<Intent>) {
    ui.set_width(PANEL_WIDTH);
    row(ui, 32.0, |ui, row| head(ui, row, panel, edits, intents));
    if panel.by_hand.is_some() {
        row(ui, theme::CONTROL_HEIGHT, |ui, row| by_hand(ui, row, panel, edits, intents));
    }
    if let Some(problem) = &edits.problem {
        let shown = ui.label(RichText::new(problem).color(colour(ui).red));
        shown.widget_info(|| WidgetInfo::labeled(Role::Alert, true, problem));
    }
    ui.label(RichText::new(&panel.leader).color(colour(ui).text_soft));
    row(ui, theme::CONTROL_HEIGHT, |ui, row| {
        let text = panel.lead.text;
        let enabled = panel.lead.obstacle.is_none();
        let button = Button { id: "lead", text, icon: None, weight: Weight::Plain, enabled };
        let place = row.with_max_x(row.left() + 160.0);
        let pressed = button.show(ui, place);
        if pressed.on_hover_text(panel.lead.obstacle.unwrap_or(LEAD_HELP)).clicked() {
            intents.push(Intent::send(Command::Lead(panel.lead.leads)));
        }
    });
    if let Some(obstacle) = panel.lead.obstacle {
        ui.label(RichText::new(obstacle).color(colour(ui).text_faint).size(12.0));
    }
    ui.separator();
    row(ui, KNOB + 4.0, |ui, row| metronome(ui, row, panel, intents));
    for line in [&panel.path, &panel.recording] {
        if !line.is_empty() {
            ui.label(RichText::new(line).color(colour(ui).text_faint).size(12.0));
        }
    }
}

const LEAD_HELP: &str =
    "Whoever leads gives tempo, start, stop and place of the song to everybody's metronome";

/// Where the song is, how fast it goes, in which bars.
fn head(ui: &mut Ui, row: Rect, panel: &TempoPanel, edits: &mut TempoEdits, intents: &mut Vec<Intent>) {
    let place = panel.place(Instant::now()).unwrap_or_else(|| "1.1".to_owned());
    let (left, rest) = row.split_left_right_at_x(row.left() + 110.0);
    draw::line(ui.painter(), left, Align2::LEFT_CENTER, &place, theme::semibold(22.0), colour(ui).text);
    let bpm = Rect::from_min_size(rest.min, vec2(76.0, rest.height()));
    let unit = Rect::from_min_size(bpm.right_top() + vec2(6.0, 0.0), vec2(34.0, rest.height()));
    let meter = Rect::from_min_max(pos2(rest.right() - 70.0, rest.top()), rest.max);
    let (bpm_text, meter_text) = (panel.tempo.bpm.to_string(), panel.tempo.meter.to_string());
    let font = || theme::semibold(14.0);
    draw::line(ui.painter(), unit, Align2::LEFT_CENTER, "bpm", theme::regular(12.0), colour(ui).text_faint);
    if !panel.is_editable {
        draw::line(ui.painter(), bpm, Align2::RIGHT_CENTER, &bpm_text, font(), colour(ui).text);
        draw::line(ui.painter(), meter, Align2::CENTER_CENTER, &meter_text, font(), colour(ui).text);
        let said = ui.interact(rest, Id::unique("tempo of the leader"), Sense::hover());
        return said
            .widget_info(|| WidgetInfo::labeled(Role::Label, true, format!("{bpm_text} bpm, {meter_text}")));
    }
    let typed_bpm = name_field(ui, bpm, "bpm", "Tempo in beats a minute", &bpm_text, "120", font());
    let typed_meter = name_field(ui, meter, "meter", "Beats of a bar", &meter_text, "4/4", font());
    let typed = typed_bpm.changed.map(|text| panel.bpm(&text));
    let typed = typed.or_else(|| typed_meter.changed.map(|text| panel.meter(&text)));
    match typed {
        Some(Ok(command)) => {
            edits.problem = None;
            intents.push(Intent::send(command));
        }
        Some(Err(problem)) => edits.problem = Some(problem),
        None => {}
    }
}

/// Start after a count-in, or stop.
fn by_hand(ui: &mut Ui, row: Rect, panel: &TempoPanel, edits: &mut TempoEdits, intents: &mut Vec<Intent>) {
    let button = row.with_max_x(row.left() + 160.0);
    let plain = |id, text| Button { id, text, icon: None, weight: Weight::Plain, enabled: true };
    if panel.by_hand == Some(StartStop::Stop) {
        if plain("stop", "Stop").show(ui, button).on_hover_text("Stops the beat for everybody").clicked() {
            intents.push(Intent::send(Command::StopTransport));
        }
        return;
    }
    let start = plain("start", "Start").show(ui, button);
    if start.on_hover_text("Starts the beat for everybody, after the count-in").clicked() {
        let count_in_bars = edits.count_in_bars;
        intents.push(Intent::send(Command::StartTransport { count_in_bars }));
    }
    let choices = row.with_min_x(button.right() + 8.0);
    let caption = choices.with_max_x(choices.left() + 60.0);
    let font = theme::regular(12.0);
    draw::line(ui.painter(), caption, Align2::LEFT_CENTER, "Count-in", font, colour(ui).text_faint);
    let width = (choices.right() - caption.right()) / COUNT_INS.len() as f32;
    for (bars, name) in (0..).zip(COUNT_INS) {
        let left = caption.right() + f32::from(bars) * width;
        let place = Rect::from_min_size(pos2(left, row.top()), vec2(width - 2.0, row.height()));
        if count_in(ui, place, (bars, name), bars == edits.count_in_bars) {
            edits.count_in_bars = bars;
        }
    }
}

/// One choice of how many bars are counted in. True when clicked.
fn count_in(ui: &Ui, place: Rect, (bars, name): (u8, &str), chosen: bool) -> bool {
    let response = ui.interact(place, Id::unique(("count-in", bars)), Sense::click());
    response.widget_info(|| WidgetInfo::selected(Role::RadioButton, true, chosen, name));
    let (fill, ink) = match (chosen, response.hovered()) {
        (true, _) => (colour(ui).amber_lit, colour(ui).text_on_lit),
        (false, true) => (colour(ui).control_hover, colour(ui).text),
        (false, false) => (colour(ui).control, colour(ui).text_soft),
    };
    let line = hairline(ui, colour(ui).line_strong);
    ui.painter().rect(place, theme::control_corners(), fill, line, StrokeKind::Inside);
    draw::focus_ring(ui, &response, place, theme::control_corners());
    let (centre, font) = (Align2::CENTER_CENTER, theme::medium(13.0));
    ui.painter().text(place.center(), centre, bars, font, ink);
    response.on_hover_text(name).clicked()
}

/// The click: whether, and how loud.
fn metronome(ui: &mut Ui, row: Rect, panel: &TempoPanel, intents: &mut Vec<Intent>) {
    let mut rows = Rows::new(row.with_max_x(row.left() + 160.0));
    rows.top(4.0, 0.0);
    let toggle = Toggle {
        control: Control::Metronome,
        text: "Metronome",
        label: "Metronome",
        on: panel.metronome,
        tint: colour(ui).amber_lit,
    };
    let help = "A click in your main output. It is not sent to the others";
    toggle.show(ui, rows.top(theme::CONTROL_HEIGHT, 0.0), intents).on_hover_text(help);
    let knob = Row {
        control: Control::MetronomeLevel,
        name: "Click",
        value: panel.metronome_db,
        scale: gain_scale(KNOB_TRAVEL, METRONOME_DB),
        help: "How loud the metronome is in your ears",
    };
    knob_row(ui, row.with_min_x(row.left() + 176.0), &knob, intents);
}

/// Puts one row of fixed places into the flow of the menu.
fn row(ui: &mut Ui, height: f32, add: impl FnOnce(&mut Ui, Rect)) {
    let (row, _) = ui.allocate_exact_size(vec2(PANEL_WIDTH, height), Sense::hover());
    add(&mut ui.new_child(UiBuilder::new().max_rect(row)), row);
}
