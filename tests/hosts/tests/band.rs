//! Several tracks of one project in a real host: eight instances in one process and four in another, in one session.
#![allow(clippy::unwrap_used, clippy::panic, reason = "in a test that is the way to fail")]

use std::time::Duration;

use backline_hosts::band::{Band, Measurement, heard_times};

const INSTANCES: [usize; 2] = [8, 4];

/// Every tone of the other side on one instance, and none of one's own on any.
fn is_heard_once(measured: &[Measurement; 2]) -> bool {
    let expected =
        [[0, 1], [1, 0]].map(|[of_a, of_b]| [vec![of_a; INSTANCES[0]], vec![of_b; INSTANCES[1]]].concat());
    measured.iter().zip(expected).all(|(side, expected)| heard_times(side) == (expected, 0))
}

#[test]
fn eight_tracks_and_four_in_one_session_are_heard_once_each() {
    let folder = tempfile::tempdir().unwrap();
    let mut band = Band::start(folder.path(), INSTANCES).unwrap_or_else(|error| panic!("{error}"));
    let measured =
        band.measure_until(Duration::from_secs(40), is_heard_once).unwrap_or_else(|error| panic!("{error}"));
    assert!(
        is_heard_once(&measured),
        "A hears {:.2?}\nB hears {:.2?}",
        measured[0].loudness,
        measured[1].loudness
    );
}
