//! What a sender and a playout do together, in virtual time: one file for each behaviour.
//!
//! [`world`] drives both with any block sizes, clocks and network; [`signal`] makes what is sent and measures
//! what came out. Every insert and pull of every test runs under the no-allocation guard.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test may end here"
)]

mod adapt;
mod clean_path;
mod depth;
mod drift;
mod hostile;
mod loss;
mod order;
mod presence;
mod repair;
mod signal;
mod world;

#[global_allocator]
static GUARD: assert_no_alloc::AllocDisabler = assert_no_alloc::AllocDisabler;
