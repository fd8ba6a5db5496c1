//! Where the panels are in a window of a given size.
//!
//! Pure arithmetic: sizes in, rectangles out, and the same rectangles whatever the panels say.

use egui::{Rect, Vec2, pos2, vec2};

use super::theme::{HEADER_HEIGHT, MIN_SIZE_POINTS, SEND_WIDTH, STATUS_HEIGHT, STEP};

/// Margin around the panels, in points.
const MARGIN: f32 = 3.0 * STEP;

/// The places of all panels, in points.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Layout {
    /// The whole editor; never smaller than [`MIN_SIZE_POINTS`].
    pub whole: Rect,
    /// The top line.
    pub header: Rect,
    /// One's own send.
    pub send: Rect,
    /// The choice between Host and Join, or the strips; its scroll bar lies in the margin below.
    pub stage: Rect,
    /// The bottom line.
    pub status: Rect,
}

impl Layout {
    /// The places in a window of `size` points with its corner at `corner`.
    pub fn new(corner: egui::Pos2, size: Vec2) -> Self {
        let whole = Rect::from_min_size(corner, size.max(MIN_SIZE_POINTS));
        let header = Rect::from_min_size(whole.min, vec2(whole.width(), HEADER_HEIGHT));
        let status = Rect::from_min_max(pos2(whole.left(), whole.bottom() - STATUS_HEIGHT), whole.max);
        let middle = Rect::from_min_max(header.left_bottom(), status.right_top()).shrink(MARGIN);
        let send = Rect::from_min_max(middle.min, pos2(middle.left() + SEND_WIDTH, middle.bottom()));
        let stage = Rect::from_min_max(pos2(send.right() + MARGIN, middle.top()), middle.max);
        Self { whole, header, send, stage, status }
    }
}

/// Cuts rows from the top and the bottom of a rectangle.
#[derive(Debug, Clone, Copy)]
pub struct Rows {
    rest: Rect,
}

impl Rows {
    /// Starts with all of `rect`.
    pub fn new(rect: Rect) -> Self {
        Self { rest: rect }
    }

    /// The next row from the top, `height` points high, and a gap under it.
    pub fn top(&mut self, height: f32, gap: f32) -> Rect {
        let row = Rect::from_min_size(self.rest.min, vec2(self.rest.width(), height));
        self.rest.min.y += height + gap;
        row
    }

    /// The next row from the bottom, `height` points high, and a gap over it.
    pub fn bottom(&mut self, height: f32, gap: f32) -> Rect {
        let corner = pos2(self.rest.left(), self.rest.bottom() - height);
        self.rest.max.y -= height + gap;
        Rect::from_min_size(corner, vec2(self.rest.width(), height))
    }

    /// What is left.
    pub fn rest(self) -> Rect {
        self.rest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_that_is_too_small_is_laid_out_at_the_smallest_size() {
        let layout = Layout::new(egui::Pos2::ZERO, vec2(300.0, 200.0));
        assert_eq!(layout.whole.size(), MIN_SIZE_POINTS);
    }

    #[test]
    fn panels_do_not_overlap() {
        for size in [MIN_SIZE_POINTS, vec2(980.0, 600.0), vec2(2400.0, 1400.0)] {
            let layout = Layout::new(egui::Pos2::ZERO, size);
            let panels = [layout.header, layout.send, layout.stage, layout.status];
            for (index, one) in panels.iter().enumerate() {
                assert!(layout.whole.contains_rect(*one));
                for other in &panels[index + 1..] {
                    assert!(!one.shrink(0.5).intersects(other.shrink(0.5)), "{one:?} and {other:?}");
                }
            }
        }
    }

    #[test]
    fn rows_come_from_both_ends() {
        let mut rows = Rows::new(Rect::from_min_size(egui::Pos2::ZERO, vec2(10.0, 100.0)));
        assert_eq!(rows.top(20.0, 4.0).y_range(), egui::Rangef::new(0.0, 20.0));
        assert_eq!(rows.bottom(30.0, 6.0).y_range(), egui::Rangef::new(70.0, 100.0));
        assert_eq!(rows.rest().y_range(), egui::Rangef::new(24.0, 64.0));
    }
}
