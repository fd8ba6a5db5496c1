//! The one UDP port of a worker: dual stack, expedited forwarding, generous buffers.
//!
//! Sending goes through socket2, and many at once through `batch.rs`, so that the DSCP set on the socket stays; receiving through quinn-udp,
//! which tells the local address of each datagram and takes several at once.

#[cfg(target_os = "linux")]
mod batch;

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use mio::event::Source;
use quinn_udp::{RecvMeta, UdpSocketState};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};

/// Ports tried in this order before an ephemeral one.
pub const PORT_RANGE: std::ops::RangeInclusive<u16> = 4464..=4527;

/// Socket buffers asked of the system, each way: 0.25 s of 16 sources of PCM.
const BUFFER_BYTES: usize = 1 << 20;
/// DSCP 46 (expedited forwarding, RFC 3246) in the upper six bits of the TOS octet.
const TOS_EXPEDITED: u32 = 46 << 2;
/// Datagrams taken by one system call, each as large as the system's coalescing makes them.
const BATCH: usize = 32;
const RECEIVE_BYTES: usize = 1 << 16;
/// A call that gives fewer than it could has taken all there were, and the poller tells of those that come later: so it is with recvmmsg and an unconnected
/// socket, for which the system keeps no errors. Elsewhere a call gives one datagram.
const SHORT_IS_ALL: bool = cfg!(target_os = "linux");

/// A bound UDP port.
pub struct Port {
    socket: mio::net::UdpSocket,
    receiver: UdpSocketState,
    buffers: Vec<u8>,
    dual_stack: bool,
    /// The system takes several datagrams to one address as one message.
    #[cfg(target_os = "linux")]
    segments: bool,
}

/// What became of datagrams that were handed over together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sent {
    /// So many of the first need no more attention.
    pub done: usize,
    /// So many of these were refused for ever: lost.
    pub failed: usize,
    /// System calls that it took.
    pub calls: usize,
    /// Messages that they had: several datagrams to one address may be one.
    pub messages: usize,
    /// The system has no room for more now.
    pub is_full: bool,
}

impl Port {
    /// Binds the first free port of [`PORT_RANGE`], or else one that the system picks.
    ///
    /// # Errors
    /// When not even that works.
    pub fn open() -> Result<Self, PortError> {
        Self::open_first(PORT_RANGE)
    }

    /// Binds this port, where it is free, so that an invite link goes on leading here; else as [`Port::open`].
    ///
    /// # Errors
    /// When not even that works.
    pub fn open_preferring(port: u16) -> Result<Self, PortError> {
        match bind(port) {
            Ok((socket, dual_stack)) if port != 0 => Self::from_socket(socket, dual_stack),
            _ => Self::open(),
        }
    }

    /// Binds exactly this: for a server, whose port is in firewalls and links. `[::]` is for IPv4 as well.
    ///
    /// # Errors
    /// When it is taken, or this machine has no such address.
    pub fn bind(at: SocketAddr) -> Result<Self, PortError> {
        let domain = if at.is_ipv4() { Domain::IPV4 } else { Domain::IPV6 };
        let socket = bind_to(domain, at).map_err(PortError::from_bind)?;
        Self::from_socket(socket, at.is_ipv6())
    }

    /// From the lowest of `ports` upward: a port may be taken, or be one that the system keeps for itself.
    fn open_first(ports: std::ops::RangeInclusive<u16>) -> Result<Self, PortError> {
        for port in ports {
            match bind(port) {
                Ok((socket, dual_stack)) => return Self::from_socket(socket, dual_stack),
                Err(error) => tracing::debug!(port, %error, "a port can't be had"),
            }
        }
        let (socket, dual_stack) = bind(0).map_err(PortError::from_bind)?;
        Self::from_socket(socket, dual_stack)
    }

    fn from_socket(socket: Socket, dual_stack: bool) -> Result<Self, PortError> {
        tune(&socket, dual_stack);
        let receiver = UdpSocketState::new((&socket).into()).map_err(PortError::Configure)?;
        let socket = mio::net::UdpSocket::from_std(socket.into());
        Ok(Self {
            socket,
            receiver,
            buffers: vec![0; BATCH * RECEIVE_BYTES],
            dual_stack,
            #[cfg(target_os = "linux")]
            segments: true,
        })
    }

    /// The number of the port.
    pub fn number(&self) -> u16 {
        self.socket.local_addr().map_or(0, |address| address.port())
    }

    /// Sends one datagram. True when the system took it; a full buffer or an unreachable network is a lost
    /// datagram like any other.
    pub fn send(&self, destination: SocketAddr, datagram: &[u8]) -> bool {
        let destination = if self.dual_stack { mapped(destination) } else { destination };
        let socket = socket2::SockRef::from(&self.socket);
        socket.send_to(datagram, &SockAddr::from(destination)).is_ok()
    }

    /// Sends the first `count` datagrams that `datagram` names, in order, with as few system calls as there may be, until the system has no room for more.
    pub fn send_all<'a>(&mut self, count: usize, datagram: impl Fn(usize) -> (SocketAddr, &'a [u8])) -> Sent {
        #[cfg(target_os = "linux")]
        {
            use std::os::fd::AsRawFd;
            let dual_stack = self.dual_stack;
            let mapped = |number| {
                let (destination, bytes) = datagram(number);
                (if dual_stack { mapped(destination) } else { destination }, bytes)
            };
            batch::send_all(self.socket.as_raw_fd(), count, mapped, &mut self.segments)
        }
        #[cfg(not(target_os = "linux"))]
        {
            let mut sent = Sent::default();
            for number in 0..count {
                let (destination, bytes) = datagram(number);
                sent.failed += usize::from(!self.send(destination, bytes));
                sent.done += 1;
                sent.calls += 1;
                sent.messages += 1;
            }
            sent
        }
    }

    /// Takes every waiting datagram and hands it on with its source and the local address it came to.
    pub fn receive(&mut self, handle: impl FnMut(SocketAddr, IpAddr, &[u8])) {
        self.receive_some(usize::MAX, handle);
    }

    /// The same, but at most so many system calls' worth, so that a flood cannot hold up what is to be sent. True when there may be more: nobody
    /// tells of it again.
    pub fn receive_some(
        &mut self,
        batches_max: usize,
        mut handle: impl FnMut(SocketAddr, IpAddr, &[u8]),
    ) -> bool {
        for _ in 0..batches_max {
            let mut meta = [RecvMeta::default(); BATCH];
            let mut chunks = self.buffers.chunks_exact_mut(RECEIVE_BYTES);
            let mut slices: [IoSliceMut<'_>; BATCH] =
                std::array::from_fn(|_| IoSliceMut::new(chunks.next().unwrap_or_default()));
            match self.receiver.recv((&self.socket).into(), &mut slices, &mut meta) {
                Ok(count) => {
                    for (meta, slice) in meta.iter().zip(&slices).take(count) {
                        deliver(meta, slice, &mut handle);
                    }
                    if count < BATCH && SHORT_IS_ALL {
                        return false;
                    }
                }
                // A peer that is gone (ECONNREFUSED and the like) is no reason to stop reading.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return false,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    tracing::debug!(%error, "reading from the port failed");
                    return false;
                }
            }
        }
        true
    }

    pub(crate) fn source(&mut self) -> &mut impl Source {
        &mut self.socket
    }
}

fn deliver(meta: &RecvMeta, slice: &[u8], handle: &mut impl FnMut(SocketAddr, IpAddr, &[u8])) {
    let source = SocketAddr::new(meta.addr.ip().to_canonical(), meta.addr.port());
    let local = meta.dst_ip.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |ip| ip.to_canonical());
    let datagrams = slice.get(..meta.len).unwrap_or_default();
    for datagram in datagrams.chunks(meta.stride.max(1)) {
        handle(source, local, datagram);
    }
}

/// An IPv6 socket that also carries IPv4; a plain IPv4 one where the system has no IPv6.
fn bind(port: u16) -> io::Result<(Socket, bool)> {
    match bind_to(Domain::IPV6, (Ipv6Addr::UNSPECIFIED, port).into()) {
        Err(error) if error.kind() != io::ErrorKind::AddrInUse => {
            bind_to(Domain::IPV4, (Ipv4Addr::UNSPECIFIED, port).into()).map(|socket| (socket, false))
        }
        outcome => outcome.map(|socket| (socket, true)),
    }
}

fn bind_to(domain: Domain, address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
    if domain == Domain::IPV6 {
        socket.set_only_v6(false)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

/// Options that make things better and that a system may refuse without harm.
fn tune(socket: &Socket, dual_stack: bool) {
    let outcomes = [
        socket.set_send_buffer_size(BUFFER_BYTES),
        socket.set_recv_buffer_size(BUFFER_BYTES),
        socket.set_tos_v4(TOS_EXPEDITED),
        if dual_stack { socket.set_tclass_v6(TOS_EXPEDITED) } else { Ok(()) },
    ];
    for error in outcomes.into_iter().filter_map(Result::err) {
        tracing::debug!(%error, "a socket option was refused");
    }
}

fn mapped(address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(v4) => SocketAddr::new(v4.to_ipv6_mapped().into(), address.port()),
        IpAddr::V6(_) => address,
    }
}

/// Why there is no port.
#[derive(Debug, thiserror::Error)]
pub enum PortError {
    /// The system does not let this program have any.
    #[error(
        "the system does not let the DAW open a UDP port ({0}): allow it to use the network, in the system's settings, firewall or sandbox"
    )]
    Forbidden(io::Error),
    /// Neither a port of the range nor any other could be bound.
    #[error(
        "no UDP port can be opened ({0}): close other programs that use the network, or restart the computer"
    )]
    Bind(io::Error),
    /// The port is there and cannot be used.
    #[error("the UDP port can't be set up ({0}): restart the DAW, and if it happens again, the computer")]
    Configure(io::Error),
}

impl PortError {
    /// Why not even a port that the system picks could be had.
    fn from_bind(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::PermissionDenied => Self::Forbidden(error),
            _ => Self::Bind(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::UdpSocket;

    fn exchange(from: &Port, to: &mut Port, via: IpAddr) -> Vec<(SocketAddr, IpAddr, Vec<u8>)> {
        let mut poller = crate::Poller::new().unwrap();
        poller.watch(to).unwrap();
        assert!(from.send(SocketAddr::new(via, to.number()), b"hello"));
        let mut got = Vec::new();
        while got.is_empty() {
            poller.wait(Some(std::time::Duration::from_secs(5))).unwrap();
            to.receive(|source, local, bytes| got.push((source, local, bytes.to_vec())));
        }
        got
    }

    #[test]
    fn ipv4_passes_with_plain_addresses() {
        let (a, mut b) = (Port::open().unwrap(), Port::open().unwrap());
        let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let got = exchange(&a, &mut b, loopback);
        assert_eq!(got, [(SocketAddr::new(loopback, a.number()), loopback, b"hello".to_vec())]);
    }

    #[test]
    fn many_datagrams_arrive_whole_in_order_and_from_the_same_port() {
        let mut a = Port::open().unwrap();
        let mut others: Vec<Port> = (0..3).map(|_| Port::open().unwrap()).collect();
        let numbers: Vec<u16> = others.iter().map(Port::number).collect();
        let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
        // Runs of one length, shorter and longer ones, to three addresses.
        let sizes = [100_usize, 100, 100, 60, 80, 80, 1_300, 1_300, 1, 100];
        let list: Vec<(SocketAddr, Vec<u8>)> = (0..300_usize)
            .map(|number| {
                let at = SocketAddr::new(loopback, numbers[number / 5 % numbers.len()]);
                let bytes = (0..sizes[number % sizes.len()]).map(|at| (number + at) as u8).collect();
                (at, bytes)
            })
            .collect();
        let sent = a.send_all(list.len(), |number| (list[number].0, &list[number].1[..]));
        assert_eq!((sent.done, sent.failed, sent.is_full), (list.len(), 0, false));
        let source = SocketAddr::new(loopback, a.number());
        for port in &mut others {
            let at = SocketAddr::new(loopback, port.number());
            let expected: Vec<&[u8]> =
                list.iter().filter(|(to, _)| *to == at).map(|(_, bytes)| &bytes[..]).collect();
            let mut got = Vec::new();
            while got.len() < expected.len() {
                port.receive(|from, _, bytes| {
                    assert_eq!(from, source);
                    got.push(bytes.to_vec());
                });
            }
            assert_eq!(got, expected);
        }
        #[cfg(target_os = "linux")]
        assert!(sent.calls < 10, "{} calls", sent.calls);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn one_that_cannot_be_sent_holds_up_no_other() {
        let (mut a, mut b) = (Port::open().unwrap(), Port::open().unwrap());
        let at = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), b.number());
        // Longer than any datagram can be.
        let (long, short) = (vec![0; 70_000], vec![7; 10]);
        let sent = a.send_all(5, |number| (at, if number % 2 == 0 { &short[..] } else { &long[..] }));
        assert_eq!((sent.done, sent.failed), (5, 2));
        let mut got = 0;
        while got < 3 {
            b.receive(|_, _, bytes| got += usize::from(bytes == short));
        }
    }

    #[test]
    fn two_ports_in_one_machine_differ() {
        let (a, b) = (Port::open().unwrap(), Port::open().unwrap());
        assert_ne!(a.number(), b.number());
    }

    #[test]
    fn where_the_whole_range_is_taken_the_system_picks_a_port() {
        // Not the range that every other test's worker opens and frees meanwhile.
        let range = 24_480..=24_481;
        let taken: Vec<Port> = range.clone().map(|port| Port::open_first(port..=port).unwrap()).collect();
        assert_eq!(taken.iter().map(Port::number).collect::<Vec<u16>>(), [24_480, 24_481]);
        let mut port = Port::open_first(range.clone()).unwrap();
        assert!(port.number() != 0 && !range.contains(&port.number()), "{}", port.number());
        let other = Port::open_first(range).unwrap();
        assert_eq!(exchange(&other, &mut port, IpAddr::V4(Ipv4Addr::LOCALHOST)).len(), 1);
    }

    #[test]
    fn the_lowest_free_port_is_taken_whoever_has_those_below() {
        let range = 24_464..=24_467;
        let by_ipv4 = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 24_464)).unwrap();
        let by_backline = Port::open_first(range.clone()).unwrap();
        assert_eq!(by_backline.number(), 24_465, "one that only IPv4 has taken is not half used");
        assert_eq!(Port::open_first(range.clone()).unwrap().number(), 24_466);
        drop(by_ipv4);
        assert_eq!(Port::open_first(range).unwrap().number(), 24_464);
    }

    #[test]
    fn the_port_of_before_is_taken_again_where_it_is_free() {
        let before = Port::open_first(24_470..=24_470).unwrap();
        assert_ne!(Port::open_preferring(24_470).unwrap().number(), 24_470);
        drop(before);
        assert_eq!(Port::open_preferring(24_470).unwrap().number(), 24_470);
        assert_ne!(Port::open_preferring(0).unwrap().number(), 0);
    }

    #[test]
    fn every_error_says_what_to_do() {
        let forbidden = PortError::from_bind(io::ErrorKind::PermissionDenied.into());
        assert!(matches!(forbidden, PortError::Forbidden(_)));
        assert!(forbidden.to_string().contains("allow it to use the network"), "{forbidden}");
        let full = PortError::from_bind(io::Error::from_raw_os_error(24));
        assert!(full.to_string().contains("close other programs"), "{full}");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn datagrams_ask_for_expedited_forwarding() {
        let port = Port::open().unwrap();
        assert_eq!(socket2::SockRef::from(&port.socket).tos_v4().unwrap(), TOS_EXPEDITED);
    }
}
