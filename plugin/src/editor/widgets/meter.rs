//! A stereo level meter: segments from green to red, held peaks, and a clip light that a click puts out.
//!
//! It does not move by itself: `ballistics.rs` says where bars and peaks are.

use egui::{Color32, CornerRadius, Id, Mesh, Rect, Response, Role, Sense, Shape, Ui, Vec2, WidgetInfo, pos2};

use super::{draw, kept};
use crate::editor::ballistics::{Channel, StereoMeter};
use crate::editor::law::meter_place;
use crate::editor::theme::palette::Palette;
use crate::editor::theme::{colour, hairline, mix};

/// Width of a meter, in points.
pub const METER_WIDTH: f32 = 15.0;
/// Height of the clip light, in points.
const CLIP_HEIGHT: f32 = 6.0;
/// Height of a segment and the gap above it, in points.
const SEGMENT: f32 = 4.0;

/// Draws a meter into `rect`. Clicked where the person puts the clip light out.
pub fn meter(ui: &Ui, rect: Rect, id: Id, label: &str, state: &StereoMeter, live: bool) -> Response {
    let response = ui.interact(rect, id, Sense::click());
    response.widget_info(|| WidgetInfo {
        current_text_value: Some(in_words(state)),
        ..WidgetInfo::labeled(Role::Meter, true, label)
    });
    let clip = Rect::from_min_size(rect.min, Vec2::new(rect.width(), CLIP_HEIGHT));
    let bars = Rect::from_min_max(pos2(rect.left(), clip.bottom() + 2.0), rect.max);
    let width = (bars.width() - 1.0) / 2.0;
    let bar = |index: usize| {
        let left = bars.left() + index as f32 * (width + 1.0);
        Rect::from_min_max(pos2(left, bars.top()), pos2(left + width, bars.bottom()))
    };
    let looks = (kept::place(rect), state.clipped());
    kept::kept(ui, response.id.with("paint"), looks, |painter| {
        let light = if state.clipped() { colour(painter).red } else { colour(painter).well };
        let line = hairline(painter, colour(painter).line);
        painter.rect(clip, CornerRadius::same(2), light, line, egui::StrokeKind::Inside);
        for index in 0..state.0.len() {
            painter.rect_filled(bar(index), CornerRadius::same(2), colour(painter).well);
        }
    });
    let mut lit = Mesh::default();
    for (index, channel) in state.0.iter().enumerate() {
        add_channel(&mut lit, ui, bar(index), channel, live);
    }
    ui.painter().add(Shape::mesh(lit));
    draw::focus_ring(ui, &response, rect.expand(2.0), CornerRadius::same(3));
    response
}

/// Adds what is lit of a channel: as one mesh, because meters are all that is drawn anew sixty times a second.
fn add_channel(lit: &mut Mesh, ui: &Ui, bar: Rect, channel: &Channel, live: bool) {
    let painter = ui.painter();
    let dim = if live { 1.0 } else { 0.35 };
    let top = bar.bottom() - bar.height() * channel.level_place();
    for [(low, low_ink), (high, high_ink)] in stretches(colour(ui)) {
        let y = |db: f32| bar.bottom() - bar.height() * meter_place(db);
        let (bottom_y, top_y) = (y(low), y(high).max(top));
        if top_y < bottom_y {
            let share = (bottom_y - top_y) / (bottom_y - y(high)).max(0.01);
            let part = Rect::from_min_max(pos2(bar.left(), top_y), pos2(bar.right(), bottom_y));
            let ink = mix(low_ink, high_ink, share);
            draw::add_bar(lit, painter, part, ink.gamma_multiply(dim), low_ink.gamma_multiply(dim));
        }
    }
    add_gaps(lit, ui, bar, top);
    if channel.peak_place() > 0.0 {
        let y = bar.bottom() - bar.height() * channel.peak_place();
        let ink = ink_at(colour(ui), channel.peak_db()).gamma_multiply(dim);
        let peak = Rect::from_min_max(pos2(bar.left(), y), pos2(bar.right(), y + 2.0));
        draw::add_bar(lit, painter, peak, ink, ink);
    }
}

/// Dark lines that cut what is lit, up to `top`, into segments; above that all is dark.
fn add_gaps(lit: &mut Mesh, ui: &Ui, bar: Rect, top: f32) {
    let count = ((bar.bottom() - top).min(bar.height()) / SEGMENT).ceil() as usize;
    for index in 1..count {
        let y = bar.bottom() - index as f32 * SEGMENT;
        let gap = Rect::from_min_max(pos2(bar.left(), y - 0.5), pos2(bar.right(), y + 0.5));
        draw::add_bar(lit, ui.painter(), gap, colour(ui).well, colour(ui).well);
    }
}

/// The colour of a level, in dBFS.
fn ink_at(palette: &Palette, db: f32) -> Color32 {
    for [(low, low_ink), (high, high_ink)] in stretches(palette) {
        if db <= high {
            return mix(low_ink, high_ink, (db - low) / (high - low));
        }
    }
    palette.meter[STOPS_DB.len() - 1]
}

/// The held peak for a screen reader.
fn in_words(state: &StereoMeter) -> String {
    let clipped = if state.clipped() { ", clipped" } else { "" };
    match state.peak_db() {
        peak if peak.is_finite() => format!("{peak:.0} dB{clipped}"),
        _ => format!("silent{clipped}"),
    }
}

/// Where the palette's colours stand along the meter, in dBFS.
const STOPS_DB: [f32; 5] = [-60.0, -20.0, -9.0, -3.0, 0.0];

/// The stretches between two colours: where each starts and ends, in dBFS, and in what colour.
fn stretches(palette: &Palette) -> impl Iterator<Item = [(f32, Color32); 2]> {
    let stop = |index: usize| (STOPS_DB[index], palette.meter[index]);
    (1..STOPS_DB.len()).map(move |index| [stop(index - 1), stop(index)])
}
