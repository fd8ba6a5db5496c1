//! Mixes that are made elsewhere: what others hear who let us set it (a row to choose whose, and a strip for each source in their ears),
//! and whether we are in the one that a server makes for us.

use egui::scroll_area::ScrollBarVisibility;
use egui::{Align2, Id, Rect, Role, ScrollArea, Sense, Ui, UiBuilder, WidgetInfo, pos2, vec2};

use crate::editor::intent::{Control, Intent};
use crate::editor::layout::Rows;
use crate::editor::theme::{self, STRIP_WIDTHS, colour, participant_colour};
use crate::editor::view_model::{Mix, MixStripPanel, words};
use crate::editor::widgets::button::{Button, Weight};
use crate::editor::widgets::draw;
use crate::editor::widgets::fader::{CAP_WIDTH, Fader, SCALE_WIDTH};
use crate::editor::widgets::knob::{Knob, pan_scale};
use crate::editor::widgets::toggle::Toggle;
use crate::editor::widgets::value::Value;

/// Height of the row, with the gap under it, in points.
pub const ROW: f32 = theme::CONTROL_HEIGHT + 8.0;
/// Width of one choice, in points.
const CHOICE: f32 = 112.0;
/// Width of the switch at the right of the row, in points.
const SWITCH: f32 = 188.0;
const GAP: f32 = 6.0;

/// The choice between one's own mix and those of others.
pub fn choice(ui: &mut Ui, rect: Rect, mixes: &[Mix], shown: Option<&Mix>, intents: &mut Vec<Intent>) {
    row_of(ui, rect, "mixes", (mixes.len() + 1, CHOICE), |ui, place, index| {
        let mix = index.checked_sub(1).and_then(|index| mixes.get(index));
        let is_shown = mix.map(|mix| mix.listener) == shown.map(|mix| mix.listener);
        let weight = if is_shown { Weight::Primary } else { Weight::Plain };
        let text = mix.map_or("My mix", |mix| &mix.title);
        let id = format!("mix {index}");
        if (Button { id: &id, text, icon: None, weight, enabled: true }).show(ui, place).clicked() {
            intents.push(Intent::ShowMix(mix.map(|mix| mix.listener)));
        }
    });
}

/// The switch for one's own sound in the mix that the server makes, at the right of the row. Returns where the rest of the row ends.
pub fn hear_own(ui: &Ui, row: Rect, on: bool, intents: &mut Vec<Intent>) -> f32 {
    let place = Rect::from_min_max(pos2(row.right() - SWITCH, row.top()), row.max);
    let label = "Hear myself in the mix";
    let toggle = Toggle { control: Control::HearOwn, text: label, label, on, tint: colour(ui).amber_lit };
    toggle.show(ui, place, intents).on_hover_text(
        "The server mixes for you. On: what you play is in your mix, as late as the way there and back\n         makes it: good to hear what the others hear. Off: you hear yourself only here, at once.",
    );
    place.left() - GAP
}

/// The strips of somebody else's mix.
pub fn show(ui: &mut Ui, rect: Rect, mix: &Mix, intents: &mut Vec<Intent>) {
    if mix.strips.is_empty() {
        let text = "Nobody sends anything that they could hear.";
        draw::line(
            ui.painter(),
            rect,
            Align2::CENTER_CENTER,
            text,
            theme::regular(12.5),
            colour(ui).text_soft,
        );
    }
    row_of(ui, rect, "mix strips", (mix.strips.len(), STRIP_WIDTHS.0), |ui, place, index| {
        strip(ui, place, &mix.strips[index], intents);
    });
}

/// Lays out as many places of one width as there are, side by side; what does not fit is scrolled to.
fn row_of(
    ui: &mut Ui,
    rect: Rect,
    salt: &str,
    (count, width): (usize, f32),
    mut each: impl FnMut(&mut Ui, Rect, usize),
) {
    ui.scope_builder(UiBuilder::new().max_rect(rect), |ui| {
        let scroll = ScrollArea::horizontal().id_salt(salt).auto_shrink([false, false]);
        scroll.scroll_bar_visibility(ScrollBarVisibility::VisibleWhenNeeded).show(ui, |ui| {
            let whole = (count as f32 * (width + GAP) - GAP).max(0.0);
            let (row, _) = ui.allocate_exact_size(vec2(whole, rect.height()), Sense::hover());
            for index in 0..count {
                let left = row.left() + index as f32 * (width + GAP);
                let place = Rect::from_min_size(pos2(left, row.top()), vec2(width, rect.height()));
                each(ui, place, index);
            }
        });
    });
}

fn strip(ui: &mut Ui, rect: Rect, strip: &MixStripPanel, intents: &mut Vec<Intent>) {
    let tint = participant_colour(ui, strip.colour);
    let name = format!("{}, {}", strip.source_name, strip.participant_name);
    draw::panel(ui.painter(), rect, colour(ui).panel);
    let mut rows = Rows::new(rect.shrink(8.0));
    let title = rows.top(18.0, 0.0);
    let below = rows.top(15.0, 8.0);
    let response = ui.interact(title.union(below), Id::unique(("mix strip", strip.of)), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, &name));
    response.on_hover_text(&strip.help);
    let left = Align2::LEFT_CENTER;
    draw::line(ui.painter(), title, left, &strip.source_name, theme::semibold(13.0), colour(ui).text);
    draw::line(
        ui.painter(),
        below,
        left,
        &strip.participant_name,
        theme::regular(11.5),
        colour(ui).text_soft,
    );
    pan(ui, rows.top(46.0, 8.0), strip, &name, intents);
    let label = format!("{name}: mute in their mix");
    let mute = Toggle {
        control: Control::MixMute(strip.of),
        text: "M",
        label: &label,
        on: strip.muted,
        tint: colour(ui).red_lit,
    };
    mute.show(ui, rows.bottom(24.0, 6.0), intents).on_hover_text("Mute: they do not hear it");
    let value = rows.bottom(18.0, 4.0);
    let body = rows.rest();
    let width = SCALE_WIDTH + CAP_WIDTH;
    let place =
        Rect::from_center_size(body.center() - vec2(SCALE_WIDTH / 2.0, 0.0), vec2(width, body.height()));
    let control = Control::MixGain(strip.of);
    let label = format!("{name}: gain in their mix");
    let fader = Fader { control, label: &label, db: strip.gain_db, tint, live: !strip.muted };
    let (response, shown) = fader.show(ui, place, intents);
    response.on_hover_text(&strip.help);
    let label = format!("{name}: gain in their mix, typed");
    let text = words::gain(shown);
    let parse = &words::parse_gain;
    let align = Align2::CENTER_CENTER;
    Value { control, label: &label, text: &text, parse, size: 12.0, align }.show(ui, value, intents);
}

fn pan(ui: &Ui, rect: Rect, strip: &MixStripPanel, name: &str, intents: &mut Vec<Intent>) {
    let place = Rect::from_center_size(pos2(rect.center().x, rect.top() + 16.0), vec2(32.0, 32.0));
    let label = format!("{name}: pan in their mix");
    let knob = Knob {
        control: Control::MixPan(strip.of),
        label: &label,
        value: strip.pan,
        tint: participant_colour(ui, strip.colour),
        from_middle: true,
    };
    let (_, shown) = knob.show(ui, place, &pan_scale(), intents);
    let text = Rect::from_min_max(pos2(rect.left(), place.bottom()), rect.max);
    let words = words::pan(shown);
    draw::line(ui.painter(), text, Align2::CENTER_CENTER, &words, theme::regular(11.0), colour(ui).text_soft);
}
