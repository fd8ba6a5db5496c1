//! One source of ours: captured samples in, packets out to everybody who is reached.
//!
//! The step before is `client` (the capture ring, converted to 48 kHz); inside is `backline_media::Sender`
//! (framing, coding, redundancy); the step after is `Network::send_media`. Beside the relay each packet is one shared allocation; elsewhere there is none.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use backline_codec::{Encoding, Quality};
use backline_media::automatic::{Automatic, Move};
use backline_media::{Sender, SenderConfig};
use backline_wire::{Generation, Missing, PeerId, Reception, Ssrc, StreamFormat};

use crate::heads::media_head;
use crate::network::{LinkKey, Network};
use crate::repair::RepairBudget;
use crate::view::SendView;

/// Rates are over windows of this length.
const RATE_WINDOW: Duration = Duration::from_secs(1);

/// Paths whose budgets are remembered before those that are gone are looked for.
const REPAIRS_MAX: usize = 64;

/// What one instance sends.
pub(crate) struct Sending {
    automatic: Automatic,
    config: SenderConfig,
    /// Of the device, at 48 kHz; 0 while it is not known or its rate is another.
    block_frames: usize,
    /// The longest that was captured at a time, at 48 kHz; 0 before the first.
    capture_block_frames: usize,
    sender: Option<Sender>,
    /// Given by the host; nothing is sent before.
    pub ssrc: Option<Ssrc>,
    pub generation: Generation,
    payload: Vec<u8>,
    /// Packets made so far.
    packets: u64,
    repairs: BTreeMap<LinkKey, RepairBudget>,
    /// Who is reached straight and does not listen.
    pub unwanted_by: BTreeSet<PeerId>,
    rate: Rate,
}

#[derive(Default)]
struct Rate {
    since: Option<Instant>,
    packets: u64,
    bytes: u64,
    packets_per_second: f32,
    bits_per_second: f32,
}

impl Sending {
    pub fn new(quality: Quality, automatic: bool, generation: Generation) -> Self {
        let automatic = Automatic::new(quality, automatic);
        let config = automatic.step().config(0);
        Self {
            automatic,
            config,
            block_frames: 0,
            capture_block_frames: 0,
            sender: start(config),
            ssrc: None,
            generation,
            payload: Vec::with_capacity(2048),
            packets: 0,
            repairs: BTreeMap::new(),
            unwanted_by: BTreeSet::new(),
            rate: Rate::default(),
        }
    }

    /// It is not published any more; returns the stream that it had.
    pub fn stop(&mut self) -> Option<Ssrc> {
        self.rate = Rate::default();
        self.ssrc.take()
    }

    /// As the person chose it.
    pub fn quality(&self) -> Quality {
        self.automatic.chosen()
    }

    /// From the next frame on. False when the encoder cannot be made: the old quality stays.
    pub fn set_quality(&mut self, quality: Quality) -> bool {
        let before = self.quality();
        self.choose(quality, self.automatic.is_on()) || {
            self.choose(before, self.automatic.is_on());
            false
        }
    }

    /// Whether it may move by itself; what it sends is then as chosen, to begin with.
    pub fn set_automatic(&mut self, automatic: bool) {
        if automatic != self.automatic.is_on() {
            self.choose(self.quality(), automatic);
        }
    }

    /// A listener's report about our stream; one about another is dropped.
    pub fn heard(&mut self, listener: PeerId, reception: Reception, now: Instant) {
        if self.ssrc == Some(reception.ssrc) {
            self.automatic.heard(listener, reception, now);
        }
    }

    /// How long after its capture a listener hears it, as they told of late.
    pub fn heard_after(&self, listener: PeerId, now: Instant) -> Option<Duration> {
        self.automatic.heard_after(listener, now)
    }

    /// A listener is gone.
    pub fn gone(&mut self, listener: PeerId) {
        self.automatic.gone(listener);
        self.unwanted_by.remove(&listener);
    }

    /// Moves to another way of sending, if it is time to.
    pub fn poll_automatic(&mut self, now: Instant) -> Option<Move> {
        let moved = self.automatic.poll(now)?;
        self.reconfigure(moved.to.config(self.block_frames));
        Some(moved)
    }

    /// How much is captured at a time, at 48 kHz. True when listeners should know.
    pub fn set_capture_block(&mut self, block_frames: usize) -> bool {
        std::mem::replace(&mut self.capture_block_frames, block_frames) != block_frames
    }

    /// The device's block, 0 where frames need not fit it. True when frames have another length from now on.
    pub fn set_block(&mut self, block_frames: usize) -> bool {
        if self.block_frames == block_frames {
            return false;
        }
        self.block_frames = block_frames;
        let config = self.automatic.step().config(block_frames);
        config != self.config && self.reconfigure(config)
    }

    fn choose(&mut self, quality: Quality, automatic: bool) -> bool {
        self.automatic.choose(quality, automatic);
        self.reconfigure(self.automatic.step().config(self.block_frames))
    }

    fn reconfigure(&mut self, config: SenderConfig) -> bool {
        let done = match &mut self.sender {
            Some(sender) => config == self.config || sender.reconfigure(config).is_ok(),
            None => {
                self.sender = start(config);
                self.sender.is_some()
            }
        };
        self.config = if done { config } else { self.config };
        done
    }

    pub fn format(&self) -> StreamFormat {
        let config = self.config;
        let bitrate_bps = match config.encoding {
            Encoding::Opus { bitrate_bps, .. } => bitrate_bps,
            Encoding::Pcm16 { .. } | Encoding::Pcm24 { .. } => 0,
        };
        StreamFormat {
            payload_type: config.encoding.payload_type(),
            frame_frames: u16::try_from(config.encoding.frame_frames()).unwrap_or(u16::MAX),
            bitrate_bps,
            redundancy: config.redundancy,
            copy_distance: config.copy_distance,
            block_frames: u16::try_from(self.capture_block_frames).unwrap_or(u16::MAX),
        }
    }

    /// Sends what was captured: 48 kHz, stereo interleaved; `captured_at` is the first sample frame's unix time.
    pub fn capture(&mut self, network: &mut Network, samples: &[f32], captured_at: Duration, now: Instant) {
        let (Some(sender), Some(ssrc)) = (&mut self.sender, self.ssrc) else { return };
        sender.push(samples, captured_at);
        while let Some(packet) = sender.poll_packet(&mut self.payload) {
            let packet = (&media_head(&packet), self.payload.as_slice());
            let copies = network.send_media(now, ssrc, packet, &self.unwanted_by);
            self.packets += 1;
            self.rate.count(now, copies, self.payload.len());
        }
    }

    /// Sends packets again, to who misses them, within their budget.
    pub fn send_again(&mut self, network: &mut Network, key: LinkKey, missing: &Missing, now: Instant) {
        let (Some(sender), Some(ssrc)) = (&self.sender, self.ssrc) else { return };
        let Some(path) = network.links.get_mut(key) else { return };
        let budget = self.repairs.entry(key).or_default();
        for run in &missing.runs {
            for (packet, payload) in sender.sent_before(run.timestamp, u32::from(run.ticks)) {
                if budget.spend(self.packets)
                    && let Err(error) = path.send_media(now, ssrc, media_head(&packet), payload)
                {
                    tracing::debug!(?key, %error, "a packet could not be sent again");
                }
            }
        }
        // Paths come and go; a session has few.
        if self.repairs.len() > REPAIRS_MAX {
            self.repairs.retain(|key, _| network.links.get(*key).is_some());
        }
    }

    pub fn view(&self) -> SendView {
        SendView {
            encoding: crate::view::describe(self.format()),
            packets_per_second: self.rate.packets_per_second,
            bits_per_second: self.rate.bits_per_second,
        }
    }
}

impl Rate {
    fn count(&mut self, now: Instant, copies: usize, payload_bytes: usize) {
        let since = *self.since.get_or_insert(now);
        let elapsed = now.saturating_duration_since(since);
        if elapsed >= RATE_WINDOW {
            self.packets_per_second = self.packets as f32 / elapsed.as_secs_f32();
            self.bits_per_second = self.bytes as f32 * 8.0 / elapsed.as_secs_f32();
            (self.since, self.packets, self.bytes) = (Some(now), 0, 0);
        }
        self.packets += copies as u64;
        self.bytes += (copies * payload_bytes) as u64;
    }
}

fn start(config: SenderConfig) -> Option<Sender> {
    Sender::new(config, 0)
        .inspect_err(|error| tracing::error!(%error, "the encoder could not be made; nothing is sent"))
        .ok()
}
