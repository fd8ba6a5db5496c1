//! What the system knows of a process and of the machine: memory, processor time, datagrams that found a full port, other work. Linux only; elsewhere all is zero.
//!
//! The step after is `run.rs`, which takes differences.

use std::collections::BTreeMap;
use std::time::Duration;

/// Clock ticks of `/proc` in a second: the same on every Linux that is in use.
const TICKS_PER_SECOND: f64 = 100.0;

/// Memory that a process has in RAM, in bytes.
pub fn resident_bytes(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|kilobytes| kilobytes.parse::<u64>().ok()).unwrap_or(0) * 1_024
}

/// Processor time of all threads of a process.
pub fn cpu_time(process: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // After the name, which may hold anything but ends with the last parenthesis: user and system time are the 12th and 13th.
    let fields: Vec<&str> =
        stat.rsplit_once(')').map(|(_, rest)| rest.split_whitespace().collect()).unwrap_or_default();
    let ticks: f64 =
        [11, 12].iter().filter_map(|at| fields.get(*at)).filter_map(|field| field.parse::<f64>().ok()).sum();
    Duration::from_secs_f64(ticks / TICKS_PER_SECOND)
}

/// Datagrams that came to each local UDP port (of IPv4) while its buffer was full.
pub fn port_drops() -> BTreeMap<u16, u64> {
    parse_drops(&std::fs::read_to_string("/proc/net/udp").unwrap_or_default())
}

/// The core of a machine that others use meanwhile: time, in all and idle, of one core since the start.
pub fn core_time(core: usize) -> (f64, f64) {
    let stat = std::fs::read_to_string("/proc/stat").unwrap_or_default();
    let name = format!("cpu{core} ");
    let line = stat.lines().find_map(|line| line.strip_prefix(&name)).unwrap_or_default();
    let ticks: Vec<f64> = line.split_whitespace().filter_map(|field| field.parse().ok()).collect();
    (ticks.iter().take(8).sum::<f64>() / TICKS_PER_SECOND, ticks.get(3).unwrap_or(&0.0) / TICKS_PER_SECOND)
}

/// How many tasks wanted to run in the last minute.
pub fn load_average() -> f64 {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().next().and_then(|load| load.parse().ok()).unwrap_or(0.0)
}

fn parse_drops(table: &str) -> BTreeMap<u16, u64> {
    let row = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let port = fields.get(1)?.rsplit_once(':')?.1;
        Some((u16::from_str_radix(port, 16).ok()?, fields.last()?.parse().ok()?))
    };
    table.lines().skip(1).filter_map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_systems_table_of_ports_is_read() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n \
             5130: 0100007F:11B0 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 12345 2 0000000000000000 42\n";
        assert_eq!(parse_drops(table), BTreeMap::from([(4_528, 42)]));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_process_has_memory() {
        assert!(resident_bytes(std::process::id()) > 100_000);
        assert!(core_time(0).0 > 0.0);
    }
}
