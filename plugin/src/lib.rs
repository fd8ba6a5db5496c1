//! The plugin in the DAW.
