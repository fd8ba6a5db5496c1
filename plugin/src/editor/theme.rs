//! What the editor looks like: colours, type, spacing and shapes, in one place.
//!
//! It is not a widget and knows no values. Every widget and panel takes its figures from here, and its colours by their
//! role from `palette.rs`; the step before is `app.rs`, which installs the fonts and the styles when a window opens.

pub mod palette;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::state::EDITOR_SIZE_POINTS_DEFAULT;
use egui::epaint::text::{FontData, FontDefinitions};
use egui::{Color32, Context, CornerRadius, FontFamily, FontId, Margin, Painter, Shadow, Stroke, Ui, Vec2};
use palette::Palette;

/// Smallest window that shows everything, in points (the editor scrolls below that).
pub const MIN_SIZE_POINTS: Vec2 = Vec2::new(720.0, 540.0);
/// The window's first size, in points.
pub const DEFAULT_SIZE_POINTS: Vec2 =
    Vec2::new(EDITOR_SIZE_POINTS_DEFAULT.0 as f32, EDITOR_SIZE_POINTS_DEFAULT.1 as f32);
/// Zooms of the scale menu, in percent.
pub const ZOOMS_PERCENT: [u32; 7] = [100, 125, 150, 175, 200, 250, 300];

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

/// How much of a participant's colour lies behind the names on a strip.
pub const WASH: f32 = 0.16;
/// How much of its tone a message in the bottom line has.
pub const STATUS_TINT: f32 = 0.10;
/// How much of its tone a message in the middle has.
pub const NOTICE_TINT: f32 = 0.12;

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
    pub fn colour(self, at: &impl Themed) -> Color32 {
        let palette = colour(at);
        match self {
            Tone::Quiet => palette.text_faint,
            Tone::Good => palette.green,
            Tone::Busy => palette.blue,
            Tone::Warning => palette.amber,
            Tone::Bad => palette.red,
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

/// Where something is drawn that follows the theme.
pub trait Themed {
    /// Its colours.
    fn palette(&self) -> &'static Palette;
    /// How fine its pixels are.
    fn pixels_per_point(&self) -> f32;
}

impl Themed for Ui {
    fn palette(&self) -> &'static Palette {
        if self.visuals().dark_mode { &palette::DARK } else { &palette::LIGHT }
    }

    fn pixels_per_point(&self) -> f32 {
        self.ctx().pixels_per_point()
    }
}

impl Themed for Painter {
    fn palette(&self) -> &'static Palette {
        self.ctx().palette()
    }

    fn pixels_per_point(&self) -> f32 {
        self.ctx().pixels_per_point()
    }
}

impl Themed for Context {
    fn palette(&self) -> &'static Palette {
        Look::of(self).palette()
    }

    fn pixels_per_point(&self) -> f32 {
        self.pixels_per_point()
    }
}

/// The colours of the theme that is shown there, by role.
pub fn colour(at: &impl Themed) -> &'static Palette {
    at.palette()
}

/// A participant's colour, as near as the theme allows.
pub fn participant_colour(at: &impl Themed, rgb: [u8; 3]) -> Color32 {
    at.palette().mark(rgb)
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

/// Of popups that hold sentences and figures: they need air.
pub fn page_frame(style: &egui::Style) -> egui::Frame {
    egui::Frame::popup(style).inner_margin(Margin::same(12))
}

/// A line of one point, in whole pixels: as sharp at 150 % as at 100 %.
pub fn hairline(at: &impl Themed, ink: Color32) -> Stroke {
    let pixels_per_point = at.pixels_per_point();
    Stroke::new(pixels_per_point.round().max(1.0) / pixels_per_point, ink)
}

/// Corners of panels and strips.
pub fn panel_corners() -> CornerRadius {
    CornerRadius::same(8)
}

/// Corners of buttons and fields.
pub fn control_corners() -> CornerRadius {
    CornerRadius::same(6)
}

/// Which of the two palettes the person wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Look {
    /// Light on dark.
    #[default]
    Dark,
    /// Dark on light.
    Light,
}

impl Look {
    /// All, in the order of the menu.
    pub const ALL: [Look; 2] = [Look::Dark, Look::Light];

    /// What is shown in a context.
    pub fn of(ctx: &Context) -> Self {
        if ctx.theme() == egui::Theme::Dark { Look::Dark } else { Look::Light }
    }

    /// Its name in the menu.
    pub fn name(self) -> &'static str {
        match self {
            Look::Dark => "Dark",
            Look::Light => "Light",
        }
    }

    /// Its colours.
    pub fn palette(self) -> &'static Palette {
        match self {
            Look::Dark => &palette::DARK,
            Look::Light => &palette::LIGHT,
        }
    }

    /// Shows a context in it from the next frame on. `[main-thread]`
    pub fn show_in(self, ctx: &Context) {
        ctx.set_theme(self.theme());
        ctx.request_repaint();
    }

    fn theme(self) -> egui::Theme {
        match self {
            Look::Dark => egui::Theme::Dark,
            Look::Light => egui::Theme::Light,
        }
    }
}

/// Puts fonts and styles into a context, and shows it in `look`. `[main-thread]`
pub fn install(ctx: &Context, look: Look) {
    ctx.set_fonts(fonts());
    for look in Look::ALL {
        ctx.style_mut_of(look.theme(), |kept| style(kept, look.palette()));
    }
    look.show_in(ctx);
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
fn style(style: &mut egui::Style, palette: &Palette) {
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
    visuals(&mut style.visuals, palette);
}

fn visuals(visuals: &mut egui::Visuals, palette: &Palette) {
    visuals.dark_mode = palette.is_dark;
    visuals.override_text_color = None;
    visuals.weak_text_color = Some(palette.text_faint);
    visuals.panel_fill = palette.backdrop;
    visuals.window_fill = palette.raised;
    visuals.window_stroke = Stroke::new(1.0, palette.line_strong);
    visuals.window_corner_radius = panel_corners();
    visuals.menu_corner_radius = panel_corners();
    visuals.popup_shadow = Shadow { offset: [0, 6], blur: 20, spread: 0, color: palette.popup_shadow };
    visuals.extreme_bg_color = palette.well;
    visuals.selection.bg_fill = palette.amber.gamma_multiply(0.35);
    visuals.selection.stroke = Stroke::new(1.0, palette.amber);
    visuals.text_cursor.stroke = Stroke::new(1.5, palette.amber);
    visuals.text_cursor.blink = false;
    let widgets = &mut visuals.widgets;
    for (state, fill, line, text) in [
        (&mut widgets.noninteractive, palette.panel, palette.line, palette.text_soft),
        (&mut widgets.inactive, palette.control, palette.line_strong, palette.text),
        (&mut widgets.hovered, palette.control_hover, palette.line_strong, palette.text),
        (&mut widgets.active, palette.control_hover, palette.amber, palette.text),
        (&mut widgets.open, palette.control_hover, palette.line_strong, palette.text),
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
