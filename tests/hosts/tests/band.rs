//! Several tracks of one project in a real host: eight instances in one process and four in another, in one session.
#![allow(clippy::unwrap_used, clippy::panic, reason = "in a test that is the way to fail")]

use std::time::Duration;

use backline_hosts::band::{Band, wrong_ways};

const INSTANCES: [usize; 2] = [8, 4];

#[test]
fn eight_tracks_and_four_in_one_session_are_heard_once_each() {
    let folder = tempfile::tempdir().unwrap();
    let mut band = Band::start(folder.path(), INSTANCES).unwrap_or_else(|error| panic!("{error}"));
    let measured = band
        .measure_until(Duration::from_secs(40), |measured| wrong_ways(measured, INSTANCES) == 0)
        .unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(
        wrong_ways(&measured, INSTANCES),
        0,
        "A hears {:.2?}\nB hears {:.2?}",
        measured[0].loudness,
        measured[1].loudness
    );
}
