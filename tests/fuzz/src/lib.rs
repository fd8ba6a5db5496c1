//! Random and mutated input for every parser, and the means to see memory grow.
//!
//! The test itself is `tests/datagrams.rs`. `cargo test -p backline-fuzz` runs a quick count;
//! `BACKLINE_FUZZ_DATAGRAMS=10000000 cargo test --release -p backline-fuzz -- --nocapture` the full one,
//! and `BACKLINE_FUZZ_SEED` repeats a run. It is not coverage-guided: its strength is that it starts from
//! what a real session sends.

pub mod memory;
pub mod mutate;

pub use memory::Counting;
pub use mutate::{Mutator, Random};
