//! An audio device of the system, through cpal: for where JACK does not run.
//!
//! Input and output are two callbacks of the device; a ring between them holds what the input brought and the output has
//! not taken yet: one block, and at most two, so that nothing is held back for longer than the device itself does.
//! The instance is activated with the output's rate and asks for small blocks; what the device really calls with
//! may differ, and the bridge takes any size.

use std::sync::mpsc::Sender;

use backline_bridge::AUX_BUSES;
use cpal::traits::{DeviceTrait, HostTrait, StreamTrait};
use cpal::{
    BufferSize, Device, ErrorKind, FromSample, I24, Sample, SampleFormat, SizedSample, Stream, StreamConfig,
    SupportedBufferSize, SupportedStreamConfig, SupportedStreamConfigRange,
};
use rtrb::{Consumer, Producer, RingBuffer};

use super::StandaloneError;
use super::sound_thread::Lent;
use crate::sound::{DeviceName, SoundChoice, SoundOrder};

/// The block that is asked for where nobody chose one, sample frames; devices round it.
const BLOCK_FRAMES: u32 = 128;
/// The longest block that buffers are made for at first, sample frames. Longer ones are cut into parts.
const PART_FRAMES_MAX: usize = 8192;
/// Rates that are offered where a device takes any, in Hz.
const RATES_HZ: [u32; 6] = [44_100, 48_000, 88_200, 96_000, 176_400, 192_000];

/// What there is, and what of it a choice means.
pub struct Devices {
    outputs: Vec<(Device, DeviceName)>,
    inputs: Vec<(Device, DeviceName)>,
    output: Option<Device>,
    input: Option<Device>,
    missing: Vec<String>,
}

/// Sound, until dropped.
pub struct DeviceAudio {
    _output: Stream,
    _input: Option<Stream>,
    words: String,
}

impl Devices {
    /// Looks which there are, and for those that were chosen. [sound-thread]
    pub fn look(choice: &SoundChoice) -> Self {
        let host = cpal::default_host();
        let outputs = named(host.output_devices().into_iter().flatten());
        let inputs = named(host.input_devices().into_iter().flatten());
        let mut missing = Vec::new();
        let mut find = |wanted: &Option<String>, there: &[(Device, DeviceName)], usual: Option<Device>| {
            let Some(id) = wanted else { return usual };
            let found = there
                .iter()
                .find(|(_, name)| [&name.id, &name.name].contains(&id))
                .map(|(device, _)| device.clone());
            if found.is_none() {
                missing.push(id.clone());
            }
            found.or(usual)
        };
        let output = find(&choice.output, &outputs, host.default_output_device());
        let input = find(&choice.input, &inputs, host.default_input_device());
        Self { outputs, inputs, output, input, missing }
    }

    /// Those that play.
    pub fn output_names(&self) -> Vec<DeviceName> {
        self.outputs.iter().map(|(_, name)| name.clone()).collect()
    }

    /// Those that record.
    pub fn input_names(&self) -> Vec<DeviceName> {
        self.inputs.iter().map(|(_, name)| name.clone()).collect()
    }

    /// Rates of the output, in Hz.
    pub fn rates_hz(&self) -> Vec<u32> {
        let configs = self.output.iter().filter_map(|device| device.supported_output_configs().ok());
        let ranges: Vec<_> = configs.flatten().filter(is_usable).collect();
        let is_there = |rate: &u32| ranges.iter().any(|range| range.contains_rate(*rate));
        RATES_HZ.into_iter().filter(is_there).collect()
    }

    /// What was chosen and is not there, in words; the default device is used instead.
    pub fn missing(&self) -> Option<(String, String)> {
        let what = self.missing.first()?;
        let text = format!("“{what}” is not there: the system's default device is used.");
        Some((text, "Connect it, and choose it again.".to_owned()))
    }

    /// Starts the callbacks. Without an input the instance only listens. [sound-thread]
    ///
    /// # Errors
    /// There is no output, or it refuses, because another program holds it, for instance.
    pub fn start(
        &self,
        choice: &SoundChoice,
        mut lent: Lent,
        orders: &Sender<SoundOrder>,
    ) -> Result<DeviceAudio, StandaloneError> {
        let missing = || StandaloneError::Device("there is none for playing".to_owned());
        let device = self.output.as_ref().ok_or_else(missing)?;
        let found = output_config(device, choice.rate_hz)?;
        let config = blocks_of(&found, choice.block_frames);
        let (producer, captured) = RingBuffer::new(4 * PART_FRAMES_MAX);
        let input = self.input.as_ref().and_then(|device| {
            let found = input_config(device, config.sample_rate)?;
            let input_config = blocks_of(&found, choice.block_frames);
            let stream = capture(device, (input_config, found.sample_format()), producer, orders);
            stream.inspect_err(|error| tracing::warn!("there is no input: {error}")).ok()
        });
        if let Some(processor) = lent.get() {
            processor.activate(2, config.sample_rate as f32, PART_FRAMES_MAX);
        }
        let main = [vec![0.0; PART_FRAMES_MAX], vec![0.0; PART_FRAMES_MAX]];
        let callback = Callback { lent, captured, channels: usize::from(config.channels).max(1), main };
        let output = play(device, (config, found.sample_format()), callback, orders)?;
        let words = words(device, &config, output.buffer_size().ok(), input.is_some());
        Ok(DeviceAudio { _output: output, _input: input, words })
    }
}

impl DeviceAudio {
    /// “Scarlett 2i2 at 48 kHz, blocks of 128”.
    pub fn words(&self) -> String {
        self.words.clone()
    }
}

/// The output's callback.
struct Callback {
    lent: Lent,
    captured: Consumer<[f32; 2]>,
    channels: usize,
    main: [Vec<f32>; 2],
}

impl Callback {
    /// One block of the device, interleaved. [audio-thread]
    fn play<T: Sample + FromSample<f32>>(&mut self, samples: &mut [T]) {
        for part in samples.chunks_mut(PART_FRAMES_MAX * self.channels) {
            let frames = part.len() / self.channels;
            self.take_captured(frames);
            let [left, right] = &mut self.main;
            let mut main = [&mut left[..frames], &mut right[..frames]];
            if let Some(processor) = self.lent.get() {
                processor.process(&mut main, [const { None }; AUX_BUSES], None);
            }
            for (index, frame) in part.chunks_exact_mut(self.channels).enumerate() {
                frame.fill(T::EQUILIBRIUM);
                let [left, right] = [self.main[0][index], self.main[1][index]];
                match frame {
                    [only] => *only = T::from_sample((left + right) / 2.0),
                    [first, second, ..] => (*first, *second) = (T::from_sample(left), T::from_sample(right)),
                    [] => {}
                }
            }
        }
    }

    /// The oldest captured sample frames, after dropping what would only add delay; silence where there are too few.
    fn take_captured(&mut self, frames: usize) {
        let waiting = self.captured.slots();
        for _ in 0..waiting.saturating_sub(2 * frames) {
            let _ = self.captured.pop();
        }
        let [left, right] = &mut self.main;
        for (left, right) in left.iter_mut().zip(right).take(frames) {
            [*left, *right] = self.captured.pop().unwrap_or_default();
        }
    }
}

fn play(
    device: &Device,
    (config, format): (StreamConfig, SampleFormat),
    callback: Callback,
    orders: &Sender<SoundOrder>,
) -> Result<Stream, StandaloneError> {
    let stream = match format {
        SampleFormat::I16 => play_as::<i16>(device, config, callback, orders),
        SampleFormat::I24 => play_as::<I24>(device, config, callback, orders),
        SampleFormat::I32 => play_as::<i32>(device, config, callback, orders),
        _ => play_as::<f32>(device, config, callback, orders),
    }?;
    stream.play().map_err(failed)?;
    Ok(stream)
}

fn play_as<T: SizedSample + FromSample<f32>>(
    device: &Device,
    config: StreamConfig,
    mut callback: Callback,
    orders: &Sender<SoundOrder>,
) -> Result<Stream, StandaloneError> {
    let played = move |samples: &mut [T], _: &cpal::OutputCallbackInfo| callback.play(samples);
    device.build_output_stream(config, played, report(orders), None).map_err(failed)
}

fn capture(
    device: &Device,
    (config, format): (StreamConfig, SampleFormat),
    producer: Producer<[f32; 2]>,
    orders: &Sender<SoundOrder>,
) -> Result<Stream, StandaloneError> {
    let stream = match format {
        SampleFormat::I16 => capture_as::<i16>(device, config, producer, orders),
        SampleFormat::I24 => capture_as::<I24>(device, config, producer, orders),
        SampleFormat::I32 => capture_as::<i32>(device, config, producer, orders),
        _ => capture_as::<f32>(device, config, producer, orders),
    }?;
    stream.play().map_err(failed)?;
    Ok(stream)
}

fn capture_as<T: SizedSample>(
    device: &Device,
    config: StreamConfig,
    mut producer: Producer<[f32; 2]>,
    orders: &Sender<SoundOrder>,
) -> Result<Stream, StandaloneError>
where
    f32: FromSample<T>,
{
    let channels = usize::from(config.channels).max(1);
    let captured = move |samples: &[T], _: &cpal::InputCallbackInfo| {
        for frame in samples.chunks_exact(channels) {
            let pair = match frame {
                [left, right, ..] => [f32::from_sample(*left), f32::from_sample(*right)],
                [only] => [f32::from_sample(*only); 2],
                [] => [0.0; 2],
            };
            // Full where the output stands still; then nobody hears it anyway.
            let _ = producer.push(pair);
        }
    };
    device.build_input_stream(config, captured, report(orders), None).map_err(failed)
}

/// What was asked for where the device has it, else the rate that it is at.
fn output_config(device: &Device, rate_hz: Option<u32>) -> Result<SupportedStreamConfig, StandaloneError> {
    let usual = device.default_output_config().map_err(failed)?;
    let rate_hz = rate_hz.unwrap_or(usual.sample_rate());
    let ranges = device.supported_output_configs().map_err(failed)?;
    Ok(best(ranges, rate_hz).unwrap_or(usual))
}

/// An input that runs at another rate than the output is not used: two clocks and two rates need a resampler, and
/// who records seriously has one device for both.
fn input_config(device: &Device, rate_hz: u32) -> Option<SupportedStreamConfig> {
    best(device.supported_input_configs().ok()?, rate_hz)
}

/// Of what a device has at a rate: stereo before anything else, floating point before whole numbers.
fn best(
    ranges: impl Iterator<Item = SupportedStreamConfigRange>,
    rate_hz: u32,
) -> Option<SupportedStreamConfig> {
    let at_rate = ranges.filter(is_usable).filter_map(|range| range.try_with_sample_rate(rate_hz));
    let rank = |config: &SupportedStreamConfig| {
        let format = FORMATS.iter().position(|format| *format == config.sample_format());
        (config.channels() != 2, config.channels(), format)
    };
    at_rate.min_by_key(rank)
}

/// Best first.
const FORMATS: [SampleFormat; 4] =
    [SampleFormat::F32, SampleFormat::I32, SampleFormat::I24, SampleFormat::I16];

fn is_usable(range: &SupportedStreamConfigRange) -> bool {
    FORMATS.contains(&range.sample_format())
}

fn blocks_of(found: &SupportedStreamConfig, block_frames: Option<u32>) -> StreamConfig {
    let mut config = found.config();
    if let SupportedBufferSize::Range { min, max } = found.buffer_size() {
        let wanted = block_frames.unwrap_or(BLOCK_FRAMES);
        config.buffer_size = BufferSize::Fixed(wanted.clamp(*min, (*max).max(*min)));
    }
    config
}

/// With an id and a name each; a device that tells neither cannot be chosen.
fn named(devices: impl Iterator<Item = Device>) -> Vec<(Device, DeviceName)> {
    let name = |device: Device| {
        let id = device.id().ok()?.to_string();
        let name = name_of(&device);
        Some((device, DeviceName { id, name }))
    };
    devices.filter_map(name).collect()
}

fn name_of(device: &Device) -> String {
    device.description().map_or_else(|_| "Audio device".to_owned(), |told| told.name().to_owned())
}

fn words(device: &Device, config: &StreamConfig, block_frames: Option<u32>, has_input: bool) -> String {
    let rate_khz = f64::from(config.sample_rate) / 1e3;
    let blocks = block_frames.map_or_else(String::new, |frames| format!(", blocks of {frames}"));
    let input = if has_input { "" } else { ", no input" };
    format!("{} at {rate_khz} kHz{blocks}{input}", name_of(device))
}

/// What the device says while it runs: only that it is gone is for the person.
fn report(orders: &Sender<SoundOrder>) -> impl FnMut(cpal::Error) + Send + 'static {
    let orders = orders.clone();
    move |error| match error.kind() {
        ErrorKind::DeviceNotAvailable | ErrorKind::StreamInvalidated | ErrorKind::HostUnavailable => {
            let _ = orders.send(SoundOrder::Lost(error.to_string().trim_end_matches('.').to_owned()));
        }
        _ => tracing::warn!("audio device: {error}"),
    }
}

fn failed(error: cpal::Error) -> StandaloneError {
    StandaloneError::Device(error.to_string().trim_end_matches('.').to_owned())
}
