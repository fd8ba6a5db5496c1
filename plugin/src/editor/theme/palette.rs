//! The two palettes, dark and light: one colour for each role, and nothing but colours.
//!
//! Nothing outside of this file names a colour by its numbers. What is used together stays readable in both, which the
//! tests at the end work out by the rules of WCAG 2: 4.5 to 1 for text, 3 to 1 for lamps and meters.

use egui::Color32;

/// A colour for each role.
#[derive(Debug, PartialEq)]
pub struct Palette {
    /// The text is light and the ground is dark.
    pub is_dark: bool,

    /// Behind everything.
    pub backdrop: Color32,
    /// Header and status line.
    pub bar: Color32,
    /// Panels and strips.
    pub panel: Color32,
    /// Popups.
    pub raised: Color32,
    /// Buttons at rest.
    pub control: Color32,
    /// Buttons under the pointer.
    pub control_hover: Color32,
    /// Fields, grooves and meters: sunk into the panel.
    pub well: Color32,
    /// Hairlines around panels.
    pub line: Color32,
    /// Hairlines around controls.
    pub line_strong: Color32,

    /// Names and values.
    pub text: Color32,
    /// Labels and sentences.
    pub text_soft: Color32,
    /// Scales, units, hints.
    pub text_faint: Color32,
    /// On everything that is lit.
    pub text_on_lit: Color32,

    /// The accent as ink: lines, pictures, words. Also: works, but look at it.
    pub amber: Color32,
    /// Fine, live, encrypted.
    pub green: Color32,
    /// On its way.
    pub blue: Color32,
    /// Does not work.
    pub red: Color32,
    /// Around what has the keyboard.
    pub focus: Color32,

    /// The accent as a surface: the jewel light of an amplifier.
    pub amber_lit: Color32,
    /// The same under the pointer.
    pub amber_bright: Color32,
    /// A switch that mutes.
    pub red_lit: Color32,
    /// A switch that lets one be heard alone.
    pub yellow_lit: Color32,
    /// A button while one talks.
    pub green_lit: Color32,

    /// Along a meter, from silence to clipping.
    pub meter: [Color32; 5],
    /// The cap of a fader, from its upper to its lower edge: under the hand, at rest, and where nobody hears it.
    pub caps: [[Color32; 2]; 3],
    /// Around and across a cap.
    pub cap_line: Color32,
    /// Light on the upper edge of a cap.
    pub cap_gloss: Color32,
    /// Light on the upper edge of a panel.
    pub panel_gloss: Color32,
    /// Under caps.
    pub shadow: Color32,
    /// Under popups.
    pub popup_shadow: Color32,
    /// The lower end of the logo's bars; the upper is the bright accent.
    pub logo_foot: Color32,
}

/// Cool and dark, from the back to the front; amber is the only accent.
pub static DARK: Palette = Palette {
    is_dark: true,
    backdrop: Color32::from_rgb(0x0E, 0x0F, 0x12),
    bar: Color32::from_rgb(0x14, 0x16, 0x1A),
    panel: Color32::from_rgb(0x1A, 0x1D, 0x22),
    raised: Color32::from_rgb(0x22, 0x26, 0x2C),
    control: Color32::from_rgb(0x2A, 0x2F, 0x37),
    control_hover: Color32::from_rgb(0x35, 0x3B, 0x45),
    well: Color32::from_rgb(0x10, 0x12, 0x15),
    line: Color32::from_rgb(0x2B, 0x30, 0x38),
    line_strong: Color32::from_rgb(0x3C, 0x43, 0x4E),
    text: Color32::from_rgb(0xEC, 0xEE, 0xF1),
    text_soft: Color32::from_rgb(0xB4, 0xBB, 0xC6),
    text_faint: Color32::from_rgb(0x94, 0x9C, 0xA9),
    text_on_lit: Color32::from_rgb(0x1C, 0x14, 0x06),
    amber: Color32::from_rgb(0xF4, 0xAE, 0x3D),
    green: Color32::from_rgb(0x46, 0xC9, 0x8B),
    blue: Color32::from_rgb(0x5F, 0xAE, 0xF0),
    red: Color32::from_rgb(0xFF, 0x7A, 0x72),
    focus: Color32::from_rgb(0xFF, 0xD6, 0x8F),
    amber_lit: Color32::from_rgb(0xF4, 0xAE, 0x3D),
    amber_bright: Color32::from_rgb(0xFF, 0xC4, 0x65),
    red_lit: Color32::from_rgb(0xF2, 0x5C, 0x54),
    yellow_lit: Color32::from_rgb(0xF1, 0xD2, 0x4B),
    green_lit: Color32::from_rgb(0x46, 0xC9, 0x8B),
    meter: [
        Color32::from_rgb(0x1F, 0x8F, 0x6A),
        Color32::from_rgb(0x46, 0xC9, 0x8B),
        Color32::from_rgb(0xB7, 0xD3, 0x55),
        Color32::from_rgb(0xF4, 0xAE, 0x3D),
        Color32::from_rgb(0xF2, 0x5C, 0x54),
    ],
    caps: [
        [Color32::from_rgb(0x6C, 0x74, 0x82), Color32::from_rgb(0x43, 0x49, 0x54)],
        [Color32::from_rgb(0x58, 0x60, 0x6D), Color32::from_rgb(0x37, 0x3D, 0x47)],
        [Color32::from_rgb(0x36, 0x3B, 0x44), Color32::from_rgb(0x2A, 0x2E, 0x35)],
    ],
    cap_line: Color32::from_black_alpha(120),
    cap_gloss: Color32::from_rgba_premultiplied(36, 36, 36, 36),
    panel_gloss: Color32::from_rgba_premultiplied(8, 8, 8, 8),
    shadow: Color32::from_black_alpha(150),
    popup_shadow: Color32::from_black_alpha(140),
    logo_foot: Color32::from_rgb(0xD9, 0x84, 0x1E),
};

/// The same by daylight: paper instead of metal, and the accent darker wherever it is ink.
pub static LIGHT: Palette = Palette {
    is_dark: false,
    backdrop: Color32::from_rgb(0xDF, 0xE2, 0xE7),
    bar: Color32::from_rgb(0xF3, 0xF4, 0xF6),
    panel: Color32::from_rgb(0xFA, 0xFB, 0xFC),
    raised: Color32::from_rgb(0xFF, 0xFF, 0xFF),
    control: Color32::from_rgb(0xE9, 0xEC, 0xF0),
    control_hover: Color32::from_rgb(0xDC, 0xE0, 0xE6),
    well: Color32::from_rgb(0xED, 0xEF, 0xF2),
    line: Color32::from_rgb(0xC9, 0xCE, 0xD6),
    line_strong: Color32::from_rgb(0xA9, 0xB1, 0xBD),
    text: Color32::from_rgb(0x16, 0x19, 0x1E),
    text_soft: Color32::from_rgb(0x43, 0x4B, 0x57),
    text_faint: Color32::from_rgb(0x56, 0x5E, 0x6B),
    text_on_lit: Color32::from_rgb(0x1C, 0x14, 0x06),
    amber: Color32::from_rgb(0x85, 0x50, 0x00),
    green: Color32::from_rgb(0x0A, 0x6B, 0x42),
    blue: Color32::from_rgb(0x0F, 0x5A, 0xA8),
    red: Color32::from_rgb(0xB3, 0x24, 0x1D),
    focus: Color32::from_rgb(0x0F, 0x5A, 0xA8),
    amber_lit: Color32::from_rgb(0xF4, 0xAE, 0x3D),
    amber_bright: Color32::from_rgb(0xFF, 0xC4, 0x65),
    red_lit: Color32::from_rgb(0xF4, 0x6B, 0x63),
    yellow_lit: Color32::from_rgb(0xF1, 0xD2, 0x4B),
    green_lit: Color32::from_rgb(0x46, 0xC9, 0x8B),
    meter: [
        Color32::from_rgb(0x0F, 0x7A, 0x55),
        Color32::from_rgb(0x16, 0x89, 0x4F),
        Color32::from_rgb(0x6B, 0x7F, 0x0E),
        Color32::from_rgb(0xB0, 0x6A, 0x00),
        Color32::from_rgb(0xC6, 0x35, 0x2C),
    ],
    caps: [
        [Color32::from_rgb(0xFF, 0xFF, 0xFF), Color32::from_rgb(0xE3, 0xE7, 0xEC)],
        [Color32::from_rgb(0xFB, 0xFC, 0xFD), Color32::from_rgb(0xD5, 0xDA, 0xE1)],
        [Color32::from_rgb(0xE9, 0xEC, 0xF0), Color32::from_rgb(0xDC, 0xE0, 0xE6)],
    ],
    cap_line: Color32::from_black_alpha(90),
    cap_gloss: Color32::from_rgba_premultiplied(200, 200, 200, 200),
    panel_gloss: Color32::from_rgba_premultiplied(200, 200, 200, 200),
    shadow: Color32::from_black_alpha(60),
    popup_shadow: Color32::from_black_alpha(50),
    logo_foot: Color32::from_rgb(0xD9, 0x84, 0x1E),
};

impl Palette {
    /// A colour that somebody chose, as near to it as can be told from the panel: lamps, lines, swatches.
    pub fn mark(&self, rgb: [u8; 3]) -> Color32 {
        self.readable(Color32::from_rgb(rgb[0], rgb[1], rgb[2]), MARK_CONTRAST)
    }

    /// The same where it is a word on a panel.
    pub fn word(&self, rgb: [u8; 3]) -> Color32 {
        self.readable(Color32::from_rgb(rgb[0], rgb[1], rgb[2]), TEXT_CONTRAST)
    }

    /// The outline of a lit surface on a panel: the surface's own colour where that can be told from the panel.
    pub fn outline(&self, fill: Color32) -> Color32 {
        self.readable(fill, MARK_CONTRAST)
    }

    /// `colour`, moved towards the text until it stands out from panels and wells by `wanted` to 1.
    fn readable(&self, colour: Color32, wanted: f32) -> Color32 {
        let stands_out = |colour: Color32| {
            [self.panel, self.well].into_iter().all(|ground| contrast(colour, ground) >= wanted)
        };
        (0..=STEPS)
            .map(|step| super::mix(colour, self.text, step as f32 / STEPS as f32))
            .find(|colour| stands_out(*colour))
            .unwrap_or(self.text)
    }
}

/// How much two opaque colours differ in light, 1 to 21, by WCAG 2.
pub fn contrast(one: Color32, other: Color32) -> f32 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

/// Relative luminance, 0 to 1, by WCAG 2.
fn luminance(colour: Color32) -> f32 {
    let linear = |part: u8| {
        let part = f32::from(part) / 255.0;
        if part <= 0.040_45 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * linear(colour.r()) + 0.7152 * linear(colour.g()) + 0.0722 * linear(colour.b())
}

/// Of text to its ground, by WCAG 2 AA.
const TEXT_CONTRAST: f32 = 4.5;
/// Of lamps, meters and pictures to theirs.
const MARK_CONTRAST: f32 = 3.0;
/// Between a colour and the text's.
const STEPS: u32 = 32;

#[cfg(test)]
mod tests;
