//! What `status` prints: the numbers of the API, for a terminal.
//!
//! The step before is the answer of `/api/v1/shards` with that of `/api/v1/sessions`.

use std::fmt::Write as _;

use serde_json::Value;

/// Lines for people.
pub fn text(all: &Value) -> String {
    let (sessions, shards) = (list(all, "sessions"), list(all, "shards"));
    let mut out = format!(
        "{}, running for {:.0} s, {} restarts\n{} sessions",
        if all["is_ready"] == true { "ready" } else { "draining" },
        all["uptime_seconds"].as_f64().unwrap_or_default(),
        all["restarts"],
        sessions.len()
    );
    sessions.iter().for_each(|session| one_session(&mut out, session));
    let _ = write!(out, "\n{} shards", shards.len());
    for shard in shards {
        let (turn, totals) = (&shard["turn_ms"], &shard["totals"]);
        let _ = write!(
            out,
            "\n  UDP {}  {:.2} s CPU, turns p50 {:.3} p95 {:.3} p99 {:.3} max {:.3} ms, {} of {} late; {} packets in, {} passed on; \
             {} joins; dropped {}, refused {}, over limits {}, errors {}",
            shard["port"],
            number(&shard["cpu_seconds"]),
            number(&turn["p50"]),
            number(&turn["p95"]),
            number(&turn["p99"]),
            number(&turn["max"]),
            shard["late_turns"],
            shard["turns"],
            totals["packets_in"],
            totals["packets_out"],
            totals["joins"],
            sum(&totals["dropped"]),
            sum(&shard["refused"]),
            sum(&totals["over_limit"]),
            sum(&totals["errors"]),
        );
    }
    out
}

fn one_session(out: &mut String, session: &Value) {
    let participants = list(session, "participants");
    let words = |value: &Value| value.as_str().unwrap_or("–").to_owned();
    // A string takes whatever is written to it.
    let _ = write!(
        out,
        "\n  {}  {:3} in  {}  ({}: {} packets in, {} passed on, {} sent again)",
        words(&session["id"]),
        participants.len(),
        words(&session["name"]),
        words(&session["route"]),
        session["packets_in"],
        session["packets_out"],
        session["packets_again"],
    );
    for of in participants {
        let round_trip = of["round_trip_ms"].as_f64().map_or("–".to_owned(), |time| format!("{time:.1}"));
        let _ = write!(
            out,
            "\n    {}  {}  round trip {round_trip} ms, loss {:.2} %, {} packets in, {} out, dropped {}, over limits {}, errors {}",
            words(&of["name"]),
            words(&of["address"]),
            number(&of["loss"]) * 100.0,
            of["media_in"],
            of["media_out"],
            sum(&of["dropped"]),
            sum(&of["over_limit"]),
            sum(&of["errors"]),
        );
    }
}

fn list<'a>(of: &'a Value, key: &str) -> &'a [Value] {
    of[key].as_array().map_or(&[], Vec::as_slice)
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_default()
}

fn sum(reasons: &Value) -> u64 {
    reasons.as_object().into_iter().flatten().filter_map(|(_, count)| count.as_u64()).sum()
}
