//! Bar 4: a hundred threads read what a worker publishes, without making it late.

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use backline_client::{Client, SourceView};
use backline_loopback::Rig;
use backline_media_report::figure::{Figure, Limit, Report};

const READERS: usize = 100;
/// A list as long as that of a hundred participants who send one source each.
const LISTED: usize = 100;
/// Reads that are timed together.
const BATCH: u64 = 100;
/// Between two batches of a reader: six million reads a minute in all.
const PAUSE: Duration = Duration::from_millis(100);

/// What the readers found.
struct Read {
    one_ns: f64,
    list_us: f64,
    per_minute: f64,
    late_share: f64,
}

/// A session of two on loopback, with and without readers.
pub fn measure(report: &mut Report<'_>) {
    let time = Duration::from_secs(report.seconds(60, 10));
    let (mut ada, mut bob) = (Rig::new(41), Rig::new(42));
    ada.play(400.0);
    bob.play(600.0);
    let joined = ada.host().and_then(|link| bob.join(&link));
    let heard =
        joined.and_then(|_| ada.wait(|snapshot| snapshot.sources.iter().any(|source| source.present)));
    let Ok(snapshot) = heard else {
        let what = "a session of two on loopback";
        return report.print(&Figure::unmeasured(
            "4.one",
            what,
            "ns",
            Some(Limit::AtMost(20.0)),
            "they did not meet",
        ));
    };
    let alone = late_share(&ada.client, time, || std::thread::sleep(time));
    let list: Vec<SourceView> = (0..LISTED).filter_map(|_| snapshot.sources.first().cloned()).collect();
    let read = with_readers(&ada.client, &list, time);
    print(report, time, &read, alone);
}

fn print(report: &mut Report<'_>, time: Duration, read: &Read, alone: f64) {
    let what = format!("{READERS} threads read for {} s", time.as_secs());
    let mut line = |part: &str, text: &str, figure: f64, unit, limit: Option<Limit>| {
        let id = format!("4.{part}");
        report.print(&Figure { limit, ..Figure::shown(&id, format!("{what}: {text}"), figure, unit) });
    };
    line("one", "one value of a source's state", read.one_ns, "ns", Some(Limit::AtMost(20.0)));
    line("list", "a list of 100 sources, copied", read.list_us / 1_000.0, "ms", Some(Limit::AtMost(1.0)));
    line("rate", "reads", read.per_minute / 1e6, "million/min", Some(Limit::AtLeast(1.0)));
    line("late", "turns of the worker that began more than 1 ms late", 100.0 * read.late_share, "%", None);
    line("late-alone", "the same without readers", 100.0 * alone, "%", None);
}

/// The share of the worker's turns that were late while something was done.
fn late_share(client: &Client, time: Duration, work: impl FnOnce()) -> f64 {
    let before = client.snapshot().worker;
    work();
    std::thread::sleep(Duration::from_millis(100).min(time));
    let after = client.snapshot().worker;
    (after.late_turns - before.late_turns) as f64 / (after.turns - before.turns).max(1) as f64
}

fn with_readers(client: &Client, list: &[SourceView], time: Duration) -> Read {
    let is_over = AtomicBool::new(false);
    let reader = || {
        let mut batches = Vec::new();
        while !is_over.load(Ordering::Relaxed) {
            let one = timed(BATCH, || read_one(client));
            let all = timed(1, || drop(black_box(list.to_vec())));
            batches.push((one, all));
            std::thread::sleep(PAUSE);
        }
        batches
    };
    let (share, batches) = std::thread::scope(|scope| {
        let readers: Vec<_> = (0..READERS).map(|_| scope.spawn(reader)).collect();
        let share = late_share(client, time, || std::thread::sleep(time));
        is_over.store(true, Ordering::Relaxed);
        let batches: Vec<(u64, u64)> =
            readers.into_iter().filter_map(|reader| reader.join().ok()).flatten().collect();
        (share, batches)
    });
    Read {
        one_ns: median(batches.iter().map(|(one, _)| *one)) / BATCH as f64,
        list_us: median(batches.iter().map(|(_, list)| *list)) / 1_000.0,
        per_minute: batches.len() as f64 * BATCH as f64 * 60.0 / time.as_secs_f64(),
        late_share: share,
    }
}

fn median(values: impl Iterator<Item = u64>) -> f64 {
    let mut values: Vec<u64> = values.collect();
    values.sort_unstable();
    values.get(values.len() / 2).map_or(f64::NAN, |value| *value as f64)
}

fn read_one(client: &Client) {
    black_box(client.read(|snapshot| snapshot.sources.first().map(|source| source.loss)));
}

/// Nanoseconds for all of them.
fn timed(times: u64, mut what: impl FnMut()) -> u64 {
    let started = Instant::now();
    (0..times).for_each(|_| what());
    started.elapsed().as_nanos() as u64
}
