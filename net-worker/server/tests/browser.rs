//! The status page in a real browser, headless: with scripts its numbers change without a reload, without them they are there; a password is asked for
//! where the configuration says so.
#![allow(clippy::unwrap_used, clippy::panic, reason = "in a test that is the way to fail")]

mod process;

use std::path::PathBuf;
use std::process::Command;

use backline_loopback::Rig;
use process::{Server, Setting, free_port, log, python};
use serde_json::Value;

/// The number that stands at an id, without its spaces.
fn number(html: &str, id: &str) -> u64 {
    let (_, rest) =
        html.split_once(&format!("<dd id=\"{id}\">")).unwrap_or_else(|| panic!("no {id}: {html}"));
    let (text, _) = rest.split_once('<').unwrap();
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    digits.parse().unwrap_or_else(|_| panic!("{id} is {text}"))
}

#[test]
fn the_status_page_is_live_with_scripts_and_whole_without() {
    let dir = tempfile::tempdir().unwrap();
    let setting = Setting::File("[http]\nmetrics_need_token = true\n".to_owned());
    let server = Server::start_with(dir.path(), free_port(), &setting);
    let (_, link) = server.session("Thursday <rehearsal> & friends");
    let (mut ada, mut bob) = (Rig::new(1), Rig::new(2));
    ada.play(440.0);
    bob.play(330.0);
    ada.join(&link).unwrap();
    bob.join(&link).unwrap();
    let pictures = pictures(dir.path());
    std::fs::create_dir_all(&pictures).unwrap();
    let chromium = std::env::var("BACKLINE_CHROMIUM").unwrap_or_else(|_| "chromium".to_owned());
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/python/browser.py");
    let output = Command::new(python())
        .arg(script)
        .args([&chromium, &format!("{}/", server.url()), server.token()])
        .arg(&pictures)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let seen: Value = serde_json::from_slice(&output.stdout).unwrap();
    let page = |key: &str| seen[key].as_str().unwrap();

    assert_eq!(seen["refused"][0][1], 401);
    assert_eq!(seen["complaints"], Value::Array(Vec::new()), "the policy forbids nothing that the page does");
    let asked = seen["statuses"].as_array().unwrap();
    assert!(
        asked.iter().all(|of| of[0].as_str().unwrap().starts_with(server.url())),
        "nothing from elsewhere"
    );
    let good = asked.iter().filter(|of| of[1] == 200).count();
    assert!(good >= 4, "the page, its style, its script, and the page again: {asked:?}");

    let (first, later) = (page("first"), page("later"));
    assert_eq!(seen["reloaded"], false);
    assert!(number(later, "packets-in") > number(first, "packets-in") + 400, "{later}");
    assert!(later.contains("Live: looks every 2 seconds.") && later.contains(" %</td>"), "{later}");
    let without = page("without_scripts");
    assert!(without.contains("As it was when this page was loaded."), "{without}");
    assert!(number(without, "packets-out") > 0 && number(without, "participants") == 2, "{without}");
    for html in [first, later, without] {
        assert!(html.contains("Thursday &lt;rehearsal&gt; &amp; friends"), "{html}");
    }
    assert!(server.stop().success());
    assert!(!log(dir.path()).contains("ERROR"));
}

/// Where pictures go: a folder that can be looked into afterwards, when one is named.
fn pictures(otherwise: &std::path::Path) -> PathBuf {
    std::env::var_os("BACKLINE_PICTURES").map_or_else(|| otherwise.to_owned(), PathBuf::from)
}
