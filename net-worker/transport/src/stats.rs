//! What a path has counted: plain numbers, for people to be shown by others.

/// Why a datagram, a message or a packet went no further. Closed list; counted for each path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DropReason {
    /// Longer than a datagram may be.
    TooLong,
    /// Neither STUN, DTLS, RTP nor RTCP, or a damaged STUN message.
    NotUnderstood,
    /// A STUN message that does not prove to know the password.
    StunNotProven,
    /// A check that came before, from another address.
    StunReplayed,
    /// More STUN than a peer has reason to send.
    StunFlood,
    /// More addresses than a peer has reason to use.
    TooManyAddresses,
    /// DTLS or RTP from an address that no check has proven.
    AddressNotProven,
    /// DTLS refused it.
    DtlsRefused,
    /// RTP of a stream that nobody expects.
    StreamNotExpected,
    /// RTP that is not authentic, came before, is of a payload type that is none of ours, or came before there were keys.
    MediaRefused,
    /// A control message longer than allowed, or on a channel that is none of ours.
    ControlRefused,
    /// RTCP that is not authentic or came before, also before there were keys; feedback longer than allowed.
    FeedbackRefused,
    /// The caller polls too slowly: the oldest media event was dropped.
    EventQueueFull,
    /// The caller drains too slowly, or the receiver has not sent as much: the datagram was not sent.
    TransmitQueueFull,
    /// It came after the end.
    Closed,
}

impl DropReason {
    /// All reasons, in the order of [`PathStats::dropped`].
    pub const ALL: [DropReason; 15] = [
        DropReason::TooLong,
        DropReason::NotUnderstood,
        DropReason::StunNotProven,
        DropReason::StunReplayed,
        DropReason::StunFlood,
        DropReason::TooManyAddresses,
        DropReason::AddressNotProven,
        DropReason::DtlsRefused,
        DropReason::StreamNotExpected,
        DropReason::MediaRefused,
        DropReason::ControlRefused,
        DropReason::FeedbackRefused,
        DropReason::EventQueueFull,
        DropReason::TransmitQueueFull,
        DropReason::Closed,
    ];

    /// For metrics and reports.
    pub fn name(self) -> &'static str {
        match self {
            DropReason::TooLong => "too_long",
            DropReason::NotUnderstood => "not_understood",
            DropReason::StunNotProven => "stun_not_proven",
            DropReason::StunReplayed => "stun_replayed",
            DropReason::StunFlood => "stun_flood",
            DropReason::TooManyAddresses => "too_many_addresses",
            DropReason::AddressNotProven => "address_not_proven",
            DropReason::DtlsRefused => "dtls_refused",
            DropReason::StreamNotExpected => "stream_not_expected",
            DropReason::MediaRefused => "media_refused",
            DropReason::ControlRefused => "control_refused",
            DropReason::FeedbackRefused => "feedback_refused",
            DropReason::EventQueueFull => "event_queue_full",
            DropReason::TransmitQueueFull => "transmit_queue_full",
            DropReason::Closed => "closed",
        }
    }
}

/// Counters of one path since its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PathStats {
    /// Datagrams handed in, dropped ones included.
    pub datagrams_in: u64,
    /// Their bytes, without IP and UDP headers.
    pub bytes_in: u64,
    /// Datagrams to be sent.
    pub datagrams_out: u64,
    /// Their bytes.
    pub bytes_out: u64,
    /// RTP packets received and authentic.
    pub media_in: u64,
    /// RTP packets that should have come, by the numbers of those that came.
    pub media_expected: u64,
    /// RTP packets sent.
    pub media_out: u64,
    /// Feedback received about our streams.
    pub feedback_in: u64,
    /// RTCP sender and receiver reports received.
    pub reports_in: u64,
    /// Compound RTCP packets of reports sent.
    pub reports_out: u64,
    /// Control messages received.
    pub control_in: u64,
    /// Control messages sent.
    pub control_out: u64,
    /// How often the peer's address changed after the first.
    pub address_changes: u64,
    dropped: [u64; DropReason::ALL.len()],
}

impl PathStats {
    /// How many were dropped for this reason.
    pub fn dropped(&self, reason: DropReason) -> u64 {
        self.dropped[reason as usize]
    }

    /// How many were dropped for any reason.
    pub fn dropped_total(&self) -> u64 {
        self.dropped.iter().sum()
    }

    /// Of what the peer should have sent until its last packets, the share that did not come (0 to 1); 0 before anything was to come.
    pub fn loss(&self) -> f64 {
        let missing = self.media_expected.saturating_sub(self.media_in);
        missing as f64 / self.media_expected.max(1) as f64
    }

    pub(crate) fn count_drop(&mut self, reason: DropReason) {
        self.dropped[reason as usize] += 1;
    }
}

impl std::ops::AddAssign for PathStats {
    fn add_assign(&mut self, other: Self) {
        self.datagrams_in += other.datagrams_in;
        self.bytes_in += other.bytes_in;
        self.datagrams_out += other.datagrams_out;
        self.bytes_out += other.bytes_out;
        self.media_in += other.media_in;
        self.media_expected += other.media_expected;
        self.media_out += other.media_out;
        self.feedback_in += other.feedback_in;
        self.reports_in += other.reports_in;
        self.reports_out += other.reports_out;
        self.control_in += other.control_in;
        self.control_out += other.control_out;
        self.address_changes += other.address_changes;
        self.dropped.iter_mut().zip(other.dropped).for_each(|(sum, more)| *sum += more);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_counter_of_its_own() {
        let mut stats = PathStats::default();
        for (index, reason) in DropReason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, index);
            stats.count_drop(reason);
            assert_eq!(stats.dropped(reason), 1, "{}", reason.name());
        }
        assert_eq!(stats.dropped_total(), 15);
    }
}
