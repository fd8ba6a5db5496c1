//! Real hosts that load the built bundles.
