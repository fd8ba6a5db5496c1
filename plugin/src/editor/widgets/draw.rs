//! Shapes that several widgets are made of: gradients, elided text, arcs.
//!
//! Paint only: nothing here reacts to the person.

use std::f32::consts::{FRAC_PI_2, PI};

use egui::emath::GuiRounding as _;
use egui::epaint::text::{LayoutJob, TextFormat, TextWrapping};
use egui::{
    Align2, Color32, CornerRadius, FontId, Mesh, Painter, Pos2, Rect, Response, Shape, Stroke, StrokeKind,
    Ui, Vec2, pos2, vec2,
};

use crate::editor::theme::{colour, hairline, mix};

/// A rounded rectangle that shades from `top` to `bottom`, with a hairline that hides its stepped edge.
pub fn shaded_rect(painter: &Painter, rect: Rect, radius: f32, top: Color32, bottom: Color32, line: Color32) {
    let rect = rect.round_to_pixels(painter.pixels_per_point());
    let mut mesh = Mesh::default();
    let shade = |at: Pos2| mix(top, bottom, (at.y - rect.top()) / rect.height().max(1.0));
    mesh.colored_vertex(rect.center(), shade(rect.center()));
    let outline = rounded_outline(rect, radius);
    for point in &outline {
        mesh.colored_vertex(*point, shade(*point));
    }
    let count = outline.len() as u32;
    for index in 0..count {
        mesh.add_triangle(0, 1 + index, 1 + (index + 1) % count);
    }
    painter.add(Shape::mesh(mesh));
    let corners = CornerRadius::same(radius as u8);
    painter.rect_stroke(rect, corners, hairline(painter, line), StrokeKind::Middle);
}

/// A rectangle that shades from `top` to `bottom`, with square corners.
pub fn shaded_bar(painter: &Painter, rect: Rect, top: Color32, bottom: Color32) {
    let mut mesh = Mesh::default();
    add_bar(&mut mesh, painter, rect, top, bottom);
    painter.add(Shape::mesh(mesh));
}

/// Adds such a rectangle, to paint many of them at the cost of one.
pub fn add_bar(mesh: &mut Mesh, painter: &Painter, rect: Rect, top: Color32, bottom: Color32) {
    let rect = rect.round_to_pixels(painter.pixels_per_point());
    let first = mesh.vertices.len() as u32;
    mesh.colored_vertex(rect.left_top(), top);
    mesh.colored_vertex(rect.right_top(), top);
    mesh.colored_vertex(rect.right_bottom(), bottom);
    mesh.colored_vertex(rect.left_bottom(), bottom);
    mesh.add_triangle(first, first + 1, first + 2);
    mesh.add_triangle(first, first + 2, first + 3);
}

/// A panel: filled, rounded, with a hairline.
pub fn panel(painter: &Painter, rect: Rect, fill: Color32) {
    let corners = crate::editor::theme::panel_corners();
    painter.rect(rect, corners, fill, hairline(painter, colour(painter).line), StrokeKind::Inside);
    // Light from above: what is raised catches it at its upper edge.
    painter.hline(
        rect.x_range().shrink(7.0),
        rect.top() + 1.5,
        hairline(painter, colour(painter).panel_gloss),
    );
}

/// A ring inside of `rect`, around what has the keyboard: seen on panels and on what is lit.
pub fn focus_ring(ui: &Ui, response: &Response, rect: Rect, corners: CornerRadius) {
    if response.has_focus() {
        let (ring, gap) = (Stroke::new(2.0, colour(ui).focus), Stroke::new(1.0, colour(ui).backdrop));
        ui.painter().rect_stroke(rect, corners, ring, StrokeKind::Inside);
        ui.painter().rect_stroke(rect.shrink(2.0), corners, gap, StrokeKind::Inside);
    }
}

/// A sunken field or groove.
pub fn well(painter: &Painter, rect: Rect, radius: u8) {
    painter.rect(
        rect,
        CornerRadius::same(radius),
        colour(painter).well,
        hairline(painter, colour(painter).line),
        StrokeKind::Inside,
    );
}

/// One line of text inside `rect`, cut with an ellipsis where it does not fit. True where it was cut.
pub fn line(painter: &Painter, rect: Rect, align: Align2, text: &str, font: FontId, ink: Color32) -> bool {
    let mut job = LayoutJob::single_section(text.to_owned(), TextFormat::simple(font, ink));
    job.wrap = TextWrapping::truncate_at_width(rect.width());
    let galley = painter.layout_job(job);
    let cut = galley.elided;
    let place = align.align_size_within_rect(galley.size(), rect);
    painter.galley(place.min, galley, ink);
    cut
}

/// Text of several lines inside `rect`, from the top.
pub fn paragraph(painter: &Painter, rect: Rect, text: &str, font: FontId, ink: Color32) {
    painter.galley(rect.min, painter.layout(text.to_owned(), font, ink, rect.width()), ink);
}

/// The same, each line in the middle.
pub fn centred_paragraph(painter: &Painter, rect: Rect, text: &str, font: FontId, ink: Color32) {
    let mut job = LayoutJob::simple(text.to_owned(), font, ink, rect.width());
    job.halign = egui::Align::Center;
    painter.galley(rect.center_top(), painter.layout_job(job), ink);
}

/// The uppermost `height` points of a panel.
pub fn top_edge(painter: &Painter, rect: Rect, height: f32, ink: Color32) {
    let radius = f32::from(crate::editor::theme::panel_corners().nw);
    let (left, right) = (rect.left_top() + Vec2::splat(radius), rect.right_top() + vec2(-radius, radius));
    let turns = ((radius - height) / radius).acos() / (2.0 * PI);
    let share = |step: usize| turns * step as f32 / 6.0;
    let points = (0..=6).map(|step| on_circle(left, radius, share(step) - turns));
    let points = points.chain((0..=6).map(|step| on_circle(right, radius, share(step)))).collect();
    painter.add(Shape::convex_polygon(points, ink, Stroke::NONE));
}

/// Part of a circle, from `start` to `end` in turns clockwise from the top (0.25 is right).
pub fn arc(painter: &Painter, centre: Pos2, radius: f32, start: f32, end: f32, stroke: Stroke) {
    let steps = ((end - start).abs() * 40.0).ceil().max(2.0) as usize;
    let points =
        (0..=steps).map(|step| on_circle(centre, radius, start + (end - start) * step as f32 / steps as f32));
    painter.line(points.collect(), stroke);
}

/// The point `turns` clockwise from the top of a circle.
pub fn on_circle(centre: Pos2, radius: f32, turns: f32) -> Pos2 {
    let angle = turns * 2.0 * PI - FRAC_PI_2;
    centre + Vec2::angled(angle) * radius
}

fn rounded_outline(rect: Rect, radius: f32) -> Vec<Pos2> {
    let radius = radius.min(rect.width() / 2.0).min(rect.height() / 2.0);
    let inner = rect.shrink(radius);
    let corners = [
        (pos2(inner.right(), inner.top()), 0.0),
        (inner.max, 0.25),
        (pos2(inner.left(), inner.bottom()), 0.5),
        (inner.min, 0.75),
    ];
    let corner = |(centre, start): (Pos2, f32)| {
        (0..=6).map(move |step| on_circle(centre, radius, start + 0.25 * step as f32 / 6.0))
    };
    corners.into_iter().flat_map(corner).collect()
}
