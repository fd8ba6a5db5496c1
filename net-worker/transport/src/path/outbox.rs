//! Datagrams that wait for the caller, and the buffers that they are written into, which go round.

use std::collections::VecDeque;

use backline_wire::limits::PATH_TRANSMITS_MAX;

use super::Transmit;

#[derive(Default)]
pub(super) struct Outbox {
    datagrams: VecDeque<(Transmit, Vec<u8>)>,
    spare: Vec<Vec<u8>>,
}

impl Outbox {
    /// An empty buffer, most often one that was used before.
    pub(super) fn buffer(&mut self) -> Vec<u8> {
        self.spare.pop().unwrap_or_default()
    }

    /// Takes a buffer back.
    pub(super) fn recycle(&mut self, mut buffer: Vec<u8>) {
        if self.spare.len() < SPARE_MAX {
            buffer.clear();
            self.spare.push(buffer);
        }
    }

    /// Queues a datagram; false, and the datagram is gone, when too many wait.
    pub(super) fn push(&mut self, head: Transmit, datagram: Vec<u8>) -> bool {
        let has_room = self.datagrams.len() < PATH_TRANSMITS_MAX;
        if has_room {
            self.datagrams.push_back((head, datagram));
        } else {
            self.recycle(datagram);
        }
        has_room
    }

    /// The oldest datagram, in exchange for the buffer of the one before.
    pub(super) fn pop(&mut self, buffer: &mut Vec<u8>) -> Option<Transmit> {
        let (head, datagram) = self.datagrams.pop_front()?;
        let used = std::mem::replace(buffer, datagram);
        self.recycle(used);
        Some(head)
    }
}

/// More than a burst: a packet of each stream.
const SPARE_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_go_round_and_the_queue_ends() {
        let mut outbox = Outbox::default();
        let nobody = std::net::SocketAddr::from(([0; 4], 0));
        let head = Transmit { destination: nobody, source: nobody };
        let mut buffer = Vec::with_capacity(2000);
        assert!(outbox.push(head, vec![1]) && outbox.push(head, vec![2]));
        assert_eq!(outbox.pop(&mut buffer), Some(head));
        assert_eq!(buffer, [1]);
        let spare = outbox.buffer();
        assert!(spare.is_empty() && spare.capacity() >= 2000, "the caller's, for the next datagram");
        assert_eq!(
            (0..2 * PATH_TRANSMITS_MAX).filter(|_| outbox.push(head, vec![3])).count(),
            PATH_TRANSMITS_MAX - 1
        );
        assert_eq!(outbox.pop(&mut buffer), Some(head));
        assert_eq!(buffer, [2], "what came later was dropped");
    }
}
