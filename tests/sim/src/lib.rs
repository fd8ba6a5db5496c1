//! The simulated world: virtual time, networks and sound cards.
