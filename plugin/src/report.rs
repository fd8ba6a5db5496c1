//! What the editor would show, as JSON, for scripts and tests (`BACKLINE_REPORT`).
//!
//! The field names are an interface: tests and `cargo xtask` read them. Times are in the unit of their name;
//! a value that is not known is `null`. Who writes it and when: `unattended.rs`.

use std::time::Duration;

use backline_bridge::{Meters, Pace, Peak};
use backline_client::{
    Connection, FaderView, InstanceView, LatencyStages, MemberOperations, Notice, OperationCounts,
    ParticipantId, Route, Severity, Snapshot, SourceView, Stage,
};
use serde_json::{Value, json};

use crate::state_text;

/// One instance at one instant. [any-thread but audio]
pub fn json(snapshot: &Snapshot, meters: &Meters) -> Value {
    let you = &snapshot.you;
    json!({
        "connection": connection_word(&snapshot.connection),
        "failure": match &snapshot.connection {
            Connection::Failed { text } => Some(text),
            _ => None,
        },
        "invite": snapshot.invite,
        "participants": snapshot.participants,
        "local_port": snapshot.local_port,
        "you": {
            "participant": you.participant.map(|id| id.to_string()),
            "instance": you.instance.to_string(),
            "name": you.name,
            "source_name": you.source_name,
        },
        "sends": snapshot.sends,
        "returns": state_text::returns::text(&snapshot.returns),
        "instances": snapshot.instances.iter().map(instance_json).collect::<Vec<_>>(),
        "quality": state_text::quality::text(snapshot.quality),
        "automatic": snapshot.automatic,
        "depth_ceiling_ms": ms(snapshot.depth_ceiling),
        "open_to_lan": snapshot.open_to_lan,
        "hear_own": snapshot.hear_own,
        "send": {
            "encoding": snapshot.send.encoding,
            "packets_per_second": snapshot.send.packets_per_second,
            "bits_per_second": snapshot.send.bits_per_second,
        },
        "send_fader": fader_json(&snapshot.send_fader),
        "others_may_move_send": snapshot.send_access.everyone,
        "may_move_send": ids(&snapshot.send_access.people),
        "others_may_set_mix": snapshot.mix_access.everyone,
        "may_set_mix": ids(&snapshot.mix_access.people),
        "changes": changes_json(snapshot),
        "operations": snapshot.operations.iter().map(operations_json).collect::<Vec<_>>(),
        "sources": snapshot.sources.iter().map(source_json).collect::<Vec<_>>(),
        "slots": snapshot.slots.iter().map(|slot| slot.as_ref().map(|slot| json!({
            "source": slot.source.to_string(),
            "name": slot.name,
            "present": slot.present,
        }))).collect::<Vec<_>>(),
        "notices": snapshot.notices.iter().map(notice_json).collect::<Vec<_>>(),
        "worker": worker_json(snapshot),
        "meters": meters_json(meters),
    })
}

fn instance_json(instance: &InstanceView) -> Value {
    json!({
        "instance": instance.instance.to_string(),
        "source_name": instance.source_name,
        "published": instance.is_published,
        "active": instance.is_active,
        "returns": state_text::returns::text(&instance.returns),
        "returns_mix": instance.returns_mix,
    })
}

fn source_json(source: &SourceView) -> Value {
    json!({
        "source": source.source.to_string(),
        "slot": source.slot,
        "returned_by": source.returned_by.map(|instance| instance.to_string()),
        "participant_name": source.participant_name,
        "source_name": source.source_name,
        "present": source.present,
        "route": match source.route {
            Route::Direct => "direct",
            Route::ThroughTurn => "through-turn",
            Route::ThroughHost => "through-host",
            Route::Mixed => "mixed",
            Route::Waiting => "waiting",
        },
        "encrypted": source.encrypted,
        "latency_ms": source.latency.map(ms),
        "stages": source.stages.as_ref().map(stages_json),
        "round_trip_ms": source.round_trip.map(ms),
        "hears_us_after_ms": source.hears_us_after.map(ms),
        "loss": source.loss,
        "concealed_frames": source.concealed_frames,
        "recovered_frames": source.recovered_frames,
        "lost": source.lost,
        "repaired_packets": source.repaired,
        "depth_ms": ms(source.depth),
        "drift_ppm": source.drift_ppm,
        "encoding": source.encoding,
        "send_fader": fader_json(&source.send),
    })
}

fn fader_json(fader: &FaderView) -> Value {
    json!({
        // JSON knows no infinity: silence is null.
        "gain_db": Some(fader.gain.db()).filter(|db| db.is_finite()),
        "muted": fader.mute,
        "may_move": fader.may_move,
        "moved_by": fader.moved_by,
    })
}

fn ids(people: &[ParticipantId]) -> Vec<String> {
    people.iter().map(ParticipantId::to_string).collect()
}

fn changes_json(snapshot: &Snapshot) -> Value {
    let (waiting, changes) = (&snapshot.waiting, &snapshot.changes);
    json!({
        "waiting": waiting.changes,
        "failed": waiting.failed,
        "left_behind": snapshot.left_behind.changes,
        "waiting_for_ms": ms(waiting.since),
        "made": changes.made,
        "coalesced": changes.coalesced,
        "sent": changes.sent,
        "accepted": changes.accepted,
        "superseded": changes.superseded,
        "refused": changes.refused,
        "unanswered": changes.unanswered,
    })
}

fn operations_json(member: &MemberOperations) -> Value {
    let counts = |counts: &OperationCounts| {
        json!({
            "received": counts.received(),
            "accepted": counts.accepted,
            "superseded": counts.superseded,
            "refused": counts.refused,
            "repeated": counts.repeated,
            "dropped": counts.dropped,
        })
    };
    json!({
        "participant": member.participant.to_string(),
        "name": member.name.as_str(),
        "last_second": counts(&member.traffic.last_second),
        "total": counts(&member.traffic.total),
    })
}

fn stages_json(stages: &LatencyStages) -> Value {
    let stage = |stage: Stage| json!({ "median_ms": ms(stage.median), "p99_ms": ms(stage.p99) });
    json!({
        "capture_block_ms": ms(stages.capture_block),
        "encode_ms": ms(stages.encode),
        "network": stage(stages.network),
        "playout": stage(stages.playout),
        "output_block_ms": ms(stages.output_block),
    })
}

fn notice_json(notice: &Notice) -> Value {
    let severity = match notice.severity {
        Severity::Info => "info",
        Severity::Warning => "warning",
        Severity::Error => "error",
    };
    json!({ "severity": severity, "text": notice.text, "advice": notice.advice })
}

fn worker_json(snapshot: &Snapshot) -> Value {
    let worker = &snapshot.worker;
    json!({
        "cpu_time_ms": ms(worker.cpu_time),
        "running_for_ms": ms(worker.running_for),
        "turns": worker.turns,
        "datagrams_in": worker.datagrams_in,
        "datagrams_out": worker.datagrams_out,
        "datagrams_refused": worker.datagrams_refused,
        "raised_priority": worker.raised_priority,
    })
}

fn meters_json(meters: &Meters) -> Value {
    let (cost, faults) = (meters.callback_cost(), meters.faults());
    json!({
        "pace": match meters.pace() {
            Pace::Stopped => "stopped",
            Pace::Measuring => "measuring",
            Pace::RealTime => "real-time",
            Pace::Faster => "faster",
            Pace::Slower => "slower",
        },
        "send_peak": peak_json(meters.send()),
        "main_peak": peak_json(meters.main()),
        "slot_peaks": (0..backline_client::SLOTS).map(|slot| peak_json(meters.slot(slot))).collect::<Vec<_>>(),
        "frames": meters.frames(),
        "block_frames": meters.block_frames(),
        "return_fill_frames": meters.return_fill_frames(),
        "underruns": faults.underruns,
        "underrun_frames": faults.underrun_frames,
        "overruns": faults.overruns,
        "overrun_frames": faults.overrun_frames,
        "bad_input_samples": faults.bad_input_samples,
        "bad_return_samples": faults.bad_return_samples,
        "restarts": faults.restarts,
        "callback": {
            "last_us": us(cost.last),
            "max_us": us(cost.max),
            "mean_us": if cost.count == 0 { 0.0 } else { us(cost.sum) / cost.count as f64 },
            "sum_ms": ms(cost.sum),
            "count": cost.count,
        },
    })
}

fn peak_json(peak: Peak) -> Value {
    json!([peak.left, peak.right])
}

fn connection_word(connection: &Connection) -> &'static str {
    match connection {
        Connection::Idle => "idle",
        Connection::Hosting => "hosting",
        Connection::Joining => "joining",
        Connection::Joined => "joined",
        Connection::Reconnecting => "reconnecting",
        Connection::Failed { .. } => "failed",
    }
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn us(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}
