//! RTCP (RFC 3550 section 6): reports of what was sent and heard, and feedback about streams (RFC 4585).
//!
//! It is: compound packets ⇄ their parts, unencrypted. It is not: their encryption ([`crate::srtp`]) or the numbers in
//! them (the path's streams). Reports are for others who look at a session's packets; we count them and read none.

use backline_wire::Ssrc;

/// What was sent of one stream (RFC 3550 section 6.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SenderInfo {
    pub(crate) ssrc: Ssrc,
    /// Since the path was made: seconds, and their 2^32nd parts.
    pub(crate) uptime: u64,
    /// RTP clock at that time.
    pub(crate) timestamp: u32,
    pub(crate) packets: u32,
    /// Of payload.
    pub(crate) octets: u32,
}

/// How one stream arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ReportBlock {
    pub(crate) ssrc: Ssrc,
    /// Since the report before, in 256ths.
    pub(crate) fraction_lost: u8,
    /// In all; less than zero where packets came twice.
    pub(crate) lost: i32,
    /// Turns of the sequence number, and the highest one.
    pub(crate) highest: u32,
    /// In ticks of 48 kHz.
    pub(crate) jitter: u32,
}

/// A part of a compound packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part<'a> {
    /// A sender's or a receiver's report.
    Report,
    /// What the peer says about a stream that it hears.
    Feedback { about: Ssrc, bytes: &'a [u8] },
    /// Whatever else there is.
    Other,
}

/// Appends a receiver report. More than [`BLOCKS_MAX`] blocks find no room in one.
pub(crate) fn write_receiver_report(out: &mut Vec<u8>, reporter: Ssrc, blocks: &[ReportBlock]) {
    let blocks = &blocks[..blocks.len().min(BLOCKS_MAX)];
    write_head(out, blocks.len() as u8, RECEIVER_REPORT, 1 + 6 * blocks.len(), reporter);
    for block in blocks {
        out.extend_from_slice(&block.ssrc.0.to_be_bytes());
        out.push(block.fraction_lost);
        let lost = block.lost.clamp(-LOST_MAX - 1, LOST_MAX);
        out.extend_from_slice(&lost.to_be_bytes()[1..]);
        out.extend_from_slice(&block.highest.to_be_bytes());
        out.extend_from_slice(&block.jitter.to_be_bytes());
        // Neither the last sender report nor the time since: none is read.
        out.extend_from_slice(&[0; 8]);
    }
}

/// Appends a sender report without blocks.
pub(crate) fn write_sender_report(out: &mut Vec<u8>, info: &SenderInfo) {
    write_head(out, 0, SENDER_REPORT, 6, info.ssrc);
    // A clock that says how long the system is up may stand here (RFC 3550 section 6.4.1).
    out.extend_from_slice(&info.uptime.to_be_bytes());
    for word in [info.timestamp, info.packets, info.octets] {
        out.extend_from_slice(&word.to_be_bytes());
    }
}

/// Appends the source description that each compound packet must have (RFC 3550 section 6.1): a name that says nothing.
pub(crate) fn write_description(out: &mut Vec<u8>, reporter: Ssrc) {
    let name = reporter.to_string();
    let item_bytes = (2 + name.len() + 1).next_multiple_of(4);
    write_head(out, 1, SOURCE_DESCRIPTION, 1 + item_bytes / 4, reporter);
    let end = out.len() + item_bytes;
    out.extend_from_slice(&[CNAME, name.len() as u8]);
    out.extend_from_slice(name.as_bytes());
    out.resize(end, 0);
}

/// Appends application-defined feedback (RFC 4585 section 6.4), padded to whole words. It may stand alone (RFC 5506).
pub(crate) fn write_feedback(out: &mut Vec<u8>, reporter: Ssrc, about: Ssrc, bytes: &[u8]) {
    let padded_bytes = bytes.len().next_multiple_of(4);
    write_head(out, APPLICATION_FORMAT, PAYLOAD_FEEDBACK, 2 + padded_bytes / 4, reporter);
    out.extend_from_slice(&about.0.to_be_bytes());
    let end = out.len() + padded_bytes;
    out.extend_from_slice(bytes);
    out.resize(end, 0);
}

/// The parts of a compound packet; what is damaged ends it.
pub(crate) fn parts(compound: &[u8]) -> impl Iterator<Item = Part<'_>> {
    let mut rest = compound;
    std::iter::from_fn(move || {
        let head = rest.first_chunk::<4>()?;
        let bytes = 4 + 4 * usize::from(u16::from_be_bytes([head[2], head[3]]));
        let (packet, after) = rest.split_at_checked(bytes)?;
        rest = after;
        (head[0] >> 6 == 2).then(|| part(head, packet))
    })
}

fn part<'a>(head: &[u8; 4], packet: &'a [u8]) -> Part<'a> {
    match (head[1], head[0] & 0x1F, packet.split_first_chunk::<12>()) {
        (SENDER_REPORT | RECEIVER_REPORT, ..) => Part::Report,
        (PAYLOAD_FEEDBACK, APPLICATION_FORMAT, Some(([.., a, b, c, d], bytes))) => {
            Part::Feedback { about: Ssrc(u32::from_be_bytes([*a, *b, *c, *d])), bytes }
        }
        _ => Part::Other,
    }
}

/// `words` are those after the first.
fn write_head(out: &mut Vec<u8>, count: u8, packet_type: u8, words: usize, ssrc: Ssrc) {
    out.extend_from_slice(&[2 << 6 | count, packet_type]);
    out.extend_from_slice(&(words as u16).to_be_bytes());
    out.extend_from_slice(&ssrc.0.to_be_bytes());
}

/// Of one receiver report: the count has five bits.
pub(crate) const BLOCKS_MAX: usize = 31;
const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
const SOURCE_DESCRIPTION: u8 = 202;
const PAYLOAD_FEEDBACK: u8 = 206;
/// Feedback of the application's own layer.
const APPLICATION_FORMAT: u8 = 15;
const CNAME: u8 = 1;
/// 24 bits with a sign.
const LOST_MAX: i32 = 0x7F_FFFF;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const OURS: Ssrc = Ssrc(0x0102_0304);
    const THEIRS: Ssrc = Ssrc(0xA0B0_C0D0);

    #[test]
    fn the_bytes_are_these() {
        let mut out = Vec::new();
        let block = ReportBlock { ssrc: THEIRS, fraction_lost: 64, lost: -2, highest: 0x1_0005, jitter: 7 };
        write_receiver_report(&mut out, OURS, &[block]);
        let block =
            [0xA0, 0xB0, 0xC0, 0xD0, 64, 0xFF, 0xFF, 0xFE, 0, 1, 0, 5, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(out, [&[0x81, 201, 0, 7, 1, 2, 3, 4][..], &block].concat());
        out.clear();
        write_sender_report(
            &mut out,
            &SenderInfo { ssrc: OURS, uptime: 1 << 32, timestamp: 2, packets: 3, octets: 4 },
        );
        let info = [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4];
        assert_eq!(out, [&[0x80, 200, 0, 6, 1, 2, 3, 4][..], &info].concat());
        out.clear();
        write_feedback(&mut out, OURS, THEIRS, b"BKL1?");
        let feedback =
            [0x8F, 206, 0, 4, 1, 2, 3, 4, 0xA0, 0xB0, 0xC0, 0xD0, b'B', b'K', b'L', b'1', b'?', 0, 0, 0];
        assert_eq!(out, feedback);
    }

    #[test]
    fn a_compound_packet_comes_apart_again() {
        let mut out = Vec::new();
        write_receiver_report(&mut out, OURS, &[]);
        write_sender_report(
            &mut out,
            &SenderInfo { ssrc: THEIRS, uptime: 0, timestamp: 0, packets: 0, octets: 0 },
        );
        write_description(&mut out, OURS);
        write_feedback(&mut out, OURS, THEIRS, b"four");
        let feedback = Part::Feedback { about: THEIRS, bytes: b"four" };
        let expected = [Part::Report, Part::Report, Part::Other, feedback];
        assert!(out.len().is_multiple_of(4) && parts(&out).eq(expected));
        out.truncate(out.len() - 1);
        assert_eq!(parts(&out).count(), 3, "what is cut off is not read");
    }

    proptest! {
        #[test]
        fn anything_can_be_read(bytes in proptest::collection::vec(any::<u8>(), 0..120)) {
            prop_assert!(parts(&bytes).count() <= bytes.len() / 4);
        }
    }
}
