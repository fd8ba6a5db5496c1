//! What the API says, as JSON. Plain numbers and texts; no secret is among them but the link that was asked for.

use std::collections::BTreeMap;

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use backline_relay::counts::{ERRORS, LEAVES, LIMITS, REFUSALS, RelayStats};
use backline_relay::{MixStats, ParticipantView, PoolStats, SessionView, Spread, Totals};
use backline_transport::{DropReason, PathStats};
use serde::{Deserialize, Serialize};

use crate::metrics::states;
use crate::shard_view::ShardView;

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
    #[serde(flatten)]
    pub counts: Counts,
    /// How media travels: mesh, forward or mix.
    pub route: String,
    /// Where it is mixed.
    pub mix: Option<Mix>,
}

/// What a session, or all of a shard, has counted, also for those who are gone. Reasons that never happened are left out.
#[derive(Debug, Serialize)]
pub struct Counts {
    pub packets_in: u64,
    pub packets_out: u64,
    pub packets_again: u64,
    pub bytes_in: u64,
    pub bytes_out: u64,
    pub joins: u64,
    pub leaves: Reasons,
    pub refusals: Reasons,
    pub over_limit: Reasons,
    pub errors: Reasons,
    pub dropped: Reasons,
    pub operations: Reasons,
}

/// Counts by reason; only those that are not zero.
pub type Reasons = BTreeMap<&'static str, u64>;

fn reasons(counts: impl IntoIterator<Item = (&'static str, u64)>) -> Reasons {
    counts.into_iter().filter(|(_, count)| *count > 0).collect()
}

fn dropped(path: &PathStats) -> Reasons {
    reasons(DropReason::ALL.into_iter().map(|reason| (reason.name(), path.dropped(reason))))
}

impl From<&Totals> for Counts {
    fn from(totals: &Totals) -> Self {
        let relay: &RelayStats = &totals.relay;
        Self {
            packets_in: relay.packets_in,
            packets_out: relay.packets_out,
            packets_again: relay.packets_again,
            bytes_in: totals.paths.bytes_in,
            bytes_out: totals.paths.bytes_out,
            joins: relay.joins,
            leaves: reasons(relay.leaves.named(&LEAVES)),
            refusals: reasons(relay.refusals.named(&REFUSALS)),
            over_limit: reasons(relay.over_limit.named(&LIMITS)),
            errors: reasons(relay.errors.named(&ERRORS)),
            dropped: dropped(&totals.paths),
            operations: reasons(states(&totals.operations)),
        }
    }
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
    pub media_expected: u64,
    /// Share of what should have come from them, 0 to 1.
    pub loss: f64,
    pub address_changes: u64,
    pub over_limit: Reasons,
    pub errors: Reasons,
    pub dropped: Reasons,
    pub operations: Reasons,
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
    pub is_ready: bool,
    /// How often a shard had to be started again.
    pub restarts: u64,
    pub orders_refused: u64,
    pub unauthorised: u64,
    pub shards: Vec<Shard>,
}

/// One shard. All is since its start.
#[derive(Debug, Serialize)]
pub struct Shard {
    pub port: u16,
    pub sessions: usize,
    pub participants: usize,
    pub cpu_seconds: f64,
    pub turns: u64,
    pub late_turns: u64,
    /// When this was so: snapshots are taken five times a second.
    pub at_seconds: f64,
    pub turn_ms: Times,
    /// From reading datagrams to the last one that they caused.
    pub fan_out_ms: Times,
    pub order_wait_ms: Times,
    pub store_wait_ms: Times,
    /// The same as classes and their counts, for whoever wants the difference of two moments.
    pub turn_counts: Vec<(usize, u64)>,
    pub fan_out_counts: Vec<(usize, u64)>,
    pub datagrams_in: u64,
    pub datagrams_out: u64,
    /// System calls that sent them.
    pub send_calls: u64,
    /// Messages that they had: several datagrams to one address may be one.
    pub send_messages: u64,
    pub strangers: u64,
    pub sessions_failed: u64,
    pub not_sent: u64,
    /// Datagrams for which the system had no room for too long.
    pub no_room_to_send: u64,
    pub store_failures: u64,
    /// Datagrams that belong to no session.
    pub refused: Reasons,
    /// Of all sessions that there ever were.
    pub totals: Counts,
    pub pool: Pool,
}

/// A shard's buffers for datagrams on their way out.
#[derive(Debug, Serialize)]
pub struct Pool {
    pub buffers: u64,
    pub in_use: u64,
    /// The most that were in use.
    pub high_water: u64,
    pub taken: u64,
    /// How often there was none.
    pub full: u64,
    /// How often one was used after it had been given back: a bug.
    pub misused: u64,
}

/// How long something takes, in milliseconds; zeros before it ever happened.
#[derive(Debug, Serialize)]
pub struct Times {
    pub count: u64,
    pub p50: f64,
    pub p95: f64,
    pub p99: f64,
    pub max: f64,
}

impl From<&Spread> for Times {
    fn from(spread: &Spread) -> Self {
        let quantile = |share| spread.quantile(share).as_secs_f64() * 1e3;
        Self {
            count: spread.count(),
            p50: quantile(0.5),
            p95: quantile(0.95),
            p99: quantile(0.99),
            max: spread.longest().as_secs_f64() * 1e3,
        }
    }
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
        let (counts, stats) = (&view.counts, &view.counts.stats);
        Self {
            port: view.port,
            sessions: view.sessions.len(),
            participants: view.participants(),
            cpu_seconds: counts.cpu_time.as_secs_f64(),
            turns: counts.turns,
            late_turns: counts.late_turns,
            at_seconds: view.at.as_secs_f64(),
            turn_ms: Times::from(&counts.turn_time),
            fan_out_ms: Times::from(&counts.fan_out_time),
            order_wait_ms: Times::from(&counts.order_wait),
            store_wait_ms: Times::from(&counts.store_wait),
            turn_counts: counts.turn_time.counts().collect(),
            fan_out_counts: counts.fan_out_time.counts().collect(),
            datagrams_in: stats.datagrams_in,
            datagrams_out: stats.datagrams_out,
            send_calls: counts.send_calls,
            send_messages: counts.send_messages,
            strangers: stats.strangers,
            sessions_failed: stats.sessions_failed,
            not_sent: counts.send_failures,
            no_room_to_send: counts.send_dropped,
            store_failures: counts.store_failures,
            refused: reasons([
                ("nobodys", stats.datagrams_refused),
                ("stranger_flood", stats.stranger_flood),
            ]),
            totals: Counts::from(&view.totals()),
            pool: Pool::from(view.counts.pool),
        }
    }
}

impl From<PoolStats> for Pool {
    fn from(stats: PoolStats) -> Self {
        let PoolStats { buffers, in_use, high_water, taken, full, misused } = stats;
        Self { buffers, in_use, high_water, taken, full, misused }
    }
}

impl From<&SessionView> for Session {
    fn from(view: &SessionView) -> Self {
        Self {
            id: view.id.to_string(),
            name: view.name.clone(),
            participants: view.participants.iter().map(Participant::from).collect(),
            counts: Counts::from(&view.totals),
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
            media_expected: view.path.media_expected,
            loss: view.path.loss(),
            address_changes: view.path.address_changes,
            over_limit: reasons(view.over_limit.named(&LIMITS)),
            errors: reasons(view.errors.named(&ERRORS)),
            dropped: dropped(&view.path),
            operations: reasons(states(&view.operations)),
        }
    }
}
