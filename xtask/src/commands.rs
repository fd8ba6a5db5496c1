//! The commands, one file each: its arguments with their help, and `run`.

pub mod bundle;
pub mod demo;
pub mod fuzz;
pub mod install;
pub mod load;
pub mod report;
pub mod sanitize;
pub mod server;
pub mod sim;
pub mod test;
pub mod tidy;
pub mod validate;
