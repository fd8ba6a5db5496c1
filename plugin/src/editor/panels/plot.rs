//! The last minutes of a source: latency by stage as bands on top of each other, and lines for what troubles it beneath.
//!
//! The pointer on it asks what was at that time. The step before is a strip's details; what it says is the view model's.

use egui::epaint::Mesh;
use egui::{Align2, Color32, Pos2, Rect, Role, Sense, Shape, Stroke, Ui, WidgetInfo, pos2, vec2};

use std::time::Duration;

use crate::editor::theme::{self, PARTICIPANT_COLOURS, colour, hairline};
use crate::editor::view_model::Plot;
use crate::editor::view_model::plot::STAGES;
use crate::editor::widgets::draw;

/// Width of the time, in points: two for each second.
const WIDTH: f32 = 360.0;
/// Height of the latency, in points.
const LATENCY_HEIGHT: f32 = 96.0;
/// Height of a line, in points.
const LINE_HEIGHT: f32 = 26.0;
/// Of the words in front of and behind the time.
const CAPTION_WIDTH: f32 = 72.0;
const ROW_GAP: f32 = 6.0;
const LEGEND_HEIGHT: f32 = 16.0;
/// Another point comes each second.
const RENEWED_EVERY: Duration = Duration::from_secs(1);
/// Of the stages, bottom up, as places in the palette of participants: neighbours differ also for who sees few colours.
const STAGE_COLOURS: [usize; 5] = [6, 3, 1, 8, 0];

/// Draws the plot where the layout of `ui` is.
pub fn show(ui: &mut Ui, plot: &Plot) {
    let rows = plot.lines.len() as f32;
    let height =
        LATENCY_HEIGHT + 2.0 * LEGEND_HEIGHT + rows * (LINE_HEIGHT + ROW_GAP) + 2.0 * ROW_GAP + LEGEND_HEIGHT;
    let (place, response) = ui.allocate_exact_size(vec2(WIDTH + 2.0 * CAPTION_WIDTH, height), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, &plot.summary));
    let time = Rect::from_min_size(pos2(place.left() + CAPTION_WIDTH, place.top()), vec2(WIDTH, height));
    let pointed = response.hover_pos().filter(|at| time.contains(*at));
    let ago = pointed.map_or(0, |at| ((time.right() - at.x) / seconds_to_points(1)) as usize);

    let mut top = place.top();
    let mut row = |height: f32| {
        let row = Rect::from_min_size(pos2(place.left(), top), vec2(place.width(), height));
        top += height + ROW_GAP;
        row
    };
    let latency = row(LATENCY_HEIGHT);
    bands(ui, latency, plot);
    let second = plot.second(ago);
    let texts = second.map_or_else(String::new, |second| second.latency_text());
    captions(ui, latency, "Latency", &texts, &plot.latency_scale);
    legend(ui, row(2.0 * LEGEND_HEIGHT), plot, ago);
    for (index, line) in plot.lines.iter().enumerate() {
        let place = row(LINE_HEIGHT);
        graph(ui, place, plot, index);
        let text = second.map_or_else(String::new, |second| second.text(index));
        captions(ui, place, line.name, &text, &line.scale);
    }
    let when = row(LEGEND_HEIGHT);
    let font = || theme::regular(11.0);
    let faint = colour(ui).text_faint;
    draw::line(ui.painter(), within_time(when), Align2::LEFT_CENTER, "3 min ago", font(), faint);
    let now = if pointed.is_some() { Plot::when(ago) } else { "now".to_owned() };
    draw::line(ui.painter(), within_time(when), Align2::RIGHT_CENTER, &now, font(), faint);
    if pointed.is_some() {
        let x = time.right() - (ago as f32 + 0.5) * seconds_to_points(1);
        ui.painter().vline(x, latency.top()..=when.top(), hairline(ui, colour(ui).text));
    }
    ui.ctx().request_repaint_after(RENEWED_EVERY);
}

fn seconds_to_points(seconds: usize) -> f32 {
    WIDTH * seconds as f32 / Plot::width() as f32
}

/// The part of a row that is time.
fn within_time(row: Rect) -> Rect {
    row.shrink2(vec2(CAPTION_WIDTH, 0.0))
}

/// Name and value in front of a row, the end of its scale behind it.
fn captions(ui: &Ui, row: Rect, name: &str, value: &str, scale: &str) {
    let (small, tiny) = (theme::regular(12.0), theme::regular(11.0));
    let front = row.with_max_x(row.left() + CAPTION_WIDTH - 6.0);
    let middle = front.center().y;
    let upper = front.with_max_y(middle);
    let lower = front.with_min_y(middle);
    draw::line(ui.painter(), upper, Align2::LEFT_CENTER, name, small, colour(ui).text_soft);
    draw::line(ui.painter(), lower, Align2::LEFT_CENTER, value, theme::medium(12.0), colour(ui).text);
    let behind = row.with_min_x(row.right() - CAPTION_WIDTH + 6.0);
    let top = Rect::from_min_size(behind.min, vec2(behind.width(), 12.0));
    draw::line(ui.painter(), top, Align2::LEFT_TOP, scale, tiny, colour(ui).text_faint);
}

fn stage_colour(ui: &Ui, stage: usize) -> Color32 {
    let place = STAGE_COLOURS.get(stage).copied().unwrap_or_default();
    let rgb = PARTICIPANT_COLOURS.get(place).copied().unwrap_or_default();
    colour(ui).mark(rgb)
}

/// Seconds of the plot with the place of each in `time`.
fn columns(
    plot: &Plot,
    time: Rect,
) -> impl Iterator<Item = (f32, Option<&crate::editor::view_model::plot::Second>)> {
    let first = Plot::width().saturating_sub(plot.seconds.len());
    plot.seconds
        .iter()
        .enumerate()
        .map(move |(index, second)| (time.left() + seconds_to_points(first + index), second.as_ref()))
}

fn bands(ui: &Ui, row: Rect, plot: &Plot) {
    let time = within_time(row);
    draw::well(ui.painter(), time, 3);
    let inks: [Color32; STAGES.len()] = std::array::from_fn(|stage| stage_colour(ui, stage));
    let to_points = time.height() / plot.latency_to_ms as f32;
    let mut mesh = Mesh::default();
    for (left, second) in columns(plot, time) {
        let Some(second) = second else { continue };
        let mut bottom = time.bottom();
        for (ms, ink) in second.stages_ms.iter().zip(inks) {
            let top = (bottom - *ms as f32 * to_points).max(time.top());
            let column = Rect::from_min_max(pos2(left, top), pos2(left + seconds_to_points(1), bottom));
            mesh.add_colored_rect(column, ink);
            bottom = top;
        }
    }
    ui.painter().add(Shape::mesh(mesh));
}

/// What each colour is, and how much of it there was.
fn legend(ui: &Ui, place: Rect, plot: &Plot, ago: usize) {
    let place = within_time(place);
    let width = place.width() / 3.0;
    for (index, name) in STAGES.iter().enumerate() {
        let corner =
            pos2(place.left() + (index % 3) as f32 * width, place.top() + (index / 3) as f32 * LEGEND_HEIGHT);
        let cell = Rect::from_min_size(corner, vec2(width, LEGEND_HEIGHT));
        let swatch = Rect::from_center_size(pos2(cell.left() + 4.0, cell.center().y), vec2(8.0, 8.0));
        ui.painter().rect_filled(swatch, 2.0, stage_colour(ui, index));
        let value = plot.second(ago).map_or_else(String::new, |second| second.stage_text(index));
        let text = format!("{name} {value}");
        let words = cell.with_min_x(cell.left() + 13.0);
        draw::line(
            ui.painter(),
            words,
            Align2::LEFT_CENTER,
            &text,
            theme::regular(11.0),
            colour(ui).text_soft,
        );
    }
}

fn graph(ui: &Ui, row: Rect, plot: &Plot, index: usize) {
    let time = within_time(row);
    draw::well(ui.painter(), time, 3);
    let Some(line) = plot.lines.get(index) else { return };
    let inner = time.shrink2(vec2(0.0, 2.0));
    let y = |value: f64| {
        let share = ((value - line.from) / (line.to - line.from)).clamp(0.0, 1.0) as f32;
        inner.bottom() - share * inner.height()
    };
    let stroke = Stroke::new(1.5, colour(ui).amber);
    let mut run: Vec<Pos2> = Vec::new();
    let end = |run: &mut Vec<Pos2>| {
        if run.len() > 1 {
            ui.painter().add(Shape::line(std::mem::take(run), stroke));
        }
        run.clear();
    };
    for (left, second) in columns(plot, inner) {
        match second.and_then(|second| second.values.get(index)) {
            Some(value) => run.push(pos2(left + seconds_to_points(1) / 2.0, y(*value))),
            None => end(&mut run),
        }
    }
    end(&mut run);
}
