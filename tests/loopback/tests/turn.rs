//! Through a real TURN server: Debian's coturn, on loopback.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test with helpers")]

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use backline_client::{Command, Quality, Severity, TurnServer as Account};
use backline_loopback::Rig;
use backline_loopback::turn_server::{PASSWORD, RELAY_PORTS, TurnServer, USER};
use backline_transport::{Reach, ReachConfig, ReachEvent};
use backline_wire::InviteLink;

/// Time is real: one test at a time.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

fn level(samples: &[f32]) -> f32 {
    (samples.iter().map(|sample| sample * sample).sum::<f32>() / samples.len().max(1) as f32).sqrt()
}

fn with_turn(server: &TurnServer, password: &str) -> Command {
    let turn = Account {
        address: server.address().to_string(),
        user: USER.to_owned(),
        password: password.to_owned(),
    };
    Command::SetServers { stun: None, turn: Some(turn) }
}

fn is_relayed(address: &SocketAddr) -> bool {
    address.ip() == IpAddr::from([127, 0, 0, 1]) && RELAY_PORTS.contains(&address.port())
}

#[test]
fn two_instances_hear_each_other_through_coturn() {
    let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let server = TurnServer::start().unwrap();
    let (mut ada, mut bob) = (Rig::new(11), Rig::new(12));
    for rig in [&mut ada, &mut bob] {
        rig.play(440.0);
        rig.client.send(Command::SetQuality(Quality::Balanced));
        rig.client.send(with_turn(&server, PASSWORD));
    }
    let link = InviteLink::parse(&ada.host().unwrap()).unwrap();
    let relayed: Vec<SocketAddr> = link.addresses().iter().copied().filter(is_relayed).collect();
    assert_eq!(relayed.len(), 1, "{:?}\n{}", link.addresses(), server.log());
    // A joiner who knows only this address has no other way.
    let far = InviteLink::new(&relayed, *link.secret(), *link.fingerprint()).unwrap();
    bob.join(&far.to_text()).unwrap();
    for rig in [&ada, &bob] {
        let source = rig.wait(|s| s.sources.iter().any(|s| s.latency.is_some())).unwrap().sources[0].clone();
        assert!(source.encrypted && source.present, "{source:?}");
        std::thread::sleep(Duration::from_millis(300));
        assert!((level(&rig.heard(Duration::from_millis(500))) - 0.177).abs() < 0.02);
        println!("latency through coturn {:?}, loss {}", source.latency, source.loss);
        assert!(rig.client.snapshot().notices.is_empty(), "{:?}", rig.client.snapshot().notices);
    }
    drop((ada, bob));
    let log = server.log();
    assert!(
        log.contains("ALLOCATE processed, success") && log.contains("CHANNEL_BIND processed, success"),
        "{log}"
    );
    assert!(!log.contains(PASSWORD));
}

#[test]
fn a_wrong_password_is_a_notice_and_the_session_opens_all_the_same() {
    let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let server = TurnServer::start().unwrap();
    let ada = Rig::new(13);
    ada.client.send(with_turn(&server, "wrong"));
    let link = InviteLink::parse(&ada.host().unwrap()).unwrap();
    assert!(!link.addresses().iter().any(is_relayed));
    let snapshot = ada.wait(|snapshot| !snapshot.notices.is_empty()).unwrap();
    assert_eq!(snapshot.notices[0].severity, Severity::Warning);
    assert!(snapshot.notices[0].text.contains("password"), "{:?}", snapshot.notices);
}

/// Runs `reach` on a real socket until it knows its relayed address.
fn relayed_address(reach: &mut Reach, socket: &UdpSocket) -> Option<SocketAddr> {
    let end = Instant::now() + Duration::from_secs(5);
    let (mut buffer, mut received) = (Vec::new(), [0; 2048]);
    while Instant::now() < end {
        reach.handle_timeout(Instant::now());
        while let Some(destination) = reach.poll_transmit(&mut buffer) {
            socket.send_to(&buffer, destination).unwrap();
        }
        while let Some(event) = reach.poll_event() {
            assert!(!matches!(event, ReachEvent::Failed(_)), "{event:?}");
        }
        if reach.relayed().is_some() {
            return reach.relayed();
        }
        if let Ok((length, source)) = socket.recv_from(&mut received) {
            reach.handle_datagram(Instant::now(), source, &received[..length]);
        }
    }
    None
}

#[test]
fn a_port_whose_last_owner_crashed_gets_a_relayed_address_all_the_same() {
    let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let server = TurnServer::start().unwrap();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
    let turn = backline_transport::TurnServer {
        address: server.address(),
        user: USER.to_owned(),
        password: PASSWORD.to_owned(),
    };
    let config = ReachConfig { stun: None, turn: Some(turn) };
    let mut addresses = Vec::new();
    for _ in 0..2 {
        // Dropped without a word, as in a crash.
        let mut reach = Reach::new(config.clone(), Instant::now());
        addresses.push(relayed_address(&mut reach, &socket));
        assert_eq!(reach.reflexive(), Some(socket.local_addr().unwrap()));
    }
    assert!(
        addresses.iter().flatten().filter(|address| is_relayed(address)).count() == 2,
        "{addresses:?}\n{}",
        server.log()
    );
}
