//! A STUN and TURN server in the simulated network: `turn-server-proto` with virtual sockets.
//!
//! It owns all ports of one IP address. The step before and after is [`crate::Network`].

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use turn_server_proto::api::{Transmit, TurnServerApi, TurnServerPollRet};
use turn_server_proto::server::TurnServer;
use turn_server_proto::stun;
use turn_server_proto::types::stun::TransportType;
use turn_server_proto::types::stun::attribute::XorMappedAddress;
use turn_server_proto::types::stun::message::{BINDING, Message, MessageClass, MessageWriteVec};
use turn_server_proto::types::stun::prelude::{MessageWrite as _, MessageWriteExt as _};

/// The account that it accepts.
pub const USER: &str = "ada";
/// The password of [`USER`].
pub const PASSWORD: &str = "a secret of the server";

/// One server.
pub struct TurnNode {
    server: TurnServer,
    listens: SocketAddr,
    epoch: Instant,
    next_port: u16,
    /// Datagrams that it sent.
    pub sent: u64,
}

impl TurnNode {
    /// A server that listens there.
    pub fn new(listens: SocketAddr, epoch: Instant) -> Self {
        let mut server = TurnServer::new(TransportType::Udp, listens, "simulation".to_owned());
        server.add_user(USER.to_owned(), PASSWORD.to_owned());
        Self { server, listens, epoch, next_port: 50_000, sent: 0 }
    }

    /// Whether a datagram to this address is for it.
    pub fn owns(&self, address: SocketAddr) -> bool {
        address.ip() == self.listens.ip()
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.listens
    }

    /// Takes a datagram and gives what it sends: from, to, bytes.
    pub fn handle(
        &mut self,
        now: Instant,
        source: SocketAddr,
        destination: SocketAddr,
        datagram: &[u8],
    ) -> Vec<(SocketAddr, SocketAddr, Vec<u8>)> {
        let is_asked = destination == self.listens;
        if let Some(answer) = is_asked.then(|| binding_answer(source, datagram)).flatten() {
            self.sent += 1;
            return vec![(destination, source, answer)];
        }
        let at = self.at(now);
        let transmit = Transmit::new(datagram.to_vec(), TransportType::Udp, source, destination);
        let mut out = Vec::new();
        if let Some(passed_on) = self.server.recv(transmit, at) {
            let passed_on = passed_on.build();
            out.push((passed_on.from, passed_on.to, passed_on.data));
        }
        self.give_sockets(at);
        while let Some(transmit) = self.server.poll_transmit(at) {
            out.push((transmit.from, transmit.to, transmit.data));
        }
        self.sent += out.len() as u64;
        out
    }

    fn give_sockets(&mut self, at: stun::Instant) {
        while let TurnServerPollRet::AllocateSocket {
            transport,
            listen_addr,
            client_addr,
            allocation_transport,
            family,
        } = self.server.poll(at)
        {
            let socket = SocketAddr::new(self.listens.ip(), self.next_port);
            self.next_port += 1;
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
    }

    fn at(&self, now: Instant) -> stun::Instant {
        let since: Duration = now.saturating_duration_since(self.epoch);
        stun::Instant::from_nanos(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
    }
}

/// The library's own answer goes to the server itself, not to who asked (`handle_stun_binding`, 0.7.3).
fn binding_answer(source: SocketAddr, datagram: &[u8]) -> Option<Vec<u8>> {
    let request = Message::from_bytes(datagram).ok()?;
    if !request.has_class(MessageClass::Request) || request.method() != BINDING {
        return None;
    }
    let mut answer = Message::builder_success(&request, MessageWriteVec::new());
    answer.add_attribute(&XorMappedAddress::new(source, request.transaction_id())).ok()?;
    Some(answer.finish())
}
