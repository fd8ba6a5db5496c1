//! A JACK server without a sound card, and the one client that plays the music into a contender and records what comes out of the
//! other. Both ends are in one graph, so that sent and heard sample frames have one clock.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use backline_hosts::audio_file::Recording;
use backline_hosts::block_clock::monotonic_now;
use jack::{
    AsyncClient, AudioIn, AudioOut, Client, ClientOptions, Control, Port, PortFlags, ProcessHandler,
    ProcessScope,
};

use crate::program::Program;
use crate::{Failed, JACK_SERVER};

/// Sample frames of a block, for every contender.
pub const BLOCK_FRAMES: usize = 64;
/// Samples of each second.
pub const RATE_HZ: u32 = 48_000;
const WITHIN: Duration = Duration::from_secs(15);

/// The server, while held.
pub struct Server {
    program: Program,
}

impl Server {
    /// Starts it and waits until it answers.
    pub fn start(folder: &Path) -> Result<Self, Failed> {
        jack::set_logger(jack::LoggerType::None);
        let mut command = Command::new("jackd");
        command.args(["-R", "-P", "60", "-n", JACK_SERVER, "-d", "dummy"]);
        command.args(["-r", &RATE_HZ.to_string(), "-p", &BLOCK_FRAMES.to_string(), "-C", "2", "-P", "2"]);
        let mut server = Self { program: Program::start("jackd", &mut command, folder)? };
        server.wait_for("a JACK server", || Client::new("look", ClientOptions::NO_START_SERVER).is_ok())?;
        Ok(server)
    }

    /// Waits until something is there.
    pub fn wait_for(&mut self, what: &str, is_there: impl Fn() -> bool) -> Result<(), Failed> {
        let began = Instant::now();
        while !is_there() {
            self.program.check_running()?;
            if began.elapsed() > WITHIN {
                return Err(Failed::from(format!("{what} did not appear within {} s", WITHIN.as_secs())));
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }
}

/// What the client and its callback tell each other.
#[derive(Default)]
struct Orders {
    is_playing: AtomicBool,
    is_done: AtomicBool,
    /// When the first block was played.
    began_ns: AtomicU64,
}

struct Callback {
    orders: Arc<Orders>,
    music: Recording,
    heard: Recording,
    record_frames: usize,
    outputs: [Port<AudioOut>; 2],
    inputs: [Port<AudioIn>; 2],
}

/// The client.
pub struct Player {
    client: AsyncClient<(), Callback>,
    orders: Arc<Orders>,
}

impl Player {
    /// A client that plays silence. `tail_frames` are recorded after the music has ended.
    pub fn new(music: Recording, tail_frames: usize) -> Result<Self, Failed> {
        let (client, _) = Client::new("ears", ClientOptions::NO_START_SERVER)?;
        let output = |name| client.register_port(name, AudioOut::default());
        let input = |name| client.register_port(name, AudioIn::default());
        let outputs = [output("out_left")?, output("out_right")?];
        let inputs = [input("in_left")?, input("in_right")?];
        let record_frames = music.frames() + tail_frames;
        let heard = Recording::with_capacity(RATE_HZ, record_frames + BLOCK_FRAMES);
        let orders = Arc::new(Orders::default());
        let callback = Callback { orders: Arc::clone(&orders), music, heard, record_frames, outputs, inputs };
        Ok(Self { client: client.activate_async((), callback)?, orders })
    }

    /// The ports of other clients whose names match, in order.
    pub fn ports(&self, pattern: &str, flags: PortFlags) -> Vec<String> {
        self.client.as_client().ports(Some(pattern), Some("32 bit float mono audio"), flags)
    }

    /// Connects the music to what is sent into and the ears to what is heard from, left and right.
    pub fn connect(&self, into: &[String], from: &[String]) -> Result<(), Failed> {
        let client = self.client.as_client();
        for (side, (into, from)) in ["left", "right"].iter().zip(into.iter().zip(from)) {
            client.connect_ports_by_name(&format!("ears:out_{side}"), into)?;
            client.connect_ports_by_name(from, &format!("ears:in_{side}"))?;
        }
        Ok(())
    }

    /// Plays the music to its end; `check` is asked meanwhile whether all is well. What was heard, and when it began.
    pub fn play(self, mut check: impl FnMut() -> Result<(), Failed>) -> Result<(Recording, u64), Failed> {
        self.orders.is_playing.store(true, Ordering::Release);
        while !self.orders.is_done.load(Ordering::Acquire) {
            check()?;
            std::thread::sleep(Duration::from_millis(100));
        }
        let (_, (), callback) = self.client.deactivate()?;
        Ok((callback.heard, self.orders.began_ns.load(Ordering::Acquire)))
    }
}

impl ProcessHandler for Callback {
    fn process(&mut self, _: &Client, scope: &ProcessScope) -> Control {
        let is_done = self.heard.frames() >= self.record_frames;
        let is_playing = self.orders.is_playing.load(Ordering::Acquire) && !is_done;
        let at = self.heard.frames();
        for (output, side) in self.outputs.iter_mut().zip([&self.music.left, &self.music.right]) {
            for (offset, sample) in output.as_mut_slice(scope).iter_mut().enumerate() {
                *sample = if is_playing { side.get(at + offset).copied().unwrap_or(0.0) } else { 0.0 };
            }
        }
        if is_playing {
            if at == 0 {
                self.orders.began_ns.store(monotonic_now(), Ordering::Release);
            }
            self.heard.left.extend_from_slice(self.inputs[0].as_slice(scope));
            self.heard.right.extend_from_slice(self.inputs[1].as_slice(scope));
        }
        if is_done {
            self.orders.is_done.store(true, Ordering::Release);
        }
        Control::Continue
    }
}
