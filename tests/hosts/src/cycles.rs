//! Creates, automates, processes and destroys the plugin again and again in one process, and looks for what stays behind.
//! Faults of a framework that shares a thread between instances show after some hundred turns.

use crate::clap_plugin::ClapBundle;
use crate::error::HostError;

/// What the process holds besides memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holdings {
    /// Open files and sockets.
    pub files: usize,
    /// Threads.
    pub threads: usize,
}

impl Holdings {
    /// What this process holds now.
    pub fn now() -> Self {
        let count = |folder: &str| std::fs::read_dir(folder).map_or(0, Iterator::count);
        Self { files: count("/proc/self/fd"), threads: count("/proc/self/task") }
    }
}

/// The rates and block sizes that the turns go through.
const SHAPES: [(u32, usize); 5] = [(48_000, 64), (44_100, 512), (96_000, 17), (192_000, 1024), (88_200, 480)];
const BLOCKS_IN_A_TURN: usize = 4;

/// Runs `count` turns of a class; says what the process held after the tenth of the turns and at the end.
pub fn run(bundle: &ClapBundle, class: &str, count: usize) -> Result<(Holdings, Holdings), HostError> {
    let mut early = Holdings::now();
    for turn in 0..count {
        one(bundle, class, turn)?;
        if turn == count / 10 {
            early = Holdings::now();
        }
        if turn % 100 == 99 {
            eprintln!("  {} cycles", turn + 1);
        }
    }
    Ok((early, Holdings::now()))
}

fn one(bundle: &ClapBundle, class: &str, turn: usize) -> Result<(), HostError> {
    let (rate, block) = SHAPES[turn % SHAPES.len()];
    let mut plugin = bundle.instance(class)?;
    let parameters = plugin.parameters();
    // Hosts activate twice without having processed.
    if turn.is_multiple_of(7) {
        let processor = plugin.activate(rate, block)?;
        plugin.deactivate(processor);
    }
    let mut processor = plugin.activate(rate, block)?;
    for step in 0..BLOCKS_IN_A_TURN {
        for channel in 0..processor.input_channels() {
            processor.input(0, channel).fill(0.1);
        }
        for offset in 0..5 {
            let parameter = &parameters[(turn * 5 + step + offset * 11) % parameters.len()];
            let share = ((turn + step * 3 + offset) % 11) as f64 / 10.0;
            let value = parameter.minimum + share * (parameter.maximum - parameter.minimum);
            processor.automate(parameter.id, value, (offset * block / 5) as u32);
        }
        processor.process(block)?;
        plugin.run_callbacks();
    }
    plugin.deactivate(processor);
    if plugin.has_complained() {
        return Err(HostError::plugin("behave", format!("it logged misbehaviour in cycle {turn}")));
    }
    Ok(())
}
