//! The audio thread and the worker: rings, meters, wake-up, and nothing else.
