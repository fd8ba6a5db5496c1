//! The section of the connect panel that most people never open: servers that help through routers.
//!
//! Folded away until somebody opens it. What is wrong with a field stands beside it; what can be used is used as soon as
//! the person is done typing. The rules are `servers.rs`.

use egui::{Align2, FontId, Id, Rect, Response, Role, Sense, Ui, WidgetInfo, pos2, vec2};

use crate::editor::intent::Intent;
use crate::editor::layout::Rows;
use crate::editor::theme::{self, colour};
use crate::editor::widgets::button::{Button, Weight};
use crate::editor::widgets::draw;
use crate::editor::widgets::field::{password_field, text_field};
use crate::editor::widgets::icon::Icon;
use crate::servers::ServerFields;

/// Height of the line that is always there, in points.
const FOLD_HEIGHT: f32 = 26.0;
/// Height of a row of fields, in points.
const ROW_HEIGHT: f32 = 30.0;
/// Gap between rows, in points.
const ROW_GAP: f32 = 6.0;
/// Around the fields, in points.
const MARGIN: f32 = 12.0;
/// Width of the button, in points.
const BUTTON_WIDTH: f32 = 96.0;
/// Width of the labels before the fields, in points.
const LABEL_WIDTH: f32 = 94.0;

const SENTENCE: &str = "Only needed where nobody finds a way to you";
const STUN_TEXT: &str = "Tells where the internet sees you";
const TURN_TEXT: &str = "Passes the audio on where no other way works";
const PASSWORD_TEXT: &str = "The password is not saved in the project";
const STUN_TOOLTIP: &str = "A STUN server tells Backline your public address, so that it gets into the invite link.\n\
                            Where that is not enough, a TURN server is.";
const TURN_TOOLTIP: &str = "A TURN server passes everything on, encrypted. You and the others name the same one.\n\
                            It costs latency, so it is used only where no other way works.";
const PASSWORD_TOOLTIP: &str = "Kept in memory only, until this plugin is closed: whoever gets a copy of your project\n\
                                file must not get your account. The servers and the user name are saved in the project.";

/// What the person is typing into the section.
#[derive(Debug, Default, Clone)]
pub struct NetworkEdits {
    is_open: bool,
    /// Opened in the last frame; to be scrolled to.
    was_opened: bool,
    fields: ServerFields,
    /// What was handed over last.
    sent: ServerFields,
}

impl NetworkEdits {
    /// Folded away, with what is remembered.
    pub fn new(fields: ServerFields) -> Self {
        Self { is_open: false, was_opened: false, sent: fields.clone(), fields }
    }

    /// Of the whole section as it is now, in points.
    pub fn height(&self) -> f32 {
        let fields = 2.0 * MARGIN + 3.0 * ROW_HEIGHT + 2.0 * ROW_GAP;
        if self.is_open { FOLD_HEIGHT + ROW_GAP + fields } else { FOLD_HEIGHT }
    }
}

/// Draws the section into `rect`, which is as high as it says.
pub fn show(ui: &mut Ui, rect: Rect, edits: &mut NetworkEdits, free: bool, intents: &mut Vec<Intent>) {
    if std::mem::take(&mut edits.was_opened) {
        ui.scroll_to_rect(rect, None);
    }
    let mut rows = Rows::new(rect);
    fold(ui, rows.top(FOLD_HEIGHT, ROW_GAP), edits);
    if edits.is_open {
        draw::panel(ui.painter(), rows.rest(), colour(ui).panel);
        let inner = Rows::new(rows.rest().shrink(MARGIN));
        let done = ui.add_enabled_ui(free, |ui| fields(ui, inner, &mut edits.fields)).inner;
        if done && edits.fields != edits.sent {
            edits.sent = edits.fields.clone();
            intents.push(Intent::SetServers(edits.fields.clone()));
        }
    }
}

/// The line that is always there. Something wrong behind it can be seen without opening it.
fn fold(ui: &Ui, rect: Rect, edits: &mut NetworkEdits) {
    let place = Rect::from_min_size(rect.min, vec2(BUTTON_WIDTH, rect.height()));
    let picture = if edits.is_open { Icon::Open } else { Icon::Folded };
    let button =
        Button { id: "network", text: "Network", icon: Some(picture), weight: Weight::Quiet, enabled: true };
    if button.show(ui, place).clicked() {
        edits.is_open = !edits.is_open;
        edits.was_opened = edits.is_open;
    }
    let fields = &edits.fields;
    let problem = fields.stun_problem().or(fields.turn_problem()).or(fields.account_problem());
    let problem = problem.filter(|_| !edits.is_open);
    let beside = Rect::from_min_max(pos2(place.right() + 8.0, rect.top()), rect.max);
    let (text, ink) = problem.map_or((SENTENCE, colour(ui).text_faint), |problem| (problem, colour(ui).red));
    draw::line(ui.painter(), beside, Align2::LEFT_CENTER, text, theme::regular(12.0), ink);
}

/// Three rows. True when the person is done with one of the fields.
fn fields(ui: &mut Ui, mut rows: Rows, fields: &mut ServerFields) -> bool {
    let stun = row(ui, rows.top(ROW_HEIGHT, ROW_GAP), "STUN server");
    let turn = row(ui, rows.top(ROW_HEIGHT, ROW_GAP), "TURN server");
    let account = row(ui, rows.top(ROW_HEIGHT, 0.0), "TURN account");
    let hint = "203.0.113.7:3478";
    let text = |ui: &mut Ui, place, label: &str, text: &mut String, hint: &str, tooltip: &str| {
        let edited = text_field(ui, place, Id::unique(label), label, text, hint, font());
        edited.response.on_hover_text(tooltip)
    };
    let at_stun = text(ui, stun.field, "STUN server", &mut fields.stun, hint, STUN_TOOLTIP);
    let at_turn = text(ui, turn.field, "TURN server", &mut fields.turn, hint, TURN_TOOLTIP);
    let (user, password) = halves(account.field);
    let at_user = text(ui, user, "TURN user name", &mut fields.turn_user, "User", TURN_TOOLTIP);
    let label = "TURN password";
    let edited =
        password_field(ui, password, Id::unique(label), label, &mut fields.turn_password, "Password", font());
    let at_password = edited.response.on_hover_text(PASSWORD_TOOLTIP);

    let account_problem = if at_turn.has_focus() { None } else { fields.account_problem() };
    beside(ui, stun.beside, &[&at_stun], fields.stun_problem(), STUN_TEXT);
    beside(ui, turn.beside, &[&at_turn], fields.turn_problem(), TURN_TEXT);
    beside(ui, account.beside, &[&at_user, &at_password], account_problem, PASSWORD_TEXT);
    [at_stun, at_turn, at_user, at_password].iter().any(Response::lost_focus)
}

/// The places of a row.
struct Row {
    field: Rect,
    beside: Rect,
}

/// Draws the label of a row and cuts the rest.
fn row(ui: &Ui, rect: Rect, label: &str) -> Row {
    let name = Rect::from_min_size(rect.min, vec2(LABEL_WIDTH, rect.height()));
    draw::line(ui.painter(), name, Align2::LEFT_CENTER, label, theme::medium(12.0), colour(ui).text_soft);
    let rest = Rect::from_min_max(pos2(name.right(), rect.top()), rect.max);
    let middle = rest.left() + (rest.width() * 0.55).min(260.0);
    Row {
        field: Rect::from_min_max(rest.min, pos2(middle, rest.bottom())),
        beside: Rect::from_min_max(pos2(middle + 12.0, rest.top()), rest.max),
    }
}

fn halves(rect: Rect) -> (Rect, Rect) {
    let width = (rect.width() - 6.0) / 2.0;
    let right = Rect::from_min_max(pos2(rect.right() - width, rect.top()), rect.max);
    (Rect::from_min_size(rect.min, vec2(width, rect.height())), right)
}

/// What a row is for; or what is wrong with it, once the person is done typing there.
fn beside(ui: &Ui, rect: Rect, at: &[&Response], problem: Option<&str>, purpose: &str) {
    let typing = at.iter().any(|response| response.has_focus());
    let problem = problem.filter(|_| !typing);
    let (text, ink) = problem.map_or((purpose, colour(ui).text_faint), |problem| (problem, colour(ui).red));
    if let Some(problem) = problem {
        let response = ui.interact(rect, Id::unique(("problem", purpose)), Sense::hover());
        response.widget_info(|| WidgetInfo::labeled(Role::Alert, true, problem));
    }
    let galley = ui.painter().layout(text.to_owned(), theme::regular(11.0), ink, rect.width());
    let top = rect.center().y - galley.size().y / 2.0;
    ui.painter().galley(pos2(rect.left(), top), galley, ink);
}

fn font() -> FontId {
    theme::regular(12.5)
}
