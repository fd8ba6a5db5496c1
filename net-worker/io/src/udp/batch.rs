//! Many datagrams with one system call: sendmmsg, and UDP segmentation (GSO) where several of one size go to one address.
//!
//! The step before is [`super::Port::send_all`]; the step after is the kernel. Linux only: elsewhere each datagram has a call of its own.

use std::io;
use std::mem::{MaybeUninit, zeroed};
use std::net::SocketAddr;
use std::os::fd::RawFd;

use super::Sent;

/// Messages of one call.
const MESSAGES_MAX: usize = 64;
/// Datagrams of one message, and of one call.
const SEGMENTS_MAX: usize = 32;
const DATAGRAMS_MAX: usize = 128;
/// Datagrams that go together are no longer than this each: every network takes them in one piece.
const SEGMENT_BYTES_MAX: usize = 1_200;
/// And no longer together: below what IP can say.
const MESSAGE_BYTES_MAX: usize = 60_000;
/// Room for one control message that holds 16 bits.
// SAFETY: it only computes.
const CONTROL_BYTES: usize = unsafe { libc::CMSG_SPACE(size_of::<u16>() as u32) } as usize;

/// Where a control message stands, aligned as the kernel wants it.
#[repr(C)]
#[derive(Clone, Copy)]
union Control {
    bytes: [u8; CONTROL_BYTES],
    _aligned: libc::cmsghdr,
}

/// An address of either family.
#[repr(C)]
#[derive(Clone, Copy)]
union Name {
    v4: libc::sockaddr_in,
    v6: libc::sockaddr_in6,
}

/// How many datagrams from one on go into one message: those of one length to one address, of which the last may be shorter.
fn run_length<'a>(from: usize, count: usize, datagram: &impl Fn(usize) -> (SocketAddr, &'a [u8])) -> usize {
    let (destination, first) = datagram(from);
    if first.is_empty() || first.len() > SEGMENT_BYTES_MAX {
        return 1;
    }
    let room = SEGMENTS_MAX.min(MESSAGE_BYTES_MAX / first.len()).min(count - from);
    for number in 1..room {
        let (at, bytes) = datagram(from + number);
        if at != destination || bytes.is_empty() || bytes.len() > first.len() {
            return number;
        }
        if bytes.len() < first.len() {
            return number + 1;
        }
    }
    room.max(1)
}

/// Hands the system all datagrams, in order, until it takes no more. `segments` is whether it takes several in one message; it is cleared where it turns out
/// that it does not.
pub(super) fn send_all<'a>(
    socket: RawFd,
    count: usize,
    datagram: impl Fn(usize) -> (SocketAddr, &'a [u8]),
    segments: &mut bool,
) -> Sent {
    let mut sent = Sent::default();
    // Datagrams before this are sent one by one: as one message they were refused.
    let mut alone_until = 0;
    while sent.done < count {
        let is_alone = !*segments || sent.done < alone_until;
        let (outcome, runs) = send_some(socket, sent.done, count, is_alone, &datagram);
        sent.calls += 1;
        match outcome {
            Ok(messages) => {
                sent.messages += messages;
                sent.done += runs.iter().take(messages).sum::<usize>();
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if is_full(&error) => {
                sent.is_full = true;
                return sent;
            }
            // A device that cannot do it, or a way with a smaller limit.
            Err(error) if runs[0] > 1 => {
                *segments &= error.raw_os_error() != Some(libc::EIO);
                alone_until = sent.done + runs[0];
            }
            // An unreachable network or peer: a lost datagram like any other.
            Err(_) => {
                sent.done += 1;
                sent.failed += 1;
            }
        }
    }
    sent
}

fn is_full(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock || error.raw_os_error() == Some(libc::ENOBUFS)
}

/// One system call, from datagram `from` on: how many messages were taken, and how many datagrams each of them had.
fn send_some<'a>(
    socket: RawFd,
    from: usize,
    count: usize,
    is_alone: bool,
    datagram: &impl Fn(usize) -> (SocketAddr, &'a [u8]),
) -> (io::Result<usize>, [usize; MESSAGES_MAX]) {
    let mut runs = [0; MESSAGES_MAX];
    let mut slices = [const { MaybeUninit::<libc::iovec>::uninit() }; DATAGRAMS_MAX];
    let mut names = [const { MaybeUninit::<Name>::uninit() }; MESSAGES_MAX];
    let mut controls = [const { MaybeUninit::<Control>::uninit() }; MESSAGES_MAX];
    let mut heads = [const { MaybeUninit::<libc::mmsghdr>::uninit() }; MESSAGES_MAX];
    let slices_at: *mut libc::iovec = slices.as_mut_ptr().cast();
    let (mut messages, mut used, mut next) = (0, 0, from);
    while next < count && messages < MESSAGES_MAX {
        let run = if is_alone { 1 } else { run_length(next, count, datagram) };
        if used + run > DATAGRAMS_MAX {
            break;
        }
        let (destination, first) = datagram(next);
        for number in 0..run {
            let bytes = datagram(next + number).1;
            let (at, length) = (bytes.as_ptr().cast_mut().cast(), bytes.len());
            slices[used + number].write(libc::iovec { iov_base: at, iov_len: length });
        }
        let (name, name_bytes) = name_of(destination);
        // SAFETY: a message head is integers and pointers, for which zero is a value.
        let mut head: libc::mmsghdr = unsafe { zeroed() };
        head.msg_hdr.msg_name = (&raw mut *names[messages].write(name)).cast();
        head.msg_hdr.msg_namelen = name_bytes;
        head.msg_hdr.msg_iov = slices_at.wrapping_add(used);
        head.msg_hdr.msg_iovlen = run as _;
        if run > 1 {
            let control = controls[messages].write(Control { bytes: [0; CONTROL_BYTES] });
            put_segment_size(&mut head.msg_hdr, control, first.len());
        }
        heads[messages].write(head);
        runs[messages] = run;
        (messages, used, next) = (messages + 1, used + run, next + run);
    }
    let (heads, flags) = (heads.as_mut_ptr().cast(), libc::MSG_DONTWAIT);
    // SAFETY: the first `messages` heads are written; what they point to (names, slices and controls of this frame, the caller's datagrams) lives until the
    // call is over, which reads it, writes only to the heads, and keeps nothing.
    let taken = unsafe { libc::sendmmsg(socket, heads, messages as libc::c_uint, flags as _) };
    (usize::try_from(taken).map_err(|_| io::Error::last_os_error()), runs)
}

/// Says to the kernel how long each datagram of a message is.
fn put_segment_size(head: &mut libc::msghdr, control: &mut Control, bytes: usize) {
    head.msg_control = (&raw mut *control).cast();
    head.msg_controllen = CONTROL_BYTES as _;
    // SAFETY: `msg_control` points to room for exactly one control message of 16 bits, aligned for its head; so there is a first one, with its data.
    unsafe {
        let message = libc::CMSG_FIRSTHDR(head);
        (*message).cmsg_level = libc::SOL_UDP;
        (*message).cmsg_type = libc::UDP_SEGMENT;
        (*message).cmsg_len = libc::CMSG_LEN(size_of::<u16>() as u32) as _;
        libc::CMSG_DATA(message).cast::<u16>().write_unaligned(bytes as u16);
    }
}

fn name_of(address: SocketAddr) -> (Name, libc::socklen_t) {
    match address {
        SocketAddr::V4(address) => {
            let name = libc::sockaddr_in {
                sin_family: libc::AF_INET as _,
                sin_port: address.port().to_be(),
                sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes(address.ip().octets()) },
                sin_zero: [0; 8],
            };
            (Name { v4: name }, size_of::<libc::sockaddr_in>() as _)
        }
        SocketAddr::V6(address) => {
            let name = libc::sockaddr_in6 {
                sin6_family: libc::AF_INET6 as _,
                sin6_port: address.port().to_be(),
                sin6_flowinfo: address.flowinfo(),
                sin6_addr: libc::in6_addr { s6_addr: address.ip().octets() },
                sin6_scope_id: address.scope_id(),
            };
            (Name { v6: name }, size_of::<libc::sockaddr_in6>() as _)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_kernel_can_tell_apart_again_goes_together() {
        let [a, b] = [1_u16, 2].map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
        let bytes = [0; 2_000];
        let run = |list: &[(SocketAddr, usize)]| {
            run_length(0, list.len(), &|number: usize| (list[number].0, &bytes[..list[number].1]))
        };
        assert_eq!(run(&[(a, 100)]), 1);
        assert_eq!(run(&[(a, 100), (a, 100), (b, 100)]), 2);
        assert_eq!(run(&[(a, 100), (a, 80), (a, 80)]), 2, "a shorter one is the last");
        assert_eq!(run(&[(a, 80), (a, 100)]), 1, "a longer one is none of them");
        assert_eq!(run(&[(a, 1_300), (a, 1_300)]), 1);
        assert_eq!(run(&[(a, 0), (a, 0)]), 1);
        assert_eq!(run(&vec![(a, 100); 200]), SEGMENTS_MAX);
    }
}
