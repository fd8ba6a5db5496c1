//! What a DAW does when it looks for plugins: opens the bundle, reads what is in it, closes it. Says what that took and left behind.

use std::path::Path;
use std::time::Duration;

use crate::clap_plugin::ClapBundle;
use crate::cycles::Holdings;
use crate::error::HostError;

/// How often the bundle is opened and closed.
const TURNS: usize = 5;

/// What scans took and what the process held.
#[derive(Debug)]
pub struct Scan {
    /// Processor time of the first scan; later ones find most of the bundle loaded.
    pub first: Duration,
    /// How many classes the bundle lists.
    pub classes: usize,
    /// Before the first scan.
    pub before: Holdings,
    /// After the scans, before there was an instance.
    pub scanned: Holdings,
    /// While an instance of each class exists that was never activated.
    pub with_instances: Holdings,
    /// After all.
    pub after: Holdings,
}

/// Scans a bundle, and makes an instance of each class, as some DAWs do in a scan.
pub fn run(bundle: &Path) -> Result<Scan, HostError> {
    let before = Holdings::now();
    let mut times = Vec::new();
    for _ in 0..TURNS {
        let began = processor_time();
        let opened = ClapBundle::open(bundle)?;
        if opened.classes().is_empty() {
            return Err(HostError::plugin("be scanned", "the bundle lists no class"));
        }
        drop(opened);
        times.push(processor_time() - began);
    }
    let scanned = Holdings::now();
    let opened = ClapBundle::open(bundle)?;
    let ids = opened.class_ids();
    let instances = ids.iter().map(|id| opened.instance(id)).collect::<Result<Vec<_>, _>>()?;
    let with_instances = Holdings::now();
    drop((instances, opened));
    Ok(Scan { first: times[0], classes: ids.len(), before, scanned, with_instances, after: Holdings::now() })
}

/// What this process has used of the processor.
fn processor_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the clock exists on Linux and the result goes to a valid place.
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut time) };
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}
