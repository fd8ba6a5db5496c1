//! Paints a frame of the editor into a picture, without a graphics card: the same on every machine.
//!
//! As egui's own painters do it: triangles with a colour at each corner, times the font's texture, laid over what is there
//! with both premultiplied, in sRGB as it is.

use egui::epaint::{Mesh, Primitive, Vertex};
use egui::{Color32, ColorImage, Context, FullOutput, Pos2, Rect, Vec2};

/// Rows from the top; opaque.
pub struct Picture {
    /// In pixels.
    pub width: usize,
    /// In pixels.
    pub height: usize,
    /// Red, green and blue of each pixel.
    pub pixels: Vec<[u8; 3]>,
}

/// What `output` shows in a window of `size` points.
pub fn paint(ctx: &Context, output: &FullOutput, size: Vec2) -> Picture {
    paint_part(ctx, output, size, Rect::from_min_size(Pos2::ZERO, size))
}

/// The same where all but `part` stays black, which is quicker.
pub fn paint_part(ctx: &Context, output: &FullOutput, size: Vec2, part: Rect) -> Picture {
    let scale = output.pixels_per_point;
    let [width, height] = [size.x, size.y].map(|side| (side * scale).round() as usize);
    let mut picture = Picture { width, height, pixels: vec![[0; 3]; width * height] };
    let font = ctx.fonts(|fonts| fonts.image());
    for clipped in ctx.tessellate(output.shapes.clone(), scale) {
        let clip = clipped.clip_rect.intersect(part) * scale;
        if let Primitive::Mesh(mesh) = clipped.primitive {
            picture.lay_over(&mesh, clip, scale, &font);
        }
    }
    picture
}

impl Picture {
    fn lay_over(&mut self, mesh: &Mesh, clip: Rect, scale: f32, font: &ColorImage) {
        for corners in mesh.indices.chunks_exact(3) {
            let corners = [corners[0], corners[1], corners[2]].map(|index| mesh.vertices[index as usize]);
            self.triangle(corners, clip, scale, font);
        }
    }

    fn triangle(&mut self, corners: [Vertex; 3], clip: Rect, scale: f32, font: &ColorImage) {
        let [a, mut b, mut c] = corners.map(|corner| Vertex { pos: corner.pos * scale, ..corner });
        let mut area = edge(a.pos, b.pos, c.pos);
        if area < 0.0 {
            (b, c, area) = (c, b, -area);
        }
        if area == 0.0 {
            return;
        }
        let around = Rect::from_points(&[a.pos, b.pos, c.pos]).intersect(clip);
        let first = |side: f32| (side - 0.5).ceil().max(0.0) as usize;
        let rows = first(around.top())..first(around.bottom()).min(self.height);
        let columns = first(around.left())..first(around.right()).min(self.width);
        for y in rows {
            for x in columns.clone() {
                let at = Pos2::new(x as f32 + 0.5, y as f32 + 0.5);
                let shares = [(b.pos, c.pos), (c.pos, a.pos), (a.pos, b.pos)].map(|(from, to)| {
                    let share = edge(from, to, at);
                    (share > 0.0 || share == 0.0 && owns_edge(from, to)).then_some(share / area)
                });
                if let [Some(of_a), Some(of_b), Some(of_c)] = shares {
                    let ink = blend([(a, of_a), (b, of_b), (c, of_c)], font);
                    lay(&mut self.pixels[y * self.width + x], ink);
                }
            }
        }
    }
}

/// Twice the area on the right of a line.
fn edge(from: Pos2, to: Pos2, at: Pos2) -> f32 {
    (to.x - from.x) * (at.y - from.y) - (to.y - from.y) * (at.x - from.x)
}

/// A pixel on the edge of two triangles belongs to the one whose upper or left edge that is.
fn owns_edge(from: Pos2, to: Pos2) -> bool {
    to.y < from.y || to.y == from.y && to.x > from.x
}

/// Colour and texture in a triangle, 0 to 1, premultiplied.
fn blend(corners: [(Vertex, f32); 3], font: &ColorImage) -> [f32; 4] {
    let mut colour = [0.0; 4];
    let mut uv = Vec2::ZERO;
    for (corner, share) in corners {
        for (sum, part) in colour.iter_mut().zip(corner.color.to_array()) {
            *sum += f32::from(part) / 255.0 * share;
        }
        uv += corner.uv.to_vec2() * share;
    }
    let texture = sample(font, uv);
    std::array::from_fn(|part| colour[part] * texture[part])
}

/// Between the four nearest dots of the texture.
fn sample(font: &ColorImage, uv: Vec2) -> [f32; 4] {
    let [width, height] = font.size;
    let at = [uv.x * width as f32 - 0.5, uv.y * height as f32 - 0.5];
    let dot = |x: f32, y: f32| -> Color32 {
        let x = (x.max(0.0) as usize).min(width - 1);
        let y = (y.max(0.0) as usize).min(height - 1);
        font.pixels[y * width + x]
    };
    let [(left, x), (top, y)] = at.map(|side| (side.floor(), side - side.floor()));
    let near = [
        (dot(left, top), (1.0 - x) * (1.0 - y)),
        (dot(left + 1.0, top), x * (1.0 - y)),
        (dot(left, top + 1.0), (1.0 - x) * y),
        (dot(left + 1.0, top + 1.0), x * y),
    ];
    near.into_iter().fold([0.0; 4], |sum, (dot, share)| {
        let dot = dot.to_array();
        std::array::from_fn(|part| sum[part] + f32::from(dot[part]) / 255.0 * share)
    })
}

fn lay(below: &mut [u8; 3], ink: [f32; 4]) {
    for (part, above) in below.iter_mut().zip(ink) {
        *part = ((above + f32::from(*part) / 255.0 * (1.0 - ink[3])) * 255.0).round().clamp(0.0, 255.0) as u8;
    }
}
