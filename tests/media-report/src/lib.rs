//! The bars of playout, measured: whole participants in the simulated world, judged by the samples that listeners' rings delivered.
//!
//! Not the table and not the verdict: those are `cargo xtask report media`'s. [`bars`] measures, [`figure`] prints, [`signals`] plays.

pub mod bars;
pub mod figure;
pub mod pair;
pub mod signals;
