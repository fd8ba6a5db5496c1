//! Numbers as people read them: levels, times, shares, rates.
//!
//! Every text keeps its width as far as it can (tabular digits, fixed decimals), so that nothing jumps.

use std::time::Duration;

use backline_client::{LeftBehindView, OperationCounts};

use crate::editor::law::FADER_SILENT_DB;

const DAY_S: u64 = 24 * 60 * 60;

/// “just now”, “20 s ago”, “5 min ago”, “2 h ago”.
pub fn ago(age: Duration) -> String {
    match age.as_secs() {
        0..10 => "just now".to_owned(),
        seconds @ 10..60 => format!("{seconds} s ago"),
        seconds @ 60..3_600 => format!("{} min ago", seconds / 60),
        seconds => format!("{} h ago", seconds / 3_600),
    }
}

/// What stands where there is no figure yet.
pub const NO_FIGURE: &str = "–";

/// "−6.0 dB", "+3.0 dB", "0.0 dB", "−∞ dB".
pub fn gain(db: f32) -> String {
    if db.is_nan() || db <= FADER_SILENT_DB {
        return "−∞ dB".to_owned();
    }
    let tenths = (db * 10.0).round() / 10.0;
    let sign = if tenths < 0.0 {
        "−"
    } else if tenths > 0.0 {
        "+"
    } else {
        ""
    };
    format!("{sign}{:.1} dB", tenths.abs())
}

/// A typed gain: a number in dB, or a word for silence, within a fader's range.
pub fn parse_gain(text: &str) -> Option<f32> {
    let db = backline_audio::parse_db(text).ok()?;
    Some(db.0)
}

/// "C", "L20", "R50": hundredths of the way, halved, as DAWs write it.
pub fn pan(pan: f32) -> String {
    let steps = (pan.clamp(-1.0, 1.0) * 50.0).round() as i32;
    match steps {
        0 => "C".to_owned(),
        1.. => format!("R{steps}"),
        _ => format!("L{}", -steps),
    }
}

/// "7.4 ms", "123 ms", or a dash.
pub fn time(time: Option<Duration>) -> String {
    match time.map(|time| time.as_secs_f64() * 1000.0) {
        None => NO_FIGURE.to_owned(),
        Some(ms) if ms < 99.95 => format!("{ms:.1} ms"),
        Some(ms) => format!("{:.0} ms", ms.min(9999.0)),
    }
}

/// "0.0 %", "12 %".
pub fn share(share: f32) -> String {
    let percent = if share.is_finite() { (share * 100.0).clamp(0.0, 100.0) } else { 0.0 };
    if percent < 9.95 { format!("{percent:.1} %") } else { format!("{percent:.0} %") }
}

/// "264 kbit/s", "2.3 Mbit/s".
pub fn rate(bits_per_second: f32) -> String {
    let kilobits = if bits_per_second.is_finite() { bits_per_second.max(0.0) / 1000.0 } else { 0.0 };
    if kilobits < 999.5 {
        format!("{kilobits:.0} kbit/s")
    } else {
        format!("{:.1} Mbit/s", kilobits / 1000.0)
    }
}

/// "+12 ppm".
pub fn drift(ppm: f32) -> String {
    let ppm = if ppm.is_finite() { ppm.round() } else { 0.0 };
    let sign = if ppm < 0.0 {
        "−"
    } else if ppm > 0.0 {
        "+"
    } else {
        ""
    };
    format!("{sign}{:.0} ppm", ppm.abs())
}

/// "Only you", "3 participants".
pub fn participants(count: usize) -> String {
    match count {
        0 | 1 => "Only you".to_owned(),
        _ => format!("{count} participants"),
    }
}

/// "Join Ada (3 people)".
pub fn join_found(host: &str, participants: usize) -> String {
    let people = if participants == 1 { "1 person".to_owned() } else { format!("{participants} people") };
    match host {
        "" => format!("Join a session ({people})"),
        _ => format!("Join {host} ({people})"),
    }
}

/// What somebody else hears.
pub fn mix_of(name: &str) -> String {
    format!("{}’s mix", or(name, "Participant"))
}

/// A text, or what stands for it where it is empty.
pub fn or(text: &str, fallback: &str) -> String {
    let text = text.trim();
    if text.is_empty() { fallback.to_owned() } else { text.to_owned() }
}

/// Sources that all 16 strips leave no room for.
pub fn unplaced(count: usize) -> String {
    match count {
        1 => "One more source is not heard: all 16 strips are taken.".to_owned(),
        _ => format!("{count} more sources are not heard: all 16 strips are taken."),
    }
}

/// "1 change waits", "3 changes wait".
pub fn changes(count: usize) -> String {
    match count {
        1 => "1 change waits".to_owned(),
        _ => format!("{count} changes wait"),
    }
}

/// "3 changes wait for another session; the first was made 10 days ago."
pub fn left_behind(left: &LeftBehindView) -> String {
    let sessions = match left.sessions {
        0 | 1 => "another session".to_owned(),
        count => format!("{count} other sessions"),
    };
    let first = if left.changes == 1 { "it" } else { "the first" };
    let made = match left.since.as_secs() / DAY_S {
        0 => "less than a day ago".to_owned(),
        1 => "a day ago".to_owned(),
        days => format!("{days} days ago"),
    };
    format!("{} for {sessions}; {first} was made {made}.", changes(left.changes))
}

/// "12 a second", "9,000 a second, 5,000 of them over the limit".
pub fn operations(last_second: &OperationCounts) -> String {
    let received = thousands(last_second.received());
    match last_second.dropped {
        0 => format!("{received} a second"),
        dropped => format!("{received} a second, {} of them over the limit", thousands(dropped)),
    }
}

/// "Main", "Aux 3".
pub fn bus(bus: usize) -> String {
    match bus {
        0 => "Main".to_owned(),
        aux => format!("Aux {aux}"),
    }
}

/// Duration of sample frames at the network rate, "1.2 s".
pub fn frames(frames: u64) -> String {
    let seconds = frames as f64 / 48_000.0;
    if seconds < 9.95 { format!("{seconds:.2} s") } else { format!("{seconds:.0} s") }
}

/// "1 sample at 48 kHz", "357 samples at 44.1 kHz".
pub fn samples(count: u64, rate_hz: u32) -> String {
    let kilohertz = f64::from(rate_hz) / 1000.0;
    let count = if count == 1 { "1 sample".to_owned() } else { format!("{} samples", thousands(count)) };
    format!("{count} at {kilohertz} kHz")
}

/// "1 packet", "1,204 packets".
pub fn packets(count: u64) -> String {
    match count {
        1 => "1 packet".to_owned(),
        _ => format!("{} packets", thousands(count)),
    }
}

fn thousands(count: u64) -> String {
    match count {
        0..1_000 => count.to_string(),
        _ => format!("{},{:03}", count / 1_000, count % 1_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gains_read_back() {
        for (db, text) in
            [(0.0, "0.0 dB"), (-6.0, "−6.0 dB"), (3.04, "+3.0 dB"), (-0.04, "0.0 dB"), (-80.0, "−∞ dB")]
        {
            assert_eq!(gain(db), text);
        }
        assert_eq!(gain(f32::NEG_INFINITY), "−∞ dB");
        assert_eq!(gain(f32::NAN), "−∞ dB");
        assert_eq!(parse_gain("-6"), Some(-6.0));
        assert_eq!(parse_gain("−12.5 dB"), Some(-12.5));
        assert_eq!(parse_gain("mute"), Some(f32::NEG_INFINITY));
        assert_eq!(parse_gain("loud"), None);
    }

    #[test]
    fn figures_keep_their_form() {
        assert_eq!(time(None), "–");
        assert_eq!(time(Some(Duration::from_micros(7_440))), "7.4 ms");
        assert_eq!(time(Some(Duration::from_millis(123))), "123 ms");
        assert_eq!(share(0.0), "0.0 %");
        assert_eq!(share(0.0123), "1.2 %");
        assert_eq!(share(0.5), "50 %");
        assert_eq!(share(f32::NAN), "0.0 %");
        assert_eq!(rate(264_400.0), "264 kbit/s");
        assert_eq!(rate(2_304_000.0), "2.3 Mbit/s");
        assert_eq!(drift(-12.4), "−12 ppm");
        assert_eq!(pan(-0.4), "L20");
        assert_eq!(pan(0.0), "C");
        assert_eq!(pan(1.0), "R50");
        let counts = |accepted, dropped| OperationCounts { accepted, dropped, ..OperationCounts::default() };
        assert_eq!(operations(&counts(0, 0)), "0 a second");
        assert_eq!(operations(&counts(50, 0)), "50 a second");
        assert_eq!(operations(&counts(4_000, 5_012)), "9,012 a second, 5,012 of them over the limit");
        assert_eq!(samples(1, 48_000), "1 sample at 48 kHz");
        assert_eq!(samples(4_096, 176_400), "4,096 samples at 176.4 kHz");
        assert_eq!(bus(0), "Main");
        assert_eq!(bus(3), "Aux 3");
    }
}
