//! The head of an RTP packet (RFC 3550 section 5.1) with our two extensions (RFC 8285, one-byte form).
//!
//! It is: bytes ⇄ [`MediaHead`], SSRC and sequence number. It is not: encryption ([`crate::srtp`], the step after writing
//! and before believing what was read) or the payload. Reading believes nothing and never fails but by `None`.

use std::time::Duration;

use backline_wire::Ssrc;

use crate::media::MediaHead;

/// What stands before a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) ssrc: Ssrc,
    pub(crate) sequence: u16,
    pub(crate) head: MediaHead,
    /// Length of all of it: CSRCs and extensions included.
    pub(crate) bytes: usize,
    /// The last byte of the payload says how many at its end are none.
    pub(crate) is_padded: bool,
}

/// Whether it is one of those that we speak.
pub(crate) fn is_known_payload_type(payload_type: u8) -> bool {
    PAYLOAD_TYPES.contains(&payload_type)
}

/// Appends the head of a packet.
pub(crate) fn write(out: &mut Vec<u8>, ssrc: Ssrc, sequence: u16, head: &MediaHead) {
    let has_extension = head.level.is_some() || head.captured_at.is_some();
    out.push(VERSION | if has_extension { EXTENSION } else { 0 });
    out.push(if head.marker { MARKER } else { 0 } | head.payload_type);
    out.extend_from_slice(&sequence.to_be_bytes());
    out.extend_from_slice(&head.timestamp.to_be_bytes());
    out.extend_from_slice(&ssrc.0.to_be_bytes());
    if has_extension {
        write_extensions(out, head);
    }
}

/// Reads the head of a packet; `None` when it is none. Extensions that are not ours are passed over.
pub(crate) fn read(datagram: &[u8]) -> Option<Header> {
    let (fixed, rest) = datagram.split_first_chunk::<FIXED_BYTES>()?;
    let [first, second, seq_high, seq_low, t0, t1, t2, t3, s0, s1, s2, s3] = *fixed;
    if first & VERSION_MASK != VERSION {
        return None;
    }
    let after_sources = rest.get(usize::from(first & SOURCES_MASK) * 4..)?;
    let (extensions, payload) =
        if first & EXTENSION == 0 { (&[][..], after_sources) } else { split_extensions(after_sources)? };
    let (level, captured_at) = read_extensions(extensions);
    Some(Header {
        ssrc: Ssrc(u32::from_be_bytes([s0, s1, s2, s3])),
        sequence: u16::from_be_bytes([seq_high, seq_low]),
        head: MediaHead {
            payload_type: second & !MARKER,
            timestamp: u32::from_be_bytes([t0, t1, t2, t3]),
            captured_at,
            level,
            marker: second & MARKER != 0,
        },
        bytes: datagram.len() - payload.len(),
        is_padded: first & PADDING != 0,
    })
}

/// A payload without the padding that its header spoke of; `None` when that is longer than all of it.
pub(crate) fn without_padding<'a>(header: &Header, payload: &'a [u8]) -> Option<&'a [u8]> {
    if !header.is_padded {
        return Some(payload);
    }
    let padding = usize::from(*payload.last()?);
    if padding == 0 { None } else { payload.get(..payload.len().checked_sub(padding)?) }
}

fn write_extensions(out: &mut Vec<u8>, head: &MediaHead) {
    out.extend_from_slice(&ONE_BYTE_FORM);
    let words_at = out.len();
    out.extend_from_slice(&[0, 0]);
    if let Some(level) = head.level {
        // RFC 6464: the loudness without its sign; the bit above it, voice activity, is not used.
        out.extend_from_slice(&[AUDIO_LEVEL_ID << 4, level.clamp(-127, 0).unsigned_abs()]);
    }
    if let Some(captured_at) = head.captured_at {
        out.push(CAPTURE_TIME_ID << 4 | (CAPTURE_TIME_BYTES - 1) as u8);
        out.extend_from_slice(&to_ntp(captured_at).to_be_bytes());
    }
    let begin = words_at + 2;
    out.resize(begin + (out.len() - begin).next_multiple_of(4), 0);
    let words = (out.len() - begin) / 4;
    out[words_at + 1] = words as u8;
}

/// The elements of a header extension, and what follows it. Other forms than the one-byte form are passed over.
fn split_extensions(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (head, rest) = bytes.split_first_chunk::<4>()?;
    let words = usize::from(u16::from_be_bytes([head[2], head[3]]));
    let (elements, rest) = rest.split_at_checked(words * 4)?;
    Some((if head[..2] == ONE_BYTE_FORM { elements } else { &[] }, rest))
}

fn read_extensions(mut elements: &[u8]) -> (Option<i8>, Option<Duration>) {
    let (mut level, mut captured_at) = (None, None);
    while let Some((head, rest)) = elements.split_first() {
        // A zero byte is padding between elements; identifier 15 ends them (RFC 8285 section 4.2).
        let (id, length) = (head >> 4, usize::from(head & 0x0F) + 1);
        if *head == 0 {
            elements = rest;
            continue;
        }
        let Some((value, rest)) = rest.split_at_checked(length).filter(|_| id != 15) else { break };
        match (id, value) {
            (AUDIO_LEVEL_ID, [value, ..]) => level = Some(-((value & 0x7F) as i8)),
            (CAPTURE_TIME_ID, value) => captured_at = value.first_chunk().map(from_ntp_bytes),
            _ => {}
        }
        elements = rest;
    }
    (level, captured_at)
}

/// Seconds since 1900 and their 2^32nd parts, rounded, so that whole nanoseconds come back as they were.
fn to_ntp(unix: Duration) -> u64 {
    let seconds = (unix.as_secs() as u32).wrapping_add(UNIX_IN_NTP_SECONDS);
    let fraction = ((u64::from(unix.subsec_nanos()) << 32) + NANOS / 2) / NANOS;
    u64::from(seconds) << 32 | fraction
}

/// Times before 1970 are taken for those of the next era, which begins in 2036.
fn from_ntp_bytes(bytes: &[u8; CAPTURE_TIME_BYTES]) -> Duration {
    let ntp = u64::from_be_bytes(*bytes);
    let seconds = ((ntp >> 32) as u32).wrapping_sub(UNIX_IN_NTP_SECONDS);
    let nanos = ((ntp & 0xFFFF_FFFF) * NANOS + (1 << 31)) >> 32;
    Duration::from_secs(seconds.into()) + Duration::from_nanos(nanos)
}

/// Opus, L16, L24, RED.
const PAYLOAD_TYPES: [u8; 4] = [111, 96, 97, 63];
/// RFC 6464.
const AUDIO_LEVEL_ID: u8 = 1;
/// The absolute capture time extension of WebRTC, in its short form.
const CAPTURE_TIME_ID: u8 = 2;
const CAPTURE_TIME_BYTES: usize = 8;
const ONE_BYTE_FORM: [u8; 2] = [0xBE, 0xDE];

const FIXED_BYTES: usize = 12;
const VERSION: u8 = 2 << 6;
const VERSION_MASK: u8 = 3 << 6;
const PADDING: u8 = 1 << 5;
const EXTENSION: u8 = 1 << 4;
const SOURCES_MASK: u8 = 0x0F;
const MARKER: u8 = 1 << 7;
/// From 1900 to 1970.
const UNIX_IN_NTP_SECONDS: u32 = 2_208_988_800;
const NANOS: u64 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SSRC: Ssrc = Ssrc(0xDEAD_BEEF);

    fn heads() -> impl Strategy<Value = MediaHead> {
        let captured = proptest::option::of((0_u64..4_000_000_000, 0_u32..1_000_000_000));
        let level = proptest::option::of(-127_i8..=0);
        (0_u8..128, any::<u32>(), captured, level, any::<bool>()).prop_map(
            |(payload_type, timestamp, captured, level, marker)| MediaHead {
                payload_type,
                timestamp,
                captured_at: captured.map(|(seconds, nanos)| Duration::new(seconds, nanos)),
                level,
                marker,
            },
        )
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(head in heads(), sequence: u16, payload in proptest::collection::vec(any::<u8>(), 0..40)) {
            let mut packet = Vec::new();
            write(&mut packet, SSRC, sequence, &head);
            let bytes = packet.len();
            prop_assert!(bytes.is_multiple_of(4) && bytes <= 28);
            packet.extend_from_slice(&payload);
            let expected = Header { ssrc: SSRC, sequence, head, bytes, is_padded: false };
            prop_assert_eq!(read(&packet), Some(expected));
        }

        #[test]
        fn anything_can_be_read(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            if let Some(header) = read(&bytes) {
                prop_assert!((12..=bytes.len()).contains(&header.bytes));
                let payload = &bytes[header.bytes..];
                prop_assert!(without_padding(&header, payload).is_none_or(|rest| payload.starts_with(rest)));
            }
        }
    }

    #[test]
    fn the_bytes_are_these() {
        let captured_at = Some(Duration::from_millis(1_500));
        let head = MediaHead {
            payload_type: 111,
            timestamp: 0x0102_0304,
            captured_at,
            level: Some(-9),
            marker: true,
        };
        let mut packet = Vec::new();
        write(&mut packet, SSRC, 0x0506, &head);
        let fixed = [0x90, 0xEF, 5, 6, 1, 2, 3, 4, 0xDE, 0xAD, 0xBE, 0xEF];
        let extension = [0xBE, 0xDE, 0, 3, 0x10, 9, 0x27, 0x83, 0xAA, 0x7E, 0x81, 0x80, 0, 0, 0, 0];
        assert_eq!(packet, [&fixed[..], &extension].concat());
        let bare = MediaHead { captured_at: None, level: None, marker: false, ..head };
        packet.clear();
        write(&mut packet, SSRC, 0x0506, &bare);
        assert_eq!(packet, [0x80, 0x6F, 5, 6, 1, 2, 3, 4, 0xDE, 0xAD, 0xBE, 0xEF]);
    }

    #[test]
    fn what_others_put_into_a_header_is_passed_over() {
        // Two CSRCs, padding, and extensions: an unknown one, a gap, ours, the end, and what looks like ours after it.
        let mut packet = vec![0xB2, 96, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 9, 9, 9, 9, 8, 8, 8, 8];
        packet.extend_from_slice(&[0xBE, 0xDE, 0, 2, 0x51, 1, 2, 0, 0x10, 0x85, 0xF0, 0x10]);
        packet.extend_from_slice(&[7, 7, 7, 0, 2]);
        let header = read(&packet).expect("a header");
        assert_eq!((header.bytes, header.is_padded, header.head.level), (32, true, Some(-5)));
        assert_eq!(without_padding(&header, &packet[32..]), Some(&[7, 7, 7][..]));
        assert_eq!(without_padding(&header, &[1, 2, 4]), None);
        assert_eq!(without_padding(&header, &[1, 0]), None);
    }
}
