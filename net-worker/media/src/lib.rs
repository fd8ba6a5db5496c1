//! One stream in each direction: framing and redundancy; playout.
//!
//! [`Sender`] turns a musician's 48 kHz stereo signal into packets; [`Playout`] turns the packets of one
//! source back into a signal on the listener's clock. Both are sans-IO: the time and the bytes are arguments,
//! nothing is read from a clock, and equal calls give equal results. Both run on the worker's thread and
//! allocate nothing once a stream runs. Neither knows peers, addresses, sockets or RTP sequence numbers.
#![forbid(unsafe_code)]

pub mod automatic;
mod history;
pub mod packet;
pub mod playout;
pub mod red;
pub mod sender;

pub use automatic::Automatic;
pub use history::HISTORY_FRAMES_MAX;
pub use packet::{PacketHead, ReceivedHead};
pub use playout::{
    DropReason, Operation, Played, Playout, PlayoutConfig, PlayoutError, PlayoutState, PlayoutStats, Tally,
};
pub use sender::{Sender, SenderConfig, SenderError};
