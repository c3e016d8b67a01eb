//! The loopback device of a new network namespace, which is down at first.

use std::io;

use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};
use rustix::net::{recv, sendto, socket_with};

/// The index of loopback, which is the first device of each namespace.
const INDEX: i32 = 1;

/// The message type RTM_NEWLINK of rtnetlink(7).
const NEW_LINK: u16 = 16;

/// The flags NLM_F_REQUEST and NLM_F_ACK of netlink(7).
const REQUEST_AND_ACK: u16 = 0x1 | 0x4;

/// The flag IFF_UP of netdevice(7).
const UP: u32 = 0x1;

/// The length of `struct nlmsghdr` and `struct ifinfomsg`.
const LENGTH: u32 = 16 + 16;

/// Brings loopback up: Bazel's client and server speak over it, and so do many tests.
///
/// # Errors
/// Those of the kernel: permission denied without CAP_NET_ADMIN in the namespace.
pub(super) fn up() -> io::Result<()> {
    // The default protocol is NETLINK_ROUTE.
    let family = AddressFamily::NETLINK;
    let socket = socket_with(family, SocketType::RAW, SocketFlags::CLOEXEC, None)?;
    let kernel = SocketAddrNetlink::new(0, 0);
    sendto(&socket, &message(), SendFlags::empty(), &kernel)?;
    let mut answer = [0_u8; 512];
    let (length, _) = recv(&socket, &mut answer[..], RecvFlags::empty())?;
    refusal(answer.get(..length).unwrap_or_default()).map_or(Ok(()), Err)
}

/// Returns the request that sets the flag "up": netlink(7), rtnetlink(7).
fn message() -> Vec<u8> {
    let mut message = Vec::new();
    message.extend(LENGTH.to_ne_bytes());
    message.extend(NEW_LINK.to_ne_bytes());
    message.extend(REQUEST_AND_ACK.to_ne_bytes());
    message.extend(1_u32.to_ne_bytes()); // sequence number
    message.extend(0_u32.to_ne_bytes()); // port: the kernel
    message.extend([0, 0]); // family, padding
    message.extend(0_u16.to_ne_bytes()); // type of the device
    message.extend(INDEX.to_ne_bytes());
    message.extend(UP.to_ne_bytes());
    message.extend(UP.to_ne_bytes()); // the flags that change
    message
}

/// Returns the error in an acknowledgement, which is a negative number behind the header; 0 means
/// success.
fn refusal(answer: &[u8]) -> Option<io::Error> {
    let code = answer.get(16..20).and_then(|bytes| bytes.try_into().ok()).map(i32::from_ne_bytes);
    match code {
        Some(0) => None,
        Some(code) => Some(io::Error::from_raw_os_error(-code)),
        None => Some(io::Error::other("the kernel's answer is too short")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_have_the_form_of_netlink() {
        assert_eq!(message().len(), LENGTH as usize);
        let mut answer = vec![0; 20];
        assert!(refusal(&answer).is_none());
        answer[16..].copy_from_slice(&(-1_i32).to_ne_bytes());
        assert_eq!(refusal(&answer).unwrap().raw_os_error(), Some(1));
        assert!(refusal(&[0; 4]).is_some());
    }
}
