//! What Backline Return shows in place of one's own send: who I am, what comes back here, how loud and how late.
//!
//! The rows are those of `send.rs`; there is no fader, no quality and no monitor, because nothing is sent.

use egui::{Align2, Rect, Ui, pos2};

use super::send::{knob_row, mix_access, names, playout_row, return_row, returns_choice, returns_line};
use crate::editor::intent::Intent;
use crate::editor::layout::Rows;
use crate::editor::theme::{self, colour, hairline};
use crate::editor::view_model::SendPanel;
use crate::editor::widgets::{chip, draw};

/// Height of a knob's row, in points.
const KNOB_ROW: f32 = 72.0;

/// Draws the panel.
pub fn show(ui: &mut Ui, rect: Rect, panel: &SendPanel, intents: &mut Vec<Intent>) {
    draw::panel(ui.painter(), rect, colour(ui).panel);
    let mut rows = Rows::new(rect.shrink(12.0));
    let title = rows.top(16.0, 8.0);
    draw::line(ui.painter(), title, Align2::LEFT_CENTER, "You", theme::semibold(13.0), colour(ui).text);
    let lamp = Rect::from_min_max(pos2(title.left() + 48.0, title.top()), title.max);
    chip::lamp(
        ui,
        lamp,
        "return state",
        panel.tone,
        &panel.state,
        theme::regular(12.0),
        colour(ui).text_soft,
    );
    names(ui, &mut rows, panel, intents);
    let row = rows.top(theme::CONTROL_HEIGHT, 4.0);
    returns_choice(ui, row, panel, intents);
    returns_line(ui, rows.top(14.0, 8.0), panel);
    let line = rows.top(1.0, 10.0);
    ui.painter().hline(line.x_range(), line.top() + 0.5, hairline(ui, colour(ui).line));
    knob_row(ui, rows.top(KNOB_ROW, 0.0), &return_row(panel), intents);
    knob_row(ui, rows.top(KNOB_ROW, 0.0), &playout_row(panel), intents);
    mix_access(ui, &mut rows, panel, intents);
}
