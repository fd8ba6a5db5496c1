//! Where things are in Backline's editor, and the colours that tell their state: the one place that clicks come from.
//!
//! This crate does not link the plugin, so the figures are written here a second time. They follow
//! `plugin/src/editor/layout.rs` (the panels), `panels/connect.rs` (the cards of Host and Join), `panels/session.rs` (the
//! strips), `theme.rs` (sizes) and `theme/palette.rs` (colours), at a zoom of 100 %, where a point is a pixel. The layout is fixed: what the
//! panels say moves nothing, only the window's size does. When one of those files changes, so does this one.

/// A pixel, from the window's upper left corner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Point {
    /// To the right.
    pub x: i32,
    /// Down.
    pub y: i32,
}

/// A rectangle of pixels; right and bottom are outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// First column.
    pub left: i32,
    /// First row.
    pub top: i32,
    /// Columns.
    pub width: i32,
    /// Rows.
    pub height: i32,
}

impl Place {
    /// Where to click.
    pub fn centre(self) -> Point {
        Point { x: self.left + self.width / 2, y: self.top + self.height / 2 }
    }

    /// A point on its fill, beside any words in its middle.
    pub fn fill(self) -> Point {
        Point { x: self.left + 12, y: self.top + self.height / 2 }
    }

    /// The middle of its upper edge line.
    pub fn edge(self) -> Point {
        Point { x: self.left + self.width / 2, y: self.top }
    }

    /// Every pixel.
    pub fn points(self) -> impl Iterator<Item = Point> {
        let columns = self.left..self.left + self.width;
        let rows = self.top..self.top + self.height;
        rows.flat_map(move |y| columns.clone().map(move |x| Point { x, y }))
    }
}

/// The places in a window of one size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EditorLook {
    /// Logo and name, which never change.
    pub brand: Place,
    /// The cards of Host and Join, or the strips.
    pub stage: Place,
    /// The button Host.
    pub host_button: Place,
    /// The field for the invite link.
    pub join_field: Place,
    /// The button Join.
    pub join_button: Place,
    /// The band of colour on top of the first strip.
    pub first_strip_band: Place,
}

impl EditorLook {
    /// The places in a window of this many pixels, at 720 × 540 or more.
    pub fn new((width, height): (usize, usize)) -> Self {
        let (width, height) = (width as i32, height as i32);
        // layout.rs: send and stage lie side by side between header and status line, with margins around.
        let left = MARGIN + SEND_WIDTH + MARGIN;
        let top = HEADER_HEIGHT + MARGIN;
        let stage =
            Place { left, top, width: width - MARGIN - left, height: height - STATUS_HEIGHT - MARGIN - top };
        let [host, join] = cards(stage);
        Self {
            brand: Place { left: 0, top: 0, width: 140, height: HEADER_HEIGHT - 1 },
            stage,
            host_button: button(host),
            join_field: field(join),
            join_button: button(join),
            first_strip_band: Place { left, top, width: STRIP_WIDTH_MIN, height: STRIP_BAND },
        }
    }
}

/// connect.rs: both cards in the middle of the stage, under a title.
fn cards(stage: Place) -> [Place; 2] {
    let width = stage.width.min(2 * CARD_WIDTH_MAX + CARD_GAP);
    let height = stage.height.min(TITLE_HEIGHT + CARD_GAP + CARD_HEIGHT_MAX);
    let left = stage.left + (stage.width - width) / 2;
    let top = stage.top + (stage.height - height) / 2 + TITLE_HEIGHT + CARD_GAP;
    let card =
        |left| Place { left, top, width: (width - CARD_GAP) / 2, height: height - TITLE_HEIGHT - CARD_GAP };
    [card(left), card(left + width - (width - CARD_GAP) / 2)]
}

/// The lowest row of a card.
fn button(card: Place) -> Place {
    let bottom = card.top + card.height - CARD_INSET;
    Place {
        left: card.left + CARD_INSET,
        top: bottom - BUTTON_HEIGHT,
        width: card.width - 2 * CARD_INSET,
        height: BUTTON_HEIGHT,
    }
}

/// The row over it.
fn field(card: Place) -> Place {
    let button = button(card);
    Place { top: button.top - FIELD_GAP - FIELD_HEIGHT, height: FIELD_HEIGHT, ..button }
}

/// Red, green and blue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Colour(pub [u8; 3]);

impl Colour {
    /// Whether a person would call it the same; drivers round in different ways.
    pub fn is_about(self, other: Self) -> bool {
        self.0.iter().zip(other.0).all(|(one, other)| one.abs_diff(other) <= 4)
    }

    /// Whether it is a colour and not a grey: participants' bands are, free strips are not.
    pub fn is_vivid(self) -> bool {
        let [red, green, blue] = self.0;
        red.max(green).max(blue) - red.min(green).min(blue) > 60
    }
}

/// The line around what has the keyboard (the dark palette's `focus`).
pub const FOCUS: Colour = Colour([0xFF, 0xD6, 0x8F]);
/// The accent (the dark palette's `amber_lit`): the button to press next.
pub const AMBER: Colour = Colour([0xF4, 0xAE, 0x3D]);
/// Fields (the dark palette's `well`).
pub const WELL: Colour = Colour([0x10, 0x12, 0x15]);

// layout.rs and theme.rs.
const MARGIN: i32 = 12;
const HEADER_HEIGHT: i32 = 48;
const STATUS_HEIGHT: i32 = 44;
const SEND_WIDTH: i32 = 248;
const STRIP_WIDTH_MIN: i32 = 92;
// panels/connect.rs.
const TITLE_HEIGHT: i32 = 62;
const CARD_GAP: i32 = 12;
const CARD_WIDTH_MAX: i32 = 330;
const CARD_HEIGHT_MAX: i32 = 284;
const CARD_INSET: i32 = 18;
const BUTTON_HEIGHT: i32 = 34;
const FIELD_GAP: i32 = 10;
const FIELD_HEIGHT: i32 = 30;
// panels/strip.rs.
const STRIP_BAND: i32 = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buttons_and_fields_lie_in_the_stage_and_apart() {
        for size in [(720, 540), (960, 600), (2400, 1400)] {
            let look = EditorLook::new(size);
            let places = [look.host_button, look.join_field, look.join_button];
            for (index, one) in places.iter().enumerate() {
                assert!(one.left > look.stage.left && one.top > look.stage.top, "{one:?} in {look:?}");
                assert!(one.left + one.width < look.stage.left + look.stage.width, "{one:?} in {look:?}");
                assert!(one.top + one.height < look.stage.top + look.stage.height, "{one:?} in {look:?}");
                assert!(places[index + 1..].iter().all(|other| other != one));
            }
        }
    }

    #[test]
    fn greys_are_not_vivid() {
        assert!(AMBER.is_vivid());
        assert!(!WELL.is_vivid());
        assert!(AMBER.is_about(Colour([0xF3, 0xAF, 0x3C])));
    }
}
