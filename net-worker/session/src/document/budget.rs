//! How many operations one participant may have carried out: a bucket that fills with time.

use std::time::{Duration, Instant};

/// Tokens of one participant.
#[derive(Debug, Clone)]
pub(super) struct Budget {
    per_second: u32,
    left: f64,
    filled_at: Option<Instant>,
}

impl Budget {
    /// Full; holds what a second brings.
    pub fn new(per_second: u32) -> Self {
        Self { per_second, left: f64::from(per_second), filled_at: None }
    }

    /// Whether there is one more, which is then gone.
    pub fn spend(&mut self, now: Instant) -> bool {
        let elapsed = self.filled_at.map_or(Duration::ZERO, |at| now.saturating_duration_since(at));
        self.filled_at = Some(now);
        let most = f64::from(self.per_second);
        self.left = (self.left + elapsed.as_secs_f64() * most).min(most);
        let has_one = self.left >= 1.0;
        if has_one {
            self.left -= 1.0;
        }
        has_one
    }
}
