//! What the editor looks like: colours, type, spacing and shapes, in one place.
//!
//! It is not a widget and knows no values. Every widget and panel takes its figures from here; the step before
//! is `app.rs`, which installs the fonts and the style when a window opens.

use std::sync::Arc;

use crate::state::EDITOR_SIZE_POINTS_DEFAULT;
use egui::epaint::text::{FontData, FontDefinitions};
use egui::{Color32, Context, CornerRadius, FontFamily, FontId, Margin, Shadow, Stroke, Vec2};

/// Smallest window that shows everything, in points (the editor scrolls below that).
pub const MIN_SIZE_POINTS: Vec2 = Vec2::new(720.0, 510.0);
/// The window's first size, in points.
pub const DEFAULT_SIZE_POINTS: Vec2 =
    Vec2::new(EDITOR_SIZE_POINTS_DEFAULT.0 as f32, EDITOR_SIZE_POINTS_DEFAULT.1 as f32);
/// Zooms of the scale menu, in percent.
pub const ZOOMS_PERCENT: [u32; 5] = [100, 125, 150, 175, 200];

/// One step of the spacing grid, in points; margins and gaps are multiples of it.
pub const STEP: f32 = 4.0;
/// Height of the header, in points.
pub const HEADER_HEIGHT: f32 = 48.0;
/// Height of the status line, in points; it is always there, so that a notice moves nothing.
pub const STATUS_HEIGHT: f32 = 44.0;
/// Width of the own-send panel, in points.
pub const SEND_WIDTH: f32 = 248.0;
/// Narrowest and widest strip, in points; the window's width decides, so that strips fill it.
pub const STRIP_WIDTHS: (f32, f32) = (92.0, 116.0);
/// Height of buttons and fields, in points.
pub const CONTROL_HEIGHT: f32 = 28.0;

/// The colours. Neutrals are cool and dark, from the back to the front; amber is the only accent.
pub mod colour {
    use egui::Color32;

    /// Behind everything.
    pub const BACKDROP: Color32 = Color32::from_rgb(0x0E, 0x0F, 0x12);
    /// Header and status line.
    pub const BAR: Color32 = Color32::from_rgb(0x14, 0x16, 0x1A);
    /// Panels and strips.
    pub const PANEL: Color32 = Color32::from_rgb(0x1A, 0x1D, 0x22);
    /// A strip or card under the pointer, and popups.
    pub const RAISED: Color32 = Color32::from_rgb(0x22, 0x26, 0x2C);
    /// Buttons at rest.
    pub const CONTROL: Color32 = Color32::from_rgb(0x2A, 0x2F, 0x37);
    /// Buttons under the pointer.
    pub const CONTROL_HOVER: Color32 = Color32::from_rgb(0x35, 0x3B, 0x45);
    /// Fields, grooves and meters: sunk into the panel.
    pub const WELL: Color32 = Color32::from_rgb(0x10, 0x12, 0x15);
    /// Hairlines around panels.
    pub const LINE: Color32 = Color32::from_rgb(0x2B, 0x30, 0x38);
    /// Hairlines around controls.
    pub const LINE_STRONG: Color32 = Color32::from_rgb(0x3C, 0x43, 0x4E);

    /// Names and values.
    pub const TEXT: Color32 = Color32::from_rgb(0xEC, 0xEE, 0xF1);
    /// Labels and sentences.
    pub const TEXT_SOFT: Color32 = Color32::from_rgb(0xA9, 0xB0, 0xBC);
    /// Scales, units, hints.
    pub const TEXT_FAINT: Color32 = Color32::from_rgb(0x78, 0x80, 0x8E);
    /// On amber.
    pub const TEXT_ON_ACCENT: Color32 = Color32::from_rgb(0x1C, 0x14, 0x06);

    /// The accent: the jewel light of an amplifier.
    pub const AMBER: Color32 = Color32::from_rgb(0xF4, 0xAE, 0x3D);
    /// The accent under the pointer.
    pub const AMBER_BRIGHT: Color32 = Color32::from_rgb(0xFF, 0xC4, 0x65);
    /// Fine, live, encrypted.
    pub const GREEN: Color32 = Color32::from_rgb(0x46, 0xC9, 0x8B);
    /// On its way.
    pub const BLUE: Color32 = Color32::from_rgb(0x5F, 0xAE, 0xF0);
    /// Muted, clipped, broken.
    pub const RED: Color32 = Color32::from_rgb(0xF2, 0x5C, 0x54);
    /// Meter between green and red.
    pub const YELLOW: Color32 = Color32::from_rgb(0xF1, 0xD2, 0x4B);
}

/// Colours that a participant may pick from, sRGB.
pub const PARTICIPANT_COLOURS: [[u8; 3]; 12] = [
    [0xF2, 0x6D, 0x6D],
    [0xF4, 0x8F, 0x4F],
    [0xF0, 0xB4, 0x3C],
    [0xC6, 0xCF, 0x4A],
    [0x6F, 0xC9, 0x5E],
    [0x3F, 0xC7, 0x9A],
    [0x3E, 0xC1, 0xD3],
    [0x4D, 0xA3, 0xF5],
    [0x7B, 0x86, 0xF7],
    [0xA8, 0x76, 0xF0],
    [0xDB, 0x6F, 0xD8],
    [0xF2, 0x6F, 0xA8],
];

/// What something means for the person, apart from how it is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Nothing to say.
    Quiet,
    /// As it should be.
    Good,
    /// On its way.
    Busy,
    /// Works, but look at it.
    Warning,
    /// Does not work.
    Bad,
}

impl Tone {
    /// The colour that carries it.
    pub fn colour(self) -> Color32 {
        match self {
            Tone::Quiet => colour::TEXT_FAINT,
            Tone::Good => colour::GREEN,
            Tone::Busy => colour::BLUE,
            Tone::Warning => colour::AMBER,
            Tone::Bad => colour::RED,
        }
    }
}

/// Running text, `size` in points.
pub fn regular(size: f32) -> FontId {
    FontId::new(size, FontFamily::Proportional)
}

/// Labels of controls, `size` in points.
pub fn medium(size: f32) -> FontId {
    FontId::new(size, FontFamily::Name(MEDIUM.into()))
}

/// Names and titles, `size` in points.
pub fn semibold(size: f32) -> FontId {
    FontId::new(size, FontFamily::Name(SEMIBOLD.into()))
}

/// A participant's colour as egui's.
pub fn participant_colour(rgb: [u8; 3]) -> Color32 {
    Color32::from_rgb(rgb[0], rgb[1], rgb[2])
}

/// A colour `share` (0 to 1) of the way from `from` to `to`.
pub fn mix(from: Color32, to: Color32, share: f32) -> Color32 {
    let blend =
        |a: u8, b: u8| (f32::from(a) + (f32::from(b) - f32::from(a)) * share.clamp(0.0, 1.0)).round() as u8;
    Color32::from_rgba_premultiplied(
        blend(from.r(), to.r()),
        blend(from.g(), to.g()),
        blend(from.b(), to.b()),
        blend(from.a(), to.a()),
    )
}

/// Corners of panels and strips.
pub fn panel_corners() -> CornerRadius {
    CornerRadius::same(8)
}

/// Corners of buttons and fields.
pub fn control_corners() -> CornerRadius {
    CornerRadius::same(6)
}

/// Puts fonts and style into a context. `[main-thread]`
pub fn install(ctx: &Context) {
    ctx.set_fonts(fonts());
    ctx.set_theme(egui::Theme::Dark);
    ctx.all_styles_mut(style);
}

/// Inter in three weights; egui's own fonts behind it, for what Inter lacks.
fn fonts() -> FontDefinitions {
    let mut fonts = FontDefinitions::default();
    let fallbacks = fonts.families.get(&FontFamily::Proportional).cloned().unwrap_or_default();
    for (name, bytes) in [(REGULAR, REGULAR_OTF), (MEDIUM, MEDIUM_OTF), (SEMIBOLD, SEMIBOLD_OTF)] {
        fonts.font_data.insert(name.into(), Arc::new(FontData::from_static(bytes)));
        let family = if name == REGULAR { FontFamily::Proportional } else { FontFamily::Name(name.into()) };
        fonts.families.insert(family, std::iter::once(name.into()).chain(fallbacks.clone()).collect());
    }
    fonts
}

/// egui's style for the few of its own widgets that the editor uses: fields, menus, tooltips, scroll bars.
fn style(style: &mut egui::Style) {
    style.text_styles = [
        (egui::TextStyle::Small, regular(11.0)),
        (egui::TextStyle::Body, regular(13.0)),
        (egui::TextStyle::Button, medium(13.0)),
        (egui::TextStyle::Heading, semibold(17.0)),
        (egui::TextStyle::Monospace, regular(13.0)),
    ]
    .into();
    style.interaction.selectable_labels = false;
    style.interaction.tooltip_delay = 0.5;
    style.animation_time = 0.0;
    style.spacing.item_spacing = Vec2::new(8.0, 8.0);
    style.spacing.button_padding = Vec2::new(12.0, 6.0);
    style.spacing.menu_margin = Margin::same(6);
    style.spacing.scroll = egui::style::ScrollStyle::solid();
    style.spacing.scroll.bar_width = 8.0;
    style.spacing.scroll.bar_inner_margin = 4.0;
    style.spacing.scroll.bar_outer_margin = 0.0;
    visuals(&mut style.visuals);
}

fn visuals(visuals: &mut egui::Visuals) {
    visuals.dark_mode = true;
    visuals.override_text_color = None;
    visuals.panel_fill = colour::BACKDROP;
    visuals.window_fill = colour::RAISED;
    visuals.window_stroke = Stroke::new(1.0, colour::LINE_STRONG);
    visuals.window_corner_radius = panel_corners();
    visuals.menu_corner_radius = panel_corners();
    visuals.popup_shadow =
        Shadow { offset: [0, 6], blur: 20, spread: 0, color: Color32::from_black_alpha(140) };
    visuals.extreme_bg_color = colour::WELL;
    visuals.selection.bg_fill = colour::AMBER.gamma_multiply(0.35);
    visuals.selection.stroke = Stroke::new(1.0, colour::AMBER);
    visuals.text_cursor.stroke = Stroke::new(1.5, colour::AMBER);
    visuals.text_cursor.blink = false;
    let widgets = &mut visuals.widgets;
    for (state, fill, line, text) in [
        (&mut widgets.noninteractive, colour::PANEL, colour::LINE, colour::TEXT_SOFT),
        (&mut widgets.inactive, colour::CONTROL, colour::LINE_STRONG, colour::TEXT),
        (&mut widgets.hovered, colour::CONTROL_HOVER, colour::LINE_STRONG, colour::TEXT),
        (&mut widgets.active, colour::CONTROL_HOVER, colour::AMBER, colour::TEXT),
        (&mut widgets.open, colour::CONTROL_HOVER, colour::LINE_STRONG, colour::TEXT),
    ] {
        state.bg_fill = fill;
        state.weak_bg_fill = fill;
        state.bg_stroke = Stroke::new(1.0, line);
        state.fg_stroke = Stroke::new(1.0, text);
        state.corner_radius = control_corners();
        state.expansion = 0.0;
    }
}

const REGULAR: &str = "inter";
const MEDIUM: &str = "inter-medium";
const SEMIBOLD: &str = "inter-semibold";
const REGULAR_OTF: &[u8] = include_bytes!("../../assets/fonts/Inter-Regular-tabular.otf");
const MEDIUM_OTF: &[u8] = include_bytes!("../../assets/fonts/Inter-Medium-tabular.otf");
const SEMIBOLD_OTF: &[u8] = include_bytes!("../../assets/fonts/Inter-SemiBold-tabular.otf");
