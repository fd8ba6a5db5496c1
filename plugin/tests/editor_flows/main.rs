//! What a person does in the editor, by the accessibility tree, on a made-up session: no window, no network.

mod chat;
mod connect;
mod controls;
mod gestures;
mod link;
#[path = "../made_up_session/mod.rs"]
mod made_up_session;
mod rest;
mod sound;
mod talkback;
mod tempo;
mod together;
mod window;

use backline::editor::backend::HostPace;
use backline::editor::intent::Control;
use backline::editor::theme::{self, Look};
use backline::editor::view::EditorView;
use backline::servers::{self, ServerFields};
use backline_client::{
    ChatLine, Command, Connection, Fader, FaderView, GainValue, Grantee, LeftBehindView, ParticipantId,
    Quality, ReturnChoice, Scope, SessionHere, Setting, Severity, SourceId, WaitingView,
};
use egui::accesskit::{Role, Toggled};
use egui::{Event, Key, Modifiers, MouseWheelUnit, PointerButton, Vec2, vec2};
use egui_kittest::kittest::{NodeT, Queryable};
use egui_kittest::{Harness, Node};
use made_up_session::scenes::scene;
use made_up_session::{Asked, FOUND_LINK, LINK, MadeUpSession, OLD_ADDRESS, OLD_LINK};

struct Editor {
    session: MadeUpSession,
    view: EditorView,
    /// Repaint delays, to see that a resting editor rests.
    installed: bool,
}

fn open(session: MadeUpSession) -> Harness<'static, Editor> {
    open_sized(session, theme::DEFAULT_SIZE_POINTS)
}

fn open_sized(session: MadeUpSession, size: Vec2) -> Harness<'static, Editor> {
    let editor = Editor { session, view: EditorView::default(), installed: false };
    Harness::builder().with_size(size).with_step_dt(1.0 / 30.0).build_ui_state(
        |ui, editor: &mut Editor| {
            if !std::mem::replace(&mut editor.installed, true) {
                theme::install(ui.ctx(), Look::Dark);
                return;
            }
            editor.view.show(ui, &mut editor.session);
        },
        editor,
    )
}

fn click(editor: &mut Harness<'_, Editor>, label: &str) {
    editor.get_by_label(label).click();
    editor.run();
}

/// Clicks the field of a value, and types another one into it.
fn type_value(editor: &mut Harness<'_, Editor>, label: &str, typed: &str) {
    click(editor, label);
    editor.key_press_modifiers(Modifiers::COMMAND, Key::A);
    let is_field = |role, found: Option<String>| role == Role::TextInput && found.as_deref() == Some(label);
    editor.get_by(|node| is_field(node.role(), node.label())).type_text(typed);
    editor.step();
    editor.key_press(Key::Enter);
    editor.run();
}

fn copied(editor: &Harness<'_, Editor>) -> Option<String> {
    editor.output().platform_output.commands.iter().find_map(|command| match command {
        egui::OutputCommand::CopyText(text) => Some(text.clone()),
        _ => None,
    })
}

fn toggled(node: &Node<'_>) -> bool {
    node.accesskit_node().toggled() == Some(Toggled::True)
}

fn type_into(editor: &mut Harness<'_, Editor>, label: &str, text: &str) {
    editor.get_by_label(label).focus();
    editor.step();
    editor.get_by_label(label).type_text(text);
    editor.step();
}

/// Drags from the middle of a control by `delta`, in two moves.
fn drag(editor: &mut Harness<'_, Editor>, label: &str, delta: Vec2, modifiers: Modifiers) {
    let from = editor.get_by_label(label).rect().center();
    let button =
        |pressed, pos| Event::PointerButton { pos, button: PointerButton::Primary, pressed, modifiers };
    editor.event(Event::ModifiersChanged(modifiers));
    editor.event(Event::PointerMoved(from));
    editor.event(button(true, from));
    for share in [0.5, 1.0] {
        editor.event(Event::PointerMoved(from + delta * share));
    }
    editor.event(button(false, from + delta));
    editor.event(Event::ModifiersChanged(Modifiers::NONE));
    editor.step();
    editor.run();
}

/// Steps through some frames and returns what was put into the clipboard meanwhile.
fn copied_soon(editor: &mut Harness<'_, Editor>) -> Option<String> {
    (0..4).fold(None, |clipboard, _| {
        editor.step();
        clipboard.or_else(|| copied(editor))
    })
}
