//! The choice between Host and Join, with a place for why the last try did not work.

use egui::{
    Align2, CornerRadius, Id, Rect, Role, ScrollArea, Sense, StrokeKind, Ui, UiBuilder, WidgetInfo, pos2,
    vec2,
};

use super::network::{self, NetworkEdits};
use crate::editor::intent::{Control, Intent};
use crate::editor::layout::Rows;
use crate::editor::theme::{self, Tone, colour, hairline};
use crate::editor::view_model::{ConnectPanel, JoinOffer};
use crate::editor::widgets::button::{Button, Weight};
use crate::editor::widgets::field::text_field;
use crate::editor::widgets::icon::{Icon, icon};
use crate::editor::widgets::toggle::Toggle;
use crate::editor::widgets::{chip, draw};
use backline_client::Command;

/// Height of the place over the cards, in points; the same for a title, a wait and a failure.
const TOP_HEIGHT: f32 = 62.0;
/// Cards are no higher and no wider than this, in points.
const CARD_MAX: egui::Vec2 = vec2(330.0, 284.0);
/// Narrow cards need this height for their sentences, wide ones that.
const CARD_HEIGHTS_MIN: [f32; 2] = [236.0, 220.0];
/// A card of this width is wide, in points.
const CARD_WIDE_FROM: f32 = 270.0;
/// Height of the offer of a session in the local network, and the gap under it, in points.
const OFFER_HEIGHT: f32 = 28.0;
const OFFER_GAP: f32 = 4.0;
/// Height of the switch in the host's card, and the room that its longer text needs, in points.
const SWITCH_HEIGHT: f32 = 24.0;
const SWITCH_WIDTHS: [f32; 2] = [104.0, 196.0];
/// Over and under the cards, in points.
const GAPS: [f32; 2] = [12.0, 6.0];

/// What the person is typing into the panel.
#[derive(Debug, Default, Clone)]
pub struct ConnectEdits {
    /// The link to join by.
    pub link: String,
    /// The address for the invite link.
    pub address: String,
    /// Servers.
    pub network: NetworkEdits,
}

/// Draws the panel.
pub fn show(
    ui: &mut Ui,
    rect: Rect,
    panel: &ConnectPanel,
    edits: &mut ConnectEdits,
    intents: &mut Vec<Intent>,
) {
    let cards_width = rect.width().min(2.0 * CARD_MAX.x + 12.0);
    let under = GAPS[1] + edits.network.height();
    let rest = TOP_HEIGHT + GAPS[0] + under;
    let is_wide = (cards_width - 12.0) / 2.0 >= CARD_WIDE_FROM;
    let cards_height = (rect.height() - rest).clamp(CARD_HEIGHTS_MIN[usize::from(is_wide)], CARD_MAX.y);
    let size = vec2(cards_width, rest + cards_height);
    if size.y <= rect.height() + 0.5 {
        // The cards are in the middle, so that they stay where they are when the section below opens; where it has no
        // room there, everything moves up together.
        let top = (rect.height() - (size.y - under)) / 2.0;
        let top = rect.top() + top.min(rect.height() - size.y).max(0.0);
        let place = Rect::from_min_size(pos2(rect.center().x - size.x / 2.0, top), size);
        return contents(ui, place, cards_height, panel, edits, intents);
    }
    // Whatever scrolls needs not be tight, and the scroll bar takes room from the sentences.
    let (cards_height, size) = (CARD_MAX.y, vec2(cards_width, rest + CARD_MAX.y));
    ScrollArea::vertical().id_salt("connect").auto_shrink([false, false]).show(ui, |ui| {
        let width = ui.available_width();
        let (place, _) = ui.allocate_exact_size(vec2(width, size.y), Sense::hover());
        let rect = Rect::from_center_size(place.center(), vec2(width.min(size.x), size.y));
        contents(ui, rect, cards_height, panel, edits, intents);
    });
}

/// Title, cards and the network section, one under the other.
fn contents(
    ui: &mut Ui,
    rect: Rect,
    cards_height: f32,
    panel: &ConnectPanel,
    edits: &mut ConnectEdits,
    intents: &mut Vec<Intent>,
) {
    let mut rows = Rows::new(rect);
    top(ui, rows.top(TOP_HEIGHT, GAPS[0]), panel, intents);
    let cards = rows.top(cards_height, GAPS[1]);
    let half = (cards.width() - 12.0) / 2.0;
    let free = panel.busy.is_none();
    let left = Rect::from_min_size(cards.min, vec2(half, cards.height()));
    let right = Rect::from_min_size(pos2(cards.right() - half, cards.top()), left.size());
    let mut asked = Vec::new();
    host_card(ui, left, panel, edits, &mut asked);
    join_card(ui, right, panel, edits, &mut asked);
    // Servers that were being typed when Host or Join was pressed come first.
    network::show(ui, rows.rest(), &mut edits.network, free, intents);
    intents.append(&mut asked);
}

/// A title; or what is going on, with a way out; or what went wrong.
fn top(ui: &Ui, rect: Rect, panel: &ConnectPanel, intents: &mut Vec<Intent>) {
    match (&panel.busy, &panel.failure) {
        (Some(busy), _) => {
            notice_box(ui, rect, Tone::Busy);
            let line = Rect::from_min_max(
                pos2(rect.left() + 14.0, rect.top()),
                pos2(rect.right() - 110.0, rect.bottom()),
            );
            chip::lamp(ui, line, "progress", Tone::Busy, busy, theme::medium(13.0), colour(ui).text);
            let place = Rect::from_center_size(
                pos2(rect.right() - 56.0, rect.center().y),
                vec2(88.0, theme::CONTROL_HEIGHT),
            );
            let cancel =
                Button { id: "cancel", text: "Cancel", icon: None, weight: Weight::Plain, enabled: true };
            if cancel.show(ui, place).clicked() {
                intents.push(Intent::send(Command::Leave));
            }
        }
        (None, Some(failure)) => {
            notice_box(ui, rect, Tone::Bad);
            let response = ui.interact(rect, Id::unique("failure"), Sense::hover());
            response.widget_info(|| WidgetInfo::labeled(Role::Alert, true, failure));
            icon(ui.painter(), Icon::Close, pos2(rect.left() + 22.0, rect.center().y), 15.0, colour(ui).red);
            centred_paragraph(
                ui,
                Rect::from_min_max(rect.min + vec2(42.0, 6.0), rect.max - vec2(12.0, 6.0)),
                failure,
            );
        }
        (None, None) => {
            let painter = ui.painter();
            painter.text(
                rect.left_top() + vec2(2.0, 6.0),
                Align2::LEFT_TOP,
                "Play together",
                theme::semibold(22.0),
                colour(ui).text,
            );
            let below = Rect::from_min_max(pos2(rect.left() + 2.0, rect.top() + 36.0), rect.max);
            let sentence = "Your track goes to all, and everybody else arrives on a fader.";
            draw::line(
                painter,
                below,
                Align2::LEFT_TOP,
                sentence,
                theme::regular(13.0),
                colour(ui).text_soft,
            );
        }
    }
}

fn notice_box(ui: &Ui, rect: Rect, tone: Tone) {
    let fill = theme::mix(colour(ui).panel, tone.colour(ui), theme::NOTICE_TINT);
    let line = theme::mix(colour(ui).line, tone.colour(ui), 0.5);
    ui.painter().rect(rect, theme::panel_corners(), fill, hairline(ui, line), StrokeKind::Inside);
}

fn centred_paragraph(ui: &Ui, rect: Rect, text: &str) {
    let galley = ui.painter().layout(text.to_owned(), theme::medium(12.5), colour(ui).text, rect.width());
    let top = rect.center().y - galley.size().y / 2.0;
    ui.painter().galley(pos2(rect.left(), top.max(rect.top())), galley, colour(ui).text);
}

fn host_card(
    ui: &mut Ui,
    rect: Rect,
    panel: &ConnectPanel,
    edits: &mut ConnectEdits,
    intents: &mut Vec<Intent>,
) {
    let free = panel.busy.is_none();
    let sentence =
        "The session runs inside this plugin. You get an invite link, ready to paste to the others.";
    let mut rows = card(ui, rect, Icon::Host, "Host a session", Some(sentence), free);
    ui.add_enabled_ui(free, |ui| local_network_switch(ui, rect, panel.open_to_lan, intents));
    let button_row = rows.bottom(34.0, 10.0);
    let field = rows.bottom(30.0, 0.0);
    let id = Id::unique("host address");
    let hint = "Public IP (optional)";
    let edited = ui.add_enabled_ui(free, |ui| {
        text_field(ui, field, id, "Public address", &mut edits.address, hint, theme::regular(12.5))
    });
    edited.inner.response.on_hover_text(
        "Players on your network need nothing here.\nFor players on the internet: your public address\n\
         (203.0.113.7), or with the port that your router forwards (203.0.113.7:4464).",
    );
    let joins = panel.again.is_some() || !panel.found.is_empty() || !edits.link.trim().is_empty();
    let weight = if joins { Weight::Plain } else { Weight::Primary };
    let button = Button { id: "host", text: "Host", icon: None, weight, enabled: free };
    if button.show(ui, button_row).clicked() {
        let address = Some(edits.address.trim().to_owned()).filter(|address| !address.is_empty());
        intents.push(Intent::send(Command::SetHostAddress(address)));
        intents.push(Intent::Host);
    }
}

/// At the top right of the host's card.
fn local_network_switch(ui: &Ui, card: Rect, on: bool, intents: &mut Vec<Intent>) {
    let inner = card.shrink(18.0);
    let is_wide = inner.width() - 52.0 >= SWITCH_WIDTHS[1];
    let size = vec2(SWITCH_WIDTHS[usize::from(is_wide)], SWITCH_HEIGHT);
    let label = "Visible in this local network";
    let toggle = Toggle {
        control: Control::OpenToLan,
        text: if is_wide { label } else { "Local network" },
        label,
        on,
        tint: colour(ui).amber_lit,
    };
    toggle.show(ui, Rect::from_min_size(pos2(inner.right() - size.x, inner.top()), size), intents).on_hover_text(
        "On: whoever is in your local network sees your session and joins with one click, without a link.\n\
         Off: only people with your invite link come in. In a network that you share with strangers, switch it off.",
    );
}

fn join_card(
    ui: &mut Ui,
    rect: Rect,
    panel: &ConnectPanel,
    edits: &mut ConnectEdits,
    intents: &mut Vec<Intent>,
) {
    let free = panel.busy.is_none();
    let again = panel.again.as_ref();
    let sentence = again
        .map_or("Paste an invite link. Sessions in your local network appear here.", |again| again.sentence);
    let sentence = Some(sentence).filter(|_| panel.found.is_empty());
    let mut rows = card(ui, rect, Icon::Join, "Join a session", sentence, free);
    let typed = !edits.link.trim().is_empty();
    let again = again.filter(|_| !typed);
    let ready = free && (typed || again.is_some());
    let join = rows.bottom(34.0, 10.0);
    let field = rows.bottom(30.0, OFFER_GAP);
    let is_first = !typed && again.is_none();
    offers(ui, rows.rest(), &panel.found, free, is_first, intents);
    let id = Id::unique("invite link");
    let hint = "backline://join/…";
    let edited = ui.add_enabled_ui(free, |ui| {
        text_field(ui, field, id, "Invite link", &mut edits.link, hint, theme::regular(12.5))
    });
    // A link that was copied from a mail may hold line breaks, which a field of one line cannot show.
    edits.link.retain(|character| !character.is_control());
    let weight = if ready { Weight::Primary } else { Weight::Plain };
    let text = again.map_or("Join", |again| &again.text);
    let button = Button { id: "join", text, icon: None, weight, enabled: ready };
    let pressed = button.show(ui, join).clicked();
    let command = match again {
        Some(again) if pressed => again.command(),
        None if ready && (pressed || edited.inner.entered) => {
            Command::Join { link: edits.link.trim().to_owned() }
        }
        _ => return,
    };
    intents.push(Intent::send(command));
}

/// Sessions in the local network, one under the other; more than have room scroll. `is_first`: nothing else is next to do.
fn offers(
    ui: &mut Ui,
    rect: Rect,
    found: &[JoinOffer],
    free: bool,
    is_first: bool,
    intents: &mut Vec<Intent>,
) {
    if found.is_empty() {
        return;
    }
    ui.scope_builder(UiBuilder::new().max_rect(rect), |ui| {
        ScrollArea::vertical().id_salt("found").auto_shrink([false, false]).show(ui, |ui| {
            ui.spacing_mut().item_spacing.y = OFFER_GAP;
            for (index, offer) in found.iter().enumerate() {
                let size = vec2(ui.available_width(), OFFER_HEIGHT);
                let (place, _) = ui.allocate_exact_size(size, Sense::hover());
                let weight = if is_first && index == 0 { Weight::Primary } else { Weight::Plain };
                let id = format!("found {index}");
                let button = Button { id: &id, text: &offer.text, icon: None, weight, enabled: free };
                if button.show(ui, place).on_hover_text(&offer.text).clicked() {
                    intents.push(Intent::send(Command::Join { link: offer.link.clone() }));
                }
            }
        });
    });
}

/// Frame, picture, title and sentence of a card, where it has one. Returns the room below.
fn card(ui: &Ui, rect: Rect, picture: Icon, title: &str, sentence: Option<&str>, free: bool) -> Rows {
    draw::panel(ui.painter(), rect, colour(ui).panel);
    let painter = ui.painter();
    let inner = rect.shrink(18.0);
    let ink = if free { colour(ui).amber } else { colour(ui).text_faint };
    let disc = Rect::from_min_size(inner.min, vec2(40.0, 40.0));
    painter.rect_filled(disc, CornerRadius::same(10), ink.gamma_multiply(0.1));
    icon(painter, picture, disc.center(), 22.0, ink);
    let mut rows = Rows::new(Rect::from_min_max(pos2(inner.left(), disc.bottom() + 12.0), inner.max));
    let text = if free { colour(ui).text } else { colour(ui).text_faint };
    draw::line(painter, rows.top(22.0, 6.0), Align2::LEFT_CENTER, title, theme::semibold(17.0), text);
    if let Some(sentence) = sentence {
        draw::paragraph(painter, rows.rest(), sentence, theme::regular(12.5), colour(ui).text_soft);
    }
    rows
}
