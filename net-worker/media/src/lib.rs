//! One stream in each direction: framing and redundancy; playout.
