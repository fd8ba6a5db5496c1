//! The most clients that a server carries on one core: up in steps until it does not, then between.
//!
//! The step before is `main.rs`; each trial is a `run.rs`.

use crate::LoadError;
use crate::figures::{Figures, Verdict};

/// What was found.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// The run with the most clients that were carried.
    pub most: Option<Figures>,
    /// The run with the fewest that were not, and why.
    pub least_not: Option<Figures>,
}

/// Tries with ever more clients, from `first` on, always whole rooms. A trial that fails is made once more: a machine does other things, too.
///
/// # Errors
/// When a trial cannot be made.
pub fn search(
    first: usize,
    room: usize,
    mut trial: impl FnMut(usize) -> Result<Figures, LoadError>,
) -> Result<Found, LoadError> {
    let room = room.max(1);
    let mut found = Found::default();
    let mut next = first.div_ceil(room).max(1);
    loop {
        let mut figures = trial(next * room)?;
        if figures.verdict != Verdict::Carried {
            figures = trial(next * room)?;
        }
        match figures.verdict {
            Verdict::Carried => found.most = Some(figures),
            _ => found.least_not = Some(figures),
        }
        let rooms = |figures: &Option<Figures>| figures.as_ref().map(|figures| figures.clients / room);
        next = match (rooms(&found.most).unwrap_or(0), rooms(&found.least_not)) {
            (most, None) => most + (most / 4).max(1),
            (most, Some(least_not)) if least_not <= most + 1 => return Ok(found),
            (most, Some(least_not)) => most.midpoint(least_not),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn limited_to(most: usize) -> (Option<usize>, Option<usize>, usize) {
        let mut trials = 0;
        let found = search(40, 4, |clients| {
            trials += 1;
            let setting = crate::run::Setting {
                server: std::path::PathBuf::new(),
                clients,
                room: 4,
                route: backline_wire::Route::Forward,
                one_source: false,
                listen_only: false,
                silent_half: false,
                frame: backline_codec::OpusFrame::Ms2_5,
                settle: Duration::ZERO,
                time: Duration::from_secs(1),
                threads: 1,
            };
            let mut figures = Figures::new(&setting, 80.0, &crate::crowd::CrowdCounts::default());
            figures.late_turn_share = if clients > most { 0.5 } else { 0.0 };
            figures.judge(false);
            Ok(figures)
        });
        let found = found.unwrap();
        let clients = |figures: Option<Figures>| figures.map(|figures| figures.clients);
        (clients(found.most), clients(found.least_not), trials)
    }

    #[test]
    fn the_limit_is_found_to_a_room() {
        assert_eq!(limited_to(117).0, Some(116));
        assert_eq!(limited_to(117).1, Some(120));
        assert_eq!((limited_to(10).0, limited_to(10).1), (Some(8), Some(12)));
        assert_eq!((limited_to(0).0, limited_to(0).1), (None, Some(4)));
        assert!(limited_to(117).2 < 16);
    }
}
