//! Between the rings (device rate) of one instance and the session (48 kHz): one lane in, sixteen out.
//!
//! The step before is the capture ring, the step after the session's sender; and back: the session's playouts,
//! then the return rings. At 48 kHz samples pass as they are. No allocation once warm.

use std::time::{Duration, Instant};

use backline_audio::{RateConverter, RateConverterError, SampleRate};
use backline_bridge::{NetEnd, Peak};
use backline_session::Session;
use backline_wire::InstanceId;
use backline_wire::limits::SLOTS;

/// A host that has used one block length for so long is taken to go on with it; nothing is sent while the pace of
/// a new host is measured, which takes as long.
const BLOCK_IS_STEADY: Duration = Duration::from_millis(90);

/// Where callbacks did without for longer, the playout has ended by itself and begins anew (a second at 192 kHz).
const MISSED_FRAMES_MAX: usize = 192_000;

/// All lanes of an instance at one device rate.
pub(crate) struct Lanes {
    instance: InstanceId,
    rate: SampleRate,
    capture: Lane,
    returns: Vec<Lane>,
    live: [bool; SLOTS],
    /// The host's block, and since when it has had this length.
    block: Option<(usize, Instant)>,
    longest_block_frames: usize,
    scratch: Vec<f32>,
}

/// One direction of one stream.
struct Lane {
    /// None at 48 kHz.
    converter: Option<RateConverter>,
    /// Converted and not yet taken, stereo interleaved.
    ready: Vec<f32>,
}

impl Lanes {
    /// For an instance's device rate. Allocates; made when a bridge is attached.
    ///
    /// # Errors
    /// When no converter can be made for the rate.
    pub fn new(instance: InstanceId, rate: SampleRate) -> Result<Self, RateConverterError> {
        let returns = (0..SLOTS).map(|_| Lane::new(SampleRate::NETWORK, rate)).collect::<Result<_, _>>()?;
        Ok(Self {
            instance,
            rate,
            capture: Lane::new(rate, SampleRate::NETWORK)?,
            returns,
            live: [false; SLOTS],
            block: None,
            longest_block_frames: 0,
            scratch: Vec::new(),
        })
    }

    pub fn rate(&self) -> SampleRate {
        self.rate
    }

    /// Hands everything that was captured to the session.
    pub fn capture(&mut self, net: &mut NetEnd, session: &mut Session, now: Instant) {
        self.fit_frames_to_blocks(net, session, now);
        self.tell_block(net, session, now);
        while let Some(stamp) = net.read_capture(&mut self.scratch) {
            if stamp.discontinuity {
                self.capture.reset();
            }
            match &mut self.capture.converter {
                None => session.capture(self.instance, &self.scratch, stamp.at, now),
                Some(converter) => {
                    self.capture.ready.clear();
                    converter.push(&self.scratch, &mut self.capture.ready);
                    let delay = frames_to_time(converter.delay_frames(), SampleRate::NETWORK);
                    let at = stamp.at.checked_sub(delay).unwrap_or(stamp.at);
                    session.capture(self.instance, &self.capture.ready, at, now);
                }
            }
        }
    }

    /// Frames fit the host's blocks once it has kept to one length for a while.
    fn fit_frames_to_blocks(&mut self, net: &NetEnd, session: &mut Session, now: Instant) {
        let block_frames = if self.rate.is_network() { net.meters().block_frames() } else { 0 };
        match self.block {
            Some((seen, since)) if seen == block_frames => {
                if now.saturating_duration_since(since) >= BLOCK_IS_STEADY {
                    session.set_block(now, self.instance, block_frames);
                }
            }
            _ => self.block = Some((block_frames, now)),
        }
    }

    /// Listeners learn the longest block: it is how far apart bursts of packets come.
    fn tell_block(&mut self, net: &NetEnd, session: &mut Session, now: Instant) {
        let block_frames = net.meters().block_frames();
        if block_frames > self.longest_block_frames {
            self.longest_block_frames = block_frames;
            let network_hz = u64::from(SampleRate::NETWORK.hz());
            let at_network = (block_frames as u64 * network_hz).div_ceil(u64::from(self.rate.hz()));
            session.set_capture_block(now, self.instance, at_network as usize);
        }
    }

    /// Fills the return rings for the callbacks to come.
    pub fn play(&mut self, net: &mut NetEnd, session: &mut Session, now: Instant) {
        net.set_solo_safe(session.mix_slot(self.instance));
        session.set_aux_slots(self.instance, net.aux_slots());
        for (slot, lane) in self.returns.iter_mut().enumerate() {
            let from = (self.instance, slot);
            let live = session.is_live(from, now);
            if live != self.live[slot] {
                self.live[slot] = live;
                lane.reset();
                net.set_slot_live(slot, live);
            }
            if live {
                let [left, right] = session.mixed_peaks(from, now);
                net.set_slot_peak(slot, Peak { left, right });
            }
            let wanted_frames = net.return_wanted(slot);
            // Asked for after the ring's level, so that what is left out was missing when the ring was that empty.
            let missed_frames = net.take_missed(slot).min(MISSED_FRAMES_MAX);
            if live && missed_frames > 0 {
                lane.fill(from, missed_frames, session, &mut self.scratch, now);
                lane.ready.drain(..2 * missed_frames);
            }
            if live && wanted_frames > 0 {
                lane.fill(from, wanted_frames, session, &mut self.scratch, now);
                let taken = net.write_return(slot, &lane.ready[..2 * wanted_frames]);
                lane.ready.drain(..2 * taken);
            }
        }
        session.set_return_delay(self.instance, self.return_delay(net));
    }

    /// What the return ring and the conversion add after a playout.
    fn return_delay(&self, net: &NetEnd) -> Duration {
        let ring = frames_to_time(net.meters().return_fill_frames(), self.rate);
        let converter = self.returns.first().and_then(|lane| lane.converter.as_ref());
        ring + converter.map_or(Duration::ZERO, |c| frames_to_time(c.delay_frames(), self.rate))
    }
}

impl Lane {
    fn new(from: SampleRate, to: SampleRate) -> Result<Self, RateConverterError> {
        let converter = if from == to { None } else { Some(RateConverter::new(from, to)?) };
        Ok(Self { converter, ready: Vec::new() })
    }

    fn reset(&mut self) {
        self.ready.clear();
        if let Some(converter) = &mut self.converter {
            converter.reset();
        }
    }

    /// Pulls from the slot's playout until `wanted_frames` are ready.
    fn fill(
        &mut self,
        slot: (InstanceId, usize),
        wanted_frames: usize,
        session: &mut Session,
        scratch: &mut Vec<f32>,
        now: Instant,
    ) {
        let Some(converter) = &mut self.converter else {
            self.ready.resize(2 * wanted_frames, 0.0);
            return session.playout(slot, &mut self.ready, now);
        };
        while self.ready.len() < 2 * wanted_frames {
            let missing_frames = wanted_frames - self.ready.len() / 2;
            let (from_hz, to_hz) = (converter.from().hz() as usize, converter.to().hz() as usize);
            scratch.resize(2 * (missing_frames * from_hz).div_ceil(to_hz).max(1), 0.0);
            session.playout(slot, scratch, now);
            converter.push(scratch, &mut self.ready);
        }
    }
}

fn frames_to_time(frames: usize, rate: SampleRate) -> Duration {
    Duration::from_secs_f64(frames as f64 / f64::from(rate.hz()))
}
