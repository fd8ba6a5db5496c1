//! Sessions appear in the local network, are joined without a link, and go: real multicast, in a network of the test's own.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test with helpers")]

use std::process::Command as Program;
use std::time::{Duration, Instant};

use backline_client::{Command, Connection, FoundSession};
use backline_loopback::Rig;

/// Does something in a network namespace that has loopback and nothing else, so that the machine's network hears nothing.
fn in_own_network(work: impl FnOnce() + Send + 'static) {
    let inside = move || {
        // SAFETY: no memory is passed; only the calling thread, which ends right after, and those that it starts change network.
        if unsafe { libc::unshare(libc::CLONE_NEWNET) } != 0 {
            println!("not run: no network namespace ({}); this needs root", std::io::Error::last_os_error());
            return;
        }
        assert!(Program::new("ip").args(["link", "set", "lo", "up"]).status().unwrap().success());
        work();
    };
    std::thread::spawn(inside).join().unwrap();
}

fn wait_for(rig: &Rig, wish: impl Fn(&[FoundSession]) -> bool) -> Vec<FoundSession> {
    let end = Instant::now() + Duration::from_secs(10);
    loop {
        let found = rig.client.found();
        if wish(&found) {
            return found;
        }
        assert!(Instant::now() < end, "found {found:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Threads of this process that speak multicast DNS.
fn discovery_threads() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap().flatten();
    let names = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok());
    names.filter(|name| name.trim() == "mDNS_daemon").count()
}

fn found_is_joined_and_goes() {
    let (mut ada, mut bob, cleo) =
        (Rig::in_own_network(21), Rig::in_own_network(22), Rig::in_own_network(23));
    ada.play(440.0);
    bob.play(0.0);
    assert_eq!(discovery_threads(), 0, "nobody looks and nobody hosts");
    ada.client.send(Command::SetName("Ada".to_owned()));
    let invite = ada.host().unwrap();
    let started = Instant::now();
    bob.client.look_around(true);
    let found = wait_for(&bob, |found| !found.is_empty());
    println!("found after {:?}", started.elapsed());
    assert_eq!((found.len(), found[0].host.as_str(), found[0].participants), (1, "Ada", 1));
    assert_ne!(found[0].link, invite);
    bob.join(&found[0].link).unwrap();
    let told = ada.wait(|snapshot| !snapshot.notices.is_empty()).unwrap();
    assert!(told.notices[0].text.contains("came in from your local network"), "{:?}", told.notices);

    let beside = ada.beside(24);
    ada.client.look_around(true);
    beside.client.look_around(true);
    cleo.client.look_around(true);
    let found = wait_for(&cleo, |found| found.iter().any(|session| session.participants == 2));
    std::thread::sleep(Duration::from_millis(500));
    assert!(ada.client.found().is_empty(), "one's own session is not offered");
    assert!(beside.client.found().is_empty(), "nor to another track of the project");
    assert!(beside.client.snapshot().here.is_some(), "it joins that one as one of its own");
    drop(beside);
    ada.client.look_around(false);
    ada.client.send(Command::SetOpenToLan(false));
    wait_for(&cleo, <[FoundSession]>::is_empty);
    cleo.client.send(Command::Join { link: found[0].link.clone() });
    let refused = cleo.wait(|snapshot| matches!(snapshot.connection, Connection::Failed { .. }));
    println!("{:?}", refused.unwrap().connection);
    assert_eq!(bob.client.snapshot().connection, Connection::Joined, "who is in stays");

    ada.client.send(Command::SetOpenToLan(true));
    wait_for(&cleo, |found| !found.is_empty());
    ada.client.send(Command::Leave);
    wait_for(&cleo, <[FoundSession]>::is_empty);
    let started = Instant::now();
    [&bob, &cleo].iter().for_each(|rig| rig.client.look_around(false));
    println!("two stopped looking in {:?}", started.elapsed());
    ada.wait(|snapshot| snapshot.connection == Connection::Idle).unwrap();
    // A thread says that it ends just before it does.
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(discovery_threads(), 0);
}

#[test]
fn a_session_is_found_joined_without_a_link_and_gone_when_it_ends() {
    in_own_network(found_is_joined_and_goes);
}

#[test]
fn where_the_local_network_is_not_used_nothing_is_announced_or_looked_for() {
    let ada = Rig::new(24);
    ada.host().unwrap();
    ada.client.look_around(true);
    assert!(ada.client.found().is_empty());
}
