//! Buttons in three weights: the one that matters, the others, and small ones with a picture only.

use egui::epaint::text::{LayoutJob, TextFormat, TextWrapping};
use egui::{Align2, Color32, Id, Rect, Response, Role, Sense, StrokeKind, Ui, WidgetInfo, pos2};

use super::icon::{Icon, icon};
use super::{draw, kept};
use crate::editor::theme::{self, colour, hairline};

/// How much a button stands out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// The next thing to do: amber. At most one in a panel.
    Primary,
    /// Anything else.
    Plain,
    /// Text only, until the pointer comes.
    Quiet,
}

/// What a button says.
pub struct Button<'a> {
    /// Its identity, unique in the window.
    pub id: &'a str,
    /// What is written on it, cut where it does not fit; its name in the accessibility tree.
    pub text: &'a str,
    /// A picture before the text.
    pub icon: Option<Icon>,
    /// How much it stands out.
    pub weight: Weight,
    /// It can be pressed now.
    pub enabled: bool,
}

impl Button<'_> {
    /// Draws the button into `rect`.
    pub fn show(self, ui: &Ui, rect: Rect) -> Response {
        let sense = if self.enabled { Sense::click() } else { Sense::hover() };
        let response = ui.interact(rect, Id::unique(("button", self.id)), sense);
        response.widget_info(|| WidgetInfo::labeled(Role::Button, self.enabled, self.text));
        let (fill, line, ink) = self.colours(ui, &response);
        let pushed = if response.is_pointer_button_down_on() { 1.0 } else { 0.0 };
        kept::kept(ui, response.id.with("paint"), (kept::place(rect), fill, line), |painter| {
            let line = hairline(painter, line);
            painter.rect(rect, theme::control_corners(), fill, line, StrokeKind::Inside);
        });
        draw::focus_ring(ui, &response, rect, theme::control_corners());
        self.paint_text(ui, rect.translate(egui::vec2(0.0, pushed)), ink);
        if self.enabled { response.on_hover_cursor(egui::CursorIcon::PointingHand) } else { response }
    }

    fn colours(&self, ui: &Ui, response: &Response) -> (Color32, Color32, Color32) {
        let hovered = response.hovered();
        match (self.enabled, self.weight) {
            (false, _) => (colour(ui).panel, colour(ui).line, colour(ui).text_faint),
            (true, Weight::Primary) if hovered => {
                (colour(ui).amber_bright, colour(ui).outline(colour(ui).amber_lit), colour(ui).text_on_lit)
            }
            (true, Weight::Primary) => {
                (colour(ui).amber_lit, colour(ui).outline(colour(ui).amber_lit), colour(ui).text_on_lit)
            }
            (true, Weight::Quiet) if !hovered => {
                (Color32::TRANSPARENT, Color32::TRANSPARENT, colour(ui).text_soft)
            }
            (true, _) if hovered => (colour(ui).control_hover, colour(ui).line_strong, colour(ui).text),
            (true, _) => (colour(ui).control, colour(ui).line_strong, colour(ui).text),
        }
    }

    fn paint_text(&self, ui: &Ui, rect: Rect, ink: Color32) {
        let painter = ui.painter();
        let font = if self.weight == Weight::Primary { theme::semibold(13.0) } else { theme::medium(13.0) };
        let icon_width = if self.icon.is_some() { 20.0 } else { 0.0 };
        let mut job = LayoutJob::single_section(self.text.to_owned(), TextFormat::simple(font, ink));
        job.wrap = TextWrapping::truncate_at_width(rect.width() - icon_width - 8.0);
        let galley = painter.layout_job(job);
        let left = rect.center().x - (galley.size().x + icon_width) / 2.0;
        if let Some(picture) = self.icon {
            icon(painter, picture, pos2(left + 7.0, rect.center().y), 14.0, ink);
        }
        let place = Align2::LEFT_CENTER.anchor_size(pos2(left + icon_width, rect.center().y), galley.size());
        painter.galley(place.min, galley, ink);
    }
}

/// A square button with a picture only; `label` is its name in the accessibility tree and its tooltip.
pub fn icon_button(ui: &Ui, rect: Rect, id: Id, picture: Icon, label: &str) -> Response {
    let response = ui.interact(rect, id, Sense::click());
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, label));
    let lit = response.hovered() || response.has_focus();
    if lit {
        ui.painter().rect_filled(rect, theme::control_corners(), colour(ui).control_hover);
    }
    draw::focus_ring(ui, &response, rect, theme::control_corners());
    let ink = if lit { colour(ui).text } else { colour(ui).text_soft };
    icon(ui.painter(), picture, rect.center(), 14.0, ink);
    response.on_hover_cursor(egui::CursorIcon::PointingHand).on_hover_text(label)
}
