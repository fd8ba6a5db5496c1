//! `/metrics`: what was counted, in the text format of Prometheus (OpenMetrics 1.0).
//!
//! Three levels: the shard (for the life of the server, nothing ever falls), the session (as long as it is carried) and the connection of a participant
//! (as long as it is in). A sum over a level holds everything once; levels are never to be added. What each means is in docs/OPERATING.md, which a test
//! compares with this. The step before is `shard_view.rs`.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use backline_relay::counts::{ERRORS, LEAVES, LIMITS, REFUSALS};
use backline_relay::{MixStats, ParticipantView, PoolStats, SessionId, Spread, Totals};
use backline_session::document::OperationCounts;
use backline_transport::{DropReason, PathStats};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeCounterValue, EncodeGaugeValue, EncodeMetric, NoLabelSet, text,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

use crate::server::Server;
use crate::shard_view::ShardView;

/// What the answer is.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// All of it, as it is now.
pub fn text(server: &Server) -> String {
    let mut registry = Registry::with_prefix("backline");
    registry.register_collector(Box::new(Seen::of(server)));
    let mut out = String::new();
    if text::encode(&mut out, &registry).is_err() {
        tracing::error!("metrics can't be written into memory");
    }
    out
}

/// What is told, read once.
#[derive(Debug)]
struct Seen {
    uptime: Duration,
    is_ready: bool,
    restarts: u64,
    answers: [(&'static str, u64); 4],
    unauthorised: u64,
    orders_refused: u64,
    views: Vec<Arc<ShardView>>,
}

type Labels = Vec<(&'static str, String)>;

impl Seen {
    fn of(server: &Server) -> Self {
        Self {
            uptime: server.uptime(),
            is_ready: server.is_ready(),
            restarts: server.restarts(),
            answers: server.counters.answers(),
            unauthorised: server.counters.unauthorised(),
            orders_refused: server.counters.orders_refused(),
            views: server.views(),
        }
    }

    fn shards(&self) -> impl Iterator<Item = (Labels, &ShardView)> {
        let numbered = self.views.iter().enumerate();
        numbered.map(|(number, view)| (vec![("shard", number.to_string())], &**view))
    }

    fn shard_totals(&self) -> Vec<(Labels, Totals)> {
        self.shards().map(|(labels, view)| (labels, view.totals())).collect()
    }

    fn session_totals(&self) -> Vec<(Labels, Totals)> {
        let sessions = self.views.iter().flat_map(|view| &view.sessions);
        sessions.map(|session| (vec![("session", session.id.to_string())], session.totals)).collect()
    }

    fn participants(&self) -> Vec<(Labels, &ParticipantView)> {
        let sessions = self.views.iter().flat_map(|view| &view.sessions);
        let connections = sessions
            .flat_map(|session| session.participants.iter().map(|participant| (session.id, participant)));
        connections.map(|(id, participant)| (labels_of(id, participant), participant)).collect()
    }
}

fn labels_of(session: SessionId, participant: &ParticipantView) -> Labels {
    vec![
        ("session", session.to_string()),
        ("participant", participant.participant.to_string()),
        ("connection", participant.peer.0.to_string()),
    ]
}

impl Collector for Seen {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut out = Writer(encoder);
        self.server(&mut out)?;
        self.threads(&mut out)?;
        totals(&mut out, "shard", &self.shard_totals())?;
        totals(&mut out, "session", &self.session_totals())?;
        self.mixes(&mut out)?;
        self.presence(&mut out)?;
        self.people(&mut out)
    }
}

impl Seen {
    fn server(&self, out: &mut Writer<'_>) -> fmt::Result {
        let version = vec![("version", env!("CARGO_PKG_VERSION").to_owned())];
        out.info("build", "This program", &version)?;
        out.gauges("uptime_seconds", "Since the start", [(none(), self.uptime.as_secs_f64())])?;
        out.gauges("ready", "1 while somebody who comes is served", [(none(), u64::from(self.is_ready))])?;
        out.counters(
            "shard_restarts",
            "Shards that failed and were started again",
            [(none(), self.restarts)],
        )?;
        let answers = self.answers.map(|(code, count)| (vec![("code", code.to_owned())], count));
        out.counters("http_answers", "Answers of the HTTP API, by class of status", answers)?;
        let unauthorised = [(none(), self.unauthorised)];
        out.counters("http_unauthorised", "Requests without the token, or with another one", unauthorised)?;
        let refused = [(none(), self.orders_refused)];
        out.counters("orders_refused", "Orders for which a shard had no room or no answer", refused)
    }

    fn threads(&self, out: &mut Writer<'_>) -> fmt::Result {
        let counted = |of: fn(&ShardView) -> u64| self.shards().map(move |(labels, view)| (labels, of(view)));
        out.counters("shard_turns", "Turns of the shard's thread", counted(|view| view.counts.turns))?;
        let late = counted(|view| view.counts.late_turns);
        out.counters("shard_late_turns", "Turns that began over 1 ms after they were due", late)?;
        let cpu = self.shards().map(|(labels, view)| (labels, view.counts.cpu_time.as_secs_f64()));
        out.counters("shard_cpu_seconds", "Processor time of the shard's thread", cpu)?;
        let failed = counted(|view| view.counts.send_failures);
        out.counters("shard_send_failures", "Datagrams that the system did not take", failed)?;
        self.sending(out)?;
        let failed = counted(|view| view.counts.store_failures);
        out.counters("shard_store_failures", "Times that the disk could not keep a session", failed)?;
        let datagrams = self.shards().flat_map(|(labels, view)| {
            let stats = &view.counts.stats;
            each(&labels, "direction", [("in", stats.datagrams_in), ("out", stats.datagrams_out)])
        });
        out.counters("shard_datagrams", "Datagrams, by direction", datagrams)?;
        let refused = self.shards().flat_map(|(labels, view)| {
            let stats = &view.counts.stats;
            let reasons = [("nobodys", stats.datagrams_refused), ("stranger_flood", stats.stranger_flood)];
            each(&labels, "reason", reasons)
        });
        out.counters("shard_refused", "Datagrams that belong to no session, by why", refused)?;
        let strangers = counted(|view| view.counts.stats.strangers);
        out.counters(
            "shard_strangers",
            "Attempts to join by a link that leads to no session here",
            strangers,
        )?;
        let failed = counted(|view| view.counts.stats.sessions_failed);
        out.counters("shard_sessions_failed", "Sessions that failed and were opened again", failed)?;
        let spreads =
            |of: fn(&ShardView) -> &Spread| self.shards().map(move |(labels, view)| (labels, of(view)));
        out.spreads("shard_turn_seconds", "How long a turn took", spreads(|view| &view.counts.turn_time))?;
        let fan_out = spreads(|view| &view.counts.fan_out_time);
        let what = "How long it took from reading datagrams to the last one that they caused";
        out.spreads("shard_fan_out_seconds", what, fan_out)?;
        let waits = spreads(|view| &view.counts.order_wait);
        out.spreads("shard_order_wait_seconds", "How long an order of the API waited", waits)?;
        let waits = spreads(|view| &view.counts.store_wait);
        out.spreads("shard_store_wait_seconds", "How long it took until a change was kept", waits)
    }

    /// What is between the shard and the system.
    fn sending(&self, out: &mut Writer<'_>) -> fmt::Result {
        let counted = |of: fn(&ShardView) -> u64| self.shards().map(move |(labels, view)| (labels, of(view)));
        let calls = counted(|view| view.counts.send_calls);
        out.counters("shard_send_calls", "System calls that sent datagrams", calls)?;
        let messages = counted(|view| view.counts.send_messages);
        let what = "Messages that they had: several datagrams to one address may be one";
        out.counters("shard_send_messages", what, messages)?;
        let dropped = counted(|view| view.counts.send_dropped);
        let what = "Datagrams that were dropped since the system took none for too long";
        out.counters("shard_send_dropped", what, dropped)?;
        let buffers = self.shards().flat_map(|(labels, view)| {
            let PoolStats { buffers, in_use, high_water, .. } = view.counts.pool;
            each(&labels, "state", [("all", buffers), ("in_use", in_use), ("high_water", high_water)])
        });
        out.gauges("shard_pool_buffers", "Buffers of datagrams on their way out", buffers)?;
        let wrong = self.shards().flat_map(|(labels, view)| {
            each(&labels, "kind", [("full", view.counts.pool.full), ("misused", view.counts.pool.misused)])
        });
        out.counters("shard_pool_troubles", "Times that the pool of buffers had none, or was misused", wrong)
    }

    /// Of sessions whose route is mix.
    fn mixes(&self, out: &mut Writer<'_>) -> fmt::Result {
        let mixed: Vec<(Labels, MixStats)> = self
            .views
            .iter()
            .flat_map(|view| &view.sessions)
            .filter_map(|session| Some((vec![("session", session.id.to_string())], session.mix?)))
            .collect();
        let each_of = |name, of: fn(&MixStats) -> Vec<(&'static str, u64)>| {
            mixed.iter().flat_map(move |(labels, mix)| each(labels, name, of(mix)))
        };
        let ticks = each_of("state", |mix| {
            let in_time = mix.ticks.saturating_sub(mix.ticks_late);
            vec![("in_time", in_time), ("late", mix.ticks_late), ("left_out", mix.ticks_left_out)]
        });
        out.counters("session_mix_ticks", "Frames of the mixes, by when they were made", ticks)?;
        let frames = each_of("kind", |mix| vec![("encoded", mix.encoded), ("silent", mix.silent)]);
        out.counters("session_mix_frames", "Frames of different mixes, by what they cost", frames)?;
        let concealed = mixed.iter().map(|(labels, mix)| (labels.clone(), mix.concealed_frames));
        let what = "Sample frames of sources that were made up, since theirs were not there";
        out.counters("session_mix_concealed_frames", what, concealed)?;
        let sizes = each_of("of", |mix| {
            let sizes = [("sources", mix.sources), ("mixes", mix.mixes), ("listeners", mix.listeners)];
            sizes.map(|(of, size)| (of, size as u64)).to_vec()
        });
        out.gauges("session_mix_size", "How many there are", sizes)
    }

    fn presence(&self, out: &mut Writer<'_>) -> fmt::Result {
        let sessions = self.shards().map(|(labels, view)| (labels, view.sessions.len()));
        out.gauges("shard_sessions", "Sessions that are carried", sessions)?;
        let participants = self.shards().map(|(labels, view)| (labels, view.participants()));
        out.gauges("shard_participants", "Connections of people who are in", participants)?;
        let sessions = || self.views.iter().flat_map(|view| &view.sessions);
        let named = |id: SessionId| vec![("session", id.to_string())];
        let participants = sessions().map(|session| (named(session.id), session.participants.len()));
        out.gauges("session_participants", "Connections of people who are in", participants)?;
        let sources = sessions().map(|session| {
            let sources = session.participants.iter().map(|participant| participant.sources.len());
            (named(session.id), sources.sum::<usize>())
        });
        out.gauges("session_sources", "Sources that are published", sources)
    }

    fn people(&self, out: &mut Writer<'_>) -> fmt::Result {
        let all = self.participants();
        let since = all.iter().map(|(labels, of)| (labels.clone(), of.since.as_secs_f64()));
        out.gauges("participant_connected_seconds", "How long they are in", since)?;
        let times =
            all.iter().filter_map(|(labels, of)| Some((labels.clone(), of.round_trip?.as_secs_f64())));
        out.gauges("participant_round_trip_seconds", "To them and back, by the last check", times)?;
        let loss = all.iter().map(|(labels, of)| (labels.clone(), of.path.loss()));
        out.gauges(
            "participant_loss_ratio",
            "Share of their packets that did not come, since they are in",
            loss,
        )?;
        let paths: Vec<(Labels, PathStats)> =
            all.iter().map(|(labels, of)| (labels.clone(), of.path)).collect();
        traffic(out, "participant", &paths, true)?;
        let expected = paths.iter().map(|(labels, path)| (labels.clone(), path.media_expected));
        out.counters("participant_media_expected", "Packets that should have come from them", expected)?;
        let moved = paths.iter().map(|(labels, path)| (labels.clone(), path.address_changes));
        out.counters("participant_address_changes", "How often their address changed", moved)?;
        let limits = all.iter().flat_map(|(labels, of)| some(labels, "limit", of.over_limit.named(&LIMITS)));
        out.counters("participant_over_limit", "What was dropped since they were over a limit", limits)?;
        let errors = all.iter().flat_map(|(labels, of)| some(labels, "kind", of.errors.named(&ERRORS)));
        out.counters("participant_errors", "What went wrong with them", errors)?;
        let states = all.iter().flat_map(|(labels, of)| some(labels, "state", states(&of.operations)));
        out.counters("participant_operations", "Changes that they wanted, by what became of them", states)
    }
}

/// What shards and sessions have in common.
fn totals(out: &mut Writer<'_>, level: &str, rows: &[(Labels, Totals)]) -> fmt::Result {
    let name = |what: &str| format!("{level}_{what}");
    let packets = rows.iter().flat_map(|(labels, of)| {
        let relay = &of.relay;
        let counts = [("in", relay.packets_in), ("out", relay.packets_out), ("again", relay.packets_again)];
        each(labels, "direction", counts)
    });
    out.counters(&name("packets"), "Packets of streams: in, passed on, and sent once more", packets)?;
    let joins = rows.iter().map(|(labels, of)| (labels.clone(), of.relay.joins));
    out.counters(&name("joins"), "People who came in", joins)?;
    let leaves = rows.iter().flat_map(|(labels, of)| each(labels, "reason", of.relay.leaves.named(&LEAVES)));
    out.counters(&name("leaves"), "People who went, by why", leaves)?;
    let refusals =
        rows.iter().flat_map(|(labels, of)| each(labels, "reason", of.relay.refusals.named(&REFUSALS)));
    out.counters(&name("refusals"), "People who were not let in, by why", refusals)?;
    let limits =
        rows.iter().flat_map(|(labels, of)| each(labels, "limit", of.relay.over_limit.named(&LIMITS)));
    out.counters(&name("over_limit"), "What was dropped since somebody was over a limit", limits)?;
    let errors = rows.iter().flat_map(|(labels, of)| each(labels, "kind", of.relay.errors.named(&ERRORS)));
    out.counters(&name("errors"), "What went wrong with participants", errors)?;
    let states = rows.iter().flat_map(|(labels, of)| each(labels, "state", states(&of.operations)));
    out.counters(&name("operations"), "Changes to the document, by what became of them", states)?;
    let paths: Vec<(Labels, PathStats)> =
        rows.iter().map(|(labels, of)| (labels.clone(), of.paths)).collect();
    traffic(out, level, &paths, false)
}

/// What paths count. Of a person's, reasons that never happened are left out.
fn traffic(out: &mut Writer<'_>, level: &str, rows: &[(Labels, PathStats)], is_person: bool) -> fmt::Result {
    let both = |of: fn(&PathStats) -> (u64, u64)| {
        rows.iter().flat_map(move |(labels, path)| {
            let (received, sent) = of(path);
            each(labels, "direction", [("in", received), ("out", sent)])
        })
    };
    let name = |what: &str| format!("{level}_{what}");
    let datagrams = both(|path| (path.datagrams_in, path.datagrams_out));
    out.counters(&name("path_datagrams"), "Datagrams of paths, dropped ones included", datagrams)?;
    let bytes = both(|path| (path.bytes_in, path.bytes_out));
    out.counters(&name("path_bytes"), "Their bytes, without IP and UDP headers", bytes)?;
    let media = both(|path| (path.media_in, path.media_out));
    out.counters(&name("path_media"), "Packets of streams that were decrypted and encrypted", media)?;
    let control = both(|path| (path.control_in, path.control_out));
    out.counters(&name("path_control"), "Control messages", control)?;
    let dropped = rows.iter().flat_map(|(labels, path)| {
        let reasons = DropReason::ALL.into_iter().map(|reason| (reason.name(), path.dropped(reason)));
        each(labels, "reason", reasons.filter(|(_, count)| !is_person || *count > 0))
    });
    out.counters(&name("path_dropped"), "What went no further, by why", dropped)
}

/// What became of operations.
pub fn states(counts: &OperationCounts) -> [(&'static str, u64); 5] {
    [
        ("accepted", counts.accepted),
        ("superseded", counts.superseded),
        ("refused", counts.refused),
        ("repeated", counts.repeated),
        ("dropped", counts.dropped),
    ]
}

fn none() -> Labels {
    Labels::new()
}

fn each(
    labels: &Labels,
    name: &'static str,
    counts: impl IntoIterator<Item = (&'static str, u64)>,
) -> Vec<(Labels, u64)> {
    let with = |value: &str| labels.iter().cloned().chain([(name, value.to_owned())]).collect();
    counts.into_iter().map(|(value, count)| (with(value), count)).collect()
}

/// The same without what never happened.
fn some(
    labels: &Labels,
    name: &'static str,
    counts: impl IntoIterator<Item = (&'static str, u64)>,
) -> Vec<(Labels, u64)> {
    each(labels, name, counts.into_iter().filter(|(_, count)| *count > 0))
}

/// Families, one after the other.
struct Writer<'a>(DescriptorEncoder<'a>);

impl Writer<'_> {
    fn counters<V: EncodeCounterValue>(
        &mut self,
        name: &str,
        help: &str,
        rows: impl IntoIterator<Item = (Labels, V)>,
    ) -> fmt::Result {
        let mut family = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        for (labels, value) in rows {
            family.encode_family(&labels)?.encode_counter::<NoLabelSet, V, f64>(&value, None)?;
        }
        Ok(())
    }

    fn gauges<V: EncodeGaugeValue>(
        &mut self,
        name: &str,
        help: &str,
        rows: impl IntoIterator<Item = (Labels, V)>,
    ) -> fmt::Result {
        let mut family = self.0.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for (labels, value) in rows {
            family.encode_family(&labels)?.encode_gauge(&value)?;
        }
        Ok(())
    }

    fn spreads<'s>(
        &mut self,
        name: &str,
        help: &str,
        rows: impl IntoIterator<Item = (Labels, &'s Spread)>,
    ) -> fmt::Result {
        let mut family = self.0.encode_descriptor(name, help, None, MetricType::Histogram)?;
        for (labels, spread) in rows {
            let mut buckets: Vec<(f64, u64)> =
                spread.octaves().map(|(end, count)| (end.as_secs_f64(), count)).collect();
            // Whatever was longer was counted as the longest; the format wants an end that nothing exceeds.
            if let Some((end, _)) = buckets.last_mut() {
                *end = f64::MAX;
            }
            let (sum, count) = (spread.sum().as_secs_f64(), spread.count());
            family.encode_family(&labels)?.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)?;
        }
        Ok(())
    }

    fn info(&mut self, name: &str, help: &str, labels: &Labels) -> fmt::Result {
        let family = self.0.encode_descriptor(name, help, None, MetricType::Info)?;
        prometheus_client::metrics::info::Info::new(labels.clone()).encode(family)
    }
}
