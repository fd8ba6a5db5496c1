//! What is seen of a real server over HTTP: who may see it, what a browser is told, and that the API is what its description says.
#![allow(clippy::unwrap_used, clippy::panic, reason = "in a test that is the way to fail")]

mod process;

use std::process::Command;

use backline_loopback::Rig;
use process::{Server, Setting, free_port, log, python};

fn status(result: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> u16 {
    match result {
        Ok(answer) => answer.status().as_u16(),
        Err(ureq::Error::StatusCode(status)) => status,
        Err(error) => panic!("{error}"),
    }
}

fn base64(text: &str) -> String {
    data_encoding::BASE64.encode(text.as_bytes())
}

#[test]
fn who_watches_needs_the_token_only_where_that_is_said() {
    for (setting, open) in [("false", 200), ("true", 401)] {
        let dir = tempfile::tempdir().unwrap();
        let text = format!("[http]\nmetrics_need_token = {setting}\n");
        let server = Server::start_with(dir.path(), free_port(), &Setting::File(text));
        let (url, token) = (server.url().to_owned(), server.token().to_owned());
        let ask = |path: &str, how: &str| {
            let request = ureq::get(format!("{url}{path}"));
            status(if how.is_empty() { request.call() } else { request.header("Authorization", how).call() })
        };
        let (basic, wrong) = (base64(&format!("me:{token}")), base64("me:no"));
        for path in ["/", "/metrics"] {
            assert_eq!(ask(path, ""), open, "{path}");
            assert_eq!(ask(path, &format!("Bearer {token}")), 200, "{path}");
            assert_eq!(ask(path, &format!("Basic {basic}")), 200, "{path}");
            assert_eq!(ask(path, &format!("Basic {wrong}")), open, "{path}");
        }
        for path in ["/healthz", "/readyz", "/status.js", "/status.css", "/api/v1/openapi.json"] {
            assert_eq!(ask(path, ""), 200, "{path}");
        }
        for how in ["", "Bearer no", "Bearer ", "Basic", &format!("Basic {basic}")] {
            assert_eq!(ask("/api/v1/sessions", how), 401, "what changes something takes no password: {how}");
        }
        let written = log(dir.path());
        assert!(written.contains("audit") && written.contains("refused") && !written.contains(&token));
        assert!(server.stop().success());
    }
}

#[test]
fn the_page_lets_nothing_in_and_says_what_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), free_port());
    let (_, link) = server.session("<script>alert('1')</script>");
    let ada = Rig::new(1);
    ada.join(&link).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(500));
    let mut answer = ureq::get(server.url()).call().unwrap();
    let policy = answer.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    let page = answer.body_mut().read_to_string().unwrap();
    assert!(page.contains("&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;"), "{page}");
    assert!(!page.contains("<script>") && !page.contains("http://") && !page.contains("https://"), "{page}");
    assert!(page.contains("<dd id=\"participants\">1</dd>"), "{page}");
    assert!(!page.contains(&link) && !page.contains(server.token()));
}

#[test]
fn status_prints_what_the_api_says() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), free_port());
    let (id, link) = server.session("Rehearsal");
    let ada = Rig::new(1);
    ada.join(&link).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(500));
    let ask = |more: &[&str]| {
        let at = server.url().trim_start_matches("http://");
        let mut command = Command::new(env!("CARGO_BIN_EXE_backline-server"));
        let output =
            command.args(["status", "--http", at, "--data"]).arg(dir.path()).args(more).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let text = ask(&[]);
    assert!(text.contains(&id) && text.contains("  1 in  Rehearsal") && text.contains("turns p50"), "{text}");
    let told: serde_json::Value = serde_json::from_str(&ask(&["--json"])).unwrap();
    let (shards, sessions) = (server.get("/shards"), server.get("/sessions"));
    assert_eq!(told["sessions"][0]["id"], sessions["sessions"][0]["id"]);
    assert_eq!(told["sessions"][0]["joins"], 1);
    let keys = |value: &serde_json::Value| {
        value.as_object().unwrap().keys().cloned().collect::<std::collections::BTreeSet<String>>()
    };
    assert_eq!(keys(&told["shards"][0]), keys(&shards["shards"][0]));
    let person = sessions["sessions"][0]["participants"][0]["id"].as_str().unwrap();
    let metrics = server.get(&format!("/participants/{person}/metrics"));
    assert!(metrics[0]["media_in"].is_u64() && metrics[0]["loss"].as_f64().unwrap() <= 1.0, "{metrics}");
}

#[test]
fn logs_that_are_too_old_or_too_many_are_removed_at_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let logs = dir.path().join("log");
    std::fs::create_dir(&logs).unwrap();
    for day in 1..=28_u64 {
        for name in ["server", "audit"] {
            let file = std::fs::File::create(logs.join(format!("{name}.2025-02-{day:02}.log"))).unwrap();
            let age = std::time::Duration::from_secs((28 - day) * 86_400);
            file.set_modified(std::time::SystemTime::now() - age).unwrap();
        }
    }
    let server = Server::start_with(dir.path(), free_port(), &Setting::File("[log]\nfiles = 5\n".to_owned()));
    assert_eq!(status(ureq::get(format!("{}/api/v1/shards", server.url())).call()), 401);
    assert!(server.stop().success());
    for name in ["server", "audit"] {
        let left: Vec<String> = std::fs::read_dir(&logs)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|file| file.starts_with(name))
            .collect();
        assert!(left.len() <= 5 && !left.is_empty(), "{left:?}");
        let today = left.iter().find(|file| !file.contains("2025-02")).unwrap();
        let written = std::fs::read_to_string(logs.join(today)).unwrap();
        assert!(written.contains("refused"), "{name}: {written}");
    }
}

#[test]
fn the_api_is_what_its_description_says() {
    let dir = tempfile::tempdir().unwrap();
    let text = "[sessions]\nat_most = 10000\n".to_owned();
    let server = Server::start_with(dir.path(), free_port(), &Setting::File(text));
    let (_, link) = server.session("Rehearsal");
    let ada = Rig::new(1);
    ada.join(&link).unwrap();
    // Nobody can make a participant by the API: this one is there.
    let person = ada.wait(|snapshot| snapshot.you.participant.is_some()).unwrap().you.participant.unwrap();
    let known = format!(
        "[[operations]]\ninclude-name = \"GET /api/v1/participants/{{id}}/metrics\"\nparameters = {{ \"path.id\" = \"{person}\" }}\n"
    );
    std::fs::write(dir.path().join("schemathesis.toml"), known).unwrap();
    let output = Command::new(python())
        .args(["-m", "schemathesis.cli", "run"])
        .arg(format!("{}/api/v1/openapi.json", server.url()))
        .args(["-H", &format!("Authorization: Bearer {}", server.token())])
        .args(["--checks", "all", "--max-examples", "30", "--seed", "5", "--no-color"])
        .current_dir(dir.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(!said.contains("Missing test data"), "{said}");
    assert!(server.stop().success());
    assert!(!log(dir.path()).contains("ERROR"), "{}", log(dir.path()));
}
