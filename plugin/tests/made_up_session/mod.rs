//! A session that nobody plays in: what the editor shows in tests and in the gallery, without network or plugin.
//!
//! It answers commands as a worker would, at once, and writes down everything that the editor asked of it.

#[allow(dead_code, reason = "not every user of the session lets time pass")]
pub mod paced;
#[allow(dead_code, reason = "not every user of the session shows all scenes")]
pub mod scenes;

use std::sync::Arc;
use std::time::{Duration, Instant};

use backline::editor::backend::{EditorBackend, Readings, SlotValues, Values};
use backline::editor::intent::Control;
use backline::editor::theme::Look;
use backline::servers::ServerFields;
use backline::sound::{SoundChoice, SoundView};
use backline_client::{
    AccessView, ChatLine, ChatLineState, ChatLineView, Command, Connection, Fader, FaderView, FoundSession,
    Grantee, Histories, Identity, InstanceId, InstanceView, LatencyStages, LeaderView, LeftBehindView,
    MixStrip, MixView, Notice, OutboxStats, ParticipantId, PersonView, Quality, ReturnChoice, Route, SLOTS,
    Scope, SendView, Setting, Severity, SlotView, Snapshot, SourceId, SourceView, Stage, TempoView,
    TransportView, WaitingView, WorkerView,
};

/// The link of a session that is hosted here; joining accepts it too.
pub const LINK: &str =
    "backline://join/AQLAqAEXxDPaQ2nVb0yR1cE8uWk3Zp7hT5mJ2sGd4fLx9BvNq6oYtKjPwRe0uIa1HgSzXcMbVnQlOi8yTr5";

/// The link of an earlier session, whole, to [`OLD_ADDRESS`].
pub const OLD_LINK: &str = "backline://join/AU4wMTIzNDU2Nzg5YWJjZGVmw8PDw8PDw8PDw8PDw8PDw8PDw8PDw8PDw8PDw8PDw8MEwAACB1bQBiABDbgAAAAAAAAAAAAAAAdW0O4mcmw";
/// The first address of it.
#[allow(dead_code, reason = "the gallery does not look at it")]
pub const OLD_ADDRESS: &str = "192.0.2.7";

/// The link of a session in the local network.
pub const FOUND_LINK: &str = "backline://join/found";

/// What the editor asked for, in order.
#[derive(Debug, Clone, PartialEq)]
#[allow(clippy::large_enum_variant, reason = "a few of them, in tests")]
pub enum Asked {
    /// A gesture began.
    Begin(Control),
    /// A parameter was moved.
    Set(Control, f32),
    /// A gesture ended.
    End(Control),
    /// A command for the worker.
    Command(Command),
    /// Other servers.
    Servers(ServerFields),
    /// Other audio.
    Sound(SoundChoice),
    /// Other colours, for every project.
    Look(Look),
}

/// A made-up session.
pub struct MadeUpSession {
    /// What the worker would publish.
    pub snapshot: Snapshot,
    /// The parameters.
    pub values: Values,
    /// Levels and pace.
    pub readings: Readings,
    /// Everything that the editor asked for.
    pub asked: Vec<Asked>,
    /// The link of the session that was joined last.
    pub last_joined: Option<String>,
    /// The link of the session that was hosted last.
    pub last_hosted: Option<String>,
    /// What is found in the local network while somebody looks.
    pub around: Vec<FoundSession>,
    /// Somebody looks.
    pub looks_around: bool,
    /// The audio of the standalone; none in a DAW.
    pub sound: Option<SoundView>,
    /// The host takes its time with parameters: they stay as they are.
    pub host_lags: bool,
    published: Arc<Snapshot>,
}

impl MadeUpSession {
    /// A fresh instance without a session.
    pub fn idle() -> Self {
        let snapshot = Snapshot {
            connection: Connection::Idle,
            here: None,
            invite: None,
            participants: 0,
            you: Identity {
                participant: None,
                instance: InstanceId(1),
                name: "Clara".into(),
                source_name: "Piano".into(),
                colour: [0x4D, 0xA3, 0xF5],
            },
            instances: Vec::new(),
            sends: true,
            returns: ReturnChoice::Automatic,
            send: SendView::default(),
            send_fader: FaderView::default(),
            send_access: AccessView::default(),
            mix_access: AccessView::default(),
            people: Vec::new(),
            mixes: Vec::new(),
            waiting: WaitingView::default(),
            left_behind: LeftBehindView::default(),
            changes: OutboxStats::default(),
            operations: Vec::new(),
            quality: Quality::Balanced,
            automatic: true,
            depth_ceiling: Duration::from_millis(5),
            open_to_lan: true,
            is_mixed: false,
            hear_own: false,
            sources: Vec::new(),
            slots: std::array::from_fn(|_| None),
            chat: Arc::default(),
            tempo: TempoView::default(),
            log: Vec::new(),
            histories: Histories::default(),
            notices: Vec::new(),
            local_port: None,
            worker: WorkerView::default(),
        };
        let values = Values {
            monitor_db: f32::NEG_INFINITY,
            metronome_db: -6.0,
            slots: [SlotValues::default(); SLOTS],
            sample_rate_hz: 48_000,
            block_frames: 64,
            ..Values::default()
        };
        Self {
            published: Arc::new(snapshot.clone()),
            snapshot,
            values,
            readings: Readings::default(),
            asked: Vec::new(),
            last_joined: None,
            last_hosted: None,
            around: Vec::new(),
            looks_around: false,
            sound: None,
            host_lags: false,
        }
    }

    /// A session that is hosted here, with nobody else yet.
    pub fn hosting() -> Self {
        let mut session = Self::idle();
        session.enter(Connection::Hosting, Some(LINK));
        session
    }

    /// A hosted session with other participants: near, far, through the host, and one who is away.
    pub fn band() -> Self {
        let mut session = Self::hosting();
        for musician in BAND {
            session.arrive(musician);
        }
        session.leave_slot(3);
        session.values.slots[0].gain_db = -3.2;
        session.values.slots[1].pan = -0.4;
        session.values.slots[1].gain_db = 1.5;
        session.values.slots[2].pan = 0.3;
        session.values.slots[2].gain_db = -8.0;
        session.values.slots[4].muted = true;
        session.values.slots[5].gain_db = -14.5;
        session
    }

    /// Another track of the project is in the session, too; one of the two returns the mix.
    pub fn add_track(&mut self, name: &str, returns_mix: bool) {
        let track = |instance, name: &str, returns_mix| InstanceView {
            instance: InstanceId(instance),
            source_name: name.into(),
            is_published: true,
            is_active: true,
            returns: ReturnChoice::Automatic,
            returns_mix,
        };
        self.snapshot.instances = vec![track(2, name, returns_mix), track(1, "Piano", !returns_mix)];
    }

    /// Somebody comes in on the next free slot.
    pub fn arrive(&mut self, musician: &Musician) {
        let slot = self.snapshot.slots.iter().position(Option::is_none);
        let number = self.snapshot.sources.len() as u8 + 1;
        let mut others = self.snapshot.sources.iter();
        let known = others.find(|other| other.participant_name == musician.participant);
        let (is_new, participant) =
            known.map_or((true, ParticipantId([number; 32])), |known| (false, known.source.participant));
        let source = SourceId { participant, instance: InstanceId(u64::from(number)) };
        self.snapshot.sources.push(musician.view(source, slot));
        if let Some(slot) = slot {
            let name = format!("{} · {}", musician.participant, musician.source);
            self.snapshot.slots[slot] =
                Some(SlotView { source, name, present: true, monitor: FaderView::default() });
        }
        if is_new {
            let (name, colour) = (musician.participant.to_owned(), musician.colour);
            self.snapshot.people.push(PersonView { participant, name, colour, is_here: true });
            self.snapshot.participants += 1;
        }
    }

    /// The first who came lets us set what they hear: us and everybody else.
    pub fn open_first_mix(&mut self) {
        let strip = |source, participant: &str, name: &str, colour| MixStrip {
            source,
            participant_name: participant.to_owned(),
            source_name: name.to_owned(),
            colour,
            monitor: FaderView { may_move: true, ..FaderView::default() },
        };
        let Some((first, others)) = self.snapshot.sources.split_first() else { return };
        let you = ParticipantId([9; 32]);
        self.snapshot.you.participant = Some(you);
        let own = SourceId { participant: you, instance: self.snapshot.you.instance };
        let mut strips = vec![strip(own, "Clara", "Piano", self.snapshot.you.colour)];
        strips.extend(
            others
                .iter()
                .map(|other| strip(other.source, &other.participant_name, &other.source_name, other.colour)),
        );
        let (listener, name) = (first.source.participant, first.participant_name.clone());
        self.snapshot.mixes = vec![MixView { listener, name, strips }];
    }

    /// Whoever is on `slot` goes away; the slot stays theirs.
    pub fn leave_slot(&mut self, slot: usize) {
        if let Some(view) = &mut self.snapshot.slots[slot] {
            view.present = false;
            let gone = view.source;
            self.snapshot.sources.retain(|source| source.source != gone);
            self.snapshot.participants -= 1;
        }
    }

    /// A notice comes up.
    pub fn notice(&mut self, id: u64, severity: Severity, text: &str, advice: &str) {
        self.snapshot.notices.push(Notice { id, severity, text: text.into(), advice: advice.into() });
    }

    /// A session in the local network.
    pub fn appear(&mut self, host: &str, participants: usize) {
        let link = FOUND_LINK.to_owned();
        self.around.push(FoundSession { host: host.to_owned(), participants, link });
    }

    /// The commands among what was asked.
    #[allow(dead_code, reason = "the gallery does not look at them")]
    pub fn commands(&self) -> Vec<Command> {
        let command =
            |asked: &Asked| if let Asked::Command(command) = asked { Some(command.clone()) } else { None };
        self.asked.iter().filter_map(command).collect()
    }

    fn enter(&mut self, connection: Connection, invite: Option<&str>) {
        self.snapshot.connection = connection;
        self.snapshot.invite = invite.map(str::to_owned);
        self.snapshot.participants = 1;
        self.snapshot.local_port = Some(50_123);
        self.snapshot.send = SendView {
            encoding: "Opus 2.5 ms, 256 kbit/s".into(),
            packets_per_second: 1600.0,
            bits_per_second: 1_210_000.0,
        };
    }

    /// The song goes on from a place now.
    pub fn roll(&mut self, position_quarters: f64, by_hand: bool) {
        self.snapshot.tempo.transport = Some(TransportView {
            at: Instant::now(),
            position_quarters,
            bar_start_quarters: 0.0,
            is_rolling: true,
            by_hand,
        });
    }

    /// Somebody else's DAW leads, records, and is heard so much later.
    pub fn led_by(&mut self, name: &str, path: Duration) {
        self.snapshot.tempo = TempoView {
            leader: Some(LeaderView { name: name.into(), is_own: false, is_here: true }),
            path: Some(path),
            daw_tells: true,
            others_record: vec![name.into()],
            ..self.snapshot.tempo.clone()
        };
        self.roll(45.0, false);
        // An hour from now, so that it stays there while somebody looks.
        let begins = self.snapshot.tempo.transport.as_mut();
        begins.into_iter().for_each(|transport| transport.at += Duration::from_secs(3_600));
    }

    fn answer(&mut self, command: Command) {
        match command {
            Command::Host | Command::CarryOn => self.enter(Connection::Hosting, Some(LINK)),
            Command::HostAgain { link } => self.enter(Connection::Hosting, Some(&link)),
            Command::Join { link } if [LINK, OLD_LINK, FOUND_LINK].contains(&&*link) => {
                self.enter(Connection::Joined, None);
                self.arrive(&BAND[0]);
            }
            Command::Join { .. } => {
                let text = "This is not an invite link. Ask the host to copy it again and paste all of it."
                    .to_owned();
                self.snapshot.connection = Connection::Failed { text };
            }
            Command::Leave => {
                let kept = Self::idle();
                self.snapshot = Snapshot { you: self.snapshot.you.clone(), ..kept.snapshot };
            }
            Command::SetTempo(tempo) => self.snapshot.tempo.tempo = tempo,
            Command::Lead(leads) => {
                let own = LeaderView { name: "you".into(), is_own: true, is_here: true };
                self.snapshot.tempo.leader = leads.then_some(own);
            }
            Command::StartTransport { count_in_bars } => {
                let bars = f64::from(count_in_bars) * self.snapshot.tempo.tempo.meter.bar_quarters();
                self.roll(-bars, true);
            }
            Command::StopTransport => self.snapshot.tempo.transport = None,
            Command::SetName(name) => self.snapshot.you.name = name,
            Command::SetSourceName(name) => self.snapshot.you.source_name = name,
            Command::SetColour(colour) => self.snapshot.you.colour = colour,
            Command::SetSends(sends) => self.snapshot.sends = sends,
            Command::SetReturns(returns) => self.snapshot.returns = returns,
            Command::SetAutomatic(automatic) => self.snapshot.automatic = automatic,
            Command::SetOpenToLan(is_open) => self.snapshot.open_to_lan = is_open,
            Command::SetHearOwn(hear_own) => self.snapshot.hear_own = hear_own,
            Command::SetQuality(quality) => self.snapshot.quality = quality,
            Command::SetDepthCeiling(depth) => self.snapshot.depth_ceiling = depth,
            Command::SetSlots(slots) => {
                self.snapshot
                    .slots
                    .iter_mut()
                    .zip(slots)
                    .filter(|(_, bound)| bound.is_none())
                    .for_each(|(slot, _)| *slot = None);
            }
            Command::MoveFader { fader: Fader::Send(source), setting: Setting::Gain(gain) } => {
                let sources = &mut self.snapshot.sources;
                sources
                    .iter_mut()
                    .filter(|view| view.source == source)
                    .for_each(|view| view.send.gain = gain);
            }
            Command::Permit { scope, grantee, allowed } => self.permit(scope, grantee, allowed),
            Command::SyncNow | Command::DiscardWaiting => self.snapshot.waiting = WaitingView::default(),
            Command::DiscardLeftBehind => self.snapshot.left_behind = LeftBehindView::default(),
            Command::MoveFader { fader: Fader::Monitor { listener, source }, setting } => {
                let mixes = self.snapshot.mixes.iter_mut().filter(|mix| mix.listener == listener);
                for strip in mixes.flat_map(|mix| &mut mix.strips).filter(|strip| strip.source == source) {
                    match setting {
                        Setting::Gain(gain) => strip.monitor.gain = gain,
                        Setting::Pan(pan) => strip.monitor.pan = pan,
                        Setting::Mute(mute) => strip.monitor.mute = mute,
                        Setting::Solo(_) | Setting::Bus(_) => {}
                    }
                }
            }
            Command::MoveFader { .. } => {}
            Command::Say(line) => self.line(true, line),
            Command::DismissNotice(id) => self.snapshot.notices.retain(|notice| notice.id != id),
            Command::SetHostAddress(_) | Command::SetServers { .. } | Command::Notify { .. } => {}
        }
    }

    /// Somebody else writes a line of the chat.
    pub fn write(&mut self, text: &str) {
        if let Ok(line) = ChatLine::new(text) {
            self.line(false, line);
        }
    }

    /// The person writes a line of the chat.
    #[allow(dead_code, reason = "the scenes do")]
    pub fn write_oneself(&mut self, text: &str) {
        if let Ok(line) = ChatLine::new(text) {
            self.line(true, line);
        }
    }

    fn line(&mut self, is_own: bool, line: ChatLine) {
        let (name, colour) = if is_own { ("Clara", [0x4D, 0xA3, 0xF5]) } else { ("Ada", [0xF4, 0x8F, 0x4F]) };
        let number = self.snapshot.chat.last().map_or(1, |last| last.number + 1);
        let state = ChatLineState::Arrived;
        let view = ChatLineView { number, name: name.into(), colour, is_own, line, state };
        Arc::make_mut(&mut self.snapshot.chat).push(view);
    }

    fn permit(&mut self, scope: Scope, grantee: Grantee, allowed: bool) {
        let access = match scope {
            Scope::Send(_) => &mut self.snapshot.send_access,
            Scope::Monitor(_) => &mut self.snapshot.mix_access,
        };
        match grantee {
            Grantee::Everyone => access.everyone = allowed,
            Grantee::Participant(person) => {
                access.people.retain(|other| *other != person);
                access.people.extend(allowed.then_some(person));
            }
        }
    }
}

impl EditorBackend for MadeUpSession {
    fn snapshot(&self) -> Arc<Snapshot> {
        if *self.published == self.snapshot {
            self.published.clone()
        } else {
            Arc::new(self.snapshot.clone())
        }
    }

    fn readings(&mut self) -> Readings {
        self.published = EditorBackend::snapshot(self);
        self.readings.clone()
    }

    fn values(&self) -> Values {
        self.values
    }

    fn last_joined(&self) -> Option<String> {
        self.last_joined.clone()
    }

    fn last_hosted(&self) -> Option<String> {
        self.last_hosted.clone()
    }

    fn look_around(&mut self, is_wanted: bool) {
        self.looks_around = is_wanted;
    }

    fn found(&self) -> Vec<FoundSession> {
        if self.looks_around { self.around.clone() } else { Vec::new() }
    }

    fn begin(&mut self, control: Control) {
        self.asked.push(Asked::Begin(control));
    }

    fn set(&mut self, control: Control, value: f32) {
        self.asked.push(Asked::Set(control, value));
        if self.host_lags {
            return;
        }
        let values = &mut self.values;
        let on = value > 0.5;
        match control {
            Control::SendGain => values.send_gain_db = value,
            Control::Talkback => values.talkback = on,
            Control::Talk => values.talks = on,
            Control::SendMute => values.send_muted = on,
            Control::MonitorGain => values.monitor_db = value,
            Control::ReturnGain => values.return_db = value,
            Control::Metronome => values.metronome = on,
            Control::MetronomeLevel => values.metronome_db = value,
            Control::SlotGain(slot) => values.slots[slot].gain_db = value,
            Control::SlotPan(slot) => values.slots[slot].pan = value,
            Control::SlotMute(slot) => values.slots[slot].muted = on,
            Control::SlotSolo(slot) => values.slots[slot].solo = on,
            Control::SlotBus(slot) => values.slots[slot].bus = value as usize,
            Control::DepthCeiling
            | Control::Automatic
            | Control::Sends
            | Control::OpenToLan
            | Control::HearOwn
            | Control::RemoteSend(_)
            | Control::MixGain(_)
            | Control::MixPan(_)
            | Control::MixMute(_) => {}
        }
    }

    fn end(&mut self, control: Control) {
        self.asked.push(Asked::End(control));
    }

    fn send(&mut self, command: Command) {
        self.asked.push(Asked::Command(command.clone()));
        self.answer(command);
    }

    fn sound(&self) -> Option<Arc<SoundView>> {
        self.sound.clone().map(Arc::new)
    }

    fn choose_sound(&mut self, choice: SoundChoice) {
        self.asked.push(Asked::Sound(choice.clone()));
        self.sound.iter_mut().for_each(|sound| sound.choice = choice.clone());
    }

    fn set_servers(&mut self, servers: &ServerFields) {
        self.asked.push(Asked::Servers(servers.clone()));
    }

    fn keep_look(&mut self, look: Look) {
        self.asked.push(Asked::Look(look));
    }
}

/// Somebody in the made-up band.
pub struct Musician {
    participant: &'static str,
    source: &'static str,
    colour: [u8; 3],
    route: Route,
    latency_us: u64,
    loss: f32,
    lets_move: bool,
}

impl Musician {
    /// What the latency is made of: all but the network is as with everybody else.
    fn stages(&self) -> LatencyStages {
        let us = Duration::from_micros;
        let (encode, playout, output_block) = (us(2_700), us(1_200), us(1_333));
        let network = us(self.latency_us).saturating_sub(encode + playout + output_block);
        LatencyStages {
            capture_block: us(1_333),
            encode,
            network: Stage { median: network, p99: network + us(600) },
            playout: Stage { median: playout, p99: 2 * playout },
            output_block,
        }
    }

    fn view(&self, source: SourceId, slot: Option<usize>) -> SourceView {
        SourceView {
            source,
            slot,
            returned_by: Some(InstanceId(1)),
            participant_name: self.participant.into(),
            source_name: self.source.into(),
            colour: self.colour,
            present: true,
            is_mix: false,
            route: self.route,
            encrypted: true,
            latency: Some(Duration::from_micros(self.latency_us)),
            stages: Some(self.stages()),
            round_trip: Some(Duration::from_micros(self.latency_us * 2 - 9_000)),
            hears_us_after: Some(Duration::from_micros(self.latency_us + 1_700)),
            loss: self.loss,
            concealed_frames: (self.loss * 480_000.0) as u64,
            lost: self.loss,
            recovered_frames: 0,
            repaired: 0,
            depth: Duration::from_micros(5_200),
            drift_ppm: 11.0,
            encoding: "Opus 2.5 ms, 256 kbit/s".into(),
            send: FaderView { may_move: self.lets_move, ..FaderView::default() },
        }
    }
}

/// The made-up band.
pub const BAND: &[Musician] = &[
    Musician {
        participant: "Ada",
        source: "Guitar",
        colour: [0xF4, 0x8F, 0x4F],
        route: Route::Direct,
        latency_us: 7_400,
        loss: 0.0,
        lets_move: true,
    },
    Musician {
        participant: "Ben",
        source: "Drums",
        colour: [0x3F, 0xC7, 0x9A],
        route: Route::Direct,
        latency_us: 12_900,
        loss: 0.002,
        lets_move: false,
    },
    Musician {
        participant: "Ben",
        source: "Room mics",
        colour: [0x3F, 0xC7, 0x9A],
        route: Route::Direct,
        latency_us: 12_900,
        loss: 0.0,
        lets_move: true,
    },
    Musician {
        participant: "Dario",
        source: "Trumpet",
        colour: [0xF0, 0xB4, 0x3C],
        route: Route::Direct,
        latency_us: 18_000,
        loss: 0.0,
        lets_move: false,
    },
    Musician {
        participant: "Emilia Sandström-Okonkwo",
        source: "Upright bass",
        colour: [0xA8, 0x76, 0xF0],
        route: Route::ThroughHost,
        latency_us: 31_600,
        loss: 0.0,
        lets_move: true,
    },
    Musician {
        participant: "Farid",
        source: "Voice",
        colour: [0xDB, 0x6F, 0xD8],
        route: Route::ThroughHost,
        latency_us: 64_200,
        loss: 0.034,
        lets_move: false,
    },
];
