//! JackTrip between two places, straight from one to the other.

use std::path::Path;
use std::process::Command;

use backline_hosts::jack_graph::{Player, Server};
use backline_hosts::program::Program;
use jack::PortFlags;

use super::{TAIL_FRAMES, music, play_in_jack};
use crate::figures::Heard;
use crate::network::{FIRST_ADDRESS, Network};
use crate::{BLOCK_FRAMES, Failed, JACK_SERVER, RATE_HZ};

/// Its default length of the queue, in packets.
const QUEUE: &str = "4";

/// Plays the music from the server's side to the client's.
pub fn play(network: &Network, copies: u32, seconds: u32, folder: &Path) -> Result<Heard, Failed> {
    let mut jack = Server::start(JACK_SERVER, RATE_HZ, BLOCK_FRAMES, &[], folder)?;
    let copies = copies.to_string();
    let command = |role: &[&str], name: &str| {
        let mut command = Command::new("jacktrip");
        command.args(role).args(["-J", name, "-D", "-n", "2", "-q", QUEUE, "-r", &copies]);
        command
    };
    let mut sender = network
        .first
        .within(|| Ok(Program::start("jacktrip-sender", &mut command(&["-s"], "sender"), folder)?))?;
    let mut listener = network.second.within(|| {
        Ok(Program::start("jacktrip-listener", &mut command(&["-c", FIRST_ADDRESS], "listener"), folder)?)
    })?;
    let sent = music(seconds)?;
    let player = Player::new(sent.clone(), TAIL_FRAMES)?;
    let into = || player.ports("^sender:send_", PortFlags::IS_INPUT);
    let from = || player.ports("^listener:receive_", PortFlags::IS_OUTPUT);
    jack.wait_for("JackTrip's ports", || into().len() == 2 && from().len() == 2)?;
    player.connect(&into(), &from())?;
    play_in_jack(network, player, sent, || {
        sender.check_running()?;
        Ok(listener.check_running()?)
    })
}
