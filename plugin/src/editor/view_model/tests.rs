use std::sync::Arc;
use std::time::Duration;

use backline_client::{
    AccessView, FaderView, Histories, Identity, InstanceId, InstanceView, LatencyStages, LeftBehindView,
    MemberOperations, Name, Notice, OperationCounts, OperationTraffic, OutboxStats, ParticipantId, Quality,
    ReturnChoice, Route, SLOTS, SendView, SessionHere, Severity, SlotView, SourceId, SourceView,
    Stage as LatencyStage, WaitingView, WorkerView,
};

use super::*;
use crate::editor::theme::Tone;

pub(crate) fn snapshot(connection: Connection) -> Snapshot {
    Snapshot {
        connection,
        here: None,
        invite: None,
        participants: 1,
        you: Identity {
            participant: None,
            instance: InstanceId(1),
            name: "Clara".into(),
            source_name: "Piano".into(),
            colour: [1, 2, 3],
        },
        instances: Vec::new(),
        sends: true,
        returns: ReturnChoice::Automatic,
        send: SendView {
            encoding: "Opus 256 kbit/s, 2.5 ms".into(),
            packets_per_second: 400.0,
            bits_per_second: 264_000.0,
        },
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
        tempo: Default::default(),
        log: Vec::new(),
        histories: Histories::default(),
        notices: Vec::new(),
        local_port: Some(50_123),
        worker: WorkerView::default(),
    }
}

fn source_id(number: u8) -> SourceId {
    SourceId { participant: ParticipantId([number; 32]), instance: InstanceId(u64::from(number)) }
}

pub(crate) fn source(number: u8, slot: Option<usize>) -> SourceView {
    SourceView {
        source: source_id(number),
        slot,
        returned_by: Some(InstanceId(1)),
        participant_name: "Ada".into(),
        source_name: "Guitar".into(),
        colour: [200, 100, 50],
        present: true,
        is_mix: false,
        route: Route::Direct,
        encrypted: true,
        latency: Some(Duration::from_micros(7_440)),
        stages: None,
        round_trip: Some(Duration::from_millis(4)),
        hears_us_after: None,
        loss: 0.0,
        concealed_frames: 480,
        lost: 0.0,
        recovered_frames: 0,
        repaired: 0,
        depth: Duration::from_millis(5),
        drift_ppm: -12.0,
        encoding: "Opus 256 kbit/s, 2.5 ms".into(),
        send: FaderView::default(),
    }
}

pub(super) fn with_ada(slot: usize) -> Snapshot {
    let mut snapshot = snapshot(Connection::Hosting);
    snapshot.participants = 2;
    snapshot.sources.push(source(7, Some(slot)));
    snapshot.slots[slot] = Some(self::slot(source_id(7)));
    snapshot
}

pub(crate) fn slot(source: SourceId) -> SlotView {
    SlotView { source, name: "Ada · Guitar".into(), present: true, monitor: FaderView::default() }
}

pub(super) fn shown(snapshot: &Snapshot) -> ViewModel {
    ViewModel::new(snapshot, &Values::default(), HostPace::RealTime)
}

#[test]
fn an_idle_instance_offers_host_and_join() {
    let model = shown(&snapshot(Connection::Idle));
    assert_eq!(model.stage, Stage::Connect(ConnectPanel { open_to_lan: true, ..ConnectPanel::default() }));
    assert_eq!(model.header.state, "Not in a session");
    assert_eq!((model.header.detail.as_str(), model.header.leave), ("", None));
    assert_eq!(model.send.state, "Nobody listens yet");
}

#[test]
fn a_session_is_offered_again_by_its_address_and_a_broken_link_is_not() {
    let mut panel = ConnectPanel::default();
    for broken in [None, Some("backline://join/AQ"), Some("")] {
        panel.offer_again(broken.map(str::to_owned));
        assert_eq!(panel.again, None);
    }
}

#[test]
fn sessions_in_the_local_network_are_offered_by_their_hosts_names() {
    let found = |host: &str, participants| FoundSession {
        host: host.to_owned(),
        participants,
        link: format!("backline://join/{host}"),
    };
    let mut panel = ConnectPanel::default();
    panel.offer_found(vec![found("Ada", 3), found("Ben", 1), found("", 2)]);
    let texts: Vec<&str> = panel.found.iter().map(|offer| offer.text.as_str()).collect();
    let expected = ["Join Ada (3 people)", "Join Ben (1 person)", "Join a session (2 people)"];
    assert_eq!(texts, expected);
    assert_eq!(panel.found[0].link, "backline://join/Ada");
}

#[test]
fn a_failure_is_shown_word_for_word_and_one_can_try_again() {
    let text = "The link is damaged. Ask for it again.".to_owned();
    let model = shown(&snapshot(Connection::Failed { text: text.clone() }));
    let Stage::Connect(panel) = model.stage else { panic!("no connect panel") };
    assert_eq!((panel.failure, panel.busy), (Some(text), None));
    assert_eq!(model.header.tone, Tone::Bad);
}

#[test]
fn waiting_shows_what_for() {
    let Stage::Connect(panel) = shown(&snapshot(Connection::Joining)).stage else {
        panic!("no connect panel")
    };
    assert!(panel.busy.is_some() && panel.failure.is_none());
}

#[test]
fn a_host_sees_the_link_the_port_and_what_to_do() {
    let mut hosted = snapshot(Connection::Hosting);
    hosted.invite = Some("backline://join/x".into());
    let model = shown(&hosted);
    assert_eq!(model.header.invite.as_deref(), Some("backline://join/x"));
    assert_eq!(model.header.detail, "Only you · UDP 50123");
    assert_eq!(model.header.leave, Some("End session"));
    assert!(model.header.leave_help.contains("for everybody"));
    let Stage::Session(Session { empty: Some((title, sentence)), .. }) = model.stage else {
        panic!("no empty state")
    };
    assert_eq!(title, "Nobody else is here yet");
    assert!(sentence.contains("invite link"));
    assert_eq!((model.send.tone, model.send.state.as_str()), (Tone::Good, "On air"));
}

#[test]
fn a_source_is_on_its_slot_with_all_figures() {
    let model = shown(&with_ada(4));
    assert_eq!(model.strips.len(), SLOTS);
    assert!(model.strips[..4].iter().all(|strip| strip.bound.is_none()), "strips are in slot order");
    let strip = model.strips[4].bound.as_ref().unwrap();
    assert_eq!((strip.source_name.as_str(), strip.participant_name.as_str()), ("Guitar", "Ada"));
    assert_eq!((strip.latency.as_str(), strip.latency_tone), ("7.4 ms", Tone::Good));
    assert_eq!((strip.loss.as_str(), strip.loss_tone), ("0.0 %", Tone::Good));
    assert_eq!(strip.route, RouteBadge::Direct);
    assert!(strip.encrypted && strip.live() && strip.bus.is_none());
    let figures: Vec<&str> = strip.details.iter().map(|(_, figure)| figure.as_str()).collect();
    assert_eq!(
        figures,
        [
            "7.4 ms",
            "5.0 ms",
            "–",
            "4.0 ms",
            "0.0 %",
            "0.01 s",
            "0.0 %",
            "0.00 s",
            "0 packets",
            "−12 ppm",
            "Opus 256 kbit/s, 2.5 ms"
        ]
    );
    assert_eq!(model.stage, Stage::Session(Session { empty: None, hear_own: None }));
}

#[test]
fn changes_of_a_session_that_was_left_are_told_of_last() {
    let mut snapshot = with_ada(0);
    let day = Duration::from_secs(24 * 60 * 60);
    snapshot.left_behind = LeftBehindView { changes: 3, sessions: 1, since: 10 * day };
    snapshot.notices.push(Notice {
        id: 1,
        severity: Severity::Info,
        text: "Somebody came in.".into(),
        advice: String::new(),
    });
    let messages = shown(&snapshot).status.messages;
    assert_eq!(messages.len(), 2);
    assert_eq!(messages[1].text, "3 changes wait for another session; the first was made 10 days ago.");
    assert_eq!((messages[1].offer, messages[1].dismiss), (Some(Offer::DiscardLeftBehind), None));
    snapshot.left_behind = LeftBehindView { changes: 1, sessions: 1, since: day / 2 };
    let text = shown(&snapshot).status.messages[1].text.clone();
    assert_eq!(text, "1 change waits for another session; it was made less than a day ago.");
    snapshot.left_behind = LeftBehindView { changes: 5, sessions: 2, since: day };
    let text = shown(&snapshot).status.messages[1].text.clone();
    assert_eq!(text, "5 changes wait for 2 other sessions; the first was made a day ago.");
}

#[test]
fn the_host_sees_how_much_each_participant_moves() {
    let mut snapshot = with_ada(0);
    assert!(shown(&snapshot).header.operations.is_empty(), "only a host counts them");
    let last_second = OperationCounts { accepted: 4_000, dropped: 5_012, ..OperationCounts::default() };
    let member = |number, name, last_second| MemberOperations {
        participant: ParticipantId([number; 32]),
        name: Name::new(name),
        traffic: OperationTraffic { last_second, total: last_second },
    };
    snapshot.operations = vec![member(3, "Ben", OperationCounts::default()), member(7, "Ada", last_second)];
    let model = shown(&snapshot);
    let flood = "9,012 a second, 5,012 of them over the limit";
    let expected = [("Ben", "0 a second"), ("Ada", flood)].map(|(name, figure)| (name.into(), figure.into()));
    assert_eq!(model.header.operations, expected);
    let details = &model.strips[0].bound.as_ref().unwrap().details;
    assert_eq!(details.last(), Some(&("Moves of theirs in the session".into(), flood.into())));
}

#[test]
fn the_latency_is_shown_by_stage_once_it_is_measured() {
    let mut snapshot = with_ada(0);
    let stage = |us| LatencyStage { median: Duration::from_micros(us), p99: Duration::from_micros(3 * us) };
    snapshot.sources[0].stages = Some(LatencyStages {
        capture_block: Duration::from_micros(1_333),
        encode: Duration::from_micros(200),
        network: stage(2_000),
        playout: stage(1_000),
        output_block: Duration::from_micros(1_333),
    });
    let model = shown(&snapshot);
    let strip = model.strips[0].bound.as_ref().unwrap();
    let figures: Vec<&str> = strip.details[1..6].iter().map(|(_, figure)| figure.as_str()).collect();
    let expected = ["1.3 ms", "0.2 ms", "2.0 ms, rarely over 6.0 ms", "1.0 ms, rarely over 3.0 ms", "1.3 ms"];
    assert_eq!(figures, expected);
}

#[test]
fn hearing_oneself_in_the_mix_is_offered_where_a_server_mixes_and_nowhere_else() {
    for (is_mixed, hear_own) in [(false, false), (false, true), (true, false), (true, true)] {
        let snapshot = Snapshot { is_mixed, hear_own, ..with_ada(0) };
        let offered = is_mixed.then_some(hear_own);
        assert_eq!(shown(&snapshot).stage, Stage::Session(Session { empty: None, hear_own: offered }));
    }
}

#[test]
fn whoever_is_away_keeps_the_strip_and_the_name() {
    let mut snapshot = with_ada(2);
    snapshot.sources.clear();
    snapshot.slots[2].as_mut().unwrap().present = false;
    let model = shown(&snapshot);
    let strip = model.strips[2].bound.as_ref().unwrap();
    assert!(!strip.present && !strip.live());
    assert_eq!((strip.source_name.as_str(), strip.participant_name.as_str()), ("Guitar", "Ada"));
    assert_eq!((strip.latency.as_str(), strip.loss.as_str()), ("–", "–"));
    assert!(strip.details.is_empty());
    assert_eq!(
        model.stage,
        Stage::Session(Session { empty: None, hear_own: None }),
        "a strip that waits for somebody is no empty session"
    );
}

#[test]
fn nameless_sources_have_a_word() {
    let mut snapshot = with_ada(0);
    snapshot.sources.clear();
    snapshot.slots[0].as_mut().unwrap().name.clear();
    let model = shown(&snapshot);
    let strip = model.strips[0].bound.as_ref().unwrap();
    assert_eq!((strip.source_name.as_str(), strip.participant_name.as_str()), ("Source", "Participant"));
}

#[test]
fn bad_paths_stand_out() {
    let mut snapshot = with_ada(0);
    for (latency_ms, loss, tones) in
        [(30, 0.005, (Tone::Warning, Tone::Warning)), (80, 0.1, (Tone::Bad, Tone::Bad))]
    {
        snapshot.sources[0].latency = Some(Duration::from_millis(latency_ms));
        snapshot.sources[0].loss = loss;
        let strip = shown(&snapshot).strips[0].bound.clone().unwrap();
        assert_eq!((strip.latency_tone, strip.loss_tone), tones);
    }
}

#[test]
fn solo_dims_the_others_and_an_empty_slot_does_not_count() {
    let mut snapshot = with_ada(0);
    snapshot.sources.push(source(8, Some(1)));
    snapshot.slots[1] = Some(SlotView {
        source: source_id(8),
        name: "Ben · Drums".into(),
        present: true,
        monitor: FaderView::default(),
    });
    let mut values = Values::default();
    values.slots[9].solo = true;
    let model = ViewModel::new(&snapshot, &values, HostPace::RealTime);
    assert!(model.strips[0].bound.as_ref().unwrap().live(), "a free slot's solo silences nobody");
    values.slots[1].solo = true;
    let model = ViewModel::new(&snapshot, &values, HostPace::RealTime);
    assert!(model.strips[0].bound.as_ref().unwrap().hidden_by_solo);
    assert!(model.strips[1].bound.as_ref().unwrap().live());
}

#[test]
fn buses_are_there_in_the_multi_output_class_only() {
    let mut values = Values::default();
    values.slots[0].bus = 3;
    assert_eq!(
        ViewModel::new(&with_ada(0), &values, HostPace::RealTime).strips[0].bound.as_ref().unwrap().bus,
        None
    );
    values.has_aux_buses = true;
    assert_eq!(
        ViewModel::new(&with_ada(0), &values, HostPace::RealTime).strips[0].bound.as_ref().unwrap().bus,
        Some(3)
    );
}

#[test]
fn an_offline_render_says_that_nothing_is_sent() {
    let model = ViewModel::new(&with_ada(0), &Values::default(), HostPace::Faster);
    assert_eq!(model.send.tone, Tone::Warning);
    assert!(model.status.messages[0].text.contains("nothing is sent"));
    assert_eq!(model.status.messages[0].dismiss, None);
    let calm = ViewModel::new(&with_ada(0), &Values::default(), HostPace::Measuring);
    assert!(calm.status.messages.is_empty());
}

#[test]
fn muting_the_send_is_said_where_one_looks() {
    let values = Values { send_muted: true, ..Values::default() };
    let model = ViewModel::new(&with_ada(0), &values, HostPace::RealTime);
    assert_eq!((model.send.tone, model.send.state.as_str()), (Tone::Bad, "Muted for everybody"));
    assert!(!model.send.live);
}

#[test]
fn the_worst_notice_comes_first_and_of_equals_the_newest() {
    let mut snapshot = snapshot(Connection::Hosting);
    for (id, severity) in
        [(1, Severity::Info), (2, Severity::Warning), (3, Severity::Error), (4, Severity::Warning)]
    {
        snapshot.notices.push(Notice { id, severity, text: format!("{id}"), advice: String::new() });
    }
    let order: Vec<Option<u64>> =
        shown(&snapshot).status.messages.iter().map(|message| message.dismiss).collect();
    assert_eq!(order, [Some(3), Some(4), Some(2), Some(1)]);
}

#[test]
fn reconnecting_keeps_the_strips_and_says_so() {
    let mut snapshot = with_ada(0);
    snapshot.connection = Connection::Reconnecting;
    let model = shown(&snapshot);
    assert!(matches!(model.stage, Stage::Session(_)));
    assert_eq!(model.header.leave, Some("Leave"));
    assert!(model.header.leave_help.contains("the others play on"));
    assert!(model.status.messages[0].text.contains("keeps calling"));
}

#[test]
fn a_source_without_a_strip_is_told_of() {
    let mut snapshot = with_ada(0);
    snapshot.sources.push(source(9, None));
    assert!(shown(&snapshot).status.messages[0].text.contains("all 16 strips are taken"));
}

fn with_tracks(names: &[(u64, &str, bool)]) -> Snapshot {
    let mut snapshot = with_ada(0);
    let track = |(instance, name, returns_mix): &(u64, &str, bool)| InstanceView {
        instance: InstanceId(*instance),
        source_name: (*name).into(),
        is_published: true,
        is_active: true,
        returns: ReturnChoice::Automatic,
        returns_mix: *returns_mix,
    };
    snapshot.instances = names.iter().map(track).collect();
    snapshot
}

#[test]
fn the_editor_says_which_track_returns_the_mix() {
    let mix = |names: &[(u64, &str, bool)]| shown(&with_tracks(names)).send.returns.mix;
    assert_eq!(mix(&[(1, "Piano", true)]), "", "there is only this one");
    assert_eq!(mix(&[(1, "Piano", true), (2, "Drums", false)]), "This track returns the mix");
    assert_eq!(mix(&[(1, "Piano", false), (2, "Drums", true)]), "Mix returned by “Drums”");
    assert_eq!(mix(&[(1, "Piano", false), (2, "", true)]), "Mix returned by a track without a name");
    assert_eq!(mix(&[(1, "Piano", false), (2, "", false)]), "No track returns the mix");
}

#[test]
fn what_a_track_returns_is_chosen_from_who_is_there() {
    let mut snapshot = with_ada(0);
    let returns = shown(&snapshot).send.returns;
    let names: Vec<&str> = returns.choices.iter().map(|option| option.name.as_str()).collect();
    assert_eq!(names, ["Automatic", "Mix", "Nothing", "Ada · Guitar"]);
    assert_eq!((returns.chosen, returns.shown.as_str()), (vec![0], "Automatic"));
    assert_eq!(returns.choices[3].choice, ReturnChoice::Sources(vec![source_id(7)]));
    snapshot.returns = ReturnChoice::Sources(vec![source_id(7)]);
    let returns = shown(&snapshot).send.returns;
    assert_eq!((returns.chosen, returns.shown.as_str()), (vec![3], "Ada · Guitar"));
    assert_eq!(returns.choices[3].choice, ReturnChoice::Automatic, "picked again it is chosen no longer");
    snapshot.returns = ReturnChoice::Sources(vec![source_id(9)]);
    assert_eq!(shown(&snapshot).send.returns.shown, "Somebody who is away");
    snapshot.returns = ReturnChoice::Sources(vec![source_id(7), source_id(9)]);
    let returns = shown(&snapshot).send.returns;
    assert_eq!((returns.chosen, returns.shown.as_str()), (vec![3, 4], "2 sources"));
    assert_eq!(returns.choices[3].choice, ReturnChoice::Sources(vec![source_id(9)]));
}

#[test]
fn a_source_that_another_track_returns_is_not_called_away_or_without_room() {
    let mut snapshot = with_tracks(&[(1, "Piano", true), (2, "Ada's track", false)]);
    snapshot.sources[0].returned_by = Some(InstanceId(2));
    snapshot.sources[0].slot = None;
    snapshot.slots[0].as_mut().unwrap().present = false;
    let model = shown(&snapshot);
    let strip = model.strips[0].bound.as_ref().unwrap();
    assert_eq!((strip.present, strip.absence), (false, "Other track"));
    assert_eq!(strip.route_text, "In the session, and returned by “Ada's track”");
    assert!(model.status.messages.is_empty(), "{:?}", model.status.messages);
}

#[test]
fn the_session_of_this_project_is_offered_before_the_last_one() {
    let mut snapshot = snapshot(Connection::Idle);
    snapshot.here = Some(SessionHere { link: "backline://join/here".into() });
    let Stage::Connect(mut panel) = shown(&snapshot).stage else { panic!("no connect panel") };
    panel.offer_again(Some("backline://join/last".into()));
    let again = panel.again.unwrap();
    assert_eq!(again.link, "backline://join/here");
    assert_eq!(again.text, "Join the session of this project");
}

#[test]
fn a_track_beside_others_leaves_without_ending_the_session() {
    let model = shown(&with_tracks(&[(1, "Piano", true), (2, "Drums", false)]));
    assert_eq!(model.header.leave, Some("Leave"));
    assert!(model.header.leave_help.contains("other tracks"));
    assert_eq!(shown(&with_tracks(&[(1, "Piano", true)])).header.leave, Some("End session"));
}

#[test]
fn a_track_that_is_not_sent_says_so() {
    let mut snapshot = with_tracks(&[(1, "Piano", true)]);
    snapshot.instances[0].is_published = false;
    assert_eq!(shown(&snapshot).send.state, "Not sent: 8 tracks are");
    snapshot.sends = false;
    assert_eq!(shown(&snapshot).send.state, "Sends nothing");
}
