//! The brain of a host: admission, roster and forwarding.
