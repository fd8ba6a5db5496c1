use super::*;
use crate::kind::Kind;
use crate::processor::Processor;

fn project() -> Arc<Project> {
    Processor::new(Kind::Track).project().clone()
}

#[test]
fn without_variables_there_is_no_thread_and_no_file() {
    let unattended = Unattended::start(project(), Environment::default());
    assert!(unattended.thread.is_none());
    unattended.report_now();
}

#[test]
fn a_report_is_written_at_once_and_at_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("{instance}.json");
    let project = project();
    let instance = project.state().instance;
    let environment = Environment { report: Some(path), ..Environment::default() };
    let unattended = Unattended::start(project, environment);
    unattended.report_now();
    let written = folder.path().join(format!("{instance}.json"));
    let report: serde_json::Value = serde_json::from_slice(&std::fs::read(&written).unwrap()).unwrap();
    assert_eq!(report["connection"], "idle");
    assert_eq!(report["meters"]["callback"]["count"], 0);
    std::fs::remove_file(&written).unwrap();
    drop(unattended);
    assert!(written.exists());
}

#[test]
fn settings_of_the_environment_reach_the_worker_but_not_the_project() {
    let project = project();
    let environment = Environment { depth: Some(Duration::from_millis(30)), ..Environment::default() };
    let _unattended = Unattended::start(project.clone(), environment);
    assert_eq!(project.client().snapshot().depth_ceiling, Duration::from_millis(30));
    assert_ne!(project.state().depth_ceiling(), Duration::from_millis(30));
}

#[test]
fn values_that_cannot_be_used_are_shown() {
    let project = project();
    let environment = Environment {
        complaints: vec!["BACKLINE_QUALITY must be good.".to_owned()],
        ..Environment::default()
    };
    let _unattended = Unattended::start(project.clone(), environment);
    let notices = &project.client().snapshot().notices;
    assert!(notices.iter().any(|notice| notice.text.contains("BACKLINE_QUALITY")));
}

#[test]
fn of_several_instances_with_one_link_file_the_first_hosts_and_the_others_join() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("link");
    let first = Claim::new(&path).unwrap();
    assert!(Claim::new(&path).is_none());
    assert!(Claim::new(&folder.path().join("another link")).is_some());
    drop(first);
    assert!(Claim::new(&path).is_some());
}

#[test]
fn links_are_told_from_paths() {
    assert!(is_link(" backline://join/abc\n"));
    assert!(!is_link("/tmp/backline.txt"));
}
