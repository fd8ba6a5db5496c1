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

/// At the delay at which most samples are equal. Silence is equal to nothing.
fn share(sent: &[f32], heard: &[f32], gain: f32) -> f64 {
    if !sent.iter().any(|sample| sample.abs() > 0.1) {
        return 0.0;
    }
    let equal = |delay: usize| {
        let pairs = sent.iter().zip(heard.iter().skip(delay));
        pairs.filter(|(sent, heard)| (*sent * gain - *heard).abs() < ROUNDING).count()
    };
    let most = (0..=DELAY_FRAMES_MAX).map(equal).max().unwrap_or(0);
    most as f64 / sent.len() as f64
}
