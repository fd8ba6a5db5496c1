//! What the API says, as JSON. Plain numbers and texts; no secret is among them but the link that was asked for.

use std::collections::BTreeMap;

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use backline_relay::{MixStats, ParticipantView, SessionView};
use backline_transport::DropReason;
use serde::{Deserialize, Serialize};

use crate::shard_thread::ShardView;

/// Every session.
#[derive(Debug, Serialize)]
pub struct SessionList {
    pub sessions: Vec<Session>,
}

/// One session.
#[derive(Debug, Serialize)]
pub struct Session {
    pub id: String,
    pub name: String,
    pub participants: Vec<Participant>,
    pub packets_in: u64,
    pub packets_out: u64,
    pub packets_again: u64,
    pub packets_refused: u64,
    pub over_limit: u64,
    pub failures: u64,
    pub operations_accepted: u64,
    pub operations_superseded: u64,
    pub operations_refused: u64,
    /// How media travels: mesh, forward or mix.
    pub route: String,
    /// Where it is mixed.
    pub mix: Option<Mix>,
}

/// What mixing costs. Counts are since the session was opened, or its route became mix.
#[derive(Debug, Serialize)]
pub struct Mix {
    pub ticks: u64,
    pub ticks_late: u64,
    pub ticks_left_out: u64,
    pub encoded: u64,
    pub silent: u64,
    pub sources: usize,
    /// Different ones: listeners who want the same share one.
    pub mixes: usize,
    pub listeners: usize,
    pub concealed_frames: u64,
}

/// How a session's media travels.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Travel {
    /// mesh, forward or mix.
    pub route: String,
}

/// One connection of a participant.
#[derive(Debug, Serialize)]
pub struct Participant {
    pub id: String,
    pub name: String,
    pub address: Option<String>,
    pub connected_seconds: f64,
    pub round_trip_ms: Option<f64>,
    pub sources: Vec<Source>,
    pub datagrams_in: u64,
    pub datagrams_out: u64,
    pub bytes_in: u64,
    pub bytes_out: u64,
    pub media_in: u64,
    pub media_out: u64,
    pub over_limit: u64,
    /// By reason; only those that are not zero.
    pub dropped: BTreeMap<&'static str, u64>,
}

/// One source.
#[derive(Debug, Serialize)]
pub struct Source {
    pub name: String,
    pub payload_type: u8,
    pub frame_ms: f64,
    pub bitrate_bps: u32,
}

/// Every shard.
#[derive(Debug, Serialize)]
pub struct ShardList {
    pub uptime_seconds: f64,
    /// How often a shard had to be started again.
    pub restarts: u64,
    pub shards: Vec<Shard>,
}

/// One shard. All is since its start.
#[derive(Debug, Serialize)]
pub struct Shard {
    pub port: u16,
    pub sessions: usize,
    pub cpu_seconds: f64,
    pub turns: u64,
    pub late_turns: u64,
    pub datagrams_in: u64,
    pub datagrams_out: u64,
    pub strangers: u64,
    /// By reason; only those that are not zero.
    pub dropped: BTreeMap<&'static str, u64>,
}

/// A session's id and its link.
#[derive(Debug, Serialize)]
pub struct Made {
    pub id: String,
    pub link: String,
}

/// What was wrong, and what to do.
#[derive(Debug)]
pub struct Refusal {
    status: StatusCode,
    text: String,
}

impl Refusal {
    /// With a status that says whose fault it is.
    pub fn new(status: StatusCode, text: &str) -> Self {
        Self { status, text: text.to_owned() }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.status, Json(serde_json::json!({ "error": self.text }))).into_response()
    }
}

impl From<&ShardView> for Shard {
    fn from(view: &ShardView) -> Self {
        let dropped = [
            ("refused", view.stats.datagrams_refused),
            ("stranger_flood", view.stats.stranger_flood),
            ("not_sent", view.send_failures),
        ];
        Self {
            port: view.port,
            sessions: view.sessions.len(),
            cpu_seconds: view.cpu_time.as_secs_f64(),
            turns: view.turns,
            late_turns: view.late_turns,
            datagrams_in: view.stats.datagrams_in,
            datagrams_out: view.stats.datagrams_out,
            strangers: view.stats.strangers,
            dropped: dropped.into_iter().filter(|(_, count)| *count > 0).collect(),
        }
    }
}

impl From<&SessionView> for Session {
    fn from(view: &SessionView) -> Self {
        Self {
            id: view.id.to_string(),
            name: view.name.clone(),
            participants: view.participants.iter().map(Participant::from).collect(),
            packets_in: view.stats.packets_in,
            packets_out: view.stats.packets_out,
            packets_again: view.stats.packets_again,
            packets_refused: view.stats.packets_refused,
            over_limit: view.stats.over_limit,
            failures: view.stats.failures,
            operations_accepted: view.operations.accepted,
            operations_superseded: view.operations.superseded,
            operations_refused: view.operations.refused,
            route: view.route.to_string(),
            mix: view.mix.map(Mix::from),
        }
    }
}

impl From<MixStats> for Mix {
    fn from(stats: MixStats) -> Self {
        Self {
            ticks: stats.ticks,
            ticks_late: stats.ticks_late,
            ticks_left_out: stats.ticks_left_out,
            encoded: stats.encoded,
            silent: stats.silent,
            sources: stats.sources,
            mixes: stats.mixes,
            listeners: stats.listeners,
            concealed_frames: stats.concealed_frames,
        }
    }
}

impl From<&ParticipantView> for Participant {
    fn from(view: &ParticipantView) -> Self {
        let dropped = DropReason::ALL.into_iter().map(|reason| (reason.name(), view.path.dropped(reason)));
        Self {
            id: view.participant.to_string(),
            name: view.name.to_string(),
            address: view.address.map(|address| address.to_string()),
            connected_seconds: view.since.as_secs_f64(),
            round_trip_ms: view.round_trip.map(|time| time.as_secs_f64() * 1e3),
            sources: view
                .sources
                .iter()
                .map(|source| {
                    let info = &source.published.info;
                    Source {
                        name: info.name.to_string(),
                        payload_type: info.format.payload_type,
                        frame_ms: f64::from(info.format.frame_frames) / 48.0,
                        bitrate_bps: info.format.bitrate_bps,
                    }
                })
                .collect(),
            datagrams_in: view.path.datagrams_in,
            datagrams_out: view.path.datagrams_out,
            bytes_in: view.path.bytes_in,
            bytes_out: view.path.bytes_out,
            media_in: view.path.media_in,
            media_out: view.path.media_out,
            over_limit: view.over_limit,
            dropped: dropped.filter(|(_, count)| *count > 0).collect(),
        }
    }
}
