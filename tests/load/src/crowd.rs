//! Many clients on one thread: it waits for datagrams and for what is due, and measures itself, since a generator that is late measures only that.
//!
//! The step before is `run.rs`, which starts it and says what phase it is; the step after is each `client.rs`.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use backline_io::clock::{self, Clock};
use backline_io::{Poller, cores, priority};
use backline_relay::Spread;
use backline_transport::Certificate;

use crate::LoadError;
use crate::client::{Arrival, Client, Counts, Part, Standing};
use crate::music::Music;
use crate::stage::{Phase, Stage};

/// From turn to turn. Nobody wakes it: on loopback the server would pay for that, with each packet that it sends; a network's card
/// gathers for about as long.
const TICK: Duration = Duration::from_micros(100);
/// Clients that are on their way in at the same time.
const KNOCKING_MAX: usize = 16;
/// A packet that leaves so long after it was due makes the generator late.
pub const LATE: Duration = Duration::from_millis(1);
/// The share of packets that may.
pub const LATE_SHARE_MAX: f64 = 0.01;
/// A generator that stood still for so long has sent bursts that nobody sends, and read nothing: what is lost then is its own fault.
pub const STILL_MAX: Duration = Duration::from_millis(20);
/// A generator that is late from so many packets on is stopped at once when this share is late.
const STOP_AFTER: u64 = 5_000;
const STOP_SHARE: f64 = 0.05;
/// Packets of one source whose way to all its listeners is followed.
const FOLLOWED_MAX: usize = 4_096;

/// What one thread's clients counted while it was measured.
#[derive(Debug, Clone, Default)]
pub struct CrowdCounts {
    /// All clients together.
    pub clients: Counts,
    /// How late its packets left.
    pub lateness: Spread,
    /// How long its turns took.
    pub turns: Spread,
    /// With one source: from its packet's due time to its last listener.
    pub to_last_listener: Spread,
    /// Processor time of the thread.
    pub cpu: Duration,
    /// For how long was measured.
    pub time: Duration,
    /// Datagrams that came to a port that was full, since its start.
    pub ports: Vec<u16>,
}

/// One thread's clients.
pub struct Crowd<'a> {
    music: &'a Music,
    stage: &'a Stage,
    certificate: Certificate,
    poller: Poller,
    waiting: VecDeque<Part>,
    clients: Vec<Client>,
    /// When each wants to do something.
    due: Vec<Instant>,
    /// Who had not come in when it was last looked.
    outside: Vec<usize>,
    started: Clock,
    /// When the last turn began.
    turned: Instant,
    counts: CrowdCounts,
    fan_out: Option<FanOut>,
}

impl<'a> Crowd<'a> {
    /// Nobody has called yet. `listeners` is how many hear the one source, where there is one only.
    ///
    /// # Errors
    /// When the system gives no poller or no keys.
    pub fn new(
        parts: Vec<Part>,
        music: &'a Music,
        stage: &'a Stage,
        listeners: Option<usize>,
    ) -> Result<Self, LoadError> {
        let certificate = Certificate::generate().map_err(|error| LoadError::Server(error.to_string()))?;
        let poller = Poller::new().map_err(|error| LoadError::System { what: "no poller", error })?;
        Ok(Self {
            music,
            stage,
            certificate,
            poller,
            waiting: parts.into(),
            clients: Vec::new(),
            due: Vec::new(),
            outside: Vec::new(),
            started: Clock::read(),
            turned: clock::now(),
            counts: CrowdCounts::default(),
            fan_out: listeners.map(FanOut::new),
        })
    }

    /// Lets all come in and play until the end.
    ///
    /// # Errors
    /// When a client cannot be made.
    pub fn run(mut self, core: Option<usize>) -> Result<CrowdCounts, LoadError> {
        if let Some(core) = core {
            cores::stay_on(core);
        }
        // Before everything: it is to be on time whatever else the machine does. Where the system refuses, its lateness says so.
        priority::raise();
        let mut measuring: Option<(Instant, Duration)> = None;
        loop {
            match (self.stage.phase(), measuring) {
                (Phase::Join, _) => self.let_in()?,
                (Phase::Measure, None) => {
                    self.clients.iter_mut().for_each(|client| drop(client.take_counts()));
                    self.counts = CrowdCounts::default();
                    measuring = Some((clock::now(), clock::thread_cpu_time()));
                }
                (Phase::Measure, Some(_)) => {}
                (Phase::End, _) => return Ok(self.finish(measuring)),
            }
            self.turn();
            if measuring.is_some() && self.is_hopeless() {
                self.stage.say_too_slow();
            }
        }
    }

    fn finish(mut self, measuring: Option<(Instant, Duration)>) -> CrowdCounts {
        let (since, cpu) = measuring.unwrap_or((clock::now(), Duration::ZERO));
        self.counts.time = clock::now().saturating_duration_since(since);
        self.counts.cpu = clock::thread_cpu_time().saturating_sub(cpu);
        self.counts.ports = self.clients.iter().map(Client::port_number).collect();
        for client in &mut self.clients {
            let counts = client.take_counts();
            let sum = &mut self.counts.clients;
            sum.sent += counts.sent;
            sum.heard += counts.heard;
            sum.missed += counts.missed;
            sum.silent += counts.silent;
            sum.one_way += &counts.one_way;
        }
        self.counts
    }

    fn is_hopeless(&self) -> bool {
        let lateness = &self.counts.lateness;
        // Looking is not free.
        lateness.count() >= STOP_AFTER
            && lateness.count() % STOP_AFTER < 8
            && lateness.share_above(LATE) > STOP_SHARE
    }

    fn turn(&mut self) {
        std::thread::sleep((self.turned + TICK).saturating_duration_since(clock::now()));
        // What fails here fails again when something is sent.
        let _ = self.poller.wait(Some(Duration::ZERO));
        let began = clock::now();
        self.turned = began;
        let Self { poller, clients, due, fan_out, counts, started, music, .. } = self;
        let unix_time = |now: Instant| started.unix_time + now.saturating_duration_since(started.now);
        for number in poller.ready() {
            let (Some(client), Some(due)) = (clients.get_mut(number), due.get_mut(number)) else { continue };
            let now = clock::now();
            client.receive(now, unix_time(now), |arrival| {
                if let Some(done) =
                    fan_out.as_mut().and_then(|fan_out| fan_out.arrived(arrival, unix_time(now)))
                {
                    counts.to_last_listener.record(done);
                }
            });
            *due = client.due();
        }
        for (client, due) in clients.iter_mut().zip(due).filter(|(_, due)| **due <= began) {
            let now = clock::now();
            client.act(now, unix_time(now), music, &mut counts.lateness);
            *due = client.due();
        }
        counts.turns.record(clock::now().saturating_duration_since(began));
    }

    /// Somebody new calls where few are on their way in.
    fn let_in(&mut self) -> Result<(), LoadError> {
        let (clients, stage) = (&self.clients, self.stage);
        self.outside.retain(|number| match clients.get(*number) {
            Some(client) if client.standing() == Standing::In => {
                stage.came_in();
                false
            }
            Some(client) if client.standing() == Standing::Gone => {
                stage.say_trouble(client.trouble().unwrap_or("it does not say why").to_owned());
                false
            }
            _ => true,
        });
        if self.outside.len() >= KNOCKING_MAX {
            return Ok(());
        }
        let Some(part) = self.waiting.pop_front() else { return Ok(()) };
        let now = clock::now();
        let mut client = Client::new(part, self.music, &self.certificate, now)?;
        let number = self.clients.len();
        let watched = self.poller.watch_as(client.port_mut(), number);
        watched.map_err(|error| LoadError::System { what: "a port can't be watched", error })?;
        self.clients.push(client);
        self.due.push(now);
        self.outside.push(number);
        Ok(())
    }
}

/// Follows the packets of the one source until its last listener has each.
struct FanOut {
    listeners: usize,
    packets: Vec<Followed>,
}

#[derive(Clone, Copy, Default)]
struct Followed {
    frame: u32,
    arrived: usize,
}

impl FanOut {
    fn new(listeners: usize) -> Self {
        Self { listeners, packets: vec![Followed::default(); FOLLOWED_MAX] }
    }

    /// How long it took to the last of them, when this was the last.
    fn arrived(&mut self, (frame, sent_at): Arrival, unix_time: Duration) -> Option<Duration> {
        let followed = self.packets.get_mut(frame as usize % FOLLOWED_MAX)?;
        if followed.frame != frame {
            *followed = Followed { frame, arrived: 0 };
        }
        followed.arrived += 1;
        (followed.arrived == self.listeners).then(|| unix_time.saturating_sub(sent_at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_is_timed_when_its_last_listener_has_it() {
        let mut fan_out = FanOut::new(3);
        let at = Duration::from_millis;
        assert_eq!(fan_out.arrived((7, at(10)), at(11)), None);
        assert_eq!(fan_out.arrived((8, at(12)), at(13)), None);
        assert_eq!(fan_out.arrived((7, at(10)), at(12)), None);
        assert_eq!(fan_out.arrived((7, at(10)), at(14)), Some(at(4)));
    }
}
