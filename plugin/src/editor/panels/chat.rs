//! The chat: a button in the bottom line that tells what is unread, and beside the strips the lines with a field for one's own.
//!
//! Enter sends, Escape closes. What is being typed stays until it is sent, also while the chat is closed.

use egui::text::{LayoutJob, TextFormat};
use egui::{Align2, Id, Key, Label, Rect, Role, ScrollArea, Sense, Ui, UiBuilder, WidgetInfo, pos2, vec2};

use crate::editor::intent::Intent;
use crate::editor::layout::Rows;
use crate::editor::theme::{self, colour};
use crate::editor::view_model::{Chat, ChatRow};
use crate::editor::widgets::button::{Button, Weight, icon_button};
use crate::editor::widgets::draw;
use crate::editor::widgets::field::text_field;
use crate::editor::widgets::icon::Icon;
use backline_client::Command;

/// Width of the panel, in points.
pub const WIDTH: f32 = 236.0;
/// Width of the button, in points.
pub const BUTTON_WIDTH: f32 = 72.0;
/// Width of one of the two tabs, in points.
const TAB_WIDTH: f32 = 74.0;
/// Room for why a line cannot be sent, in points.
const PROBLEM_HEIGHT: f32 = 48.0;

/// What the person does with the chat.
#[derive(Debug, Default, Clone)]
pub struct ChatEdits {
    /// It is open.
    pub is_open: bool,
    /// The number of the last line that was shown.
    pub read: u64,
    text: String,
    problem: Option<String>,
    /// It was just opened: who opens it wants to write.
    takes_keyboard: bool,
    /// What was changed is shown in place of what was written.
    shows_changes: bool,
}

impl ChatEdits {
    /// What a new window goes on with: what was read.
    pub fn in_new_window(&self) -> Self {
        Self { read: self.read, ..Self::default() }
    }

    /// Another session counts its lines anew; what is shown is read.
    pub fn follow(&mut self, chat: Option<&Chat>) {
        let last = chat.map_or(0, Chat::last);
        self.read = if self.is_open { last } else { self.read.min(last) };
    }
}

/// The button in the bottom line.
pub fn button(ui: &Ui, rect: Rect, chat: &Chat, edits: &mut ChatEdits) {
    let unread = chat.unread(edits.read);
    let text = if unread == 0 { "Chat".to_owned() } else { format!("Chat ({unread})") };
    let weight = if unread == 0 { Weight::Plain } else { Weight::Primary };
    let button = Button { id: "chat", text: &text, icon: None, weight, enabled: true };
    if button.show(ui, rect).on_hover_text("Write to everybody in the session").clicked() {
        edits.is_open = !edits.is_open;
        edits.takes_keyboard = edits.is_open;
    }
}

/// The panel.
pub fn show(ui: &mut Ui, rect: Rect, chat: &Chat, edits: &mut ChatEdits, intents: &mut Vec<Intent>) {
    draw::panel(ui.painter(), rect, colour(ui).panel);
    let mut rows = Rows::new(rect.shrink(10.0));
    let title = rows.top(24.0, 6.0);
    let mut left = title.left();
    for (name, label, shows) in [("Chat", "What was written", false), ("Changes", "What was changed", true)] {
        let place = Rect::from_min_size(pos2(left, title.top()), vec2(TAB_WIDTH, title.height()));
        if tab(ui, place, (name, label), edits.shows_changes == shows) {
            edits.shows_changes = shows;
        }
        left = place.right() + 4.0;
    }
    let cross = Rect::from_min_size(pos2(title.right() - 24.0, title.top()), vec2(24.0, 24.0));
    if icon_button(ui, cross, Id::unique("close chat"), Icon::Close, "Close chat").clicked() {
        edits.is_open = false;
    }
    if edits.shows_changes {
        return changes(ui, rows.rest(), &chat.changes);
    }
    let field = rows.bottom(theme::CONTROL_HEIGHT, 6.0);
    if let Some(problem) = &edits.problem {
        let place = rows.bottom(PROBLEM_HEIGHT, 4.0);
        let response = ui.interact(place, Id::unique("chat problem"), Sense::hover());
        response.widget_info(|| WidgetInfo::labeled(Role::Alert, true, problem));
        draw::paragraph(ui.painter(), place, problem, theme::regular(11.5), colour(ui).red);
    }
    lines(ui, rows.rest(), &chat.lines);
    write(ui, field, chat, edits, intents);
}

/// One of the two things that the panel shows. True when clicked.
fn tab(ui: &Ui, place: Rect, (name, label): (&str, &str), is_shown: bool) -> bool {
    let response = ui.interact(place, Id::unique(("chat tab", name)), Sense::click());
    response.widget_info(|| WidgetInfo::selected(Role::Tab, true, is_shown, label));
    let fill = match (is_shown, response.hovered()) {
        (true, _) => colour(ui).control,
        (false, true) => colour(ui).control_hover,
        (false, false) => colour(ui).panel,
    };
    ui.painter().rect_filled(place, theme::control_corners(), fill);
    draw::focus_ring(ui, &response, place, theme::control_corners());
    let ink = if is_shown { colour(ui).text } else { colour(ui).text_soft };
    ui.painter().text(place.center(), Align2::CENTER_CENTER, name, theme::semibold(13.0), ink);
    response.clicked()
}

/// Who changed what of late.
fn changes(ui: &mut Ui, rect: Rect, changes: &[(String, String)]) {
    if changes.is_empty() {
        let text = "Nothing was changed yet. Faders that others may move, the tempo and who may what appear here, with who changed them.";
        draw::paragraph(ui.painter(), rect, text, theme::regular(12.0), colour(ui).text_faint);
    }
    ui.scope_builder(UiBuilder::new().max_rect(rect), |ui| {
        ui.shrink_clip_rect(rect);
        ScrollArea::vertical().id_salt("changes").auto_shrink([false, false]).show(ui, |ui| {
            ui.spacing_mut().item_spacing.y = 5.0;
            for (text, ago) in changes {
                let mut job = LayoutJob::default();
                job.append(text, 0.0, TextFormat::simple(theme::regular(12.5), colour(ui).text));
                let ago = format!(" {ago}");
                job.append(&ago, 0.0, TextFormat::simple(theme::regular(11.0), colour(ui).text_faint));
                ui.add(Label::new(job).wrap());
            }
        });
    });
}

fn lines(ui: &mut Ui, rect: Rect, lines: &[ChatRow]) {
    if lines.is_empty() {
        let text = "What you write here, everybody in the session sees. Who comes later does not see what was written before.";
        draw::paragraph(ui.painter(), rect, text, theme::regular(12.0), colour(ui).text_faint);
    }
    ui.scope_builder(UiBuilder::new().max_rect(rect), |ui| {
        ui.shrink_clip_rect(rect);
        let list = ScrollArea::vertical().id_salt("chat lines").auto_shrink([false, false]);
        list.stick_to_bottom(true).show(ui, |ui| {
            ui.spacing_mut().item_spacing.y = 5.0;
            for line in lines {
                ui.add(Label::new(words(ui, line)).wrap());
            }
        });
    });
}

/// Name and text as one paragraph, which can be selected and copied.
fn words(ui: &Ui, line: &ChatRow) -> LayoutJob {
    let mut job = LayoutJob::default();
    let name = TextFormat::simple(theme::semibold(12.5), colour(ui).word(line.colour));
    job.append(&format!("{}: ", line.name), 0.0, name);
    job.append(&line.text, 0.0, TextFormat::simple(theme::regular(12.5), colour(ui).text));
    if let Some(note) = line.note {
        job.append(
            &format!(" ({note})"),
            0.0,
            TextFormat::simple(theme::regular(11.0), colour(ui).text_faint),
        );
    }
    job
}

fn write(ui: &mut Ui, row: Rect, chat: &Chat, edits: &mut ChatEdits, intents: &mut Vec<Intent>) {
    let send = Rect::from_min_max(pos2(row.right() - 54.0, row.top()), row.max);
    let field = row.with_max_x(send.left() - 6.0);
    let (id, font) = (Id::unique("chat line"), theme::regular(12.5));
    let edited = text_field(ui, field, id, "Line to everybody", &mut edits.text, "Write to everybody", font);
    let button = Button { id: "send line", text: "Send", icon: None, weight: Weight::Plain, enabled: true };
    let is_sent = button.show(ui, send).clicked() || edited.entered;
    if edited.response.changed() {
        edits.problem = None;
    }
    if is_sent {
        edits.problem = match chat.line(&edits.text) {
            Ok(line) => {
                edits.text.clear();
                intents.extend(line.map(|line| Intent::send(Command::Say(line))));
                None
            }
            Err(problem) => Some(problem),
        };
    }
    if is_sent || std::mem::take(&mut edits.takes_keyboard) {
        edited.response.request_focus();
    }
    let had_keyboard = edited.response.has_focus() || edited.response.lost_focus();
    if had_keyboard && ui.input(|input| input.key_pressed(Key::Escape)) {
        edits.is_open = false;
    }
}
