//! The editor's few pictures, drawn as lines, sharp at every zoom; and the logo.

use egui::{Color32, CornerRadius, Painter, Pos2, Rect, Shape, Stroke, StrokeKind, Vec2, pos2, vec2};

use super::draw::{arc, on_circle, shaded_bar};
use crate::editor::theme::colour;

/// What an icon shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Icon {
    /// A closed lock: encrypted.
    Lock,
    /// An open lock: not encrypted yet.
    LockOpen,
    /// One arrow between two dots: straight from the other participant.
    Direct,
    /// An arrow with a knot in the middle: through the host.
    ThroughHost,
    /// Three dots: waiting.
    Waiting,
    /// Two sheets: copy.
    Copy,
    /// A cross: dismiss.
    Close,
    /// A small triangle: opens a menu.
    Open,
    /// The same, lying: opens a section.
    Folded,
    /// A broadcast: host.
    Host,
    /// An arrow into a door: join.
    Join,
    /// A person.
    Person,
    /// A tick.
    Done,
    /// A disc, half dark and half light: the colours.
    Look,
}

/// Draws `icon` in a square of `size` points around `centre`.
pub fn icon(painter: &Painter, icon: Icon, centre: Pos2, size: f32, ink: Color32) {
    let stroke = Stroke::new((size / 10.0).max(1.3), ink);
    let at = |x: f32, y: f32| centre + vec2(x, y) * size;
    match icon {
        Icon::Lock | Icon::LockOpen => lock(painter, centre, size, stroke, icon == Icon::Lock),
        Icon::Direct | Icon::ThroughHost => route(painter, centre, size, stroke, icon == Icon::ThroughHost),
        Icon::Waiting => {
            for x in [-0.3, 0.0, 0.3] {
                painter.circle_filled(at(x, 0.0), size * 0.09, ink);
            }
        }
        Icon::Copy => copy(painter, centre, size, stroke),
        Icon::Close => {
            painter.line_segment([at(-0.25, -0.25), at(0.25, 0.25)], stroke);
            painter.line_segment([at(-0.25, 0.25), at(0.25, -0.25)], stroke);
        }
        Icon::Open => {
            painter.line(vec![at(-0.22, -0.1), at(0.0, 0.13), at(0.22, -0.1)], stroke);
        }
        Icon::Folded => {
            painter.line(vec![at(-0.1, -0.22), at(0.13, 0.0), at(-0.1, 0.22)], stroke);
        }
        Icon::Host => host(painter, centre, size, stroke),
        Icon::Join => join(painter, centre, size, stroke),
        Icon::Person => {
            painter.circle_stroke(at(0.0, -0.22), size * 0.17, stroke);
            arc(painter, at(0.0, 0.4), size * 0.32, -0.25, 0.25, stroke);
            painter.line_segment([at(-0.32, 0.4), at(0.32, 0.4)], stroke);
        }
        Icon::Look => look(painter, centre, size, stroke),
        Icon::Done => {
            painter.line(vec![at(-0.28, 0.02), at(-0.08, 0.22), at(0.3, -0.2)], stroke);
        }
    }
}

fn lock(painter: &Painter, centre: Pos2, size: f32, stroke: Stroke, closed: bool) {
    let body = Rect::from_center_size(centre + vec2(0.0, 0.16) * size, vec2(0.62, 0.46) * size);
    let ring = pos2(centre.x, body.top() - 0.08 * size);
    let ring = if closed { ring } else { ring + vec2(0.2, -0.06) * size };
    arc(painter, ring, size * 0.2, -0.25, 0.25, stroke);
    for side in [-1.0, 1.0] {
        let x = ring.x + side * size * 0.2;
        if closed || side < 0.0 {
            painter.line_segment([pos2(x, ring.y), pos2(x, body.top())], stroke);
        }
    }
    painter.rect_filled(body, CornerRadius::same((size * 0.12) as u8), stroke.color);
}

fn route(painter: &Painter, centre: Pos2, size: f32, stroke: Stroke, through_host: bool) {
    let at = |x: f32, y: f32| centre + vec2(x, y) * size;
    if through_host {
        painter.line(vec![at(-0.42, 0.22), at(-0.1, -0.12)], stroke);
        painter.line(vec![at(0.1, -0.12), at(0.42, 0.22)], stroke);
        painter.rect_stroke(
            Rect::from_center_size(at(0.0, -0.22), Vec2::splat(size * 0.28)),
            1.0,
            stroke,
            StrokeKind::Middle,
        );
        painter.circle_filled(at(-0.42, 0.25), size * 0.1, stroke.color);
        painter.circle_filled(at(0.42, 0.25), size * 0.1, stroke.color);
    } else {
        painter.line_segment([at(-0.42, 0.0), at(0.4, 0.0)], stroke);
        painter.line(vec![at(0.18, -0.22), at(0.42, 0.0), at(0.18, 0.22)], stroke);
        painter.line(vec![at(-0.18, -0.22), at(-0.42, 0.0), at(-0.18, 0.22)], stroke);
    }
}

fn copy(painter: &Painter, centre: Pos2, size: f32, stroke: Stroke) {
    let sheet = vec2(0.44, 0.52) * size;
    let front = Rect::from_center_size(centre + vec2(0.1, 0.1) * size, sheet);
    painter.rect_stroke(front, CornerRadius::same(2), stroke, StrokeKind::Middle);
    let back = Rect::from_center_size(centre - vec2(0.1, 0.1) * size, sheet);
    painter.line(vec![pos2(back.left(), back.bottom()), back.min, pos2(back.right(), back.top())], stroke);
}

fn host(painter: &Painter, centre: Pos2, size: f32, stroke: Stroke) {
    painter.circle_filled(centre, size * 0.1, stroke.color);
    for (radius, spread) in [(0.26, 0.11), (0.44, 0.11)] {
        arc(painter, centre, size * radius, 0.25 - spread, 0.25 + spread, stroke);
        arc(painter, centre, size * radius, 0.75 - spread, 0.75 + spread, stroke);
    }
}

fn join(painter: &Painter, centre: Pos2, size: f32, stroke: Stroke) {
    let at = |x: f32, y: f32| centre + vec2(x, y) * size;
    painter.line(vec![at(0.02, -0.4), at(0.36, -0.4), at(0.36, 0.4), at(0.02, 0.4)], stroke);
    painter.line_segment([at(-0.42, 0.0), at(0.1, 0.0)], stroke);
    painter.line(vec![at(-0.1, -0.2), at(0.12, 0.0), at(-0.1, 0.2)], stroke);
}

fn look(painter: &Painter, centre: Pos2, size: f32, stroke: Stroke) {
    let radius = size * 0.42;
    painter.circle_stroke(centre, radius, stroke);
    let half = (0..=16).map(|step| on_circle(centre, radius, 0.5 + 0.5 * step as f32 / 16.0));
    painter.add(Shape::convex_polygon(half.collect(), stroke.color, Stroke::NONE));
}

/// The logo: a row of amplifiers as level bars on one line, `height` points high from `corner`. Returns its width.
pub fn logo(painter: &Painter, corner: Pos2, height: f32) -> f32 {
    const BARS: [f32; 4] = [0.46, 0.82, 0.62, 0.34];
    let (bar, gap) = (height * 0.17, height * 0.09);
    let base = corner.y + height * 0.86;
    for (index, share) in BARS.into_iter().enumerate() {
        let left = corner.x + index as f32 * (bar + gap);
        let rect =
            Rect::from_min_max(pos2(left, base - height * share), pos2(left + bar, base - height * 0.08));
        shaded_bar(painter, rect, colour(painter).amber_bright, colour(painter).logo_foot);
    }
    let width = BARS.len() as f32 * (bar + gap) - gap;
    let line = Rect::from_min_size(pos2(corner.x, base + height * 0.02), vec2(width, height * 0.09));
    painter.rect_filled(line, 0.0, colour(painter).text);
    width
}
