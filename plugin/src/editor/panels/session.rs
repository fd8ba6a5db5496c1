//! The strips of a session, side by side in slot order; or what to do while nobody else is here.

use egui::scroll_area::ScrollBarVisibility;
use egui::{Align2, Rect, ScrollArea, Ui, UiBuilder, pos2, vec2};

use super::{header, strip};
use crate::editor::ballistics::StereoMeter;
use crate::editor::intent::Intent;
use crate::editor::layout::Rows;
use crate::editor::theme::{self, STRIP_WIDTHS, colour};
use crate::editor::view_model::{Session, Strip};
use crate::editor::widgets::button::Weight;
use crate::editor::widgets::draw;
use crate::editor::widgets::icon::{Icon, icon};

/// Gap between strips, in points.
const GAP: f32 = 6.0;
/// Height of the scroll bar's place under the strips, in points.
const SCROLL_BAR: f32 = 12.0;

/// Draws the strips.
pub fn show(
    ui: &mut Ui,
    rect: Rect,
    session: &Session,
    invite: Option<&str>,
    strips: &[Strip],
    meters: &[StereoMeter],
    intents: &mut Vec<Intent>,
) {
    let (count, strip_width) = shown_strips(strips, rect.width());
    let area = Rect::from_min_max(rect.min, pos2(rect.right(), rect.bottom() + SCROLL_BAR));
    ui.scope_builder(UiBuilder::new().max_rect(area), |ui| {
        let scroll = ScrollArea::horizontal().id_salt("strips").auto_shrink([false, false]);
        scroll.scroll_bar_visibility(ScrollBarVisibility::VisibleWhenNeeded).show(ui, |ui| {
            let width = count as f32 * (strip_width + GAP) - GAP;
            let (row, _) = ui.allocate_exact_size(vec2(width, rect.height()), egui::Sense::hover());
            for (index, strip) in strips.iter().take(count).enumerate() {
                let left = row.left() + index as f32 * (strip_width + GAP);
                let place = Rect::from_min_size(pos2(left, row.top()), vec2(strip_width, rect.height()));
                if ui.is_rect_visible(place) {
                    one(ui, place, strip, meters, intents);
                }
            }
        });
    });
    if let Some((title, sentence)) = &session.empty {
        empty(ui, rect, title, sentence, invite);
    }
}

fn one(ui: &mut Ui, place: Rect, strip: &Strip, meters: &[StereoMeter], intents: &mut Vec<Intent>) {
    let silent = StereoMeter::default();
    match &strip.bound {
        Some(bound) => {
            strip::show(ui, place, strip.slot, bound, meters.get(strip.slot).unwrap_or(&silent), intents)
        }
        None => strip::show_free(ui, place, strip.slot),
    }
}

/// Every strip that carries something, and free ones as far as they fit without scrolling; and the width of each,
/// which follows from the window alone: nobody who comes or goes changes it.
fn shown_strips(strips: &[Strip], width: f32) -> (usize, f32) {
    let (narrowest, widest) = STRIP_WIDTHS;
    let bound = strips.iter().rposition(|strip| strip.bound.is_some()).map_or(0, |last| last + 1);
    let fitting = (((width + GAP) / (narrowest + GAP)).floor() as usize).clamp(1, strips.len().max(1));
    let strip_width = ((width + GAP) / fitting as f32 - GAP).clamp(narrowest, widest);
    (bound.max(fitting).min(strips.len()), strip_width.floor())
}

/// What to do while nobody else is here, over the free strips.
fn empty(ui: &Ui, rect: Rect, title: &str, sentence: &str, invite: Option<&str>) {
    let height = if invite.is_some() { 218.0 } else { 164.0 };
    let card = Rect::from_center_size(rect.center(), vec2(rect.width().min(420.0), height));
    draw::panel(ui.painter(), card, colour(ui).panel);
    let mut rows = Rows::new(card.shrink(22.0));
    let mark = rows.top(30.0, 10.0);
    icon(ui.painter(), Icon::Person, mark.center(), 30.0, colour(ui).amber);
    draw::line(
        ui.painter(),
        rows.top(22.0, 6.0),
        Align2::CENTER_CENTER,
        title,
        theme::semibold(16.0),
        colour(ui).text,
    );
    if let Some(invite) = invite {
        let row = rows.bottom(theme::CONTROL_HEIGHT + 2.0, 10.0);
        let button = Rect::from_min_max(pos2(row.right() - 124.0, row.top()), row.max);
        header::link(ui, Rect::from_min_max(row.min, pos2(button.left() - 8.0, row.bottom())), invite);
        header::copy_button(ui, button, "copy in card", invite, Weight::Primary);
    }
    draw::centred_paragraph(ui.painter(), rows.rest(), sentence, theme::regular(12.5), colour(ui).text_soft);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_strips_fill_the_window_and_never_scroll() {
        let strips: Vec<Strip> = (0..16).map(|slot| Strip { slot, bound: None }).collect();
        let (narrowest, widest) = STRIP_WIDTHS;
        assert_eq!(shown_strips(&strips, 4.0 * narrowest + 3.0 * GAP), (4, narrowest));
        assert_eq!(shown_strips(&strips, 4000.0), (16, widest));
        for width in 100..3000 {
            let (count, strip_width) = shown_strips(&strips, width as f32);
            assert!(count as f32 * (strip_width + GAP) - GAP <= width as f32, "scrolls at {width}");
        }
    }
}
