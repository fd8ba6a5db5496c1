//! Streams of one path: which are expected, which are open, and their sequence numbers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use backline_wire::Ssrc;
use backline_wire::limits::{MEDIA_PAYLOAD_BYTES_MAX, STREAMS_PER_PATH_MAX};
use str0m::Rtc;
use str0m::media::{MediaKind, Mid};
use str0m::rtp::{AbsCaptureTime, ExtensionValues, RtpPacket, RtpWrite};

use super::setup::is_known_payload_type;
use super::{MediaHead, MediaPacket, PathError};

#[derive(Default)]
pub(super) struct Streams {
    expected: BTreeSet<Ssrc>,
    open: BTreeSet<Ssrc>,
    /// Next sequence number for each stream ever opened here: starting again at a lower one would be
    /// taken for a replay (RFC 3711 section 3.3.2).
    next_sequence: BTreeMap<Ssrc, u64>,
    /// Packets that str0m holds, as written.
    written: Vec<(u32, u16)>,
}

impl Streams {
    pub(super) fn expect(&mut self, rtc: &mut Rtc, ssrc: Ssrc) -> Result<(), PathError> {
        if self.expected.contains(&ssrc) {
            return Ok(());
        }
        if self.expected.len() >= STREAMS_PER_PATH_MAX || ssrc.0 == 0 {
            return Err(PathError::TooManyStreams);
        }
        self.expected.insert(ssrc);
        let mid = mid_of('r', ssrc);
        let mut api = rtc.direct_api();
        api.declare_media(mid, MediaKind::Audio);
        api.expect_stream_rx(ssrc.0.into(), None, mid, None).suppress_nack(true);
        Ok(())
    }

    pub(super) fn forget(&mut self, rtc: &mut Rtc, ssrc: Ssrc) {
        if self.expected.remove(&ssrc) {
            rtc.direct_api().remove_media(mid_of('r', ssrc));
        }
    }

    pub(super) fn is_expected(&self, ssrc: u32) -> bool {
        self.expected.contains(&Ssrc(ssrc))
    }

    pub(super) fn open(&mut self, rtc: &mut Rtc, ssrc: Ssrc) -> Result<(), PathError> {
        if self.open.contains(&ssrc) {
            return Ok(());
        }
        if self.open.len() >= STREAMS_PER_PATH_MAX || ssrc.0 == 0 {
            return Err(PathError::TooManyStreams);
        }
        self.open.insert(ssrc);
        self.next_sequence.entry(ssrc).or_insert(FIRST_SEQUENCE);
        // str0m sends one stream for each mid.
        let mid = mid_of('t', ssrc);
        let mut api = rtc.direct_api();
        api.declare_media(mid, MediaKind::Audio);
        // Nothing is ever sent again by str0m: no cache.
        api.declare_stream_tx(ssrc.0.into(), None, mid, None).set_rtx_cache(1, Duration::ZERO, None);
        Ok(())
    }

    pub(super) fn close(&mut self, rtc: &mut Rtc, ssrc: Ssrc) {
        if self.open.remove(&ssrc) {
            rtc.direct_api().remove_media(mid_of('t', ssrc));
        }
    }

    pub(super) fn write(
        &mut self,
        rtc: &mut Rtc,
        now: Instant,
        ssrc: Ssrc,
        head: MediaHead,
        payload: Arc<[u8]>,
    ) -> Result<(), PathError> {
        if !is_known_payload_type(head.payload_type) {
            return Err(PathError::UnknownPayloadType(head.payload_type));
        }
        if payload.len() > MEDIA_PAYLOAD_BYTES_MAX {
            return Err(PathError::TooLong { bytes: payload.len() });
        }
        if !self.open.contains(&ssrc) {
            return Err(PathError::StreamNotOpen(ssrc));
        }
        let sequence = self.next_sequence.entry(ssrc).or_insert(FIRST_SEQUENCE);
        let mut api = rtc.direct_api();
        let stream = api.stream_tx(&ssrc.0.into()).ok_or(PathError::StreamNotOpen(ssrc))?;
        let packet =
            RtpWrite::new(head.payload_type.into(), (*sequence).into(), head.timestamp, now, payload)
                .marker(head.marker)
                .ext_vals(extension_values(&head));
        stream.write_rtp(packet);
        self.written.push((ssrc.0, *sequence as u16));
        *sequence += 1;
        Ok(())
    }

    /// One of our streams, if any is open.
    pub(super) fn first_open(&self) -> Option<Ssrc> {
        self.open.first().copied()
    }

    /// How many packets str0m holds.
    pub(super) fn unsent(&self) -> usize {
        self.written.len()
    }

    /// Which of the written packets this is: str0m takes streams in an order of its own, which is not the
    /// same in each run.
    pub(super) fn order_of(&self, rtp: &[u8]) -> usize {
        let [_, _, seq_high, seq_low, _, _, _, _, a, b, c, d, ..] = *rtp else { return usize::MAX };
        let key = (u32::from_be_bytes([a, b, c, d]), u16::from_be_bytes([seq_high, seq_low]));
        self.written.iter().position(|written| *written == key).unwrap_or(usize::MAX)
    }

    pub(super) fn all_sent(&mut self) {
        self.written.clear();
    }
}

/// What arrived, without what str0m made of it: type, timestamp and payload are the wire's.
pub(super) fn media_packet(packet: RtpPacket, arrived: Instant) -> MediaPacket {
    let header = &packet.header;
    let captured = header.ext_vals.abs_capture_time.as_ref();
    MediaPacket {
        ssrc: Ssrc(*header.ssrc),
        head: MediaHead {
            payload_type: *header.payload_type,
            timestamp: header.timestamp,
            captured_at: captured
                .and_then(|time| time.capture_time.duration_since(SystemTime::UNIX_EPOCH).ok()),
            level: header.ext_vals.audio_level,
            marker: header.marker,
        },
        payload: packet.payload,
        arrived,
    }
}

fn extension_values(head: &MediaHead) -> ExtensionValues {
    ExtensionValues {
        audio_level: head.level.map(|level| level.clamp(-127, 0)),
        voice_activity: head.level.map(|_| false),
        abs_capture_time: head
            .captured_at
            .and_then(|time| SystemTime::UNIX_EPOCH.checked_add(time))
            .map(|capture_time| AbsCaptureTime { capture_time, clock_offset: None }),
        ..ExtensionValues::default()
    }
}

fn mid_of(direction: char, ssrc: Ssrc) -> Mid {
    Mid::from(format!("{direction}{ssrc}").as_str())
}

/// Small, so that the receiver's idea of the rollover counter (zero) is right.
const FIRST_SEQUENCE: u64 = 1;
