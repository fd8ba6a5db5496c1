//! Which audio the standalone plays on: a page in place of the strips, and the button that opens it.

use egui::{Align2, Id, Rect, Role, Sense, Ui, WidgetInfo, pos2, vec2};

use crate::editor::intent::Intent;
use crate::editor::layout::Rows;
use crate::editor::theme::{self, colour};
use crate::editor::view_model::SoundPanel;
use crate::editor::widgets::button::{Button, Weight, icon_button};
use crate::editor::widgets::draw;
use crate::editor::widgets::field::drop_down;
use crate::editor::widgets::icon::Icon;

/// Width of the button, in points.
const BUTTON_WIDTH: f32 = 46.0;
/// Width of what is in front of a list, in points.
const CAPTION_WIDTH: f32 = 110.0;
/// Width of a list, in points.
const LIST_WIDTH: f32 = 280.0;

/// The button, at the upper right of the panel of one's own send.
pub fn button(ui: &Ui, send: Rect, panel: &SoundPanel, is_open: &mut bool) {
    let weight = if panel.problem.is_empty() { Weight::Plain } else { Weight::Primary };
    let place = Rect::from_min_size(
        pos2(send.right() - 8.0 - BUTTON_WIDTH, send.top() + 8.0),
        vec2(BUTTON_WIDTH, 24.0),
    );
    let button = Button { id: "audio", text: "Audio", icon: None, weight, enabled: true };
    if button.show(ui, place).on_hover_text(&panel.running).clicked() {
        *is_open = !*is_open;
    }
}

/// The page.
pub fn show(ui: &mut Ui, stage: Rect, panel: &SoundPanel, is_open: &mut bool, intents: &mut Vec<Intent>) {
    draw::panel(ui.painter(), stage, colour(ui).panel);
    let mut rows = Rows::new(stage.shrink(20.0));
    let title = rows.top(28.0, 4.0);
    draw::line(ui.painter(), title, Align2::LEFT_CENTER, "Audio", theme::semibold(18.0), colour(ui).text);
    let cross = Rect::from_min_size(pos2(title.right() - 26.0, title.top()), vec2(26.0, 26.0));
    if icon_button(ui, cross, Id::unique("close audio"), Icon::Close, "Close audio").clicked() {
        *is_open = false;
    }
    let row = rows.top(18.0, 14.0);
    let said = ui.interact(row, Id::unique("audio that runs"), Sense::hover());
    said.widget_info(|| WidgetInfo::labeled(Role::Status, true, &panel.running));
    draw::line(
        ui.painter(),
        row,
        Align2::LEFT_CENTER,
        &panel.running,
        theme::regular(13.0),
        colour(ui).text_soft,
    );
    for list in &panel.lists {
        let row = rows.top(theme::CONTROL_HEIGHT, 8.0);
        let caption = row.with_max_x(row.left() + CAPTION_WIDTH);
        draw::line(
            ui.painter(),
            caption,
            Align2::LEFT_CENTER,
            list.name,
            theme::regular(13.0),
            colour(ui).text_soft,
        );
        let width = LIST_WIDTH.min(row.right() - caption.right());
        let place = Rect::from_min_size(caption.right_top(), vec2(width, row.height()));
        let id = Id::unique(("audio", list.name));
        let picked = drop_down(ui, place, id, list.name, list.shown(), &list.choices(), &[list.chosen]);
        intents.extend(picked.and_then(|index| list.choose(index)).map(Intent::ChooseSound));
    }
    if !panel.problem.is_empty() {
        let row = rows.top(48.0, 0.0);
        let said = ui.interact(row, Id::unique("audio problem"), Sense::hover());
        said.widget_info(|| WidgetInfo::labeled(Role::Alert, true, &panel.problem));
        draw::paragraph(ui.painter(), row, &panel.problem, theme::regular(12.5), colour(ui).red);
    }
}
