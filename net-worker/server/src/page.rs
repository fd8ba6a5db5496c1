//! The status page: what `/metrics` knows, for people. Plain HTML with every number in it; with scripts it looks again every two seconds, without
//! them every ten.
//!
//! It loads nothing from elsewhere, and whatever came from people is escaped. The step before is `shard_view.rs`.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderName, header};
use axum::response::{IntoResponse, Response};
use backline_relay::{ParticipantView, SessionView};

use crate::server::Server;
use crate::shard_view::ShardView;
use backline_relay::Spread;

/// Nothing but what this server serves itself, and nothing that is written into the page.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'none'";
const SCRIPT: &str = include_str!("page/status.js");
const STYLE: &str = include_str!("page/status.css");

/// The page as it is now.
pub fn answer(server: &Server) -> Response {
    with_policy("text/html; charset=utf-8", html(server)).into_response()
}

/// What makes it live.
pub async fn script() -> Response {
    with_policy("text/javascript; charset=utf-8", SCRIPT.to_owned()).into_response()
}

/// What it looks like.
pub async fn style() -> Response {
    with_policy("text/css; charset=utf-8", STYLE.to_owned()).into_response()
}

fn with_policy(kind: &'static str, body: String) -> impl IntoResponse {
    let headers: [(HeaderName, &str); 5] = [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (headers, body)
}

fn html(server: &Server) -> String {
    let views = server.views();
    let mut out = String::with_capacity(8 * 1024);
    out.push_str(HEAD);
    summary(&mut out, server, &views);
    sessions(&mut out, &views);
    shards(&mut out, &views);
    out.push_str(FOOT);
    out
}

fn summary(out: &mut String, server: &Server, views: &[Arc<ShardView>]) {
    let sessions: usize = views.iter().map(|view| view.sessions.len()).sum();
    let participants: usize = views.iter().map(|view| view.participants()).sum();
    let (mut packets_in, mut packets_out, mut errors, mut over_limit) = (0, 0, 0, 0);
    for totals in views.iter().map(|view| view.totals()) {
        packets_in += totals.relay.packets_in;
        packets_out += totals.relay.packets_out;
        errors += totals.relay.errors.total() + totals.paths.dropped_total();
        over_limit += totals.relay.over_limit.total();
    }
    let state = if server.is_ready() { "ready" } else { "draining" };
    let facts: [(&str, &str, String); 9] = [
        ("state", "State", state.to_owned()),
        ("uptime", "Running for", duration(server.uptime())),
        ("sessions", "Sessions", sessions.to_string()),
        ("participants", "Connected", participants.to_string()),
        ("packets-in", "Packets in", grouped(packets_in)),
        ("packets-out", "Packets passed on", grouped(packets_out)),
        ("errors", "Dropped or failed", grouped(errors)),
        ("over-limit", "Over a limit", grouped(over_limit)),
        ("restarts", "Restarts", server.restarts().to_string()),
    ];
    out.push_str("<dl>");
    for (id, name, value) in facts {
        write(out, format_args!("<div><dt>{name}</dt><dd id=\"{id}\">{value}</dd></div>"));
    }
    out.push_str("</dl>");
}

fn sessions(out: &mut String, views: &[Arc<ShardView>]) {
    out.push_str("<h2>Sessions</h2>");
    let mut any = false;
    for session in views.iter().flat_map(|view| &view.sessions) {
        any = true;
        one_session(out, session);
    }
    if !any {
        out.push_str(
            "<p>None yet. <code>backline-server invite NAME</code> makes one and prints its link.</p>",
        );
    }
}

fn one_session(out: &mut String, session: &SessionView) {
    let (relay, name) = (&session.totals.relay, escaped(&session.name));
    write(
        out,
        format_args!(
            "<section><h3>{name} <small>{}</small></h3><p>Route {}: {} packets in, {} passed on, {} sent again; {} came, {} went, {} were refused.</p>",
            session.id,
            session.route,
            grouped(relay.packets_in),
            grouped(relay.packets_out),
            grouped(relay.packets_again),
            relay.joins,
            relay.leaves.total(),
            relay.refusals.total(),
        ),
    );
    if session.participants.is_empty() {
        out.push_str("<p>Nobody is in.</p></section>");
        return;
    }
    out.push_str(
        "<div class=\"wide\" tabindex=\"0\"><table class=\"people\"><thead><tr><th>Who</th><th>From</th><th>In for</th><th>Round trip</th><th>Loss</th>\
         <th>Packets in</th><th>Packets out</th><th>Dropped or failed</th><th>Over a limit</th><th>Sources</th></tr></thead><tbody>",
    );
    session.participants.iter().for_each(|participant| one_participant(out, participant));
    out.push_str("</tbody></table></div></section>");
}

fn one_participant(out: &mut String, of: &ParticipantView) {
    let sources: Vec<String> =
        of.sources.iter().map(|source| escaped(&source.published.info.name.to_string())).collect();
    let address = of.address.map_or_else(|| "–".to_owned(), |address| address.to_string());
    let round_trip =
        of.round_trip.map_or_else(|| "–".to_owned(), |time| format!("{:.1} ms", time.as_secs_f64() * 1e3));
    write(
        out,
        format_args!(
            "<tr><th scope=\"row\">{}</th><td>{address}</td><td>{}</td><td>{round_trip}</td><td>{:.2} %</td><td>{}</td><td>{}</td><td>{}</td>\
             <td>{}</td><td>{}</td></tr>",
            escaped(&of.name.to_string()),
            duration(of.since),
            of.path.loss() * 100.0,
            grouped(of.path.media_in),
            grouped(of.path.media_out),
            grouped(of.errors.total() + of.path.dropped_total()),
            grouped(of.over_limit.total()),
            sources.join(", "),
        ),
    );
}

fn shards(out: &mut String, views: &[Arc<ShardView>]) {
    out.push_str(
        "<h2>Shards</h2><div class=\"wide\" tabindex=\"0\"><table><thead><tr><th>Shard</th><th>UDP port</th><th>Sessions</th><th>CPU</th><th>CPU time</th>\
         <th>Turns</th><th>Late</th><th>Turn p50</th><th>p99</th><th>Longest</th><th>Nobody’s</th><th>Not sent</th></tr></thead><tbody>",
    );
    for (number, view) in views.iter().enumerate() {
        let (counts, stats) = (&view.counts, &view.counts.stats);
        let milliseconds = |time: Duration| format!("{:.3} ms", time.as_secs_f64() * 1e3);
        let turn: &Spread = &counts.turn_time;
        write(
            out,
            format_args!(
                "<tr data-cpu-ms=\"{}\"><th scope=\"row\">{number}</th><td>{}</td><td>{}</td><td class=\"cpu\">–</td><td>{:.2} s</td><td>{}</td>\
                 <td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
                counts.cpu_time.as_millis(),
                view.port,
                view.sessions.len(),
                counts.cpu_time.as_secs_f64(),
                grouped(counts.turns),
                grouped(counts.late_turns),
                milliseconds(turn.quantile(0.5)),
                milliseconds(turn.quantile(0.99)),
                milliseconds(turn.longest()),
                grouped(stats.datagrams_refused + stats.stranger_flood + stats.strangers),
                grouped(counts.send_failures),
            ),
        );
    }
    out.push_str("</tbody></table></div>");
}

const HEAD: &str = "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
    <meta name=\"color-scheme\" content=\"light dark\"><title>Backline server</title><link rel=\"stylesheet\" href=\"/status.css\">\
    <noscript><meta http-equiv=\"refresh\" content=\"10\"></noscript><script src=\"/status.js\" defer></script></head>\
    <body><header><h1>Backline server</h1><p id=\"live\">As it was when this page was loaded.</p></header><main>";
const FOOT: &str = "</main><footer>The same numbers: <a href=\"/metrics\">/metrics</a>, <a href=\"/api/v1/openapi.json\">/api/v1/</a>, \
    <code>backline-server status</code>. All counts are since the start; loss is since somebody came in.</footer></body></html>\n";

fn write(out: &mut String, text: std::fmt::Arguments<'_>) {
    // A string takes whatever is written to it.
    let _ = out.write_fmt(text);
}

/// As text in HTML, also between quotes.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

/// With a narrow space between thousands.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push('\u{202f}');
        }
        out.push(digit);
    }
    out
}

fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min {} s", seconds % 60),
        (0, _, _) => format!("{hours} h {minutes} min"),
        _ => format!("{days} d {hours} h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write_stays_text() {
        assert_eq!(
            escaped("<img src=x onerror='alert(1)'>&\""),
            "&lt;img src=x onerror=&#39;alert(1)&#39;&gt;&amp;&quot;"
        );
    }

    #[test]
    fn numbers_are_for_people() {
        assert_eq!(grouped(1_234_567), "1\u{202f}234\u{202f}567");
        assert_eq!((grouped(0), grouped(999)), ("0".to_owned(), "999".to_owned()));
        let told = [59, 61, 7_260, 90_000].map(|seconds| duration(Duration::from_secs(seconds)));
        assert_eq!(told, ["59 s", "1 min 1 s", "2 h 1 min", "1 d 1 h"]);
    }
}
