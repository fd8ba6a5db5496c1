//! STUN and TURN against a server of the same family, in virtual time.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test with helpers: the origin of virtual time, and what must be there"
)]

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use backline_transport::{Arrived, Reach, ReachConfig, ReachError, ReachEvent, TurnServer};
use proptest::prelude::*;
use turn_server_proto::api::{Transmit, TurnServerApi, TurnServerPollRet};
use turn_server_proto::server::TurnServer as Server;
use turn_server_proto::stun;
use turn_server_proto::types::stun::TransportType;
use turn_server_proto::types::stun::attribute::XorMappedAddress;
use turn_server_proto::types::stun::message::{BINDING, Message, MessageClass, MessageWriteVec};
use turn_server_proto::types::stun::prelude::{MessageWrite as _, MessageWriteExt as _};

const PASSWORD: &str = "open sesame";
const SECOND: Duration = Duration::from_secs(1);

fn server_address() -> SocketAddr {
    SocketAddr::from(([198, 51, 100, 1], 3478))
}

/// Two musicians' sockets and a server; nothing is lost and nothing takes time.
struct World {
    server: Server,
    epoch: Instant,
    now: Instant,
    ports_given: u16,
    /// What the server has passed on to a socket of ours.
    longest_in: usize,
}

/// A socket and the servers that help it.
struct Socket {
    address: SocketAddr,
    reach: Reach,
    events: Vec<ReachEvent>,
    got: Vec<(SocketAddr, SocketAddr, Vec<u8>)>,
}

impl Socket {
    fn new(world: &World, number: u8, config: ReachConfig) -> Self {
        let address = SocketAddr::from(([203, 0, 113, number], 4464));
        Self { address, reach: Reach::new(config, world.now), events: Vec::new(), got: Vec::new() }
    }
}

fn turn(password: &str) -> ReachConfig {
    let turn =
        TurnServer { address: server_address(), user: "ada".to_owned(), password: password.to_owned() };
    ReachConfig { stun: None, turn: Some(turn) }
}

fn stun_only() -> ReachConfig {
    ReachConfig { stun: Some(server_address()), turn: None }
}

impl World {
    fn new() -> Self {
        let epoch = Instant::now();
        let mut server = Server::new(TransportType::Udp, server_address(), "test".to_owned());
        server.add_user("ada".to_owned(), PASSWORD.to_owned());
        Self { server, epoch, now: epoch, ports_given: 0, longest_in: 0 }
    }

    /// Lets time pass for all, in steps.
    fn run(&mut self, sockets: &mut [&mut Socket], time: Duration) {
        let end = self.now + time;
        loop {
            self.exchange(sockets);
            let next = sockets.iter().filter_map(|socket| socket.reach.poll_timeout()).min();
            let Some(next) = next.filter(|next| *next <= end) else { break };
            self.now = self.now.max(next);
            sockets.iter_mut().for_each(|socket| socket.reach.handle_timeout(self.now));
        }
        self.now = end;
    }

    fn exchange(&mut self, sockets: &mut [&mut Socket]) {
        let mut buffer = Vec::new();
        let mut flying = Vec::new();
        for socket in sockets.iter_mut() {
            while let Some(destination) = socket.reach.poll_transmit(&mut buffer) {
                flying.push((socket.address, destination, buffer.clone()));
            }
        }
        while let Some((from, to, bytes)) = flying.pop() {
            if to.ip() == server_address().ip() {
                flying.extend(self.serve(from, to, &bytes));
            } else if let Some(socket) = sockets.iter_mut().find(|socket| socket.address == to) {
                self.longest_in = self.longest_in.max(bytes.len());
                if let Arrived::Relayed { peer, local, payload } =
                    socket.reach.handle_datagram(self.now, from, &bytes)
                {
                    socket.got.push((peer, local, bytes[payload].to_vec()));
                }
                while let Some(destination) = socket.reach.poll_transmit(&mut buffer) {
                    flying.push((socket.address, destination, buffer.clone()));
                }
            }
        }
        for socket in sockets.iter_mut() {
            while let Some(event) = socket.reach.poll_event() {
                socket.events.push(event);
            }
        }
    }

    /// What one datagram makes the server send.
    fn serve(
        &mut self,
        from: SocketAddr,
        to: SocketAddr,
        bytes: &[u8],
    ) -> Vec<(SocketAddr, SocketAddr, Vec<u8>)> {
        if let Some(answer) = (to == server_address()).then(|| binding_answer(from, bytes)).flatten() {
            return vec![(to, from, answer)];
        }
        let since = self.now.duration_since(self.epoch).as_nanos();
        let at = stun::Instant::from_nanos(i64::try_from(since).unwrap());
        let transmit = Transmit::new(bytes.to_vec(), TransportType::Udp, from, to);
        let mut out = Vec::new();
        if let Some(passed_on) = self.server.recv(transmit, at) {
            let passed_on = passed_on.build();
            out.push((passed_on.from, passed_on.to, passed_on.data));
        }
        while let TurnServerPollRet::AllocateSocket {
            transport,
            listen_addr,
            client_addr,
            allocation_transport,
            family,
        } = self.server.poll(at)
        {
            let socket = SocketAddr::new(server_address().ip(), 50_000 + self.ports_given);
            self.ports_given += 1;
            self.server.allocated_socket(
                transport,
                listen_addr,
                client_addr,
                allocation_transport,
                family,
                Ok(socket),
                at,
            );
        }
        while let Some(transmit) = self.server.poll_transmit(at) {
            out.push((transmit.from, transmit.to, transmit.data));
        }
        out
    }

    /// Sends from one's relayed address to the other's, as a path would.
    fn send(&mut self, sockets: &mut [&mut Socket; 2], bytes: &[u8]) -> Option<usize> {
        let [from, to] = sockets;
        let (source, peer) = (from.reach.relayed().unwrap(), to.reach.relayed().unwrap());
        assert!(from.reach.is_relayed(source));
        let mut datagram = bytes.to_vec();
        let wrapped = from.reach.wrap(self.now, source, peer, &mut datagram);
        if wrapped.is_some() {
            assert_eq!(wrapped, Some(server_address()));
            for (server, socket, bytes) in self.serve(from.address, server_address(), &datagram) {
                for (server, socket, bytes) in self.serve(server, socket, &bytes) {
                    assert_eq!(socket, to.address);
                    self.longest_in = bytes.len();
                    let Arrived::Relayed { peer, local, payload } =
                        to.reach.handle_datagram(self.now, server, &bytes)
                    else {
                        panic!("not a peer's")
                    };
                    to.got.push((peer, local, bytes[payload].to_vec()));
                }
            }
        }
        self.exchange(sockets);
        wrapped.map(|_| datagram.len())
    }
}

/// The library's own answer goes to the server itself (`handle_stun_binding`, 0.7.3).
fn binding_answer(source: SocketAddr, datagram: &[u8]) -> Option<Vec<u8>> {
    let request = Message::from_bytes(datagram).ok()?;
    if !request.has_class(MessageClass::Request) || request.method() != BINDING {
        return None;
    }
    let mut answer = Message::builder_success(&request, MessageWriteVec::new());
    answer.add_attribute(&XorMappedAddress::new(source, request.transaction_id())).ok()?;
    Some(answer.finish())
}

fn relayed(events: &[ReachEvent]) -> usize {
    events.iter().filter(|event| matches!(event, ReachEvent::Relayed(_))).count()
}

#[test]
fn the_address_that_a_server_sees_is_told_once_and_again_when_it_changes() {
    let mut world = World::new();
    let mut ada = Socket::new(&world, 1, stun_only());
    assert!(!ada.reach.is_settled());
    world.run(&mut [&mut ada], 60 * SECOND);
    assert!(ada.reach.is_settled());
    assert_eq!(ada.events, [ReachEvent::Reflexive(ada.address)]);
    ada.address.set_port(9_999);
    world.run(&mut [&mut ada], 16 * SECOND);
    assert_eq!(ada.events[1..], [ReachEvent::Reflexive(ada.address)]);
    assert_eq!(ada.reach.reflexive(), Some(ada.address));
}

#[test]
fn a_question_is_repeated_and_a_silent_server_is_named_once() {
    let mut world = World::new();
    let nobody = SocketAddr::from(([192, 0, 2, 1], 3478));
    let mut ada = Socket::new(&world, 1, ReachConfig { stun: Some(nobody), turn: None });
    let mut sent = 0;
    let mut buffer = Vec::new();
    for _ in 0..400 {
        world.now += Duration::from_millis(10);
        ada.reach.handle_timeout(world.now);
        while ada.reach.poll_transmit(&mut buffer).is_some() {
            sent += 1;
        }
    }
    assert_eq!(sent, 5);
    world.run(&mut [&mut ada], 100 * SECOND);
    assert_eq!(ada.events, [ReachEvent::Failed(ReachError::StunSilent(nobody))]);
    assert!(ada.reach.is_settled());
}

#[test]
fn an_answer_from_elsewhere_or_to_another_question_is_not_believed() {
    let world = World::new();
    let mut ada = Socket::new(&world, 1, stun_only());
    let mut question = Vec::new();
    ada.reach.poll_transmit(&mut question).unwrap();
    let liar = SocketAddr::from(([192, 0, 2, 66], 3478));
    let answer = binding_answer(liar, &question).unwrap();
    assert_eq!(ada.reach.handle_datagram(world.now, liar, &answer), Arrived::Elsewhere);
    let mut other = answer.clone();
    other[19] ^= 1;
    assert_eq!(ada.reach.handle_datagram(world.now, server_address(), &other), Arrived::Elsewhere);
    assert_eq!(ada.reach.reflexive(), None);
    // The socket is dual stack: its IPv4 addresses may come as mapped ones.
    let mapped = SocketAddr::from(([0, 0, 0, 0, 0, 0xFFFF, 0xC633, 0x6401], 3478));
    assert_eq!(ada.reach.handle_datagram(world.now, mapped, &answer), Arrived::Here);
    assert_eq!(ada.reach.reflexive(), Some(liar));
}

#[test]
fn payloads_pass_bit_for_bit_and_media_gets_a_channel() {
    let mut world = World::new();
    let (mut ada, mut bob) = (Socket::new(&world, 1, turn(PASSWORD)), Socket::new(&world, 2, turn(PASSWORD)));
    world.run(&mut [&mut ada, &mut bob], SECOND);
    assert_eq!((relayed(&ada.events), relayed(&bob.events)), (1, 1));
    let (from, to) = (ada.reach.relayed().unwrap(), bob.reach.relayed().unwrap());
    // The server lets its other users in from the start: no question has to go ahead.
    let check = [0, 1, 0, 0, 1, 2, 3];
    let sent = world.send(&mut [&mut ada, &mut bob], &check).unwrap();
    assert!(sent > check.len() + 30, "an indication: {sent}");
    let media: Vec<u8> = (0..1480).map(|n| 128 ^ (n % 64) as u8).collect();
    world.send(&mut [&mut ada, &mut bob], &media);
    world.run(&mut [&mut ada, &mut bob], SECOND);
    assert_eq!(world.send(&mut [&mut ada, &mut bob], &media), Some(media.len() + 4), "a channel");
    assert_eq!(bob.got, [(from, to, check.to_vec()), (from, to, media.clone()), (from, to, media)]);
}

#[test]
fn an_address_lives_as_long_as_it_is_kept_and_ends_when_it_is_given_back() {
    let mut world = World::new();
    let (mut ada, mut bob) = (Socket::new(&world, 1, turn(PASSWORD)), Socket::new(&world, 2, turn(PASSWORD)));
    world.run(&mut [&mut ada, &mut bob], SECOND);
    world.send(&mut [&mut ada, &mut bob], &[200; 50]);
    world.run(&mut [&mut ada, &mut bob], 3 * 3_600 * SECOND);
    assert_eq!(relayed(&ada.events), 1);
    assert_eq!(world.send(&mut [&mut ada, &mut bob], &[200; 50]), Some(54));
    assert_eq!(bob.got.len(), 2);
    let address = ada.reach.relayed().unwrap();
    ada.reach.close(world.now);
    world.run(&mut [&mut ada, &mut bob], SECOND);
    assert_eq!(ada.events.last(), Some(&ReachEvent::RelayLost(address)));
    assert!(ada.reach.is_relayed(address), "a path may still send from it: not as if from the socket itself");
    let mut datagram = vec![200; 50];
    let wrapped = bob.reach.wrap(world.now, bob.reach.relayed().unwrap(), address, &mut datagram);
    let passed_on = world.serve(bob.address, wrapped.unwrap(), &datagram);
    let [(from, to, bytes)] = passed_on.as_slice() else { panic!("{passed_on:?}") };
    assert!(world.serve(*from, *to, bytes).is_empty(), "the server has nobody there any more");
}

#[test]
fn a_wrong_password_is_said_at_once_and_never_tried_again() {
    let mut world = World::new();
    let mut ada = Socket::new(&world, 1, turn("wrong"));
    world.run(&mut [&mut ada], SECOND);
    let refused = ReachEvent::Failed(ReachError::TurnUnauthorised(server_address()));
    assert!(ada.events.contains(&refused), "{:?}", ada.events);
    world.run(&mut [&mut ada], 600 * SECOND);
    assert_eq!(ada.events.iter().filter(|event| **event == refused).count(), 1);
    assert!(!format!("{:?} {:?}", ada.reach, ada.reach.config()).contains("wrong"));
}

/// Everything that is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn neither_the_password_nor_what_is_made_of_it_is_logged_and_no_address_above_debug() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_span_events(tracing_subscriber::fmt::format::FmtSpan::FULL)
        .with_writer(move || writer.clone())
        .finish();
    let mut world = World::new();
    let _guard = tracing::subscriber::set_default(subscriber);
    tracing::info!("the log works");
    let (mut ada, mut bob) = (Socket::new(&world, 1, turn(PASSWORD)), Socket::new(&world, 2, turn(PASSWORD)));
    // The server is of the same family and logs too: only what we do is looked at.
    while let Some(datagram) = next(&mut ada).or_else(|| next(&mut bob)) {
        let (from, bytes) = datagram;
        let answers = tracing::subscriber::with_default(tracing::subscriber::NoSubscriber::default(), || {
            world.serve(from, server_address(), &bytes)
        });
        for (server, to, answer) in answers {
            let socket = if to == ada.address { &mut ada } else { &mut bob };
            socket.reach.handle_datagram(world.now, server, &answer);
        }
        world.now += Duration::from_millis(60);
        ada.reach.handle_timeout(world.now);
        bob.reach.handle_timeout(world.now);
    }
    assert!(ada.reach.relayed().is_some());
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("the log works"));
    assert!(!log.contains("turn_") && !log.contains("stun_") && !log.contains("IntegrityKey"), "{log}");
}

fn next(socket: &mut Socket) -> Option<(SocketAddr, Vec<u8>)> {
    let mut buffer = Vec::new();
    socket.reach.poll_transmit(&mut buffer)?;
    Some((socket.address, buffer))
}

proptest! {
    #[test]
    fn no_datagram_of_a_server_does_harm(
        datagrams in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..300), 0..20),
        damage in proptest::collection::vec((0_usize..400, any::<u8>()), 1..6),
    ) {
        let mut world = World::new();
        let (mut ada, mut bob) = (Socket::new(&world, 1, turn(PASSWORD)), Socket::new(&world, 2, turn(PASSWORD)));
        let mut buffer = Vec::new();
        for round in 0..4 {
            while ada.reach.poll_transmit(&mut buffer).is_some() {
                for (server, _, mut answer) in world.serve(ada.address, server_address(), &buffer.clone()) {
                    ada.reach.handle_datagram(world.now, server, &answer);
                    for (at, value) in &damage {
                        let length = answer.len();
                        answer[at % length] ^= value;
                    }
                    let arrived = ada.reach.handle_datagram(world.now, server, &answer);
                    if let Arrived::Relayed { payload, .. } = arrived {
                        prop_assert!(answer.get(payload).is_some());
                    }
                }
            }
            for bytes in &datagrams {
                let mut bytes = bytes.clone();
                if round % 2 == 0 && bytes.len() >= 8 {
                    bytes[..2].copy_from_slice(&[0x01, 0x13]);
                    bytes[4..8].copy_from_slice(&[0x21, 0x12, 0xA4, 0x42]);
                }
                ada.reach.handle_datagram(world.now, server_address(), &bytes);
            }
            world.run(&mut [&mut ada, &mut bob], SECOND);
        }
    }
}
