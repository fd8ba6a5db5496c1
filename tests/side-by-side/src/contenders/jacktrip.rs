//! JackTrip between two places, straight from one to the other.

use std::path::Path;
use std::process::Command;

use jack::PortFlags;

use super::{TAIL_FRAMES, music, play_in_jack};
use crate::Failed;
use crate::figures::Heard;
use crate::jack_graph::{Player, Server};
use crate::network::{FIRST_ADDRESS, Network};
use crate::program::Program;

/// Its default length of the queue, in packets.
const QUEUE: &str = "4";

/// Plays the music from the server's side to the client's.
pub fn play(network: &Network, copies: u32, seconds: u32, folder: &Path) -> Result<Heard, Failed> {
    let mut jack = Server::start(folder)?;
    let copies = copies.to_string();
    let command = |role: &[&str], name: &str| {
        let mut command = Command::new("jacktrip");
        command.args(role).args(["-J", name, "-D", "-n", "2", "-q", QUEUE, "-r", &copies]);
        command
    };
    let mut sender = network
        .first
        .within(|| Program::start("jacktrip-sender", &mut command(&["-s"], "sender"), folder))?;
    let mut listener = network.second.within(|| {
        Program::start("jacktrip-listener", &mut command(&["-c", FIRST_ADDRESS], "listener"), folder)
    })?;
    let sent = music(seconds)?;
    let player = Player::new(sent.clone(), TAIL_FRAMES)?;
    let into = || player.ports("^sender:send_", PortFlags::IS_INPUT);
    let from = || player.ports("^listener:receive_", PortFlags::IS_OUTPUT);
    jack.wait_for("JackTrip's ports", || into().len() == 2 && from().len() == 2)?;
    player.connect(&into(), &from())?;
    play_in_jack(network, player, sent, || {
        sender.check_running()?;
        listener.check_running()
    })
}
