//! A block with a look at what the plugin did to the memory it was given, as plugin validators look: every sample frame of every
//! output written, nothing but audio in it, nothing beyond the block, the input as it was, answers in the order of time.

use clack_host::process::ProcessStatus;
use clap_sys::events::CLAP_EVENT_TRANSPORT;

use super::ClapProcessor;
use crate::error::HostError;

/// No computation gives this NaN: where it is still found, nothing was written.
const UNWRITTEN: f32 = f32::from_bits(0x7fc0_5a5a);
/// A channel that says it is constant may differ by so much, linear.
const CONSTANT_WITHIN: f32 = 1e-3;

impl ClapProcessor {
    /// Processes one block; an error where the plugin did what a plugin must not.
    pub fn process_checked(&mut self, frames: usize) -> Result<ProcessStatus, HostError> {
        for channel in self.outputs.ports_mut().iter_mut().flatten() {
            channel.fill(UNWRITTEN);
        }
        let given = self.inputs.ports().to_vec();
        let masks = self.inputs.constant_masks();
        let status = self.process(frames)?;
        if !same_bits(&given, self.inputs.ports()) {
            return Err(fault("leave the input as it is", "it wrote into the input"));
        }
        let shared = self.is_in_place().then_some(&self.outputs);
        if !self.inputs.is_as_described(shared)
            || !self.outputs.is_as_described(None)
            || self.inputs.constant_masks() != masks
        {
            return Err(fault("leave the host's lists as they are", "it wrote into them"));
        }
        for port in 0..self.output_count() {
            for channel in 0..self.output_channels(port) {
                self.check_output(port, channel, frames)?;
            }
        }
        self.check_replies(frames)?;
        Ok(status)
    }

    fn check_output(&self, port: usize, channel: usize, frames: usize) -> Result<(), HostError> {
        let (block, beyond) = self.output(port, channel).split_at(frames);
        for (at, sample) in block.iter().enumerate() {
            let what = match sample {
                sample if sample.to_bits() == UNWRITTEN.to_bits() => "was not written",
                sample if !sample.is_finite() => "is not finite",
                sample if sample.is_subnormal() => "is subnormal",
                _ => continue,
            };
            return Err(fault(
                "put out audio",
                format!("output {port}.{channel}, frame {at} of {frames} {what}"),
            ));
        }
        if beyond.iter().any(|sample| sample.to_bits() != UNWRITTEN.to_bits()) {
            return Err(fault(
                "stay within the block",
                format!("it wrote beyond frame {frames} of output {port}.{channel}"),
            ));
        }
        let highest = block.iter().copied().fold(f32::MIN, f32::max);
        let lowest = block.iter().copied().fold(f32::MAX, f32::min);
        let says_constant = self.outputs.constant_mask(port) & (1 << channel) != 0;
        if says_constant && highest - lowest > CONSTANT_WITHIN {
            return Err(fault(
                "mark constant outputs",
                format!("output {port}.{channel} is marked and moves"),
            ));
        }
        Ok(())
    }

    fn check_replies(&self, frames: usize) -> Result<(), HostError> {
        let mut last = 0;
        for event in self.replies.iter() {
            let time = event.header().time();
            if time < last || time as usize >= frames.max(1) {
                return Err(fault(
                    "answer in time",
                    format!("an event at {time} after one at {last} in {frames}"),
                ));
            }
            if event.header().type_id() == CLAP_EVENT_TRANSPORT {
                return Err(fault("leave the transport to the host", "it sent one"));
            }
            last = time;
        }
        Ok(())
    }
}

fn same_bits(one: &[Vec<Vec<f32>>], other: &[Vec<Vec<f32>>]) -> bool {
    let bits = |ports: &[Vec<Vec<f32>>]| -> Vec<u32> {
        ports.iter().flatten().flatten().map(|sample| sample.to_bits()).collect()
    };
    bits(one) == bits(other)
}

fn fault(what: &'static str, why: impl ToString) -> HostError {
    HostError::plugin(what, why)
}
