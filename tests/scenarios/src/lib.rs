//! Scenarios in the simulated world.
