//! Jamulus between two places. It needs a server: here it stands at the player's, so that the music crosses the wire once, as with
//! the others.

use std::path::Path;
use std::process::Command;

use backline_hosts::jack_graph::{Player, Server};
use backline_hosts::program::Program;
use jack::PortFlags;

use super::{TAIL_FRAMES, music, play_in_jack};
use crate::figures::Heard;
use crate::network::{FIRST_ADDRESS, Network};
use crate::{BLOCK_FRAMES, Failed, JACK_SERVER, RATE_HZ};

const PORT: &str = "22124";
/// Stereo, high quality, small network buffers, automatic jitter buffer: what its manual advises for good lines.
const SETTINGS: &str = "<client>\n <audiochannels>2</audiochannels>\n <audioquality>2</audioquality>\n \
    <enableopussmall>1</enableopussmall>\n <autojitbuf>1</autojitbuf>\n <newclientlevel>100</newclientlevel>\n</client>\n";

/// Plays the music from the server's side to the other.
pub fn play(network: &Network, seconds: u32, folder: &Path) -> Result<Heard, Failed> {
    let mut jack = Server::start(JACK_SERVER, RATE_HZ, BLOCK_FRAMES, &[], folder)?;
    let mut server = network.first.within(|| {
        let mut command = Command::new("Jamulus");
        // -F: frames of 64 samples, without which the small buffers have no effect.
        Ok(Program::start("jamulus-server", command.args(["-s", "-n", "-F", "-p", PORT]), folder)?)
    })?;
    let client = |name: &str, address: &str| -> Result<Program, Failed> {
        let settings = folder.join(format!("{name}.ini"));
        std::fs::write(&settings, SETTINGS)?;
        let mut command = Command::new("Jamulus");
        command
            .args(["-n", "-j", "--clientname", name, "-c", &format!("{address}:{PORT}"), "-i"])
            .arg(&settings);
        Ok(Program::start(&format!("jamulus-{name}"), &mut command, folder)?)
    };
    let mut sender = network.first.within(|| client("sender", "127.0.0.1"))?;
    let mut listener = network.second.within(|| client("listener", FIRST_ADDRESS))?;
    let sent = music(seconds)?;
    let player = Player::new(sent.clone(), TAIL_FRAMES)?;
    let into = || player.ports("sender:input", PortFlags::IS_INPUT);
    let from = || player.ports("listener:output", PortFlags::IS_OUTPUT);
    jack.wait_for("Jamulus' ports", || into().len() == 2 && from().len() == 2)?;
    player.connect(&into(), &from())?;
    play_in_jack(network, player, sent, || {
        server.check_running()?;
        sender.check_running()?;
        Ok(listener.check_running()?)
    })
}
