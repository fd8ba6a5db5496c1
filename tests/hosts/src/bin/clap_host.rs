//! A CLAP host as a program: plays a recording through the plugin on a real-time clock and records what comes back.
//!
//! The words that it understands are in `session/host_process.rs`. Its VST3 twin is `python/vst3_host.py`.
#![expect(clippy::print_stdout, reason = "a program whose standard output is read by the one who started it")]

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use backline_hosts::analysis::percentile;
use backline_hosts::audio_file::Recording;
use backline_hosts::block_clock::{self, BlockClock, monotonic_now};
use backline_hosts::bundles;
use backline_hosts::clap_plugin::{ClapBundle, ClapPlugin, ClapProcessor};
use backline_hosts::cycles::{self, Holdings};
use backline_hosts::error::HostError;
use backline_hosts::scan;
use backline_hosts::session::host_process::HostRun;
use backline_hosts::session::host_program::{Orders, PlayArguments};
use clap::{Args, Parser, Subcommand};

/// Opens a CLAP bundle as a DAW would.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Lists the classes of a bundle, their ports and their parameters.
    List {
        /// The .clap file.
        #[arg(long)]
        bundle: PathBuf,
    },
    /// Opens and closes a bundle as a DAW's search for plugins does: nothing may be left behind, and it must not take long.
    Scan {
        /// The .clap file.
        #[arg(long)]
        bundle: PathBuf,
    },
    /// Plays a recording through the plugin and records what it returns.
    Play(Play),
    /// Creates, automates, processes and destroys the plugin again and again in this one process.
    Cycles {
        /// The .clap file.
        #[arg(long)]
        bundle: PathBuf,
        /// The class in it.
        #[arg(long, default_value = bundles::CLAP_ID)]
        class: String,
        /// How often.
        #[arg(long, default_value_t = 1_000)]
        count: usize,
    },
}

#[derive(Args)]
struct Play {
    /// The .clap file.
    #[arg(long)]
    bundle: PathBuf,
    /// The class in it.
    #[arg(long, default_value = bundles::CLAP_ID)]
    class: String,
    /// The output port to record: 0 is main, 1 to 8 are the auxiliary ones of Multi.
    #[arg(long, default_value_t = 0)]
    output_port: usize,
    #[command(flatten)]
    play: PlayArguments,
}

fn main() -> Result<(), HostError> {
    match Arguments::parse().what {
        What::List { bundle } => list(&ClapBundle::open(&bundle)?),
        What::Scan { bundle } => scan(&bundle),
        What::Play(play) => run(&play),
        What::Cycles { bundle, class, count } => cycle(&ClapBundle::open(&bundle)?, &class, count),
    }
}

fn cycle(bundle: &ClapBundle, class: &str, count: usize) -> Result<(), HostError> {
    let (early, late) = cycles::run(bundle, class, count)?;
    // One more of each may belong to something that the plugin began for its process, once.
    if late.files > early.files + 1 || late.threads > early.threads + 1 {
        return Err(HostError::plugin(
            "clean up",
            format!("the process held {early:?} early and {late:?} at the end"),
        ));
    }
    println!(
        "ok: {count} create/automate/process/destroy cycles in one process; it held {early:?}, then {late:?}"
    );
    Ok(())
}

/// What a scan may use of the processor. clap-validator warns from here on.
const SCAN_MAX: Duration = Duration::from_millis(100);

fn scan(bundle: &Path) -> Result<(), HostError> {
    let scan = scan::run(bundle)?;
    let is_clean = |held: &Holdings, threads: usize| {
        held.threads <= scan.before.threads + threads && held.files <= scan.before.files
    };
    // The framework has one thread for all instances of a class, as long as there are any.
    let is_clean = is_clean(&scan.scanned, 0)
        && is_clean(&scan.with_instances, scan.classes)
        && is_clean(&scan.after, 0);
    if !is_clean || scan.first > SCAN_MAX {
        return Err(HostError::plugin("be scanned", format!("{scan:?}")));
    }
    println!("ok: {scan:?}");
    Ok(())
}

fn list(bundle: &ClapBundle) -> Result<(), HostError> {
    for id in bundle.class_ids() {
        let mut plugin = bundle.instance(&id)?;
        println!("{id}: inputs {:?}, outputs {:?}", plugin.port_channels(true), plugin.port_channels(false));
        for parameter in plugin.parameters() {
            let text = plugin.value_text(parameter.id, parameter.default).unwrap_or_default();
            println!(
                "  {:10} {} = {text} ({}..{})",
                parameter.id, parameter.name, parameter.minimum, parameter.maximum
            );
        }
    }
    Ok(())
}

/// How far the audio thread is.
#[derive(Default)]
struct Progress {
    running: AtomicBool,
    finished: AtomicBool,
}

fn run(arguments: &Play) -> Result<(), HostError> {
    let play = &arguments.play;
    let bundle = ClapBundle::open(&arguments.bundle)?;
    let mut plugin = bundle.instance(&arguments.class)?;
    if let Some(state) = &play.state {
        plugin.load_state(&std::fs::read(state).map_err(|error| HostError::file(state, error))?)?;
    }
    let music = play.music()?;
    let processor = plugin.activate(play.rate, play.block)?;
    let (orders, progress) = (Orders::read(), Progress::default());
    let sound_card = SoundCard::new(arguments, music, processor);
    block_clock::lock_memory();
    let (processor, outcome) = std::thread::scope(|scope| {
        let audio = scope.spawn(|| sound_card.run(&orders, &progress));
        pump(&mut plugin, &progress);
        audio.join().map_err(|_| HostError::host("clap", "its audio thread panicked"))
    })?;
    plugin.deactivate(processor);
    plugin.run_callbacks();
    let (heard, figures) = outcome?;
    play.write(&heard, &figures)
}

/// The main thread of a host: serves the plugin's callbacks, and says when blocks are running.
fn pump(plugin: &mut ClapPlugin, progress: &Progress) {
    let mut said = false;
    while !progress.finished.load(Ordering::Acquire) {
        plugin.run_callbacks();
        if progress.running.load(Ordering::Acquire) && !said {
            println!("ready");
            said = true;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The audio thread with everything allocated beforehand.
struct SoundCard {
    processor: ClapProcessor,
    music: Recording,
    heard: Recording,
    output_port: usize,
    block: usize,
    rate: u32,
    ppm: f64,
    record_frames: usize,
    process_us: Vec<f64>,
    late_us: Vec<f64>,
}

impl SoundCard {
    fn new(arguments: &Play, music: Recording, processor: ClapProcessor) -> Self {
        let play = &arguments.play;
        let record_frames = play.record_frames();
        let blocks = record_frames / play.block + 2;
        Self {
            processor,
            music,
            heard: Recording::with_capacity(play.rate, record_frames + play.block),
            output_port: arguments.output_port,
            block: play.block,
            rate: play.rate,
            ppm: play.ppm,
            record_frames,
            process_us: Vec::with_capacity(blocks),
            late_us: Vec::with_capacity(blocks),
        }
    }

    fn run(
        mut self,
        orders: &Orders,
        progress: &Progress,
    ) -> (ClapProcessor, Result<(Recording, HostRun), HostError>) {
        let realtime = block_clock::raise_priority();
        let outcome = self.blocks(orders, progress);
        progress.finished.store(true, Ordering::Release);
        let outcome =
            outcome.map(|(start_ns, other_threads)| self.figures(start_ns, other_threads, realtime));
        let heard = std::mem::take(&mut self.heard);
        (self.processor, outcome.map(|figures| (heard, figures)))
    }

    /// Block after block until everything is recorded; gives the time of the first recorded sample frame and the processor
    /// time of the other threads meanwhile.
    fn blocks(&mut self, orders: &Orders, progress: &Progress) -> Result<(u64, Duration), HostError> {
        let clock = BlockClock::new(monotonic_now() + 1_000_000, self.rate, self.ppm);
        let mut start: Option<(u64, Duration)> = None;
        let mut frame = 0_u64;
        loop {
            let due = clock.time_of(frame);
            block_clock::sleep_until(due);
            if start.is_none() && orders.begin_ns().is_some_and(|begin| due >= begin) {
                start = Some((due, other_threads_time()));
            }
            self.block(due, start.is_some())?;
            frame += self.block as u64;
            progress.running.store(true, Ordering::Release);
            if let Some((start_ns, before)) = start.filter(|_| self.heard.frames() >= self.record_frames) {
                return Ok((start_ns, other_threads_time() - before));
            }
            orders.check()?;
        }
    }

    /// One block: the music (or silence) in, what comes back out.
    fn block(&mut self, due_ns: u64, recording: bool) -> Result<(), HostError> {
        let late = monotonic_now().saturating_sub(due_ns);
        let at = self.heard.frames();
        let sides = [&self.music.left, &self.music.right].into_iter().enumerate();
        for (channel, side) in sides.take(self.processor.input_channels()) {
            let input = self.processor.input(0, channel);
            for (offset, sample) in input.iter_mut().enumerate() {
                *sample = if recording { side.get(at + offset).copied().unwrap_or(0.0) } else { 0.0 };
            }
        }
        let called = Instant::now();
        self.processor.process(self.block)?;
        let cost = called.elapsed();
        if recording {
            self.heard.left.extend_from_slice(&self.processor.output(self.output_port, 0)[..self.block]);
            self.heard.right.extend_from_slice(&self.processor.output(self.output_port, 1)[..self.block]);
            self.process_us.push(cost.as_secs_f64() * 1e6);
            self.late_us.push(late as f64 * 1e-3);
        }
        Ok(())
    }

    fn figures(&self, start_ns: u64, other_threads: Duration, realtime: bool) -> HostRun {
        let block_us = self.block as f64 * 1e6 / f64::from(self.rate);
        HostRun {
            start_ns,
            blocks: self.process_us.len() as u64,
            process_us_median: percentile(&self.process_us, 0.5),
            process_us_p99: percentile(&self.process_us, 0.99),
            process_us_max: percentile(&self.process_us, 1.0),
            process_s_total: self.process_us.iter().sum::<f64>() * 1e-6,
            late_us_median: percentile(&self.late_us, 0.5),
            late_us_p99: percentile(&self.late_us, 0.99),
            late_us_max: percentile(&self.late_us, 1.0),
            blocks_missed: self.late_us.iter().filter(|late| **late > block_us).count() as u64,
            other_threads_s: other_threads.as_secs_f64(),
            realtime,
        }
    }
}

fn other_threads_time() -> Duration {
    block_clock::process_cpu_time().saturating_sub(block_clock::thread_cpu_time())
}
