//! Running programs: their words passed on, their failures named, their tests counted, their time kept.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// A command that runs in the root of the repository.
pub fn program(name: &str) -> Command {
    let mut command = Command::new(name);
    command.current_dir(crate::workspace::root());
    command
}

/// Cargo, in the root of the repository.
pub fn cargo() -> Command {
    program(&std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()))
}

/// Runs to the end with the terminal; an error names the command.
pub fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("{} could not be started", describe(command)))?;
    if !status.success() {
        bail!("{} ended with {status}", describe(command));
    }
    Ok(())
}

/// Runs to the end and gives what it printed on standard output; standard error goes to the terminal.
pub fn output(command: &mut Command) -> Result<String> {
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("{} could not be started", describe(command)))?;
    if !output.status.success() {
        bail!("{} ended with {}", describe(command), output.status);
    }
    String::from_utf8(output.stdout).context("what it printed is no text")
}

/// Runs to the end and gives what it printed on standard output, however it ended.
pub fn everything_printed(command: &mut Command) -> Result<String> {
    let output = command.stderr(Stdio::inherit()).output();
    let output = output.with_context(|| format!("{} could not be started", describe(command)))?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Whether it runs and succeeds, without a word.
pub fn succeeds(command: &mut Command) -> bool {
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}

/// Whether a program is on the PATH.
pub fn on_path(name: &str) -> bool {
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(name).is_file()))
}

/// Tests that a runner counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counted {
    /// Passed.
    pub passed: u64,
    /// Failed.
    pub failed: u64,
}

/// Runs a test runner to the end, passes its words on, and counts its tests.
pub fn run_tests(command: &mut Command) -> Result<Counted> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("{} could not be started", describe(command)))?;
    let counted = Arc::new(Mutex::new(Counted::default()));
    let readers = [
        child.stdout.take().map(|stream| pass_on(Box::new(stream), &counted)),
        child.stderr.take().map(|stream| pass_on(Box::new(stream), &counted)),
    ];
    let status = child.wait()?;
    for reader in readers.into_iter().flatten() {
        let _ = reader.join();
    }
    if !status.success() {
        bail!("{} ended with {status}", describe(command));
    }
    Ok(*counted.lock().unwrap_or_else(PoisonError::into_inner))
}

fn pass_on(stream: Box<dyn Read + Send>, counted: &Arc<Mutex<Counted>>) -> std::thread::JoinHandle<()> {
    let counted = Arc::clone(counted);
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            println!("{line}");
            if let Some(more) = count(&line) {
                let mut counted = counted.lock().unwrap_or_else(PoisonError::into_inner);
                counted.passed += more.passed;
                counted.failed += more.failed;
            }
        }
    })
}

/// Reads `test result: ok. 3 passed; 0 failed; …` of cargo test and `Summary [ 1.2s] 3 tests run: 3 passed, …` of nextest.
fn count(line: &str) -> Option<Counted> {
    let line = line.trim_start();
    let tail = line
        .strip_prefix("test result: ")
        .or_else(|| line.strip_prefix("Summary ")?.split_once("run: ").map(|(_, tail)| tail))?;
    let number_before = |word: &str| {
        let words: Vec<&str> = tail.split([' ', ';', ',']).filter(|word| !word.is_empty()).collect();
        words.windows(2).find(|pair| pair[1] == word).and_then(|pair| pair[0].parse().ok()).unwrap_or(0)
    };
    Some(Counted { passed: number_before("passed"), failed: number_before("failed") })
}

fn describe(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}

/// Steps of a long command, with their time.
#[derive(Default)]
pub struct Steps {
    done: Vec<(String, Duration, Counted)>,
}

impl Steps {
    /// Runs one step under a heading.
    pub fn step(&mut self, name: &str, work: impl FnOnce() -> Result<Counted>) -> Result<()> {
        println!("\n=== {name}");
        let started = Instant::now();
        let counted = work().with_context(|| format!("step failed: {name}"))?;
        self.done.push((name.to_owned(), started.elapsed(), counted));
        Ok(())
    }

    /// What each step took, and the sum in the words of cargo's own test runner.
    pub fn print_summary(&self) {
        println!("\n{:<58} {:>8} {:>8}", "step", "seconds", "tests");
        for (name, time, counted) in &self.done {
            println!("{name:<58} {:>8.1} {:>8}", time.as_secs_f64(), counted.passed);
        }
        let total: Duration = self.done.iter().map(|(_, time, _)| *time).sum();
        let sum = |number: fn(&Counted) -> u64| {
            self.done.iter().map(|(_, _, counted)| number(counted)).sum::<u64>()
        };
        println!(
            "\ntest result: ok. {} passed; {} failed; 0 ignored; 0 measured; 0 filtered out; finished in {:.2}s",
            sum(|counted| counted.passed),
            sum(|counted| counted.failed),
            total.as_secs_f64()
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_runners_are_counted() {
        let cargo =
            "test result: ok. 17 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 2.55s";
        assert_eq!(count(cargo), Some(Counted { passed: 17, failed: 1 }));
        let nextest = "     Summary [   1.234s] 120 tests run: 119 passed (2 slow), 1 failed, 0 skipped";
        assert_eq!(count(nextest), Some(Counted { passed: 119, failed: 1 }));
        assert_eq!(count("running 3 tests"), None);
    }

    #[test]
    fn a_failing_program_is_named() {
        let error = run(program("false").arg("really")).unwrap_err().to_string();
        assert!(error.starts_with("false really ended with"), "{error}");
    }
}
