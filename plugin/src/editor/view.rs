//! The whole editor as one function of a backend: reads, draws, then hands the intents over.
//!
//! It knows no window and no plugin framework, so tests and the gallery run it as it is. It keeps only what nobody
//! else does: how far the meters have fallen and what is being typed. The step before is `app.rs`.
//!
//! Repaints: a frame asks for the next one while a meter moves, or for the moment at which a lamp may change; at rest it asks
//! for none, and `watch.rs` tells when there is something new. A closed editor does nothing at all.

use std::sync::Arc;
use std::time::Duration;

use backline_client::{
    Command, DEPTH_CEILING_MAX, Fader, FaderView, GainValue, PanValue, ParticipantId, SLOTS, Setting,
    Snapshot, SourceId,
};
use egui::{Rect, ScrollArea, Ui, UiBuilder, pos2, vec2};

use super::backend::{EditorBackend, HostPace, Readings, Values};
use super::ballistics::StereoMeter;
use super::intent::{Control, Intent, OfMix};
use super::layout::Layout;
use super::panels::chat::{self, ChatEdits};
use super::panels::connect::{self, ConnectEdits};
use super::panels::network::NetworkEdits;
use super::panels::tempo::{self, TempoEdits};
use super::panels::{header, mix, path, returning, send, session, sound, status};
use super::theme::{self, colour};
use super::view_model::{LinkLamps, SoundPanel, Stage, ViewModel};
use super::widgets::hold::Held;
use crate::servers::ServerFields;

/// From the end of a frame to the request of the next one while something moves: it is then drawn when the display is next
/// ready, which makes 60 frames a second, and not more than 70 or so on a faster display.
const MOVING: Duration = Duration::from_millis(12);
/// The longest time between two frames that a meter believes, in seconds.
const FRAME_MAX_S: f64 = 0.5;

/// The editor's own memory.
#[derive(Default)]
pub struct EditorView {
    send_meter: StereoMeter,
    slot_meters: [StereoMeter; SLOTS],
    link_lamps: LinkLamps,
    edits: ConnectEdits,
    chat: ChatEdits,
    tempo: TempoEdits,
    /// The page of the standalone's audio is shown in place of the strips.
    shows_sound: bool,
    /// The button to talk, held or not.
    talk: Held,
    /// The person pressed Host, or carries a session on: the link goes to the clipboard when it is there.
    copies_invite: bool,
    shown_at_s: f64,
    made: Option<Made>,
    /// Whose mix is shown instead of one's own strips.
    shown_mix: Option<ParticipantId>,
    /// What others have set, once the DAW's parameters were moved there.
    followed_send: Option<Position>,
    followed_slots: [Option<(SourceId, Position)>; SLOTS],
}

/// Where a fader stands.
#[derive(Clone, Copy, PartialEq)]
pub(super) struct Position {
    gain: GainValue,
    pan: PanValue,
    mute: bool,
}

impl Position {
    /// Where others have moved a fader to; none where nobody has but its owner.
    pub(super) fn set_by_others(fader: &FaderView) -> Option<Self> {
        let by_others = fader.moved_by.as_deref().is_some_and(|name| name != "you");
        by_others.then_some(Self { gain: fader.gain, pan: fader.pan, mute: fader.mute })
    }
}

/// What a frame shows: the instance, and in the standalone its audio.
type Model<'a> = (&'a ViewModel, Option<&'a SoundPanel>);

/// What the last frame was made from.
struct Made {
    snapshot: Arc<Snapshot>,
    values: Values,
    pace: HostPace,
    model: ViewModel,
}

impl EditorView {
    /// A fresh view; `address` and `servers` are what is remembered as the public address and the servers.
    pub fn new(address: Option<String>, servers: ServerFields) -> Self {
        let address = address.unwrap_or_default();
        let edits = ConnectEdits { address, network: NetworkEdits::new(servers), ..ConnectEdits::default() };
        Self { edits, ..Self::default() }
    }

    /// A window was closed and another one is opened: what of the chat was read stays so. `[main-thread]`
    pub fn in_new_window(&self, address: Option<String>, servers: ServerFields) -> Self {
        Self { chat: self.chat.in_new_window(), tempo: self.tempo.clone(), ..Self::new(address, servers) }
    }

    /// The window is closed, maybe under a finger: nobody talks on unseen. `[main-thread]`
    pub fn let_go(&mut self, backend: &mut dyn EditorBackend) {
        if std::mem::take(&mut self.talk).is_on {
            backend.set(Control::Talk, 0.0);
            backend.end(Control::Talk);
        }
    }

    /// Draws one frame into all of `ui`. `[main-thread]`
    pub fn show(&mut self, ui: &mut Ui, backend: &mut dyn EditorBackend) {
        let readings = backend.readings();
        let meters_move = self.move_meters(ui, &readings);
        let snapshot = backend.snapshot();
        self.follow_session(&snapshot, backend);
        self.copy_new_invite(ui, &snapshot);
        let mut model = self.model(&snapshot, backend.values(), readings.pace);
        let lamp_changes = self.link_lamps.settle(&mut model.strips, self.shown_at_s);
        backend.look_around(matches!(model.stage, Stage::Connect(_)));
        if let Stage::Connect(panel) = &mut model.stage {
            panel.offer_again(backend.last_joined());
            panel.offer_to_host_again(backend.last_hosted());
            panel.offer_found(backend.found());
        }
        self.chat.follow(model.chat.as_ref());
        let sound = backend.sound().map(|view| SoundPanel::new(&view));
        let mut intents = Vec::new();
        self.draw(ui, (&model, sound.as_ref()), &mut intents);
        if meters_move || !intents.is_empty() {
            ui.ctx().request_repaint_after(MOVING);
        }
        if let Some(after) = lamp_changes {
            ui.ctx().request_repaint_after(after);
        }
        for intent in intents {
            self.apply(ui, intent, &snapshot, backend);
        }
    }

    /// The words of what is the same as in the frame before are not made again.
    fn model(&mut self, snapshot: &Arc<Snapshot>, values: Values, pace: HostPace) -> ViewModel {
        let before = self.made.take();
        let same = before.filter(|made| {
            Arc::ptr_eq(&made.snapshot, snapshot) && made.values == values && made.pace == pace
        });
        let made = same.unwrap_or_else(|| {
            let model = ViewModel::new(snapshot, &values, pace);
            Made { snapshot: Arc::clone(snapshot), values, pace, model }
        });
        self.made.insert(made).model.clone()
    }

    /// True where a meter moved, or is yet to fall.
    fn move_meters(&mut self, ui: &Ui, readings: &Readings) -> bool {
        let now_s = ui.input(|input| input.time);
        let elapsed_s = (now_s - self.shown_at_s).clamp(0.0, FRAME_MAX_S) as f32;
        self.shown_at_s = now_s;
        let mut moving = self.send_meter.update(readings.send_db, elapsed_s);
        for (meter, peaks_db) in self.slot_meters.iter_mut().zip(readings.slots_db) {
            moving |= meter.update(peaks_db, elapsed_s);
        }
        moving || !self.send_meter.at_rest() || self.slot_meters.iter().any(|meter| !meter.at_rest())
    }

    /// Others have moved how loud everybody gets this track, or what is heard here: it sounds so already; the DAW's parameters go there
    /// too, once.
    fn follow_session(&mut self, snapshot: &Snapshot, backend: &mut dyn EditorBackend) {
        let values = backend.values();
        let send = Position::set_by_others(&snapshot.send_fader);
        if let Some(there) = send.filter(|there| self.followed_send != Some(*there)) {
            self.followed_send = Some(there);
            move_there(backend, Control::SendGain, values.send_gain_db, there.gain.db());
            move_there(backend, Control::SendMute, values.send_muted.into(), there.mute.into());
        }
        let slots = snapshot.slots.iter().zip(&values.slots).zip(&mut self.followed_slots);
        for (slot, ((view, values), followed)) in slots.enumerate() {
            let Some(view) = view else { continue };
            let Some(there) = Position::set_by_others(&view.monitor) else { continue };
            if *followed == Some((view.source, there)) {
                continue;
            }
            *followed = Some((view.source, there));
            move_there(backend, Control::SlotGain(slot), values.gain_db, there.gain.db());
            move_there(backend, Control::SlotPan(slot), values.pan, there.pan.get());
            move_there(backend, Control::SlotMute(slot), values.muted.into(), there.mute.into());
        }
    }

    fn copy_new_invite(&mut self, ui: &Ui, snapshot: &Snapshot) {
        if let Some(invite) = snapshot.invite.as_ref().filter(|_| self.copies_invite) {
            header::copy(ui, invite);
            self.copies_invite = false;
        }
    }

    /// Draws everything; a window that is too small shows a part, and scrolls.
    fn draw(&mut self, ui: &mut Ui, model: Model<'_>, intents: &mut Vec<Intent>) {
        let window = ui.max_rect();
        ui.painter().rect_filled(window, 0.0, colour(ui).backdrop);
        if window.width() >= theme::MIN_SIZE_POINTS.x - 0.5
            && window.height() >= theme::MIN_SIZE_POINTS.y - 0.5
        {
            self.panels(ui, &Layout::new(window.min, window.size()), model, intents);
            return;
        }
        ScrollArea::both().id_salt("window").auto_shrink([false, false]).show(ui, |ui| {
            let size = window.size().max(theme::MIN_SIZE_POINTS);
            let (place, _) = ui.allocate_exact_size(size, egui::Sense::hover());
            self.panels(ui, &Layout::new(place.min, size), model, intents);
        });
    }

    fn panels(&mut self, ui: &mut Ui, layout: &Layout, (model, sound): Model<'_>, intents: &mut Vec<Intent>) {
        let zoom_percent = (ui.ctx().zoom_factor() * 100.0).round() as u32;
        header::show(ui, layout.header, &model.header, zoom_percent, intents);
        within(ui, layout.send, |ui| match model.send.returns_only {
            true => returning::show(ui, layout.send, &model.send, intents),
            false => send::show(ui, layout.send, &model.send, &self.send_meter, &mut self.talk, intents),
        });
        if let Some(sound) = sound {
            sound::button(ui, layout.send, sound, &mut self.shows_sound);
        }
        let shown_sound = sound.filter(|_| self.shows_sound);
        if let Some(sound) = shown_sound {
            let open = &mut self.shows_sound;
            within(ui, layout.stage, |ui| sound::show(ui, layout.stage, sound, open, intents));
        }
        match &model.stage {
            _ if shown_sound.is_some() => {}
            Stage::Connect(panel) => within(ui, layout.stage, |ui| {
                connect::show(ui, layout.stage, panel, &mut self.edits, intents)
            }),
            Stage::Session(view) => {
                let shown = model.mixes.iter().find(|mix| Some(mix.listener) == self.shown_mix);
                let mut stage = layout.stage;
                if let Some(chat) = model.chat.as_ref().filter(|_| self.chat.is_open) {
                    let place = stage.with_min_x(stage.right() - chat::WIDTH);
                    stage.max.x = place.left() - theme::STEP;
                    chat::show(ui, place, chat, &mut self.chat, intents);
                }
                if !model.mixes.is_empty() || view.hear_own.is_some() {
                    let mut row = Rect::from_min_size(stage.min, vec2(stage.width(), theme::CONTROL_HEIGHT));
                    if let Some(on) = view.hear_own {
                        row.max.x = mix::hear_own(ui, row, on, intents);
                    }
                    if !model.mixes.is_empty() {
                        mix::choice(ui, row, &model.mixes, shown, intents);
                    }
                    stage.min.y += mix::ROW;
                }
                let invite = model.header.invite.as_deref();
                match shown {
                    Some(shown) => mix::show(ui, stage, shown, intents),
                    None => {
                        session::show(ui, stage, view, invite, &model.strips, &self.slot_meters, intents);
                    }
                }
            }
        }
        let chat_width = model.chat.as_ref().map_or(0.0, |_| chat::BUTTON_WIDTH + 12.0);
        let path_width = model.path.as_ref().map_or(0.0, |_| path::WIDTH);
        let tempo_width = model.tempo.as_ref().map_or(0.0, |_| tempo::WIDTH);
        status::show(ui, layout.status, chat_width + path_width + tempo_width, &model.status, intents);
        let line = layout.status.with_max_x(layout.status.right() - chat_width);
        let paths = line.with_max_x(line.right() - tempo_width);
        if let Some(test) = &model.path {
            path::show(ui, paths.with_min_x(paths.right() - path_width), test);
        }
        if let Some(panel) = &model.tempo {
            tempo::show(ui, line.with_min_x(paths.right()), panel, &mut self.tempo, intents);
        }
        if let Some(chat) = &model.chat {
            let centre = pos2(line.right() + chat::BUTTON_WIDTH / 2.0, line.center().y);
            let place = Rect::from_center_size(centre, vec2(chat::BUTTON_WIDTH, theme::CONTROL_HEIGHT));
            chat::button(ui, place, chat, &mut self.chat);
        }
    }

    fn apply(&mut self, ui: &Ui, intent: Intent, snapshot: &Snapshot, backend: &mut dyn EditorBackend) {
        match intent {
            Intent::Set(Control::DepthCeiling, ms) => {
                let depth = Duration::from_secs_f32(ms.max(0.0) / 1000.0).min(DEPTH_CEILING_MAX);
                backend.send(Command::SetDepthCeiling(depth));
            }
            Intent::Set(Control::Automatic, value) => backend.send(Command::SetAutomatic(value >= 0.5)),
            Intent::Set(Control::OpenToLan, value) => backend.send(Command::SetOpenToLan(value >= 0.5)),
            Intent::Set(Control::HearOwn, value) => backend.send(Command::SetHearOwn(value >= 0.5)),
            Intent::Set(Control::RemoteSend(slot), db) => {
                if let Some(view) = snapshot.slots.get(slot).and_then(Option::as_ref) {
                    let setting = Setting::Gain(GainValue::from_db(db));
                    backend.send(Command::MoveFader { fader: Fader::Send(view.source), setting });
                }
            }
            Intent::Set(Control::MixGain(of), db) => {
                backend.send(set_mix(of, Setting::Gain(GainValue::from_db(db))));
            }
            Intent::Set(Control::MixPan(of), pan) => {
                backend.send(set_mix(of, Setting::Pan(PanValue::new(pan))));
            }
            Intent::Set(Control::MixMute(of), value) => {
                backend.send(set_mix(of, Setting::Mute(value >= 0.5)));
            }
            Intent::ShowMix(listener) => self.shown_mix = listener,
            Intent::Set(Control::Sends, value) => backend.send(Command::SetSends(value >= 0.5)),
            Intent::Begin(control) | Intent::End(control) if !control.is_parameter() => {}
            Intent::Begin(control) => backend.begin(control),
            Intent::Set(control, value) => backend.set(control, value),
            Intent::End(control) => backend.end(control),
            Intent::Send(command) => backend.send(*command),
            Intent::Host => {
                self.copies_invite = true;
                backend.send(Command::Host);
            }
            Intent::CarryOn => {
                self.copies_invite = true;
                backend.send(Command::CarryOn);
            }
            Intent::SetServers(servers) => backend.set_servers(&servers),
            Intent::ChooseSound(choice) => backend.choose_sound(choice),
            Intent::SoloAlone(alone) => {
                let slots = backend.values().slots;
                let others_are = slots.iter().enumerate().any(|(slot, values)| slot != alone && values.solo);
                for (slot, values) in slots.iter().enumerate() {
                    let wanted = slot == alone && (others_are || !values.solo);
                    move_there(backend, Control::SlotSolo(slot), values.solo.into(), wanted.into());
                }
            }
            Intent::FreeSlot(slot) => {
                let mut slots = snapshot.slots.each_ref().map(|view| view.as_ref().map(|view| view.source));
                slots[slot] = None;
                backend.send(Command::SetSlots(slots));
            }
            Intent::Look(look) => {
                look.show_in(ui.ctx());
                backend.keep_look(look);
            }
            Intent::Zoom(percent) => ui.ctx().set_zoom_factor(percent as f32 / 100.0),
            Intent::ForgiveSendClip => self.send_meter.forgive(),
            Intent::ForgiveSlotClip(slot) => self.slot_meters[slot].forgive(),
        }
    }
}

fn set_mix(of: OfMix, setting: Setting) -> Command {
    Command::MoveFader { fader: Fader::Monitor { listener: of.listener, source: of.source }, setting }
}

/// Moves a parameter that stands elsewhere, as one gesture.
fn move_there(backend: &mut dyn EditorBackend, control: Control, is: f32, wanted: f32) {
    if is != wanted {
        backend.begin(control);
        backend.set(control, wanted);
        backend.end(control);
    }
}

/// A panel's own region, which what it draws cannot leave.
fn within(ui: &mut Ui, rect: Rect, add: impl FnOnce(&mut Ui)) {
    ui.scope_builder(UiBuilder::new().max_rect(rect), |ui| {
        ui.shrink_clip_rect(rect.expand(1.0));
        add(ui);
    });
}
