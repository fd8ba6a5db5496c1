//! Paint that stays: what looks as it did in the frame before is not cut into triangles again.
//!
//! Sixty times a second only meters move; caps, knobs and frames cost most of a frame otherwise. Not for text, whose place in
//! the font's picture may change.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use egui::epaint::Primitive;
use egui::{Id, LayerId, Mesh, Order, Painter, Rect, Shape, Ui};

use crate::editor::theme::Themed;

/// Triangles, and what they were made from.
#[derive(Clone)]
struct Kept {
    looks: u64,
    mesh: Arc<Mesh>,
}

/// Adds what `paint` paints. It is called only where `looks` (all that it depends on but theme, scale and opacity) differs from the frame before.
pub fn kept(ui: &Ui, id: Id, looks: impl Hash, paint: impl FnOnce(&Painter)) {
    let (ctx, painter) = (ui.ctx(), ui.painter());
    if !painter.is_visible() {
        return;
    }
    let mut hasher = DefaultHasher::new();
    let discs = ctx.fonts(|fonts| fonts.font_image_size());
    let theme = (ui.palette().is_dark, painter.opacity().to_bits(), ctx.pixels_per_point().to_bits());
    (looks, theme, discs).hash(&mut hasher);
    let looks = hasher.finish();
    let before: Option<Kept> = ui.data(|data| data.get_temp(id));
    let mesh = match before {
        Some(kept) if kept.looks == looks => kept.mesh,
        _ => {
            let mesh = Arc::new(triangles(painter, paint));
            let kept = Kept { looks, mesh: Arc::clone(&mesh) };
            ui.data_mut(|data| data.insert_temp(id, kept));
            mesh
        }
    };
    painter.add(Shape::Mesh(mesh));
}

/// A rectangle as something to compare.
pub fn place(rect: Rect) -> [u32; 4] {
    [rect.min.x, rect.min.y, rect.max.x, rect.max.y].map(f32::to_bits)
}

fn triangles(painter: &Painter, paint: impl FnOnce(&Painter)) -> Mesh {
    let ctx = painter.ctx();
    let aside = LayerId::new(Order::Debug, Id::unique("kept"));
    paint(&painter.clone().with_layer_id(aside).with_clip_rect(Rect::EVERYTHING));
    let painted = ctx.graphics_mut(|graphics| std::mem::take(graphics.entry(aside)));
    let mut all = Mesh::default();
    for clipped in ctx.tessellate(painted.all_entries().cloned().collect(), ctx.pixels_per_point()) {
        if let Primitive::Mesh(mesh) = clipped.primitive {
            all.append(mesh);
        }
    }
    all
}
