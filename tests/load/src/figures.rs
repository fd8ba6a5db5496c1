//! What was measured in one run, the verdict on it, and how it is printed.
//!
//! The step before is `run.rs`; the step after is a person, or a program that reads the JSON.

use std::collections::BTreeMap;
use std::time::Duration;

use backline_relay::Spread;
use serde::Serialize;

use crate::crowd::{CrowdCounts, LATE, LATE_SHARE_MAX, STILL_MAX};
use crate::run::Setting;
use crate::server::{MixFigures, PoolFigures, ShardFigures};

/// The share of late turns that a server may have.
pub const LATE_TURNS_MAX: f64 = 0.01;

/// What the run says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The server carries them all.
    Carried,
    /// More than one of a hundred of its turns, or of the frames that it mixes where it does, were late.
    ServerLate,
    /// It lost packets.
    ServerLoses,
    /// It has so much to do that not all get in.
    ServerLetsNotAllIn,
    /// The generator itself was late or lost packets: nothing is judged.
    GeneratorTooSlow,
}

/// Times, in ms.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Times {
    /// Half are shorter.
    pub p50_ms: f64,
    /// 95 % are.
    pub p95_ms: f64,
    /// 99 % are.
    pub p99_ms: f64,
    /// The longest.
    pub max_ms: f64,
}

/// Everything of one run.
#[expect(missing_docs, reason = "the table below says what each is, and names have their units")]
#[derive(Debug, Clone, Serialize)]
pub struct Figures {
    /// The verdict.
    pub verdict: Verdict,
    pub clients: usize,
    pub room: usize,
    pub one_source: bool,
    pub listen_only: bool,
    pub silent_half: bool,
    pub route: String,
    pub frame_ms: f64,
    pub payload_bytes: f64,
    pub measured_s: f64,
    /// Of the server's turns.
    pub turns: Times,
    pub turn_count: u64,
    pub late_turn_share: f64,
    /// Of mixes: frames that were begun over a frame late, or left out.
    pub late_tick_share: f64,
    pub mixes: MixFigures,
    /// From the server's reading of datagrams to the last that they caused.
    pub server_fan_out: Times,
    /// With one source, as the listeners see it: from its packet's due time to the last of them.
    pub to_last_listener: Times,
    pub to_last_listener_count: u64,
    /// By reason, at the server.
    pub dropped: BTreeMap<String, u64>,
    pub dropped_at_server_port: u64,
    pub dropped_at_clients: u64,
    pub packets_sent: u64,
    pub packets_heard: u64,
    pub packets_missed: u64,
    pub silent_streams: u64,
    pub loss: f64,
    pub one_way: Times,
    pub server_in_per_s: f64,
    pub server_out_per_s: f64,
    pub datagrams_per_send_call: f64,
    pub datagrams_per_message: f64,
    /// Processor time of the shard's thread, in a second.
    pub shard_cpu_share: f64,
    pub server_cpu_s: f64,
    /// Processor time of the shard's thread for each datagram that came in, with all that it caused, in µs.
    pub us_per_datagram_in: f64,
    pub memory_empty_bytes: u64,
    pub memory_bytes: u64,
    /// While it was measured.
    pub memory_grown_bytes: u64,
    pub memory_per_client_bytes: f64,
    pub pool: Pool,
    /// Of the server's core, by everybody.
    pub core_busy_share: f64,
    pub load_average: f64,
    pub generator_late_share: f64,
    pub generator_lateness: Times,
    pub generator_cpu_share: f64,
}

/// The server's buffers; see `PoolStats` of the relay.
#[expect(missing_docs, reason = "they are what the server calls them")]
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Pool {
    pub buffers: u64,
    pub in_use: u64,
    pub high_water: u64,
    pub high_water_share: f64,
    pub full: u64,
    pub misused: u64,
}

impl Times {
    fn of(spread: &Spread) -> Self {
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        let [p50_ms, p95_ms, p99_ms] = [0.5, 0.95, 0.99].map(|share| ms(spread.quantile(share)));
        Self { p50_ms, p95_ms, p99_ms, max_ms: ms(spread.longest()) }
    }
}

impl Figures {
    /// Of a run that did not begin, since not all got in.
    pub fn not_all_in(setting: &Setting) -> Self {
        let verdict = Verdict::ServerLetsNotAllIn;
        Self { verdict, ..Self::new(setting, 0.0, &CrowdCounts::default()) }
    }

    /// What the clients say.
    pub(crate) fn new(setting: &Setting, payload_bytes: f64, crowd: &CrowdCounts) -> Self {
        let clients = &crowd.clients;
        let expected = clients.heard + clients.missed;
        Self {
            verdict: Verdict::Carried,
            clients: setting.clients,
            room: setting.room,
            one_source: setting.one_source,
            listen_only: setting.listen_only,
            silent_half: setting.silent_half,
            route: setting.route.to_string(),
            frame_ms: setting.frame.frames() as f64 / 48.0,
            payload_bytes,
            measured_s: crowd.time.as_secs_f64(),
            turns: Times::default(),
            turn_count: 0,
            late_turn_share: 0.0,
            late_tick_share: 0.0,
            mixes: MixFigures::default(),
            server_fan_out: Times::default(),
            to_last_listener: Times::of(&crowd.to_last_listener),
            to_last_listener_count: crowd.to_last_listener.count(),
            dropped: BTreeMap::new(),
            dropped_at_server_port: 0,
            dropped_at_clients: 0,
            packets_sent: clients.sent,
            packets_heard: clients.heard,
            packets_missed: clients.missed,
            silent_streams: clients.silent,
            loss: clients.missed as f64 / expected.max(1) as f64,
            one_way: Times::of(&clients.one_way),
            server_in_per_s: 0.0,
            server_out_per_s: 0.0,
            datagrams_per_send_call: 0.0,
            datagrams_per_message: 0.0,
            shard_cpu_share: 0.0,
            server_cpu_s: 0.0,
            us_per_datagram_in: 0.0,
            memory_empty_bytes: 0,
            memory_bytes: 0,
            memory_grown_bytes: 0,
            memory_per_client_bytes: 0.0,
            pool: Pool::default(),
            core_busy_share: 0.0,
            load_average: 0.0,
            generator_late_share: crowd.lateness.share_above(LATE),
            generator_lateness: Times::of(&crowd.lateness),
            generator_cpu_share: crowd.cpu.as_secs_f64() / crowd.time.as_secs_f64().max(1e-9),
        }
    }

    /// What the server says of its shard between two moments.
    pub(crate) fn add_shard(&mut self, before: &ShardFigures, after: &ShardFigures) {
        let spread = |figures: &[(usize, u64)]| Spread::from_counts(figures.iter().copied());
        let turns = spread(&after.turn_counts).since(&spread(&before.turn_counts));
        let fan_out = spread(&after.fan_out_counts).since(&spread(&before.fan_out_counts));
        let time = (after.at_seconds - before.at_seconds).max(1e-9);
        let more = |figure: fn(&ShardFigures) -> u64| figure(after).saturating_sub(figure(before));
        let cpu = after.cpu_seconds - before.cpu_seconds;
        let came = more(|shard| shard.datagrams_in);
        self.turns = Times::of(&turns);
        self.turn_count = more(|shard| shard.turns);
        self.late_turn_share = more(|shard| shard.late_turns) as f64 / self.turn_count.max(1) as f64;
        self.server_fan_out = Times::of(&fan_out);
        self.server_in_per_s = came as f64 / time;
        self.server_out_per_s = more(|shard| shard.datagrams_out) as f64 / time;
        self.datagrams_per_send_call =
            more(|shard| shard.datagrams_out) as f64 / more(|shard| shard.send_calls).max(1) as f64;
        let went = more(|shard| shard.datagrams_out);
        self.datagrams_per_message = went as f64 / more(|shard| shard.send_messages).max(1) as f64;
        self.shard_cpu_share = cpu / time;
        self.us_per_datagram_in = cpu * 1e6 / came.max(1) as f64;
        let grown = self.memory_bytes.saturating_sub(self.memory_empty_bytes);
        self.memory_per_client_bytes = grown as f64 / self.clients.max(1) as f64;
        let before_dropped = before.dropped();
        let before_of = |reason: &str| before_dropped.get(reason).copied().unwrap_or(0);
        let dropped = after.dropped().into_iter().map(|(reason, count)| {
            let since = count.saturating_sub(before_of(&reason));
            (reason, since)
        });
        self.dropped = dropped.filter(|(_, count)| *count > 0).collect();
        let PoolFigures { buffers, in_use, high_water, full, misused, .. } = after.pool;
        let high_water_share = high_water as f64 / buffers.max(1) as f64;
        self.pool = Pool { buffers, in_use, high_water, high_water_share, full, misused };
    }

    /// What it says of its mixes since the first moment.
    pub(crate) fn add_mixes(&mut self, mixes: MixFigures) {
        self.late_tick_share = mixes.late_share();
        self.mixes = mixes;
    }

    /// What is judged: where it is mixed, ticks, since a turn may take as long as a frame does; otherwise turns.
    fn late_share(&self) -> f64 {
        if self.mixes.ticks > 0 { self.late_tick_share } else { self.late_turn_share }
    }

    /// Says who is to blame, the generator first.
    pub fn judge(&mut self, was_stopped: bool) {
        let lost_by_server = self.packets_missed > self.dropped_at_clients;
        self.verdict = if was_stopped
            || self.generator_lateness.max_ms > STILL_MAX.as_secs_f64() * 1e3
            || self.generator_late_share > LATE_SHARE_MAX
            || self.dropped_at_clients > 0
        {
            Verdict::GeneratorTooSlow
        } else if lost_by_server
            || self.silent_streams > 0
            || self.dropped_at_server_port > 0
            || !self.dropped.is_empty()
        {
            Verdict::ServerLoses
        } else if self.late_share() > LATE_TURNS_MAX {
            Verdict::ServerLate
        } else {
            Verdict::Carried
        };
    }

    /// One line, for a search.
    pub fn line(&self) -> String {
        format!(
            "{:>5} clients: {:<18} late {:>6.2} % ticks {:>6.2} %  turn p99 {:>7.3} ms  cpu {:>5.1} %  {:>6.2} us/packet in  lost {:>6}  one-way p99 {:>7.3} ms  generator {:>5.1} %",
            self.clients,
            self.verdict.text(),
            100.0 * self.late_turn_share,
            100.0 * self.late_tick_share,
            self.turns.p99_ms,
            100.0 * self.shard_cpu_share,
            self.us_per_datagram_in,
            self.packets_missed,
            self.one_way.p99_ms,
            100.0 * self.generator_cpu_share,
        )
    }

    /// Everything, for people.
    pub fn table(&self) -> String {
        let rows = self.server_rows().into_iter().chain(self.client_rows());
        rows.map(|(name, value)| format!("{name:<22} {value}\n")).collect()
    }

    fn server_rows(&self) -> [(&'static str, String); 12] {
        let kind = match (self.one_source, self.listen_only) {
            (true, _) => "one source and its listeners",
            (_, true) => "one of each plays",
            _ => "everybody plays",
        };
        let kind =
            format!("{kind}{}, by {}", if self.silent_half { " half of the time" } else { "" }, self.route);
        let dropped: Vec<String> =
            self.dropped.iter().map(|(reason, count)| format!("{reason} {count}")).collect();
        let dropped = if dropped.is_empty() { "nothing".to_owned() } else { dropped.join(", ") };
        let (turns, time) = (self.turn_count, self.measured_s);
        let (came, went) = (self.server_in_per_s, self.server_out_per_s);
        let [with, without] =
            [self.memory_bytes, self.memory_empty_bytes].map(|bytes| bytes as f64 / f64::from(1 << 20));
        let Pool { buffers, in_use, high_water, high_water_share, full, misused } = self.pool;
        [
            ("verdict", self.verdict.text().to_owned()),
            ("clients on one core", format!("{} in rooms of {}, {kind}", self.clients, self.room)),
            ("each plays", format!("Opus {} ms, {:.0} bytes a packet", self.frame_ms, self.payload_bytes)),
            ("server's turns", format!("{}  ({turns} in {time:.1} s)", self.turns)),
            ("late turns", format!("{:.3} %", 100.0 * self.late_turn_share)),
            ("mixes", self.mix_text()),
            ("server's fan-out", self.server_fan_out.to_string()),
            (
                "packets a second",
                format!(
                    "{came:.0} in, {went:.0} out, {:.1} with one call, {:.2} in one message",
                    self.datagrams_per_send_call, self.datagrams_per_message
                ),
            ),
            (
                "server's processor",
                format!(
                    "{:.1} % of a core; {:.2} us for each packet in",
                    100.0 * self.shard_cpu_share,
                    self.us_per_datagram_in
                ),
            ),
            ("dropped by the server", dropped),
            (
                "memory",
                format!(
                    "{with:.1} MiB with clients, {without:.1} MiB without: {:.0} KiB a client",
                    self.memory_per_client_bytes / 1_024.0
                ),
            ),
            (
                "buffers",
                format!(
                    "{high_water} of {buffers} at most ({:.1} %), {in_use} in use; full {full} times, misused {misused}",
                    100.0 * high_water_share
                ),
            ),
        ]
    }

    fn mix_text(&self) -> String {
        let MixFigures { ticks, ticks_late, ticks_left_out, encoded, silent, mixes, listeners, .. } =
            self.mixes;
        if ticks == 0 {
            return "none".to_owned();
        }
        format!(
            "{mixes} for {listeners} listeners; {ticks} ticks, {ticks_late} late, {ticks_left_out} left out; {encoded} frames encoded, {silent} silent"
        )
    }

    fn client_rows(&self) -> [(&'static str, String); 6] {
        [
            (
                "found a full port",
                format!(
                    "{} at the server, {} at clients",
                    self.dropped_at_server_port, self.dropped_at_clients
                ),
            ),
            (
                "clients heard",
                format!(
                    "{} packets, missed {} ({:.4} %), {} streams not at all",
                    self.packets_heard,
                    self.packets_missed,
                    100.0 * self.loss,
                    self.silent_streams
                ),
            ),
            ("one way", self.one_way.to_string()),
            (
                "to the last listener",
                format!("{}  ({} packets)", self.to_last_listener, self.to_last_listener_count),
            ),
            (
                "generator",
                format!(
                    "{:.1} % of a core; late {:.3} %, p99 {:.3}, max {:.3} ms",
                    100.0 * self.generator_cpu_share,
                    100.0 * self.generator_late_share,
                    self.generator_lateness.p99_ms,
                    self.generator_lateness.max_ms
                ),
            ),
            (
                "machine",
                format!(
                    "server's core {:.0} % busy, load average {:.1}",
                    100.0 * self.core_busy_share,
                    self.load_average
                ),
            ),
        ]
    }
}

impl std::fmt::Display for Times {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { p50_ms, p95_ms, p99_ms, max_ms } = self;
        write!(f, "p50 {p50_ms:.3}  p95 {p95_ms:.3}  p99 {p99_ms:.3}  max {max_ms:.3} ms")
    }
}

impl Verdict {
    /// For people.
    pub fn text(self) -> &'static str {
        match self {
            Self::Carried => "carried",
            Self::ServerLate => "server is late",
            Self::ServerLoses => "server loses",
            Self::ServerLetsNotAllIn => "not all get in",
            Self::GeneratorTooSlow => "GENERATOR TOO SLOW",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures() -> Figures {
        let setting = Setting {
            server: std::path::PathBuf::new(),
            clients: 8,
            room: 4,
            route: backline_wire::Route::Forward,
            one_source: false,
            listen_only: false,
            silent_half: false,
            frame: backline_codec::OpusFrame::Ms2_5,
            settle: Duration::ZERO,
            time: Duration::from_secs(1),
            threads: 1,
        };
        Figures::new(&setting, 80.0, &CrowdCounts::default())
    }

    fn verdict(change: impl FnOnce(&mut Figures)) -> Verdict {
        let mut figures = figures();
        change(&mut figures);
        figures.judge(false);
        figures.verdict
    }

    #[test]
    fn the_generator_is_blamed_before_the_server() {
        assert_eq!(verdict(|_| {}), Verdict::Carried);
        assert_eq!(verdict(|of| of.late_turn_share = 0.02), Verdict::ServerLate);
        let ticks = |of: &mut Figures, share| {
            (of.mixes.ticks, of.late_tick_share, of.late_turn_share) = (1, share, 0.1)
        };
        assert_eq!(verdict(|of| ticks(of, 0.0)), Verdict::Carried);
        assert_eq!(verdict(|of| ticks(of, 0.02)), Verdict::ServerLate);
        assert_eq!(verdict(|of| (of.late_turn_share, of.packets_missed) = (0.02, 1)), Verdict::ServerLoses);
        assert_eq!(
            verdict(|of| (of.packets_missed, of.generator_late_share) = (1, 0.02)),
            Verdict::GeneratorTooSlow
        );
        let mut stopped = figures();
        stopped.judge(true);
        assert_eq!(stopped.verdict, Verdict::GeneratorTooSlow);
    }

    #[test]
    fn what_was_before_does_not_count() {
        let mut figures = figures();
        let before = ShardFigures {
            turns: 100,
            late_turns: 50,
            turn_counts: vec![(3, 100)],
            ..ShardFigures::default()
        };
        let mut after = ShardFigures {
            turns: 200,
            late_turns: 51,
            turn_counts: vec![(3, 100), (9, 100)],
            at_seconds: 2.0,
            ..before.clone()
        };
        after.not_sent = 7;
        figures.add_shard(&before, &after);
        assert!((figures.late_turn_share - 0.01).abs() < 1e-9);
        assert!(figures.turns.p50_ms > 0.002 && figures.dropped["not_sent"] == 7);
        assert!(figures.table().contains("not_sent 7"));
    }
}
