//! A CLAP host with several tracks as a program: an instance of the plugin on each, one audio thread that calls all of them for each
//! block, as a DAW does. Each plays a tone; on `measure` it says how loud each tone of the session came out of each instance, and on
//! `automate` it moves a parameter of one.
#![expect(clippy::print_stdout, reason = "a program whose standard output is read by the one who started it")]

use std::f32::consts::TAU;
use std::io::{BufRead, Write};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, atomic::AtomicBool, atomic::Ordering};
use std::time::Duration;

use backline_hosts::band::{AMPLITUDE, Measurement, tone_hz};
use backline_hosts::block_clock::{self, BlockClock, monotonic_now};
use backline_hosts::bundles;
use backline_hosts::clap_plugin::{ClapBundle, ClapPlugin, ClapProcessor};
use backline_hosts::error::HostError;
use clap::Parser;

const RATE_HZ: u32 = 48_000;
const BLOCK_FRAMES: usize = 128;
/// Two seconds are measured, in tenths: a playout that is still getting to its depth shifts the pitch a little.
const MEASURED_FRAMES: usize = 96_000;
const TENTH_FRAMES: usize = 4_800;
/// A parameter is moved from where it is to where it shall be in so many blocks, half a second.
const AUTOMATED_BLOCKS: usize = 188;

/// Several tracks with Backline.
#[derive(Parser)]
struct Arguments {
    /// The .clap file.
    #[arg(long)]
    bundle: PathBuf,
    /// Tracks.
    #[arg(long)]
    instances: usize,
    /// The number of the first one's tone; the others have those after it.
    #[arg(long)]
    first_tone: usize,
    /// Tones in the whole session.
    #[arg(long)]
    tones: usize,
}

fn main() -> Result<(), HostError> {
    let arguments = Arguments::parse();
    let bundle = ClapBundle::open(&arguments.bundle)?;
    let made = (0..arguments.instances).map(|_| bundle.instance(bundles::CLAP_ID));
    let mut plugins = made.collect::<Result<Vec<ClapPlugin>, HostError>>()?;
    let processors = plugins.iter_mut().map(|plugin| plugin.activate(RATE_HZ, BLOCK_FRAMES));
    let processors = processors.collect::<Result<Vec<ClapProcessor>, HostError>>()?;
    let (word, words) = channel();
    let (ask, asked) = channel();
    let (answer, answers) = channel();
    let is_running = Arc::new(AtomicBool::new(true));
    let tracks = Tracks { processors, first_tone: arguments.first_tone, frame: 0, lane: None };
    let audio = {
        let is_running = Arc::clone(&is_running);
        std::thread::spawn(move || tracks.run(&is_running, &asked, &answer))
    };
    let listener = std::thread::spawn(move || listen(&word));
    while !listener.is_finished() && !audio.is_finished() {
        plugins.iter_mut().for_each(ClapPlugin::run_callbacks);
        for word in words.try_iter() {
            // An audio thread that has ended is seen above.
            let _ = ask.send(order(&mut plugins, &word)?);
        }
        if let Ok(heard) = answers.recv_timeout(Duration::from_millis(5)) {
            say(&heard, arguments.tones)?;
        }
    }
    is_running.store(false, Ordering::Release);
    let processors = audio.join().map_err(|_| HostError::host("band", "the audio thread panicked"))??;
    plugins.iter_mut().zip(processors).for_each(|(plugin, processor)| plugin.deactivate(processor));
    Ok(())
}

/// Until the one who started this has had enough.
fn listen(word: &Sender<String>) {
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        if line.trim() == "end" || word.send(line).is_err() {
            return;
        }
    }
}

/// What the audio thread does next.
enum Order {
    Measure,
    Automate { instance: usize, id: u32, from: f64, to: f64 },
}

/// `measure`, or `automate`, the instance, the parameter's name, and a text that the plugin reads, with tabs between these three.
fn order(plugins: &mut [ClapPlugin], word: &str) -> Result<Order, HostError> {
    if word.trim() == "measure" {
        return Ok(Order::Measure);
    }
    let unknown = || HostError::host("band", format!("was told {word:?}"));
    let fields: Vec<&str> = word.trim().strip_prefix("automate ").ok_or_else(unknown)?.split('\t').collect();
    let [instance, parameter, to] = fields[..] else { return Err(unknown()) };
    let instance: usize = instance.parse().map_err(|_| unknown())?;
    let plugin = plugins.get_mut(instance).ok_or_else(unknown)?;
    let id = plugin.parameter_id(parameter)?;
    let (from, to) = plugin.value(id).zip(plugin.value_of_text(id, to)).ok_or_else(unknown)?;
    Ok(Order::Automate { instance, id, from, to })
}

fn say(heard: &[Vec<f32>], tones: usize) -> Result<(), HostError> {
    let of_instance = |samples: &Vec<f32>| (0..tones).map(|tone| loudness(samples, tone_hz(tone))).collect();
    let measurement = Measurement { loudness: heard.iter().map(of_instance).collect() };
    let text =
        serde_json::to_string(&measurement).map_err(|error| HostError::host("band", error.to_string()))?;
    println!("{text}");
    std::io::stdout().flush().map_err(|error| HostError::host("band", error.to_string()))
}

/// How loud a tone is, as a part of how loud it is played: the middle of all tenths of a second.
fn loudness(samples: &[f32], frequency_hz: f32) -> f32 {
    let mut tenths: Vec<f32> = samples
        .chunks_exact(TENTH_FRAMES)
        .map(|tenth| {
            let (mut re, mut im) = (0.0, 0.0);
            for (frame, sample) in tenth.iter().enumerate() {
                let phase = TAU * (frequency_hz * frame as f32 / RATE_HZ as f32).fract();
                re += sample * phase.cos();
                im += sample * phase.sin();
            }
            2.0 * f32::hypot(re, im) / tenth.len() as f32 / AMPLITUDE
        })
        .collect();
    tenths.sort_unstable_by(f32::total_cmp);
    tenths.get(tenths.len() / 2).copied().unwrap_or(0.0)
}

/// All tracks in the hands of the audio thread.
struct Tracks {
    processors: Vec<ClapProcessor>,
    first_tone: usize,
    frame: u64,
    lane: Option<Lane>,
}

/// A parameter on its way.
struct Lane {
    instance: usize,
    id: u32,
    from: f64,
    to: f64,
    block: usize,
}

impl Tracks {
    fn run(
        mut self,
        is_running: &AtomicBool,
        asked: &Receiver<Order>,
        answer: &Sender<Vec<Vec<f32>>>,
    ) -> Result<Vec<ClapProcessor>, HostError> {
        block_clock::raise_priority();
        let clock = BlockClock::new(monotonic_now() + 1_000_000, RATE_HZ, 0.0);
        let mut heard: Option<Vec<Vec<f32>>> = None;
        while is_running.load(Ordering::Acquire) {
            block_clock::sleep_until(clock.time_of(self.frame));
            if heard.is_none() && self.lane.is_none() {
                match asked.try_recv() {
                    Ok(Order::Measure) => {
                        let room = || Vec::with_capacity(MEASURED_FRAMES + BLOCK_FRAMES);
                        heard = Some(self.processors.iter().map(|_| room()).collect());
                    }
                    Ok(Order::Automate { instance, id, from, to }) => {
                        self.lane = Some(Lane { instance, id, from, to, block: 0 });
                    }
                    Err(_) => {}
                }
            }
            self.automate();
            self.block(heard.as_mut())?;
            if heard.as_ref().is_some_and(|heard| heard.iter().all(|one| one.len() >= MEASURED_FRAMES)) {
                let _ = answer.send(heard.take().unwrap_or_default());
            }
        }
        Ok(self.processors)
    }

    /// Puts what the lane says into the next block.
    fn automate(&mut self) {
        let Some(lane) = &mut self.lane else { return };
        lane.block += 1;
        let share = lane.block as f64 / AUTOMATED_BLOCKS as f64;
        let value = lane.from + (lane.to - lane.from) * share;
        self.processors[lane.instance].automate(lane.id, value, 0);
        if lane.block == AUTOMATED_BLOCKS {
            self.lane = None;
        }
    }

    fn block(&mut self, mut heard: Option<&mut Vec<Vec<f32>>>) -> Result<(), HostError> {
        for (index, processor) in self.processors.iter_mut().enumerate() {
            let cycles_a_frame = f64::from(tone_hz(self.first_tone + index)) / f64::from(RATE_HZ);
            for channel in 0..2 {
                for (offset, sample) in processor.input(0, channel).iter_mut().enumerate() {
                    let cycle = ((self.frame + offset as u64) as f64 * cycles_a_frame).fract();
                    *sample = AMPLITUDE * (TAU * cycle as f32).sin();
                }
            }
            processor.process(BLOCK_FRAMES)?;
            if let Some(one) = heard.as_mut().and_then(|heard| heard.get_mut(index)) {
                one.extend_from_slice(&processor.output(0, 0)[..BLOCK_FRAMES]);
            }
        }
        self.frame += BLOCK_FRAMES as u64;
        Ok(())
    }
}
