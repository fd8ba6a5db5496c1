//! How much may be sent again for one who asks: a share of what they are sent anyway.
//!
//! Used by a participant (for each path on which its stream leaves) and by a relay (for each member). Requests beyond it are
//! not answered, so that nobody can make us flood a network, and a network that is too narrow is not made narrower.

/// For each packet that was sent, half of one may be sent again.
const SHARE: f32 = 0.5;
/// What may be saved up: some tens of packets, the loss of a tenth of a second.
const SAVED_MAX: f32 = 64.0;

/// What one listener may still ask for.
#[derive(Debug, Clone, Copy)]
pub struct RepairBudget {
    saved: f32,
    sent_before: u64,
}

impl Default for RepairBudget {
    fn default() -> Self {
        Self { saved: SAVED_MAX, sent_before: 0 }
    }
}

impl RepairBudget {
    /// Takes one packet from it, when `sent` packets have been sent so far in the ordinary way; false when it is spent.
    pub fn spend(&mut self, sent: u64) -> bool {
        let earned = SHARE * sent.saturating_sub(self.sent_before) as f32;
        self.sent_before = sent;
        self.saved = (self.saved + earned).min(SAVED_MAX);
        let can = self.saved >= 1.0;
        self.saved -= if can { 1.0 } else { 0.0 };
        can
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_for_everything_gets_half() {
        let mut budget = RepairBudget::default();
        let answered = (0..10_000_u64).filter(|sent| budget.spend(*sent)).count();
        assert!((5_000..=5_064).contains(&answered), "{answered}");
    }

    #[test]
    fn after_a_pause_a_burst_is_answered() {
        let mut budget = RepairBudget::default();
        assert_eq!((0..1_000).filter(|_| budget.spend(0)).count(), 64);
        assert_eq!((0..1_000).filter(|_| budget.spend(100)).count(), 50);
    }
}
