//! The worker thread of a plugin process.
