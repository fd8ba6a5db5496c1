//! Backline through its real CLAP bundle in two host processes, one in each place, as `tests/hosts` runs them in one.

use std::path::Path;
use std::time::{Duration, Instant};

use backline_hosts::bundles;
use backline_hosts::program;
use backline_hosts::session::host_process::HostProcess;
use backline_hosts::session::machine::MachineWatch;
use backline_hosts::session::{HostKind, Setup, Side, TAIL};

use super::ADAPT;
use crate::figures::Heard;
use crate::network::Network;
use crate::{BLOCK_FRAMES, Failed, RATE_HZ};

const CONNECT_WITHIN: Duration = Duration::from_secs(30);

/// Plays the music from the one who opens the session to the one who joins. `quality` and `depth_ms`: see [`Setup`].
pub fn play(
    network: &Network,
    (quality, depth_ms): (&str, Option<f64>),
    seconds: u32,
    folder: &Path,
) -> Result<Heard, Failed> {
    let side = |part| Side::new(HostKind::Clap, bundles::music(part), BLOCK_FRAMES);
    let setup = Setup {
        folder: folder.to_owned(),
        sides: [side('a'), side('b')],
        sample_rate_hz: RATE_HZ,
        quality: quality.to_owned(),
        depth_ms,
        seconds,
    };
    let link = folder.join("invite-link");
    let _ = std::fs::remove_file(&link);
    let folders = [folder.join("a"), folder.join("b")];
    folders.iter().try_for_each(std::fs::create_dir_all)?;
    let start = |name: &str, index: usize, role: &str| -> Result<HostProcess, Failed> {
        Ok(HostProcess::start(name, &setup, &setup.sides[index], &folders[index], (role, &link))?)
    };
    let mut a = network.first.within(|| start("a", 0, "BACKLINE_HOST_LINK_FILE"))?;
    // The joining side waits for the file by itself.
    let mut b = network.second.within(|| start("b", 1, "BACKLINE_JOIN"))?;
    a.wait_ready()?;
    b.wait_ready()?;
    wait_connected(&mut a, &mut b)?;
    network.begin_to_lose();
    let watch = MachineWatch::start();
    let played = play_through(&mut [&mut a, &mut b], seconds);
    let stalls = watch.finish();
    played?;
    let (a, b) = (a.finish(&setup, &setup.sides[0])?, b.finish(&setup, &setup.sides[1])?);
    Ok(Heard { sent: a.sent, sent_clock: a.clock, heard: b.heard, heard_clock: b.clock, stalls })
}

fn wait_connected(a: &mut HostProcess, b: &mut HostProcess) -> Result<(), Failed> {
    let began = Instant::now();
    loop {
        a.check_running()?;
        b.check_running()?;
        if a.report().hears_somebody() && b.report().hears_somebody() {
            return Ok(());
        }
        if began.elapsed() > CONNECT_WITHIN {
            return Err(Failed::from(format!(
                "no session within {} s: A {}; B {}",
                CONNECT_WITHIN.as_secs(),
                a.report().describe(),
                b.report().describe()
            )));
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn play_through(hosts: &mut [&mut HostProcess; 2], seconds: u32) -> Result<(), Failed> {
    let begin_ns = backline_hosts::block_clock::monotonic_now() + ADAPT.as_nanos() as u64;
    hosts.iter_mut().try_for_each(|host| host.play(begin_ns))?;
    let total = ADAPT + Duration::from_secs(u64::from(seconds)) + TAIL;
    let began = Instant::now();
    while began.elapsed() < total {
        if program::is_stopped() {
            return Err(Failed::from("stopped by a signal"));
        }
        for host in hosts.iter_mut() {
            host.check_running()?;
            host.report();
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}
