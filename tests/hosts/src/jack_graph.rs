//! A JACK server without a sound card, and the one client that plays the music into a program and records what comes out of one. Both ends are in one graph, so that sent and heard sample frames have one clock.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use jack::{
    AsyncClient, AudioIn, AudioOut, Client, ClientOptions, Control, Port, PortFlags, ProcessHandler,
    ProcessScope,
};

use crate::audio_file::Recording;
use crate::block_clock::monotonic_now;
use crate::error::HostError;
use crate::program::{self, Program};

/// The variable by which all programs of JACK find their server, also [`Player`]. Ours have names of their own, beside anybody's real one.
pub const SERVER_VARIABLE: &str = "JACK_DEFAULT_SERVER";
const WITHIN: Duration = Duration::from_secs(15);

/// The server, while held.
pub struct Server {
    program: Program,
    name: String,
}

impl Server {
    /// Starts it without ports of its own and waits until it answers. `options` are jackd's.
    pub fn start(
        name: &str,
        rate_hz: u32,
        block_frames: usize,
        options: &[&str],
        folder: &Path,
    ) -> Result<Self, HostError> {
        jack::set_logger(jack::LoggerType::None);
        let mut command = Command::new("jackd");
        program::ends_with_this_thread(&mut command);
        command.args(["-R", "-P", "60", "-n", name]).args(options).args(["-d", "dummy"]);
        command.args(["-r", &rate_hz.to_string(), "-p", &block_frames.to_string(), "-C", "0", "-P", "0"]);
        command.env("JACK_NO_AUDIO_RESERVATION", "1");
        let mut server =
            Self { program: Program::start("jackd", &mut command, folder)?, name: name.to_owned() };
        let mut look = server.lsp();
        look.stdout(Stdio::null()).stderr(Stdio::null());
        server.wait_for("a JACK server", || look.status().is_ok_and(|status| status.success()))?;
        Ok(server)
    }

    /// Lists the ports; it succeeds where there is a server.
    fn lsp(&self) -> Command {
        let mut command = Command::new("jack_lsp");
        command.env(SERVER_VARIABLE, &self.name).env("JACK_NO_START_SERVER", "1");
        command
    }

    /// What [`SERVER_VARIABLE`] is for its programs.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// All ports of its programs, a line for each.
    pub fn ports(&self) -> Result<String, HostError> {
        let output = self.lsp().output().map_err(|error| HostError::host("jack_lsp", error))?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Moves the transport of all its programs: `play`, `stop` or `locate` with a sample frame.
    pub fn transport(&self, order: &str) -> Result<(), HostError> {
        let failed = |why: String| HostError::host("jack_transport", why);
        let mut command = Command::new("jack_transport");
        command.env(SERVER_VARIABLE, &self.name).env("JACK_NO_START_SERVER", "1").stdin(Stdio::piped());
        let started = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let mut child = started.map_err(|error| failed(error.to_string()))?;
        let written = child.stdin.take().map(|mut words| writeln!(words, "{order}\nexit"));
        let ended = child.wait().map_err(|error| failed(error.to_string()))?;
        match written {
            Some(Ok(())) if ended.success() => Ok(()),
            _ => Err(failed(format!("does not {order}: {ended}"))),
        }
    }

    /// Waits until something is there.
    pub fn wait_for(&mut self, what: &str, mut is_there: impl FnMut() -> bool) -> Result<(), HostError> {
        let began = Instant::now();
        while !is_there() {
            self.program.check_running()?;
            if began.elapsed() > WITHIN {
                let why = format!("{what} did not appear within {} s", WITHIN.as_secs());
                return Err(self.program.failed(why));
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
    pub fn new(music: Recording, tail_frames: usize) -> Result<Self, HostError> {
        let (client, _) = Client::new("ears", ClientOptions::NO_START_SERVER).map_err(failed)?;
        let output = |name| client.register_port(name, AudioOut::default()).map_err(failed);
        let input = |name| client.register_port(name, AudioIn::default()).map_err(failed);
        let outputs = [output("out_left")?, output("out_right")?];
        let inputs = [input("in_left")?, input("in_right")?];
        let record_frames = music.frames() + tail_frames;
        let rate_hz = client.sample_rate();
        let block_frames = client.buffer_size() as usize;
        let heard = Recording::with_capacity(rate_hz, record_frames + block_frames);
        let orders = Arc::new(Orders::default());
        let callback = Callback { orders: Arc::clone(&orders), music, heard, record_frames, outputs, inputs };
        Ok(Self { client: client.activate_async((), callback).map_err(failed)?, orders })
    }

    /// The ports of other clients whose names match, in order.
    pub fn ports(&self, pattern: &str, flags: PortFlags) -> Vec<String> {
        self.client.as_client().ports(Some(pattern), Some("32 bit float mono audio"), flags)
    }

    /// Connects the music to what is sent into and the ears to what is heard from, left and right.
    pub fn connect(&self, into: &[String], from: &[String]) -> Result<(), HostError> {
        let client = self.client.as_client();
        for (side, (into, from)) in ["left", "right"].iter().zip(into.iter().zip(from)) {
            client.connect_ports_by_name(&format!("ears:out_{side}"), into).map_err(failed)?;
            client.connect_ports_by_name(from, &format!("ears:in_{side}")).map_err(failed)?;
        }
        Ok(())
    }

    /// Plays the music to its end; `check` is asked meanwhile whether all is well. What was heard, and when it began.
    pub fn play<E: From<HostError>>(
        self,
        mut check: impl FnMut() -> Result<(), E>,
    ) -> Result<(Recording, u64), E> {
        self.orders.is_playing.store(true, Ordering::Release);
        while !self.orders.is_done.load(Ordering::Acquire) {
            check()?;
            std::thread::sleep(Duration::from_millis(100));
        }
        let (_, (), callback) = self.client.deactivate().map_err(failed)?;
        Ok((callback.heard, self.orders.began_ns.load(Ordering::Acquire)))
    }
}

fn failed(error: jack::Error) -> HostError {
    HostError::host("jack", error)
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
