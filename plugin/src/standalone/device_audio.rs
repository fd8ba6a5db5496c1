//! The system's default audio device, through cpal: for where JACK does not run.
//!
//! Input and output are two callbacks of the device; a ring between them holds what the input brought and the output has
//! not taken yet: one block, and at most two, so that nothing is held back for longer than the device itself does.
//! The instance is activated with the output's rate and asks for small blocks; what the device really calls with
//! may differ, and the bridge takes any size.

use backline_bridge::AUX_BUSES;
use cpal::traits::{DeviceTrait, HostTrait, StreamTrait};
use cpal::{
    BufferSize, Device, SampleFormat, Stream, StreamConfig, SupportedBufferSize, SupportedStreamConfig,
};
use rtrb::{Consumer, Producer, RingBuffer};

use super::StandaloneError;
use crate::processor::Processor;

/// The block that is asked for, sample frames; devices round it.
const BLOCK_FRAMES: u32 = 128;
/// The longest block that buffers are made for at first, sample frames. Longer ones are cut into parts.
const PART_FRAMES_MAX: usize = 8192;

/// Devices that can be used; no sound yet.
pub struct Ready {
    output: Device,
    output_config: StreamConfig,
    input: Option<(Device, StreamConfig)>,
}

/// Sound, until dropped.
pub struct DeviceAudio {
    _output: Stream,
    _input: Option<Stream>,
}

/// The output's callback.
struct Callback {
    processor: Processor,
    captured: Consumer<[f32; 2]>,
    channels: usize,
    main: [Vec<f32>; 2],
}

impl DeviceAudio {
    /// Finds the default devices. [main-thread]
    ///
    /// # Errors
    /// There is no output device that takes 32 bit floating point at a rate that Backline can run at.
    pub fn open() -> Result<Ready, StandaloneError> {
        let host = cpal::default_host();
        let missing = || StandaloneError::Device("there is none for playing".to_owned());
        let output = host.default_output_device().ok_or_else(missing)?;
        let found = output.default_output_config().map_err(failed)?;
        let output_config = small_blocks(&found);
        let input =
            host.default_input_device().and_then(|device| input_at(device, output_config.sample_rate));
        Ok(Ready { output, output_config, input })
    }
}

impl Ready {
    /// Starts the callbacks. Without an input the instance only listens. [main-thread]
    ///
    /// # Errors
    /// The device refuses, because another program holds it, for instance.
    pub fn start(self, mut processor: Processor) -> Result<DeviceAudio, StandaloneError> {
        let Self { output, output_config, input } = self;
        processor.activate(2, output_config.sample_rate as f32, BLOCK_FRAMES as usize);
        let (producer, captured) = RingBuffer::new(4 * PART_FRAMES_MAX);
        let input = input.and_then(|(device, config)| {
            let stream = capture(&device, config, producer);
            stream.inspect_err(|error| tracing::warn!("there is no input: {error}")).ok()
        });
        let main = [vec![0.0; PART_FRAMES_MAX], vec![0.0; PART_FRAMES_MAX]];
        let channels = usize::from(output_config.channels);
        let mut callback = Callback { processor, captured, channels, main };
        let played = move |samples: &mut [f32], _: &cpal::OutputCallbackInfo| callback.play(samples);
        let output = output.build_output_stream(output_config, played, report, None).map_err(failed)?;
        output.play().map_err(failed)?;
        Ok(DeviceAudio { _output: output, _input: input })
    }
}

impl Callback {
    /// One block of the device, interleaved. [audio-thread]
    fn play(&mut self, samples: &mut [f32]) {
        for part in samples.chunks_mut(PART_FRAMES_MAX * self.channels.max(1)) {
            let frames = part.len() / self.channels.max(1);
            self.take_captured(frames);
            let [left, right] = &mut self.main;
            let mut main = [&mut left[..frames], &mut right[..frames]];
            self.processor.process(&mut main, [const { None }; AUX_BUSES], None);
            for (index, frame) in part.chunks_exact_mut(self.channels.max(1)).enumerate() {
                frame.fill(0.0);
                match frame {
                    [only] => *only = (self.main[0][index] + self.main[1][index]) / 2.0,
                    [left, right, ..] => (*left, *right) = (self.main[0][index], self.main[1][index]),
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

impl Drop for Callback {
    fn drop(&mut self) {
        self.processor.deactivate();
    }
}

fn capture(
    device: &Device,
    config: StreamConfig,
    mut producer: Producer<[f32; 2]>,
) -> Result<Stream, StandaloneError> {
    let channels = usize::from(config.channels).max(1);
    let captured = move |samples: &[f32], _: &cpal::InputCallbackInfo| {
        for frame in samples.chunks_exact(channels) {
            let pair = match frame {
                [left, right, ..] => [*left, *right],
                [only] => [*only, *only],
                [] => [0.0; 2],
            };
            // Full where the output stands still; then nobody hears it anyway.
            let _ = producer.push(pair);
        }
    };
    let stream = device.build_input_stream(config, captured, report, None).map_err(failed)?;
    stream.play().map_err(failed)?;
    Ok(stream)
}

/// An input that runs at another rate than the output is not used: two clocks and two rates need a resampler, and
/// who records seriously has one device for both.
fn input_at(device: Device, rate_hz: u32) -> Option<(Device, StreamConfig)> {
    let is_usable = |range: &cpal::SupportedStreamConfigRange| range.sample_format() == SampleFormat::F32;
    let mut ranges = device.supported_input_configs().ok()?.filter(is_usable);
    let config = ranges.find_map(|range| range.try_with_sample_rate(rate_hz))?;
    let config = small_blocks(&config);
    Some((device, config))
}

fn small_blocks(found: &SupportedStreamConfig) -> StreamConfig {
    let mut config = found.config();
    if let SupportedBufferSize::Range { min, max } = found.buffer_size() {
        config.buffer_size = BufferSize::Fixed(BLOCK_FRAMES.clamp(*min, (*max).max(*min)));
    }
    config
}

fn report(error: cpal::Error) {
    tracing::warn!("audio device: {error}");
}

fn failed(error: cpal::Error) -> StandaloneError {
    StandaloneError::Device(error.to_string().trim_end_matches('.').to_owned())
}
