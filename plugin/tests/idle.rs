//! A host's plugin scan, and an instance without a session: no thread, no socket, no file.
//! A binary of its own, because other tests' threads would be counted too.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "helpers of a test")]

use backline::kind::Kind;
use backline::processor::Processor;

fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").unwrap().count()
}

fn sockets() -> usize {
    let open = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
    open.filter_map(|entry| std::fs::read_link(entry.path()).ok())
        .filter(|target| target.to_string_lossy().starts_with("socket:"))
        .count()
}

#[test]
fn an_idle_instance_has_no_thread_and_no_socket() {
    let folder = tempfile::tempdir().unwrap();
    // SAFETY: the only test of this binary; no other thread reads the environment.
    unsafe { std::env::set_var("BACKLINE_CONFIG_DIR", folder.path()) };
    let before = (threads(), sockets());
    let mut processors: Vec<Processor> = (0..8).map(|_| Processor::new(Kind::Track)).collect();
    assert_eq!((threads(), sockets()), before, "made");
    processors.iter_mut().for_each(|processor| processor.activate(2, 48_000.0, 64));
    assert_eq!((threads(), sockets()), before, "activated");
    processors.iter_mut().for_each(Processor::deactivate);
    drop(processors);
    assert_eq!((threads(), sockets()), before, "gone");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "a scan writes nothing");
}
