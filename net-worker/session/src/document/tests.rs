//! The document, its authority, an outbox and replicas together, without a network: what is told, what wins, what is lost.

mod conflicts;
mod crashes;
mod histories;
mod left_behind;
mod once;
mod rules;

use std::time::{Duration, Instant};

use backline_wire::{
    Change, Control, Counter, DocumentId, Fader, GainValue, InstanceId, OutboxId, ParticipantId, Setting,
    SourceId,
};

use super::*;

pub const DOCUMENT: DocumentId = DocumentId([7; 16]);

/// Virtual time, on both clocks.
#[derive(Clone, Copy)]
pub struct Clock {
    started: Instant,
    elapsed: Duration,
}

impl Clock {
    #[expect(clippy::disallowed_methods, reason = "an instant to count from; it goes into no result")]
    pub fn new() -> Self {
        Self { started: Instant::now(), elapsed: Duration::ZERO }
    }

    pub fn now(&self) -> Instant {
        self.started + self.elapsed
    }

    pub fn unix_time(&self) -> Duration {
        Duration::from_secs(1_700_000_000) + self.elapsed
    }

    pub fn both(&self) -> (Instant, Duration) {
        (self.now(), self.unix_time())
    }

    pub fn advance_ms(&mut self, ms: u64) {
        self.elapsed += Duration::from_millis(ms);
    }
}

pub fn person(number: u8) -> ParticipantId {
    ParticipantId([number; 32])
}

pub fn source(number: u8) -> SourceId {
    SourceId { participant: person(number), instance: InstanceId(1) }
}

/// The send level of the source of participant `number`, told apart by its value.
pub fn send_gain(number: u8, hundredths: i16) -> Change {
    let gain = GainValue::try_from(hundredths).unwrap();
    Change::Fader { fader: Fader::Send(source(number)), setting: Setting::Gain(gain) }
}

pub fn permission(scope: Scope, grantee: Grantee, allowed: bool) -> Change {
    Change::Permission { scope, grantee, allowed }
}

pub fn outbox(number: u64) -> Outbox {
    Outbox::in_memory(OutboxId(number), [number as u8; 32])
}
