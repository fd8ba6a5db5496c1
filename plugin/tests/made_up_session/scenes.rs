//! The states that an editor can be in, each by a name: for the gallery, for the pictures and for the tests of the look.

use std::time::Duration;

use backline::editor::backend::HostPace;
use backline_client::{
    Connection, FaderView, GainValue, Grantee, History, HistoryPoint, LeftBehindView, LogLine, ParticipantId,
    Route, SLOTS, Scope, SessionHere, Severity, SourceId, WaitingView,
};

use backline::sound::{DeviceName, SoundChoice, SoundSystem, SoundView};

use super::{BAND, LINK, MadeUpSession, Musician, OLD_LINK};

/// All scenes.
pub const SCENES: &[&str] = &[
    "idle", "again", "here", "found", "crowd", "joining", "link", "ended", "port", "password", "hosting",
    "one", "band", "full", "mix", "tracks", "led", "past", "audio", "chat", "talkback", "multi", "returns",
    "access", "moved", "waiting", "failed", "left", "conflict", "locked", "notices", "offline",
];

/// The scene of that name; a band where there is none.
#[expect(clippy::too_many_lines, reason = "a flat list")]
pub fn scene(name: &str) -> MadeUpSession {
    let mut session = match name {
        "idle" | "again" | "here" | "found" | "crowd" | "joining" | "link" | "ended" => MadeUpSession::idle(),
        "hosting" | "one" | "full" => MadeUpSession::hosting(),
        _ => MadeUpSession::band(),
    };
    match name {
        "again" => session.last_joined = Some(OLD_LINK.to_owned()),
        "here" => session.snapshot.here = Some(SessionHere { link: LINK.to_owned() }),
        "found" => session.appear("Ada", 3),
        "crowd" => crowd(&mut session),
        "joining" => session.snapshot.connection = Connection::Joining,
        "link" => fail(
            &mut session,
            "This is not an invite link. Ask the host to copy it again and paste all of it.",
        ),
        "ended" => fail(
            &mut session,
            "The host does not know this link: the session ended, or the host started a new one. Ask for a new link.",
        ),
        "port" => session.notice(
            1,
            Severity::Error,
            "Port 50000 is taken by another program.",
            "Backline uses 50123 instead. Forward that port on your router, or close the other program.",
        ),
        "password" => session.notice(
            1,
            Severity::Error,
            "The TURN server 203.0.113.7:3478 does not accept the user name and password.",
            "Check both.",
        ),
        "one" => session.arrive(&BAND[0]),
        "full" => BAND.iter().chain(&more()).for_each(|musician| session.arrive(musician)),
        "mix" => session.open_first_mix(),
        "tracks" => session.add_track("Drums", true),
        "led" => session.led_by("Ada", Duration::from_millis(24)),
        "past" => past(&mut session),
        "audio" => session.sound = Some(standalone()),
        "chat" => chat(&mut session),
        "talkback" => (session.values.talkback, session.values.talks) = (true, true),
        "multi" => {
            session.values.has_aux_buses = true;
            (0..SLOTS).for_each(|slot| session.values.slots[slot].bus = slot % 9);
        }
        "returns" => session.values.returns_only = true,
        "access" => access(&mut session),
        "moved" => moved(&mut session),
        "waiting" => wait(&mut session, 0),
        "failed" => wait(&mut session, 3),
        "left" => {
            let since = Duration::from_secs(10 * 24 * 60 * 60);
            session.snapshot.left_behind = LeftBehindView { sessions: 1, changes: 3, since };
        }
        "conflict" => session.notice(
            1,
            Severity::Info,
            "You changed how loud everyone gets Ada's Guitar; Ada changed it after you, to -6.0 dB. That counts.",
            "Set it again if you want it otherwise.",
        ),
        "locked" => session.notice(
            1,
            Severity::Warning,
            "You can't change how loud everyone gets Ben's Drums: Its owner has not let you move it.",
            "Ask them to.",
        ),
        "notices" => notices(&mut session),
        "offline" => session.readings.pace = HostPace::Faster,
        _ => {}
    }
    if session.snapshot.invite.is_some() {
        session.enter_people();
    }
    session.play(0.0);
    session
}

impl MadeUpSession {
    /// Levels that move like music, `seconds` into it.
    pub fn play(&mut self, seconds: f32) {
        let wave = |speed: f32, shift: f32| {
            (seconds * speed + shift).sin() * 6.0 + (seconds * speed * 2.7 + shift).sin() * 3.0
        };
        self.readings.send_db = [-14.0 + wave(3.1, 0.0), -15.0 + wave(3.1, 0.4)];
        for slot in 0..SLOTS {
            let is_there = self.snapshot.slots[slot].as_ref().is_some_and(|view| view.present);
            let base = if slot == 1 { -4.0 } else { -12.0 - slot as f32 * 0.9 };
            let level = base + wave(2.0 + slot as f32 * 0.6, slot as f32);
            self.readings.slots_db[slot] =
                if is_there { [level, level - 1.5] } else { [f32::NEG_INFINITY; 2] };
        }
    }

    /// We are known to the others, so that they may be let to move what is ours.
    fn enter_people(&mut self) {
        self.snapshot.you.participant = Some(ParticipantId([9; 32]));
    }
}

/// Three minutes with Ben's drums: a spell of jitter, some loss, and a gap.
fn past(session: &mut MadeUpSession) {
    let Some(drums) = session.snapshot.slots[1].as_ref().map(|slot| slot.source) else { return };
    let point = |second: u32| {
        let wave = (f64::from(second) / 9.0).sin().abs();
        let spell = if (90..125).contains(&second) { 1.0 } else { 0.0 };
        (!(60..66).contains(&second)).then_some(HistoryPoint {
            stages_us: [1_300, 2_700, 5_200 + (400.0 * wave) as u32, 1_400 + (5_000.0 * spell) as u32, 1_300],
            jitter_us: 400 + (300.0 * wave + 4_000.0 * spell) as u32,
            depth_us: 1_600 + (5_000.0 * spell) as u32,
            concealed_ppm: (2_000.0 * spell * wave) as u32,
            drift_ppb: 12_000 + (2_000.0 * wave) as i32,
        })
    };
    let history = History { points: (0..180).map(point).collect() };
    session.snapshot.histories.insert(drums, history.into());
}

/// The standalone on one of two devices.
fn standalone() -> SoundView {
    let device = |id: &str, name: &str| DeviceName { id: id.into(), name: name.into() };
    SoundView {
        running: "Scarlett 2i2 USB at 48 kHz, blocks of 64".into(),
        outputs: vec![device("alsa:1", "Built-in speakers"), device("alsa:2", "Scarlett 2i2 USB")],
        inputs: vec![device("alsa:3", "Built-in microphone"), device("alsa:2", "Scarlett 2i2 USB")],
        rates_hz: vec![44_100, 48_000, 96_000],
        choice: SoundChoice {
            system: SoundSystem::Device,
            output: Some("alsa:2".into()),
            input: Some("alsa:2".into()),
            rate_hz: Some(48_000),
            block_frames: Some(64),
        },
        ..SoundView::default()
    }
}

fn fail(session: &mut MadeUpSession, text: &str) {
    session.snapshot.connection = Connection::Failed { text: text.to_owned() };
}

fn crowd(session: &mut MadeUpSession) {
    session.snapshot.open_to_lan = false;
    for (host, participants) in
        [("Ada", 3), ("Ben and the Long-Winded Quintet", 5), ("Clara", 1), ("Dario", 2)]
    {
        session.appear(host, participants);
    }
}

fn chat(session: &mut MadeUpSession) {
    session.write("From the top?");
    session.write_oneself("Yes. I come in with the drums, after four.");
    session.write("Good. Can I have a little more piano?");
    session.write_oneself("You may move it yourself now.");
    let line = |text: &str, seconds| LogLine { text: text.into(), age: Duration::from_secs(seconds) };
    session.snapshot.log = vec![
        line("Ada set how loud everyone gets your “Piano” to +1.5 dB.", 20),
        line("You let Ada set how loud everyone gets your “Piano”.", 50),
        line("Ben set the tempo to 92 bpm, 4/4.", 120),
    ];
}

fn access(session: &mut MadeUpSession) {
    session.enter_people();
    let you = session.snapshot.you.participant.unwrap_or(ParticipantId([9; 32]));
    let source = SourceId { participant: you, instance: session.snapshot.you.instance };
    let ada = session.snapshot.people[0].participant;
    session.permit(Scope::Send(source), Grantee::Participant(ada), true);
}

/// Ada has moved faders that she may.
fn moved(session: &mut MadeUpSession) {
    access(session);
    let moved = |db| FaderView {
        gain: GainValue::from_db(db),
        moved_by: Some("Ada".to_owned()),
        may_move: true,
        ..FaderView::default()
    };
    session.snapshot.sources[0].send = moved(-4.0);
    if let Some(slot) = &mut session.snapshot.slots[0] {
        slot.monitor = moved(-3.2);
    }
}

fn wait(session: &mut MadeUpSession, failed: usize) {
    let since = Duration::from_secs(20);
    session.snapshot.connection = Connection::Reconnecting;
    session.snapshot.waiting = WaitingView { changes: 3, failed, since };
}

fn notices(session: &mut MadeUpSession) {
    session.notice(1, Severity::Info, "Farid joined.", "");
    session.notice(
        2,
        Severity::Warning,
        "Ben's network loses packets.",
        "Ask Ben for a cable, or choose the quality Careful on both sides.",
    );
    session.notice(3, Severity::Error, "The port is taken.", "Close the other program.");
    session.values.slots[1].solo = true;
}

/// Those who make the band an orchestra: 16 sources.
fn more() -> Vec<Musician> {
    let desks = [
        ("Greta", "Violin 1", [0xF2, 0x6D, 0x6D]),
        ("Hanno", "Violin 2", [0xF2, 0x6F, 0xA8]),
        ("Ines", "Viola", [0x6F, 0xC9, 0x5E]),
        ("Jakub", "Cello", [0x3E, 0xC1, 0xD3]),
        ("Kim", "Flute", [0x7B, 0x86, 0xF7]),
        ("Lea", "Oboe", [0xC6, 0xCF, 0x4A]),
        ("Mateo", "Horn", [0xF0, 0xB4, 0x3C]),
        ("Nora", "Harp", [0x4D, 0xA3, 0xF5]),
        ("Oskar", "Timpani", [0xA8, 0x76, 0xF0]),
        ("Pia", "Choir", [0xDB, 0x6F, 0xD8]),
    ];
    let desk =
        |(index, (participant, source, colour)): (usize, (&'static str, &'static str, [u8; 3]))| Musician {
            participant,
            source,
            colour,
            route: Route::Direct,
            latency_us: 9_000 + 1_700 * index as u64,
            loss: 0.0,
            lets_move: index % 3 == 0,
        };
    desks.into_iter().enumerate().map(desk).collect()
}
