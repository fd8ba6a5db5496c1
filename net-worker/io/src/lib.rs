//! Every system call: UDP, identity file, clock, thread priority.
