//! How much of what goes into a DAW's track comes out of its main output unchanged.

use std::path::{Path, PathBuf};

use super::{Class, Daw};
use crate::block_clock::monotonic_now;
use crate::bundles;
use crate::error::HostError;
use crate::session::host_process::HostProcess;
use crate::session::{HostKind, Setup, Side};

const BLOCK_FRAMES: usize = 256;
const SECONDS: u32 = 2;
/// JACK's and the DAW's own blocks, and some more where a machine is busy.
const DELAY_FRAMES_MAX: usize = 32 * BLOCK_FRAMES;
/// What is judged at one delay.
const CHUNK_FRAMES: usize = 8 * BLOCK_FRAMES;
/// What is less than this is silence.
const QUIET: f32 = 1e-3;
/// Of the DAW's gains and panner.
const ROUNDING: f32 = 1e-5;

/// Plays music through the track with Backline in a saved project under JACK; the part of the samples that came out times
/// `gain`, 0 to 1, of the worse channel. `folder` takes what the DAW writes.
pub fn share_played(daw: Daw, project: PathBuf, gain: f32, folder: &Path) -> Result<f64, HostError> {
    let kind = HostKind::Daw(daw, Class::Backline);
    let side = Side { state: Some(project), ..Side::new(kind, bundles::music('a'), BLOCK_FRAMES) };
    let setup = Setup {
        folder: folder.to_path_buf(),
        sides: [side.clone(), side.clone()],
        sample_rate_hz: 48_000,
        quality: "lowest-latency".to_owned(),
        depth_ms: None,
        seconds: SECONDS,
    };
    let link = folder.join("invite-link");
    let mut host = HostProcess::start("a", &setup, &side, folder, ("BACKLINE_HOST_LINK_FILE", &link))?;
    host.wait_ready()?;
    host.play(monotonic_now())?;
    let outcome = host.finish(&setup, &side)?;
    let (sent, heard) = (&outcome.sent, &outcome.heard);
    Ok(share(&sent.left, &heard.left, gain).min(share(&sent.right, &heard.right, gain)))
}

/// Chunk by chunk, each at the delay at which most of its samples are equal: where a busy machine loses a block of JACK's, all that
/// follows comes at another. Silence is equal to nothing.
fn share(sent: &[f32], heard: &[f32], gain: f32) -> f64 {
    let is_loud = |sample: &f32| sample.abs() > QUIET;
    let equal = |from: usize, chunk: &[f32], delay: usize| {
        let pairs = chunk.iter().zip(heard.iter().skip(from + delay));
        pairs.filter(|(sent, heard)| is_loud(sent) && (*sent * gain - *heard).abs() < ROUNDING).count()
    };
    let most = |(number, chunk): (usize, &[f32])| {
        let delays = 0..=DELAY_FRAMES_MAX;
        delays.map(|delay| equal(number * CHUNK_FRAMES, chunk, delay)).max().unwrap_or(0)
    };
    let played: usize = sent.chunks(CHUNK_FRAMES).enumerate().map(most).sum();
    played as f64 / sent.iter().filter(|sample| is_loud(sample)).count().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_that_is_lost_costs_no_more_than_itself_and_what_is_not_there_is_not_played() {
        let sent: Vec<f32> =
            (0..48_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 8) as f32 / 2e7).collect();
        let mut heard = vec![0.0; 3 * BLOCK_FRAMES];
        heard.extend(sent.iter().map(|sample| 2.0 * sample));
        assert_eq!(share(&sent, &heard, 2.0), 1.0);
        heard.drain(20_000..20_000 + BLOCK_FRAMES);
        let lost = share(&sent, &heard, 2.0);
        assert!((0.97..1.0).contains(&lost), "{lost}");
        assert_eq!(share(&sent, &vec![0.0; 60_000], 2.0), 0.0);
        assert_eq!(share(&[0.0; 4_800], &[0.0; 60_000], 1.0), 0.0);
    }
}
