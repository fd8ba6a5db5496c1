//! Redundancy as in RFC 2198: one RTP payload that holds a frame and copies of earlier ones.
//!
//! It reads and writes the container only; which copies to send is the [`sender`](crate::sender)'s choice
//! (the step before), which of them still help is the [`playout`](crate::playout)'s (the step after).

use thiserror::Error;

/// Copies that a sender may add to a packet.
pub const COPIES_SENT_MAX: usize = 3;
/// Copies that are read from one packet; a packet with more is malformed.
pub const COPIES_READ_MAX: usize = 8;
/// Longest copy in bytes: its length field has 10 bits (RFC 2198 section 3).
pub const COPY_BYTES_MAX: usize = 0x3ff;
/// Oldest copy in RTP ticks before the packet: its offset field has 14 bits.
pub const COPY_AGE_TICKS_MAX: u32 = 0x3fff;

/// One coded frame inside a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block<'a> {
    /// What the bytes are: 111, 96, 97.
    pub payload_type: u8,
    /// How much older than the packet's timestamp the frame is, in RTP ticks; 0 for the primary.
    pub age_ticks: u32,
    /// The payload.
    pub bytes: &'a [u8],
}

/// Why a packet is not RFC 2198. For counters and tests; no user sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum RedError {
    /// The headers or the blocks they announce are longer than the packet.
    #[error("the packet ends before its blocks do")]
    Truncated,
    /// More than [`COPIES_READ_MAX`] copies.
    #[error("the packet announces too many copies")]
    TooManyCopies,
}

/// Appends a packet of `copies` (oldest first) and a primary frame to `payload`, which is cleared first.
///
/// A copy that the format cannot carry (longer than [`COPY_BYTES_MAX`], older than
/// [`COPY_AGE_TICKS_MAX`], not older at all) is left out, and so is every copy that would make the
/// packet longer than `bytes_max`: the primary frame always travels. Returns how many copies went in.
pub fn write<'a>(
    payload: &mut Vec<u8>,
    copies: impl Iterator<Item = Block<'a>> + Clone,
    primary: Block<'_>,
    bytes_max: usize,
) -> usize {
    payload.clear();
    let mut room_bytes = bytes_max.saturating_sub(1 + primary.bytes.len());
    // The newest copies help most, so they get the room first; the oldest are the ones left out.
    let mut kept = 0;
    let total = copies.clone().count();
    for skip in (0..total).rev() {
        let Some(copy) = copies.clone().nth(skip) else { break };
        let cost = 4 + copy.bytes.len();
        if !fits(&copy) || cost > room_bytes || kept == COPIES_READ_MAX {
            break;
        }
        room_bytes -= cost;
        kept += 1;
    }
    let chosen = copies.skip(total - kept);
    for copy in chosen.clone() {
        payload.extend_from_slice(&copy_header(&copy));
    }
    payload.push(primary.payload_type & 0x7f);
    for copy in chosen {
        payload.extend_from_slice(copy.bytes);
    }
    payload.extend_from_slice(primary.bytes);
    kept
}

fn fits(copy: &Block<'_>) -> bool {
    copy.bytes.len() <= COPY_BYTES_MAX && (1..=COPY_AGE_TICKS_MAX).contains(&copy.age_ticks)
}

/// RFC 2198 section 3: F bit, 7 bits of payload type, 14 bits of timestamp offset, 10 bits of length.
fn copy_header(copy: &Block<'_>) -> [u8; 4] {
    let word = 1 << 31
        | u32::from(copy.payload_type & 0x7f) << 24
        | (copy.age_ticks & COPY_AGE_TICKS_MAX) << 10
        | (copy.bytes.len() & COPY_BYTES_MAX) as u32;
    word.to_be_bytes()
}

/// Reads a packet: its blocks oldest first, as sent; the last is the primary frame.
///
/// Never panics, allocates nothing, reads at most [`COPIES_READ_MAX`] copies.
///
/// # Errors
/// [`RedError`] when the bytes are no RFC 2198 packet; nothing of it may be used then.
pub fn read(packet: &[u8]) -> Result<Blocks<'_>, RedError> {
    let mut headers = [(0u8, 0u32, 0usize); COPIES_READ_MAX];
    let mut copies = 0;
    let mut rest = packet;
    let primary_payload_type = loop {
        let first = *rest.first().ok_or(RedError::Truncated)?;
        if first & 0x80 == 0 {
            rest = &rest[1..];
            break first;
        }
        let (header, after) = rest.split_first_chunk::<4>().ok_or(RedError::Truncated)?;
        let word = u32::from_be_bytes(*header);
        *headers.get_mut(copies).ok_or(RedError::TooManyCopies)? =
            (first & 0x7f, word >> 10 & COPY_AGE_TICKS_MAX, word as usize & COPY_BYTES_MAX);
        copies += 1;
        rest = after;
    };
    let copies_bytes: usize = headers[..copies].iter().map(|header| header.2).sum();
    if copies_bytes > rest.len() {
        return Err(RedError::Truncated);
    }
    Ok(Blocks { headers, copies, next: 0, primary_payload_type, rest })
}

/// The blocks of one packet, oldest first; made by [`read`].
#[derive(Debug, Clone)]
pub struct Blocks<'a> {
    headers: [(u8, u32, usize); COPIES_READ_MAX],
    copies: usize,
    next: usize,
    primary_payload_type: u8,
    rest: &'a [u8],
}

impl<'a> Iterator for Blocks<'a> {
    type Item = Block<'a>;

    fn next(&mut self) -> Option<Block<'a>> {
        let index = self.next;
        self.next += 1;
        if index > self.copies {
            return None;
        }
        if index == self.copies {
            return Some(Block { payload_type: self.primary_payload_type, age_ticks: 0, bytes: self.rest });
        }
        let (payload_type, age_ticks, length) = self.headers[index];
        let (bytes, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(Block { payload_type, age_ticks, bytes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn block(payload_type: u8, age_ticks: u32, bytes: &[u8]) -> Block<'_> {
        Block { payload_type, age_ticks, bytes }
    }

    #[test]
    fn the_example_of_the_rfc_has_these_bytes() {
        let mut packet = Vec::new();
        let copies = [block(111, 240, &[1, 2, 3])];
        assert_eq!(write(&mut packet, copies.into_iter(), block(111, 0, &[9, 9]), 1200), 1);
        // F=1 PT=111 | offset 240 << 10 | length 3, then F=0 PT=111, then the copy, then the primary.
        assert_eq!(packet, [0xef, 0x03, 0xc0, 0x03, 0x6f, 1, 2, 3, 9, 9]);
    }

    #[test]
    fn a_copy_that_does_not_fit_is_left_out_and_the_primary_travels() {
        let long = vec![7u8; COPY_BYTES_MAX + 1];
        let mut packet = Vec::new();
        let copies = [block(97, 480, &long), block(97, 240, &[1])];
        assert_eq!(write(&mut packet, copies.into_iter(), block(97, 0, &[2; 1440]), 1500), 1);
        assert_eq!(write(&mut packet, copies.into_iter(), block(97, 0, &[2; 1440]), 1441), 0);
        assert_eq!(read(&packet).unwrap().last().unwrap().bytes.len(), 1440);
    }

    #[test]
    fn a_packet_that_ends_early_is_refused() {
        assert_eq!(read(&[]).err(), Some(RedError::Truncated));
        assert_eq!(read(&[0xef, 0, 0]).err(), Some(RedError::Truncated));
        assert_eq!(read(&[0xef, 0x03, 0xc0, 0x03, 0x6f, 1, 2]).err(), Some(RedError::Truncated));
        let endless: Vec<u8> = [0xef, 0x03, 0xc0, 0x00].repeat(COPIES_READ_MAX + 1);
        assert_eq!(read(&endless).err(), Some(RedError::TooManyCopies));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            copies in prop::collection::vec((0u8..128, 1u32..=COPY_AGE_TICKS_MAX, prop::collection::vec(any::<u8>(), 0..300)), 0..4),
            primary in prop::collection::vec(any::<u8>(), 0..400),
            payload_type in 0u8..128,
        ) {
            let blocks: Vec<Block<'_>> = copies.iter().map(|(pt, age, bytes)| block(*pt, *age, bytes)).collect();
            let mut packet = Vec::new();
            let kept = write(&mut packet, blocks.iter().copied(), block(payload_type, 0, &primary), 4000);
            prop_assert_eq!(kept, blocks.len());
            let read: Vec<Block<'_>> = read(&packet).unwrap().collect();
            prop_assert_eq!(&read[..kept], &blocks[..]);
            prop_assert_eq!(read[kept], block(payload_type, 0, &primary));
        }

        #[test]
        fn any_bytes_are_read_without_panic_and_within_the_packet(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(blocks) = read(&bytes) {
                let total: usize = blocks.clone().map(|block| block.bytes.len()).sum();
                prop_assert!(total < bytes.len());
                prop_assert!(blocks.count() <= COPIES_READ_MAX + 1);
            }
        }
    }
}
