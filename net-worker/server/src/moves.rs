//! Tests that every metric which docs/OPERATING.md names is told, that every metric which is told is named there, that each of them moves when what it
//! counts happens, and that none of those for the server's life ever falls.
//!
//! A real server with real sockets on loopback; its visitors do what no Backline does. The text is read by Prometheus' own parser for Python.
#![allow(clippy::unwrap_used, clippy::panic, reason = "in a test that is the way to fail")]

mod visitor;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use backline_io::{Port, clock};
use backline_relay::{Limits, SessionId};
use backline_wire::{Control, InviteLink, Missing, MissingRun, Route, SessionSecret};
use serde_json::Value;

use crate::api::Api;
use crate::config::Config;
use crate::keeper::Request;
use crate::server::Server;
use crate::shard_thread::Order;
use crate::token::Token;
use visitor::Visitor;

/// Everything that `/metrics` said, by name and labels.
type Samples = BTreeMap<(String, BTreeMap<String, String>), f64>;

struct World {
    server: Arc<Server>,
    api: Option<Api>,
    url: String,
    _data: tempfile::TempDir,
    /// The highest value of each sample that is for the server's life.
    highest: Samples,
    /// What was said last.
    latest: Samples,
    /// Samples that were there with different values.
    moved: BTreeSet<String>,
    seen: BTreeMap<String, BTreeSet<u64>>,
    kinds: BTreeMap<String, String>,
}

impl World {
    fn new() -> Self {
        let data = tempfile::tempdir().unwrap();
        let port = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let limits = Limits { participants: 2, packets_per_second: 2_000.0, ..Limits::default() };
        let config = Config {
            data: data.path().to_owned(),
            bind: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port,
            public: Vec::new(),
            shards: 1,
            http: (Ipv4Addr::LOCALHOST, 0).into(),
            metrics_need_token: true,
            level: tracing::Level::DEBUG,
            log_files: 1,
            limits,
            route: backline_wire::Route::Mesh,
            mix: backline_relay::MixConfig::default(),
            sessions: 10,
            retire_after: Duration::from_secs(86_400),
        };
        let token = Token::make(data.path()).unwrap();
        let server = Arc::new(Server::start(config, token).unwrap());
        let api = Api::start(Arc::clone(&server)).unwrap();
        let url = format!("http://{}", api.address);
        let (highest, latest, moved) = (Samples::new(), Samples::new(), BTreeSet::new());
        let (seen, kinds) = (BTreeMap::new(), BTreeMap::new());
        Self { server, api: Some(api), url, _data: data, highest, latest, moved, seen, kinds }
    }

    fn get(&self, path: &str) -> Result<String, ureq::Error> {
        let bearer = format!("Bearer {}", self.server.token.text());
        let mut answer = ureq::get(format!("{}{path}", self.url)).header("Authorization", &bearer).call()?;
        answer.body_mut().read_to_string()
    }

    fn session(&self) -> (SessionId, String) {
        let bearer = format!("Bearer {}", self.server.token.text());
        let mut answer = ureq::post(format!("{}/api/v1/sessions", self.url))
            .header("Authorization", &bearer)
            .send_json(serde_json::json!({ "name": "Rehearsal" }))
            .unwrap();
        let made: Value = answer.body_mut().read_json().unwrap();
        (made["id"].as_str().unwrap().parse().unwrap(), made["link"].as_str().unwrap().to_owned())
    }

    /// Lets the shard's thread do something.
    fn act(&self, act: impl FnOnce(&mut crate::shard_thread::Driver) + Send + 'static) {
        self.server.shard(0, |shard| shard.order(Order::Act(Box::new(act)))).unwrap().unwrap();
    }

    /// Reads `/metrics`: what has moved is remembered, and nothing that counts for the server's life has fallen. Visitors who are in go on meanwhile:
    /// who is silent is taken for gone.
    fn look(&mut self, visitors: &mut [&mut Visitor]) {
        run_all(visitors, Duration::from_millis(250));
        self.latest.clear();
        let text = self.get("/metrics").unwrap();
        let samples = std::thread::scope(|scope| {
            let parsing = scope.spawn(|| parse(&text));
            while !parsing.is_finished() {
                run_all(visitors, Duration::from_millis(2));
            }
            parsing.join().unwrap()
        });
        for sample in samples {
            let Sample { name, labels, value, kind } = sample;
            self.latest.insert((name.clone(), labels.clone()), value);
            assert!(value.is_finite(), "{name} {labels:?} is {value}");
            self.kinds.insert(name.clone(), kind.clone());
            let values = self.seen.entry(name.clone()).or_default();
            values.insert(value.to_bits());
            if values.len() > 1 || (values.len() == 1 && value != 0.0 && kind != "info") {
                self.moved.insert(name.clone());
            }
            let is_for_life =
                labels.contains_key("shard") || labels.is_empty() || labels.contains_key("code");
            if kind == "gauge" || !is_for_life {
                continue;
            }
            let highest = self.highest.entry((name.clone(), labels.clone())).or_insert(value);
            assert!(value >= *highest, "{name} {labels:?} fell from {highest} to {value}");
            *highest = value;
        }
    }

    /// Looks until something is so: a shard that was made slow takes its time.
    fn look_until(&mut self, visitor: &mut Visitor, wish: impl Fn(&Self) -> bool) {
        for _ in 0..20 {
            self.look(&mut [&mut *visitor]);
            if wish(self) {
                return;
            }
        }
        panic!("it does not come: {:?}", self.highest);
    }

    fn value(&self, name: &str, label: (&str, &str)) -> f64 {
        sum_of(&self.highest, name, label)
    }

    fn latest(&self, name: &str, label: (&str, &str)) -> f64 {
        sum_of(&self.latest, name, label)
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.server.shard(0, |shard| shard.drain());
        if let Some(api) = self.api.take() {
            api.stop();
        }
    }
}

fn sum_of(samples: &Samples, name: &str, label: (&str, &str)) -> f64 {
    let matches =
        |labels: &BTreeMap<String, String>| labels.get(label.0).map(String::as_str) == Some(label.1);
    let found = samples.iter().filter(|((of, labels), _)| of == name && matches(labels));
    found.map(|(_, value)| value).sum()
}

/// Lets time pass for all of them.
fn run_all(visitors: &mut [&mut Visitor], time: Duration) {
    let end = clock::now() + time;
    while clock::now() < end {
        visitors.iter_mut().for_each(|visitor| visitor.run(Duration::ZERO));
        std::thread::sleep(Duration::from_millis(1));
    }
}

struct Sample {
    name: String,
    labels: BTreeMap<String, String>,
    value: f64,
    kind: String,
}

/// By Prometheus' own parser.
fn parse(text: &str) -> Vec<Sample> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let python = std::env::var_os("BACKLINE_PYTHON")
        .map_or_else(|| root.join("../../target/venv/bin/python"), PathBuf::from);
    let mut child = Command::new(&python)
        .arg(root.join("tests/python/metrics.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{} ({error}): `cargo xtask test` puts it there", python.display()));
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "the parser refuses:\n{text}");
    let samples: Vec<(String, BTreeMap<String, String>, f64, String)> =
        serde_json::from_slice(&output.stdout).unwrap();
    samples.into_iter().map(|(name, labels, value, kind)| Sample { name, labels, value, kind }).collect()
}

/// The names in the table of docs/OPERATING.md, as samples are called.
fn documented() -> BTreeSet<String> {
    let text = include_str!("../../../docs/OPERATING.md");
    let rows = text.lines().filter(|line| line.starts_with("| `backline_"));
    let mut names = BTreeSet::new();
    for row in rows {
        let mut cells = row.split('|').skip(1);
        let (first, kind) = (cells.next().unwrap(), cells.next().unwrap().trim());
        for name in first.split('`').filter(|part| part.starts_with("backline_")) {
            for name in expanded(name) {
                match kind {
                    "histogram" => {
                        names.extend(["_bucket", "_count", "_sum"].map(|end| format!("{name}{end}")));
                    }
                    _ => {
                        names.insert(name);
                    }
                }
            }
        }
    }
    names
}

/// The row of the table that explains a counter.
fn explained(name: &str) -> &'static str {
    let text = include_str!("../../../docs/OPERATING.md");
    let rows = text.lines().filter(|line| line.starts_with("| `backline_"));
    let mut rows = rows.filter(|row| row.split('`').flat_map(expanded).any(|of| of == name));
    rows.next().unwrap_or_default()
}

/// Why something was counted.
fn reasons<'a>(
    name: &'a str,
    labels: &'a BTreeMap<String, String>,
) -> impl Iterator<Item = (&'a str, &'a str)> {
    let told = ["reason", "kind", "limit", "state"].into_iter().filter_map(|label| labels.get(label));
    told.map(move |value| (name, value.as_str()))
}

/// Reasons that no visitor of this test causes yet; the test prints which. A metric of which no reason at all is caused fails it.
const NEVER_MAX: usize = 33;

/// `a_{b,c}_d` is `a_b_d` and `a_c_d`.
fn expanded(name: &str) -> Vec<String> {
    let Some((head, (choices, tail))) =
        name.split_once('{').and_then(|(head, rest)| Some((head, rest.split_once('}')?)))
    else {
        return vec![name.to_owned()];
    };
    choices.split(',').map(|choice| format!("{head}{choice}{tail}")).collect()
}

#[test]
fn every_documented_metric_moves_and_every_metric_is_documented() {
    let mut world = World::new();
    world.look(&mut []);
    let (id, link) = world.session();
    refused_requests(&mut world);
    strangers(&mut world, &link);

    let mut ada = Visitor::join(&link, 1);
    let mut bob = Visitor::join(&link, 2);
    let mut third = Visitor::greet(&link, 3);
    third.wait(|visitor| visitor.said.iter().any(|said| matches!(said, Control::Refused { .. })));
    bob.listen();
    ada.play(20);
    run_all(&mut [&mut ada, &mut bob], Duration::from_millis(100));
    assert_eq!(bob.heard, 20);
    world.look(&mut [&mut ada, &mut bob]);

    lost_and_again(&mut world, &mut ada, &mut bob);
    mixed(&mut world, id, &mut ada, &mut bob);
    rude(&mut world, &mut ada, &mut bob);
    ada.move_away();
    run_all(&mut [&mut ada, &mut bob], Duration::from_secs(2));
    world.look(&mut [&mut ada, &mut bob]);
    bob.leave();
    world.look(&mut [&mut ada]);
    ada.leave();

    faults(&mut world, id, &link);
    world.server.draining.store(true, Ordering::Relaxed);
    world.look(&mut []);

    let told: BTreeSet<String> = world.kinds.keys().cloned().collect();
    let documented = documented();
    assert_eq!(
        told.difference(&documented).collect::<Vec<_>>(),
        Vec::<&String>::new(),
        "told, and not documented"
    );
    assert_eq!(
        documented.difference(&told).collect::<Vec<_>>(),
        Vec::<&String>::new(),
        "documented, and not told"
    );
    for (name, value) in world.highest.keys().flat_map(|(name, labels)| reasons(name, labels)) {
        assert!(
            explained(name).contains(&format!("`{value}`")),
            "{name} has {value}, which is not documented"
        );
    }
    let never: BTreeSet<&str> = world
        .highest
        .iter()
        .filter(|((name, _), count)| name.starts_with("backline_shard_") && **count == 0.0)
        .flat_map(|((name, labels), _)| reasons(name, labels))
        .map(|(_, value)| value)
        .collect();
    eprintln!("reasons that this test does not cause: {never:?}");
    assert!(never.len() <= NEVER_MAX, "{never:?}");
    let constant = "backline_build_info";
    let still: Vec<&String> =
        documented.iter().filter(|name| !world.moved.contains(*name) && *name != constant).collect();
    assert_eq!(still, Vec::<&String>::new(), "documented, and never moved");
}

#[test]
fn a_session_in_which_nobody_was_for_long_is_retired_while_the_server_runs() {
    let mut world = World::new();
    let (used, link) = world.session();
    let (unused, _) = world.session();
    let ada = Visitor::join(&link, 1);
    world.act(move |driver| {
        driver.seen.values_mut().for_each(|seen| seen.age(Duration::from_secs(2 * 86_400)));
        driver.retire_at = clock::now();
    });
    let is_there = |world: &World, id: SessionId| world.get(&format!("/api/v1/sessions/{id}/link")).is_ok();
    let mut visitors = [ada];
    for _ in 0..20 {
        visitors.iter_mut().for_each(|visitor| visitor.run(Duration::from_millis(100)));
        if !is_there(&world, unused) {
            break;
        }
    }
    assert!(is_there(&world, used) && !is_there(&world, unused));
    let files = || std::fs::read_dir(world._data.path().join("sessions")).unwrap().count();
    let end = clock::now() + Duration::from_secs(5);
    while files() > 1 && clock::now() < end {
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(files(), 1, "its keys are gone");
    world.look(&mut []);
}

fn refused_requests(world: &mut World) {
    for path in ["/api/v1/sessions", "/metrics", "/"] {
        let answer = ureq::get(format!("{}{path}", world.url)).header("Authorization", "Bearer wrong").call();
        assert!(matches!(answer, Err(ureq::Error::StatusCode(401))), "{path}");
    }
    world.look(&mut []);
    assert_eq!(world.value("backline_http_answers_total", ("code", "4xx")), 3.0);
}

/// People without a link, and with one that leads nowhere.
fn strangers(world: &mut World, link: &str) {
    let port = world.server.views()[0].port;
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    for _ in 0..50 {
        socket.send_to(&[0xff; 40], (Ipv4Addr::LOCALHOST, port)).unwrap();
    }
    let link = InviteLink::parse(link).unwrap();
    let elsewhere = InviteLink::new(link.addresses(), SessionSecret([7; 16]), *link.fingerprint()).unwrap();
    Visitor::knock(&elsewhere.to_text(), 9).run(Duration::from_millis(300));
    world.look(&mut []);
    assert_eq!(world.value("backline_shard_refused_total", ("reason", "nobodys")), 50.0);
    for _ in 0..400 {
        socket.send_to(&[0xff; 40], (Ipv4Addr::LOCALHOST, port)).unwrap();
    }
    world.look(&mut []);
    assert!(world.value("backline_shard_refused_total", ("reason", "stranger_flood")) > 100.0);
    // Strangers share what their address has: those who come next must find some of it.
    std::thread::sleep(Duration::from_secs(1));
}

/// Packets that the network loses, and that a listener asks for again.
fn lost_and_again(world: &mut World, ada: &mut Visitor, bob: &mut Visitor) {
    ada.loses = true;
    ada.play(3);
    ada.loses = false;
    ada.play(5);
    let run = MissingRun { timestamp: ada.timestamp(), ticks: 120 };
    let about = bob.other_ssrc().unwrap();
    run_all(&mut [&mut *ada, &mut *bob], Duration::from_millis(50));
    bob.complain(about, &Missing { runs: vec![run] }.encode());
    world.look(&mut [&mut *ada, &mut *bob]);
    assert!(world.value("backline_shard_packets_total", ("direction", "again")) >= 1.0);
}

/// The session is mixed for a while, by a shard that is too slow for it at times.
fn mixed(world: &mut World, id: SessionId, ada: &mut Visitor, bob: &mut Visitor) {
    world.act(move |driver| assert!(driver.shard.set_route(id, clock::now(), Route::Mix)));
    run_all(&mut [&mut *ada, &mut *bob], Duration::from_millis(300));
    world.look(&mut [&mut *ada, &mut *bob]);
    ada.play(60);
    for pause in [10, 60] {
        world.act(move |_| std::thread::sleep(Duration::from_millis(pause)));
        ada.play(10);
    }
    world.look(&mut [&mut *ada, &mut *bob]);
    for (label, of) in [("state", "in_time"), ("state", "late"), ("state", "left_out")] {
        assert!(world.latest("backline_session_mix_ticks_total", (label, of)) >= 1.0, "{of}");
    }
    assert!(world.latest("backline_session_mix_frames_total", ("kind", "encoded")) >= 60.0);
    assert!(world.latest("backline_session_mix_frames_total", ("kind", "silent")) >= 1.0);
    world.act(move |driver| assert!(driver.shard.set_route(id, clock::now(), Route::Forward)));
    run_all(&mut [&mut *ada, &mut *bob], Duration::from_millis(300));
}

/// What no Backline says, and what no Backline sends.
fn rude(world: &mut World, ada: &mut Visitor, bob: &mut Visitor) {
    ada.permit(1);
    ada.permit(1);
    ada.say(&[0xff; 20]);
    ada.say(&Control::Refused { reason: backline_wire::RefusalReason::NotUnderstood }.encode());
    bob.complain(bob.other_ssrc().unwrap(), &[0xff; 7]);
    let again = ada.last_sent.clone();
    let wrong: [&[u8]; 6] = [
        &[0xff; 40],
        &[0; 30],
        &[0x16; 2_000],
        &[0x16, 0xfe, 0xfd, 0, 0],
        &[0x80, 111, 0, 1, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8],
        &again,
    ];
    wrong.iter().for_each(|datagram| ada.throw(datagram));
    ada.run(Duration::from_millis(20));
    bob.run(Duration::from_millis(20));
    world.look(&mut [&mut *ada, &mut *bob]);
    for kind in ["control_not_understood", "control_not_allowed", "feedback_not_understood"] {
        assert!(world.value("backline_shard_errors_total", ("kind", kind)) >= 1.0, "{kind}");
    }
    for _ in 0..3_000 {
        ada.throw(&[0xff; 40]);
    }
    ada.run(Duration::from_millis(20));
    bob.run(Duration::from_millis(20));
    world.look(&mut [&mut *ada, &mut *bob]);
    assert!(world.value("backline_shard_over_limit_total", ("limit", "packets")) > 0.0);
}

/// What goes wrong in the server itself.
fn faults(world: &mut World, id: SessionId, link: &str) {
    // Sends that the system refuses: from a port of another kind of address.
    world.act(|driver| driver.port = Port::bind("[::1]:0".parse().unwrap()).unwrap());
    let mut late = Visitor::knock(link, 4);
    late.run(Duration::from_millis(50));
    world.act(move |driver| {
        let at = std::net::SocketAddr::from(([127, 0, 0, 1], 9));
        let request = stun_request();
        driver.shard.handle_datagram(clock::now(), at, at, &request);
    });
    world.look(&mut []);
    assert!(
        world
            .highest
            .iter()
            .any(|((name, _), value)| name == "backline_shard_send_failures_total" && *value > 0.0)
    );

    // A system that takes nothing for a while.
    world.act(|driver| {
        let mut left = 5_000;
        let nobody = std::net::SocketAddr::from(([127, 0, 0, 1], 9));
        let mut poll = |buffer: &mut Vec<u8>| {
            left -= 1;
            buffer.extend_from_slice(&[0x80, 111, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3]);
            (left > 0).then_some(backline_transport::Transmit { source: nobody, destination: nobody })
        };
        while driver.outbound.gather(&mut poll) {}
    });
    world.look(&mut []);
    assert!(world.value("backline_shard_send_dropped_total", ("shard", "0")) > 1_000.0);

    // A shard that fails: it is started again, with its sessions and at its port.
    world.act(|_| panic!("a fault that was put in"));
    while !world.server.shard(0, |shard| shard.has_ended()).unwrap() {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(crate::server::look_after(&world.server, &mut Vec::new()));
    world.look(&mut []);

    // Media of somebody that makes the server slow, and then fail.
    let mut ada = Visitor::join(link, 1);
    world.act(move |driver| {
        let slow = Box::new(|_| std::thread::sleep(Duration::from_millis(5)));
        driver.shard.relay_mut(id).unwrap().set_fault(slow);
    });
    ada.play(30);
    world.look(&mut [&mut ada]);
    world.act(move |driver| {
        driver.shard.relay_mut(id).unwrap().set_fault(Box::new(|_| panic!("a fault that was put in")));
    });
    ada.play(1);
    world
        .look_until(&mut ada, |world| world.value("backline_shard_errors_total", ("kind", "failure")) == 1.0);
    world.act(move |driver| driver.shard.fail(id, clock::now()));
    world.look(&mut []);

    // A disk that keeps nothing of a session any more.
    let mut ada = Visitor::join(link, 1);
    world.act(move |driver| driver.ask(Request::End(id)));
    ada.permit(2);
    world.look_until(&mut ada, |world| {
        world.value("backline_shard_store_failures_total", ("shard", "0")) >= 1.0
    });

    // More orders than it has room for.
    let (begun, has_begun) = std::sync::mpsc::channel();
    let (release, released) = std::sync::mpsc::channel::<()>();
    world.act(move |_| {
        begun.send(()).unwrap();
        let _ = released.recv();
    });
    has_begun.recv().unwrap();
    while world.server.shard(0, |shard| shard.order(Order::Act(Box::new(|_| ())))).unwrap().is_ok() {}
    let busy = world.get(&format!("/api/v1/sessions/{id}/link"));
    assert!(matches!(busy, Err(ureq::Error::StatusCode(503))), "{busy:?}");
    drop(release);
    world.look(&mut []);
}

/// A check that names a session which is not here (RFC 8489 section 5): the shard answers it.
fn stun_request() -> Vec<u8> {
    let name = b"nosuch:visitor\0\0";
    let mut request = vec![0, 1, 0, 4 + name.len() as u8, 0x21, 0x12, 0xa4, 0x42];
    request.extend_from_slice(&[5; 12]);
    request.extend_from_slice(&[0, 6, 0, 14]);
    request.extend_from_slice(name);
    request
}
