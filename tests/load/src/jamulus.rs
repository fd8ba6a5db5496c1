//! Simulated Jamulus clients against a real Jamulus server, judged as ours are: what the same core carries there.
//!
//! It speaks as much of Jamulus' protocol as a client must so that the server mixes for it: audio packets with a counter (128 samples, stereo, normal
//! quality: 71 bytes), what they are like, and acknowledgements. What is in the packets does not matter to their cost: every byte string is a
//! CELT frame. The server's frames are due every 128 samples; one that comes over a frame after that was made late. The step before is `main.rs`.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use backline_io::{Poller, Port, clock, cores, priority};
use backline_relay::Spread;

use crate::LoadError;
use crate::crowd::{CrowdCounts, LATE_SHARE_MAX};
use crate::figures::Figures;
use crate::run::Setting;
use crate::server::{MixFigures, free_port, spawn_on};
use crate::system;

/// Of a coded frame; the rate is 213 kbit/s.
const PAYLOAD_BYTES: usize = 71;
/// 128 samples at 48 kHz.
const FRAME: Duration = Duration::from_nanos(2_666_667);
const TICK: Duration = Duration::from_micros(100);
/// The most that its server takes.
const CLIENTS_MAX: usize = 150;
/// Until all have told what they send.
const SETTLE: Duration = Duration::from_secs(3);
/// Packets that may be missing at the edges of what is counted.
const MISSING_MAX: f64 = 0.01;

const ACKNOWLEDGED: u16 = 1;
const JITTER_BUFFER: u16 = 10;
const ASKS_FOR_JITTER_BUFFER: u16 = 11;
const TRANSPORT: u16 = 20;
const ASKS_FOR_TRANSPORT: u16 = 21;
const ASKS_FOR_PERSON: u16 = 23;
const PERSON: u16 = 25;
/// Country, instrument, skill, and a name and a town without a letter: before this nothing is sent to a client.
const NOBODY: [u8; 11] = [0; 11];
/// From here on messages are not acknowledged.
const UNANSWERED_FROM: u16 = 1_000;
const HEADER_BYTES: usize = 7;

/// A Jamulus server until it is dropped.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        // One that has ended already is what was wanted.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

struct Client {
    port: Port,
    next_at: Instant,
    counter: u8,
    message: u8,
    payload: [u8; PAYLOAD_BYTES],
    /// When its server's first packet would have come, had none been late.
    origin: Option<Instant>,
    heard: u32,
    late: u64,
}

/// Runs it: all clients in the one session that a server has.
///
/// # Errors
/// When the server does not start, or does not answer.
pub fn run(setting: &Setting) -> Result<Figures, LoadError> {
    let failed = |what| move |error: std::io::Error| LoadError::System { what, error };
    if setting.clients > CLIENTS_MAX {
        return Err(LoadError::Server(format!("takes at most {CLIENTS_MAX} clients")));
    }
    let all = cores::available();
    let number = free_port().map_err(failed("no UDP port is free"))?;
    let mut command = Command::new(&setting.server);
    command
        .args([
            "--server",
            "--nogui",
            "--serverbindip",
            "127.0.0.1",
            "--numchannels",
            &CLIENTS_MAX.to_string(),
        ])
        .args(["--port", &number.to_string()])
        .env("QT_QPA_PLATFORM", "offscreen")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let child = spawn_on(command, all.first().copied()).map_err(failed("Jamulus can't be started"))?;
    let program = Program(child);
    std::thread::sleep(Duration::from_secs(1));
    let other = all.get(1).copied();
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| play(setting, program.0.id(), number, other));
        thread
            .join()
            .unwrap_or_else(|_| Err(LoadError::Server("is not measured: a thread failed".to_owned())))
    })
}

fn play(setting: &Setting, process: u32, server: u16, core: Option<usize>) -> Result<Figures, LoadError> {
    core.map(cores::stay_on);
    priority::raise();
    let to = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), server);
    let mut poller = Poller::new().map_err(|error| LoadError::System { what: "no poller", error })?;
    let mut clients = Vec::new();
    for number in 0..setting.clients {
        let mut client = Client::new(number)?;
        let watched = poller.watch_as(&mut client.port, number);
        watched.map_err(|error| LoadError::System { what: "a port can't be watched", error })?;
        clients.push(client);
    }
    let mut lateness = Spread::default();
    turns(&mut clients, &mut poller, to, SETTLE, &mut lateness);
    // One that is not answered is one that hears nothing; a server that answers nobody is none.
    if clients.iter().all(|client| client.heard == 0) {
        return Err(LoadError::Server("does not answer any of the Jamulus clients".to_owned()));
    }
    clients.iter_mut().for_each(|client| (client.origin, client.heard, client.late) = (None, 0, 0));
    lateness = Spread::default();
    let (began, cpu, own) = (clock::now(), system::cpu_time(process), clock::thread_cpu_time());
    turns(&mut clients, &mut poller, to, setting.time, &mut lateness);
    let time = clock::now().saturating_duration_since(began);
    let counts = CrowdCounts {
        time,
        cpu: clock::thread_cpu_time().saturating_sub(own),
        lateness,
        ..CrowdCounts::default()
    };
    Ok(figures(setting, counts, &clients, system::cpu_time(process).saturating_sub(cpu)))
}

fn figures(setting: &Setting, mut counts: CrowdCounts, clients: &[Client], cpu: Duration) -> Figures {
    let due = counts.time.as_secs_f64() / FRAME.as_secs_f64();
    counts.clients.sent = (due * clients.len() as f64) as u64;
    counts.clients.heard = clients.iter().map(|client| u64::from(client.heard)).sum();
    let missing = |client: &Client| (due * (1.0 - MISSING_MAX) - f64::from(client.heard)).max(0.0) as u64;
    counts.clients.missed = clients.iter().map(missing).sum();
    let late = clients.iter().map(|client| client.late).sum();
    let mut figures = Figures::new(setting, PAYLOAD_BYTES as f64, &counts);
    figures.frame_ms = FRAME.as_secs_f64() * 1e3;
    figures.shard_cpu_share = cpu.as_secs_f64() / counts.time.as_secs_f64().max(1e-9);
    figures.load_average = system::load_average();
    figures.add_mixes(MixFigures {
        ticks: counts.clients.heard,
        ticks_late: late,
        encoded: counts.clients.heard,
        mixes: clients.len() as u64,
        listeners: clients.len() as u64,
        ..MixFigures::default()
    });
    figures.judge(counts.lateness.share_above(Duration::from_millis(5)) > LATE_SHARE_MAX);
    figures
}

fn turns(clients: &mut [Client], poller: &mut Poller, to: SocketAddr, time: Duration, lateness: &mut Spread) {
    let end = clock::now() + time;
    let mut turned = clock::now();
    while turned < end {
        std::thread::sleep((turned + TICK).saturating_duration_since(clock::now()));
        turned = clock::now();
        // What fails here fails again when something is sent.
        let _ = poller.wait(Some(Duration::ZERO));
        for number in poller.ready() {
            clients.get_mut(number).into_iter().for_each(|client| client.receive(to));
        }
        clients.iter_mut().for_each(|client| client.play(to, turned, lateness));
    }
}

impl Client {
    fn new(number: usize) -> Result<Self, LoadError> {
        let loopback = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
        let port = Port::bind(loopback).map_err(|error| LoadError::Server(error.to_string()))?;
        Ok(Self {
            port,
            next_at: clock::now() + FRAME.mul_f64((number as f64 * 0.618_034).fract()),
            counter: 0,
            message: 0,
            payload: std::array::from_fn(|at| (at * 31 + number * 17 + 5) as u8),
            origin: None,
            heard: 0,
            late: 0,
        })
    }

    fn play(&mut self, to: SocketAddr, now: Instant, lateness: &mut Spread) {
        while self.next_at <= now {
            lateness.record(now.saturating_duration_since(self.next_at));
            self.counter = self.counter.wrapping_add(1);
            for byte in &mut self.payload {
                *byte = byte.wrapping_mul(109).wrapping_add(self.counter ^ 89);
            }
            // The first byte begins with the flag of silence, which is not to be hit.
            self.payload[0] &= 0x7f;
            let mut packet = [0; PAYLOAD_BYTES + 1];
            packet[..PAYLOAD_BYTES].copy_from_slice(&self.payload);
            packet[PAYLOAD_BYTES] = self.counter;
            self.port.send(to, &packet);
            self.next_at += FRAME;
        }
    }

    fn receive(&mut self, to: SocketAddr) {
        let now = clock::now();
        let (mut audio, mut messages) = (0, Vec::new());
        self.port.receive(|_, _, datagram| match read_message(datagram) {
            Some(message) => messages.push(message),
            None => audio += 1,
        });
        (0..audio).for_each(|_| self.heard(now));
        for (id, count) in messages.into_iter().filter(|(id, _)| *id != ACKNOWLEDGED && *id < UNANSWERED_FROM)
        {
            self.port.send(to, &message(ACKNOWLEDGED, count, &id.to_le_bytes()));
            match id {
                ASKS_FOR_TRANSPORT => self.say(to, TRANSPORT, &transport()),
                ASKS_FOR_PERSON => self.say(to, PERSON, &NOBODY),
                ASKS_FOR_JITTER_BUFFER => self.say(to, JITTER_BUFFER, &4_u16.to_le_bytes()),
                _ => {}
            }
        }
    }

    fn heard(&mut self, now: Instant) {
        let since = FRAME * self.heard;
        self.heard += 1;
        let on_time = now.checked_sub(since).unwrap_or(now);
        let origin = self.origin.get_or_insert(on_time);
        *origin = (*origin).min(on_time);
        self.late += u64::from(now.saturating_duration_since(*origin + since) > FRAME);
    }

    fn say(&mut self, to: SocketAddr, id: u16, data: &[u8]) {
        self.message = self.message.wrapping_add(1);
        self.port.send(to, &message(id, self.message, data));
    }
}

/// What a packet of audio is like: its bytes, frames in it, channels, sample rate, Opus with 128 samples, with a counter, no argument.
fn transport() -> Vec<u8> {
    let mut data = (PAYLOAD_BYTES as u32 + 1).to_le_bytes().to_vec();
    data.extend(1_u16.to_le_bytes());
    data.push(2);
    data.extend(48_000_u32.to_le_bytes());
    data.extend(2_u16.to_le_bytes());
    data.extend(1_u16.to_le_bytes());
    data.extend(0_u32.to_le_bytes());
    data
}

/// Two zero bytes, id, count, length, data, checksum; all little-endian.
fn message(id: u16, count: u8, data: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0];
    bytes.extend(id.to_le_bytes());
    bytes.push(count);
    bytes.extend((data.len() as u16).to_le_bytes());
    bytes.extend(data);
    let sum = checksum(&bytes);
    bytes.extend(sum.to_le_bytes());
    bytes
}

/// Id and count of a message; none where it is audio.
fn read_message(datagram: &[u8]) -> Option<(u16, u8)> {
    let [0, 0, low, high, count, ..] = *datagram else { return None };
    let (data, sum) = datagram.split_last_chunk::<2>()?;
    let is_whole = data.len() >= HEADER_BYTES && checksum(data) == u16::from_le_bytes(*sum);
    is_whole.then_some((u16::from_le_bytes([low, high]), count))
}

/// CRC-16/GENIBUS: polynomial 0x1021, all ones at the beginning, inverted at the end.
fn checksum(bytes: &[u8]) -> u16 {
    let step = |sum: u16, _| if sum & 0x8000 == 0 { sum << 1 } else { (sum << 1) ^ 0x1021 };
    !bytes.iter().fold(0xffff, |sum, byte| (0..8).fold(sum ^ (u16::from(*byte) << 8), step))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_read_back_and_audio_is_none() {
        // The check value of CRC-16/GENIBUS.
        assert_eq!(checksum(b"123456789"), 0xd64e);
        let mut bytes = message(TRANSPORT, 7, &transport());
        assert_eq!((bytes.len(), read_message(&bytes)), (HEADER_BYTES + 19 + 2, Some((TRANSPORT, 7))));
        bytes[10] ^= 1;
        assert_eq!(read_message(&bytes), None);
    }

    #[test]
    fn a_server_that_falls_behind_is_late() {
        let mut client = Client::new(0).unwrap();
        let start = clock::now();
        (0..100).for_each(|at| client.heard(start + FRAME * at));
        assert_eq!(client.late, 0);
        (100..200).for_each(|at| client.heard(start + FRAME * at + FRAME / 10 * (at - 100)));
        assert!((85..95).contains(&client.late), "{}", client.late);
    }
}
