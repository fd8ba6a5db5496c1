//! Media beside str0m: RTP and RTCP are encrypted, checked and counted here, and go where str0m sends its own.
//!
//! The step before is [`Path::send_media`], [`Path::send_feedback`] or a datagram that [`super::pump`] has told apart;
//! the step after is the outbox, or an event.

use std::time::{Duration, Instant};

use backline_wire::Ssrc;
use backline_wire::limits::{FEEDBACK_BYTES_MAX, MEDIA_PAYLOAD_BYTES_MAX};

use super::{MediaHead, MediaPacket, Path, PathError, PathEvent, State};
use crate::rtcp::{self, Part};
use crate::rtp;
use crate::stats::DropReason;

impl Path {
    pub(super) fn write_media(
        &mut self,
        now: Instant,
        ssrc: Ssrc,
        head: &MediaHead,
        payload: &[u8],
    ) -> Result<(), PathError> {
        let (State::Connected, Some(srtp)) = (self.state, &mut self.srtp) else {
            return Err(PathError::NotConnected);
        };
        if !rtp::is_known_payload_type(head.payload_type) {
            return Err(PathError::UnknownPayloadType(head.payload_type));
        }
        if payload.len() > MEDIA_PAYLOAD_BYTES_MAX {
            return Err(PathError::TooLong { bytes: payload.len() });
        }
        let stream = self.streams.outgoing(ssrc).ok_or(PathError::StreamNotOpen(ssrc))?;
        self.last_now = self.last_now.max(now);
        let index = stream.next_index(self.last_now, head.timestamp, payload.len());
        let mut packet = self.outbox.buffer();
        rtp::write(&mut packet, ssrc, index as u16, head);
        srtp.protect_rtp(&mut packet, payload, ssrc, index).map_err(|_| PathError::Encryption)?;
        self.stats.media_out += 1;
        self.queue_media(packet);
        Ok(())
    }

    pub(super) fn write_feedback(
        &mut self,
        now: Instant,
        about: Ssrc,
        bytes: &[u8],
    ) -> Result<(), PathError> {
        if self.state != State::Connected {
            return Err(PathError::NotConnected);
        }
        if bytes.len() > FEEDBACK_BYTES_MAX {
            return Err(PathError::TooLong { bytes: bytes.len() });
        }
        self.last_now = self.last_now.max(now);
        let mut packet = self.outbox.buffer();
        rtcp::write_feedback(&mut packet, self.reporter, about, bytes);
        self.queue_rtcp(packet)
    }

    /// RTP from where the peer has proven to be, of a stream that is expected.
    pub(super) fn receive_media(&mut self, datagram: &[u8]) -> Result<(), DropReason> {
        let header = rtp::read(datagram).ok_or(DropReason::NotUnderstood)?;
        let (Some(srtp), Some(stream)) = (&mut self.srtp, self.streams.incoming(header.ssrc)) else {
            return Err(DropReason::MediaRefused);
        };
        let index = stream.fresh_index(header.sequence).ok_or(DropReason::MediaRefused)?;
        let payload = srtp.unprotect_rtp(datagram, &header, index).map_err(|_| DropReason::MediaRefused)?;
        let since_start = self.last_now.saturating_duration_since(self.created);
        self.stats.media_expected += stream.accept(index, header.head.timestamp, since_start);
        let payload = rtp::without_padding(&header, payload);
        let payload = payload.filter(|_| rtp::is_known_payload_type(header.head.payload_type));
        let payload = payload.ok_or(DropReason::MediaRefused)?.into();
        self.stats.media_in += 1;
        let packet = MediaPacket { ssrc: header.ssrc, head: header.head, payload, arrived: self.last_now };
        self.push_event(PathEvent::Media(packet));
        Ok(())
    }

    /// RTCP from where the peer has proven to be.
    pub(super) fn receive_rtcp(&mut self, datagram: &[u8]) -> Result<(), DropReason> {
        let srtp = self.srtp.as_mut().ok_or(DropReason::FeedbackRefused)?;
        let mut compound = self.outbox.buffer();
        let taken = srtp.unprotect_rtcp(datagram, &mut compound);
        if taken.is_ok() {
            rtcp::parts(&compound).for_each(|part| self.take_part(part));
        }
        self.outbox.recycle(compound);
        taken.map_err(|_| DropReason::FeedbackRefused)
    }

    /// The reports that are due, and when they are due again.
    pub(super) fn send_due_reports(&mut self) {
        if self.report_at.is_none_or(|at| at > self.last_now) {
            return;
        }
        self.report_at = Some(self.last_now + REPORT_INTERVAL);
        let heard = self.streams.reception();
        let sent = self.streams.sent(self.last_now, self.last_now.saturating_duration_since(self.created));
        let (mut heard, mut sent) = (&heard[..], &sent[..]);
        while !(heard.is_empty() && sent.is_empty()) {
            let (blocks, more_heard) = heard.split_at(heard.len().min(rtcp::BLOCKS_MAX));
            let (infos, more_sent) = sent.split_at(sent.len().min(SENDERS_MAX));
            let mut packet = self.outbox.buffer();
            rtcp::write_receiver_report(&mut packet, self.reporter, blocks);
            infos.iter().for_each(|info| rtcp::write_sender_report(&mut packet, info));
            rtcp::write_description(&mut packet, self.reporter);
            if self.queue_rtcp(packet).is_ok() {
                self.stats.reports_out += 1;
            }
            (heard, sent) = (more_heard, more_sent);
        }
    }

    fn take_part(&mut self, part: Part<'_>) {
        match part {
            Part::Report => self.stats.reports_in += 1,
            Part::Other => {}
            // Padding to whole words comes on top.
            Part::Feedback { bytes, .. } if bytes.len() > FEEDBACK_BYTES_MAX + 3 => {
                self.stats.count_drop(DropReason::FeedbackRefused);
            }
            Part::Feedback { about, bytes } => {
                self.stats.feedback_in += 1;
                self.push_event(PathEvent::Feedback { about, bytes: bytes.into() });
            }
        }
    }

    fn queue_rtcp(&mut self, mut packet: Vec<u8>) -> Result<(), PathError> {
        let srtp = self.srtp.as_mut().ok_or(PathError::NotConnected)?;
        srtp.protect_rtcp(&mut packet).map_err(|_| PathError::Encryption)?;
        self.queue_media(packet);
        Ok(())
    }

    /// Media that may not be sent now is of no use later.
    fn queue_media(&mut self, packet: Vec<u8>) {
        let route = self.addresses.route();
        match route.filter(|route| self.addresses.spend(route.destination, packet.len())) {
            Some(route) => self.queue(route, packet),
            None => {
                self.stats.count_drop(DropReason::TransmitQueueFull);
                self.outbox.recycle(packet);
            }
        }
    }
}

/// RFC 3550 section 6.2 asks for five seconds at least, and for chance only among many.
pub(super) const REPORT_INTERVAL: Duration = Duration::from_secs(5);
/// Sender reports in one compound packet, which stays below 1,200 bytes with them and 31 blocks.
const SENDERS_MAX: usize = 12;
