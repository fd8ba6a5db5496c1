//! A one-line text field in the editor's look, and a drop-down of choices.
//!
//! A field shows what the snapshot says until the person types; it hands over the text on Enter or when the
//! person goes elsewhere, so that a name being typed is not overwritten by the next snapshot.

use egui::{
    Align2, FontId, Frame, Id, Key, Margin, Popup, PopupCloseBehavior, Rect, Response, Role, Sense, Stroke,
    StrokeKind, TextEdit, Ui, Vec2, WidgetInfo, pos2, vec2,
};

use super::draw;
use super::icon::{Icon, icon};
use crate::editor::theme::{self, colour, hairline};

/// What happened in a field.
pub struct Edited {
    /// The person pressed Enter.
    pub entered: bool,
    /// The text, when the person pressed Enter or went elsewhere, and it differs from what it was.
    pub changed: Option<String>,
    /// The field.
    pub response: Response,
}

/// A field of a name: `current` until the person types.
pub fn name_field(
    ui: &mut Ui,
    rect: Rect,
    id: &str,
    label: &str,
    current: &str,
    hint: &str,
    font: FontId,
) -> Edited {
    let id = Id::unique(("field", id));
    let mut text = ui.data(|data| data.get_temp::<String>(id)).unwrap_or_else(|| current.to_owned());
    let mut edited = text_field(ui, rect, id, label, &mut text, hint, font);
    edited.changed =
        edited.response.lost_focus().then(|| text.trim().to_owned()).filter(|text| text != current);
    let typing = edited.response.has_focus();
    ui.data_mut(|data| match typing {
        true => {
            data.insert_temp(id, text);
        }
        false => data.remove::<String>(id),
    });
    edited
}

/// A field over `text`, which stays the caller's, and shows dots in its place.
pub fn password_field(
    ui: &mut Ui,
    rect: Rect,
    id: Id,
    label: &str,
    text: &mut String,
    hint: &str,
    font: FontId,
) -> Edited {
    framed(ui, rect, id, label, TextEdit::singleline(text).password(true), hint, font)
}

/// A field over `text`, which stays the caller's.
pub fn text_field(
    ui: &mut Ui,
    rect: Rect,
    id: Id,
    label: &str,
    text: &mut String,
    hint: &str,
    font: FontId,
) -> Edited {
    framed(ui, rect, id, label, TextEdit::singleline(text), hint, font)
}

/// Draws the field around egui's own.
fn framed(
    ui: &mut Ui,
    rect: Rect,
    id: Id,
    label: &str,
    edit: TextEdit<'_>,
    hint: &str,
    font: FontId,
) -> Edited {
    let focused = ui.memory(|memory| memory.has_focus(id));
    let line = if focused { colour(ui).focus } else { colour(ui).line };
    let line = if focused { Stroke::new(2.0, line) } else { hairline(ui, line) };
    ui.painter().rect(rect, theme::control_corners(), colour(ui).well, line, StrokeKind::Inside);
    let edit = edit
        .id(id)
        .font(font)
        .frame(Frame::NONE)
        .margin(Margin::symmetric(0, 0))
        .text_color(colour(ui).text)
        .hint_text(hint)
        .align(Align2::LEFT_CENTER)
        .desired_width(rect.width() - 20.0);
    let response = ui.put(rect.shrink2(egui::vec2(10.0, 4.0)), edit).accessible_name(label);
    let entered = response.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
    Edited { entered, changed: None, response }
}

/// One choice of a drop-down.
pub struct Choice {
    /// The short name.
    pub name: String,
    /// A sentence about it; may be empty.
    pub sentence: String,
}

/// A drop-down: shows `shown`, and the list of `choices` when clicked, with a mark at those that are `chosen`. Returns the
/// index picked.
pub fn drop_down(
    ui: &Ui,
    rect: Rect,
    id: Id,
    label: &str,
    shown: &str,
    choices: &[Choice],
    chosen: &[usize],
) -> Option<usize> {
    let response = ui.interact(rect, id, Sense::click());
    response.widget_info(|| WidgetInfo {
        current_text_value: Some(shown.to_owned()),
        ..WidgetInfo::labeled(Role::ComboBox, true, label)
    });
    let lit = response.hovered() || response.has_focus();
    let fill = if lit { colour(ui).control_hover } else { colour(ui).control };
    ui.painter().rect(
        rect,
        theme::control_corners(),
        fill,
        hairline(ui, colour(ui).line_strong),
        StrokeKind::Inside,
    );
    draw::focus_ring(ui, &response, rect, theme::control_corners());
    let text =
        Rect::from_min_max(pos2(rect.left() + 10.0, rect.top()), pos2(rect.right() - 18.0, rect.bottom()));
    let small = rect.height() < 24.0;
    let font = theme::medium(if small { 11.0 } else { 13.0 });
    draw::line(ui.painter(), text, Align2::LEFT_CENTER, shown, font, colour(ui).text);
    icon(ui.painter(), Icon::Open, pos2(rect.right() - 12.0, rect.center().y), 12.0, colour(ui).text_soft);
    let mut picked = None;
    Popup::menu(&response).close_behavior(PopupCloseBehavior::CloseOnClick).gap(4.0).show(|ui| {
        for (index, choice) in choices.iter().enumerate() {
            let size = if choice.sentence.is_empty() { vec2(108.0, 26.0) } else { vec2(400.0, 60.0) };
            if menu_row(ui, size, choice, Role::MenuItemRadio, chosen.contains(&index)) {
                picked = Some(index);
            }
        }
    });
    picked
}

/// A row of a menu: a name, a sentence under it, a mark where it is the chosen one. True when clicked.
pub fn menu_row(ui: &mut Ui, size: Vec2, choice: &Choice, role: Role, chosen: bool) -> bool {
    let (rect, response) = ui.allocate_exact_size(size, Sense::click());
    response.widget_info(|| WidgetInfo::selected(role, true, chosen, &choice.name));
    if response.hovered() || response.has_focus() {
        ui.painter().rect_filled(rect, theme::control_corners(), colour(ui).control_hover);
    }
    draw::focus_ring(ui, &response, rect, theme::control_corners());
    let inner = rect.shrink2(egui::vec2(10.0, 5.0));
    let ink = if chosen { colour(ui).amber } else { colour(ui).text };
    let align = if choice.sentence.is_empty() { Align2::LEFT_CENTER } else { Align2::LEFT_TOP };
    draw::line(ui.painter(), inner, align, &choice.name, theme::medium(13.0), ink);
    let below = inner.with_min_y(inner.top() + 18.0);
    draw::paragraph(ui.painter(), below, &choice.sentence, theme::regular(11.5), colour(ui).text_soft);
    if chosen {
        icon(ui.painter(), Icon::Done, pos2(inner.right() - 8.0, inner.top() + 8.0), 14.0, colour(ui).amber);
    }
    response.clicked()
}
