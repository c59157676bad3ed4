//! Packets of a network interface, as the kernel hands them out.
//!
//! The interface is chosen in the filter instead of by binding the socket to it. A filter decides in
//! the kernel, so that what is not wanted costs next to nothing; reading one by one is then enough.

use std::io::IoSliceMut;
use std::os::fd::AsRawFd;
use std::time::{Duration, SystemTime};

use nix::errno::Errno;
use nix::libc;
use nix::sys::socket::sockopt::ReceiveTimestampns;
use nix::sys::socket::{
    ControlMessageOwned, MsgFlags, SetSockOpt, getsockopt, recvmsg, setsockopt,
};
use nix::{cmsg_space, getsockopt_impl, setsockopt_impl, sockopt_impl};
use socket2::{Domain, Protocol, SockFilter, Socket, Type};
use tokio::io::unix::AsyncFd;
use tokio::time::{Instant, sleep_until};

use super::super::address::Address;
use super::super::error::LinkError;
use super::address::{CaptureAddress, Host};
use super::filter::{CaptureFilter, Head};
use super::interface::Interface;
use super::program::Instruction;
use super::reader::LinkType;
use super::writer::CaptureWriter;

sockopt_impl!(
    /// Each packet comes with the VLAN tag that was taken off it.
    AuxiliaryData,
    SetOnly,
    libc::SOL_PACKET,
    libc::PACKET_AUXDATA,
    bool
);
sockopt_impl!(
    /// Packets that are for others come as well, until the socket is closed.
    Membership,
    SetOnly,
    libc::SOL_PACKET,
    libc::PACKET_ADD_MEMBERSHIP,
    libc::packet_mreq
);
sockopt_impl!(
    /// How many packets came and were lost since this was asked last.
    Statistics,
    GetOnly,
    libc::SOL_PACKET,
    libc::PACKET_STATISTICS,
    libc::tpacket_stats
);

/// All that there is, whatever its kind, in the byte order of the network.
const ALL_KINDS: i32 = (libc::ETH_P_ALL as u16).to_be() as i32;
/// How often is looked what became of the interface and how much was lost.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// What the kernel is asked to hold for us; it gives less if it is set so.
const HELD: usize = 2 * 1024 * 1024;
/// The largest packet that the filter takes.
const LARGEST: usize = 256 * 1024;
/// Packets that are read before others get a turn.
const AT_ONCE: usize = 64;
/// Room in front of a packet for the VLAN tag.
const TAG: usize = 4;
/// Where the tag belongs: behind both Ethernet addresses.
const ADDRESSES: usize = 12;

/// A network interface whose packets are captured. Dropping it ends that.
#[derive(Debug)]
pub struct LiveCapture {
    socket: AsyncFd<Socket>,
    interface: Interface,
    packets: Packets,
    /// When the interface is looked at next.
    look: Instant,
}

/// What packets are read into, and written to.
#[derive(Debug)]
struct Packets {
    writer: CaptureWriter,
    buffer: Vec<u8>,
    control: Vec<u8>,
    head: Head,
}

impl LiveCapture {
    /// Begins to capture what the filter wants, and all TCP and DNS of the host.
    pub fn open(
        name: &str,
        host: Option<Host>,
        is_promiscuous: bool,
        filter: &CaptureFilter,
    ) -> Result<Self, LinkError> {
        let interface = Interface::find(name)?;
        let socket = open_socket(&interface, host, filter).map_err(|why| match why {
            Trouble::NotPermitted => LinkError::CaptureNotPermitted(name.to_owned()),
            Trouble::Other(words) => broken(&interface, words),
        })?;
        if is_promiscuous && let Err(error) = listen_to_all(&socket, &interface) {
            tracing::debug!("{name}: packets for others cannot be asked for: {error}");
        }
        // Some interfaces come and go faster than two looks at them.
        interface.look()?;
        let link = match interface.head {
            Head::Ethernet => LinkType::ETHERNET,
            Head::Ip => LinkType::RAW,
        };
        let packets = Packets {
            writer: CaptureWriter::pcapng(link),
            buffer: vec![0; TAG + LARGEST],
            control: cmsg_space!(nix::sys::time::TimeSpec, libc::tpacket_auxdata),
            head: interface.head,
        };
        // What takes its place is `unsafe`, because another type might close or change its descriptor
        // on the way; a socket owns its own, and ours is neither replaced nor handed out.
        #[expect(deprecated, reason = "the house has no `unsafe`, and here it is sound")]
        let socket = AsyncFd::new(socket).map_err(|error| broken(&interface, error.to_string()))?;
        Ok(Self {
            socket,
            interface,
            packets,
            look: Instant::now() + LOOK_EVERY,
        })
    }

    /// Appends what has come, as bytes of a capture file. Nothing is lost if it is dropped while it
    /// waits.
    pub async fn receive(&mut self, out: &mut Vec<u8>) -> Result<usize, LinkError> {
        loop {
            let written = self.packets.writer.bytes();
            if !written.is_empty() {
                let count = written.len();
                out.extend_from_slice(written);
                self.packets.writer.clear();
                return Ok(count);
            }
            if Instant::now() >= self.look {
                self.look = Instant::now() + LOOK_EVERY;
                self.count_lost();
                self.interface.look()?;
                continue;
            }
            tokio::select! {
                ready = self.socket.readable() => {
                    let mut ready = ready.map_err(|error| broken(&self.interface, error.to_string()))?;
                    match self.packets.read(self.socket.get_ref()) {
                        Ok(()) | Err(Errno::EINTR | Errno::ENOBUFS) => {}
                        Err(Errno::EAGAIN) => ready.clear_ready(),
                        // What it is will be seen by looking.
                        Err(Errno::ENETDOWN | Errno::ENODEV | Errno::ENXIO) => {
                            self.look = Instant::now();
                        }
                        Err(error) => return Err(broken(&self.interface, error.to_string())),
                    }
                }
                () = sleep_until(self.look) => {}
            }
        }
    }

    /// Writes down what the kernel had to throw away.
    fn count_lost(&mut self) {
        match getsockopt(self.socket.get_ref(), Statistics) {
            Ok(statistics) => self.packets.writer.dropped(u64::from(statistics.tp_drops)),
            Err(error) => tracing::debug!("{}: no statistics: {error}", self.interface.name),
        }
    }
}

impl Packets {
    /// Reads what is there, up to a limit.
    fn read(&mut self, socket: &Socket) -> Result<(), Errno> {
        for _ in 0..AT_ONCE {
            self.read_one(socket)?;
        }
        Ok(())
    }

    fn read_one(&mut self, socket: &Socket) -> Result<(), Errno> {
        let (mut at, mut tag) = (None, None);
        let (_, room) = self.buffer.split_at_mut(TAG);
        let largest = room.len();
        let mut slices = [IoSliceMut::new(room)];
        let flags = MsgFlags::MSG_TRUNC;
        let control = Some(self.control.as_mut_slice());
        let message = recvmsg::<()>(socket.as_raw_fd(), &mut slices, control, flags)?;
        let original = message.bytes;
        for part in message.cmsgs().into_iter().flatten() {
            match part {
                ControlMessageOwned::ScmTimestampns(time) => at = Some(time.into()),
                ControlMessageOwned::Unknown(part)
                    if (part.cmsg_header.cmsg_level, part.cmsg_header.cmsg_type)
                        == (libc::SOL_PACKET, libc::PACKET_AUXDATA) =>
                {
                    tag = vlan_tag(&part.data_bytes);
                }
                _ => {}
            }
        }
        let captured = original.min(largest);
        let (mut begin, end, mut original) = (TAG, TAG + captured, original);
        if let Some(tag) = tag
            && self.head == Head::Ethernet
            && captured >= ADDRESSES
        {
            self.buffer.copy_within(TAG..TAG + ADDRESSES, 0);
            if let Some(place) = self.buffer.get_mut(ADDRESSES..ADDRESSES + TAG) {
                place.copy_from_slice(&tag);
            }
            (begin, original) = (0, original + TAG);
        }
        let data = self.buffer.get(begin..end).unwrap_or_default();
        let at = at.unwrap_or_else(now);
        self.writer.cut_packet(at, data, original);
        Ok(())
    }
}

fn now() -> Duration {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.unwrap_or_default()
}

/// The VLAN tag in `struct tpacket_auxdata`, as it stood in the packet.
fn vlan_tag(data: &[u8]) -> Option<[u8; 4]> {
    const USUAL: u16 = 0x8100;
    let status = u32::from_ne_bytes(*data.first_chunk()?);
    let mut halves = data.get(16..20)?.chunks_exact(2).filter_map(|it| {
        let half = it.first_chunk()?;
        Some(u16::from_ne_bytes(*half))
    });
    let (tag, kind) = (halves.next()?, halves.next()?);
    if status & libc::TP_STATUS_VLAN_VALID == 0 {
        return None;
    }
    let is_told = status & libc::TP_STATUS_VLAN_TPID_VALID != 0;
    let kind = if is_told { kind } else { USUAL };
    let ([a, b], [c, d]) = (kind.to_be_bytes(), tag.to_be_bytes());
    Some([a, b, c, d])
}

enum Trouble {
    NotPermitted,
    Other(String),
}

impl<E: std::error::Error> From<E> for Trouble {
    fn from(error: E) -> Self {
        Self::Other(error.to_string())
    }
}

fn open_socket(
    interface: &Interface,
    host: Option<Host>,
    filter: &CaptureFilter,
) -> Result<Socket, Trouble> {
    let program = filter.program(host, interface.index, interface.head)?;
    let program: Vec<SockFilter> = program.into_iter().map(for_kernel).collect();
    let protocol = Some(Protocol::from(ALL_KINDS));
    let socket = match Socket::new(Domain::PACKET, Type::RAW, protocol) {
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
            return Err(Trouble::NotPermitted);
        }
        socket => socket?,
    };
    socket.set_nonblocking(true)?;
    // What came before the filter stays: nothing more may come while it is read.
    socket.attach_filter(&[SockFilter::new(0x06, 0, 0, 0)])?;
    let mut rest = [std::mem::MaybeUninit::uninit(); 64];
    while socket.recv(&mut rest).is_ok() {}
    setsockopt(&socket, AuxiliaryData, &true)?;
    setsockopt(&socket, ReceiveTimestampns, &true)?;
    // Less is enough as well.
    if let Err(error) = socket.set_recv_buffer_size(HELD) {
        tracing::debug!("the buffer of packets stays as it is: {error}");
    }
    socket.attach_filter(&program)?;
    Ok(socket)
}

fn listen_to_all(socket: &Socket, interface: &Interface) -> nix::Result<()> {
    let membership = libc::packet_mreq {
        mr_ifindex: i32::try_from(interface.index).map_err(|_| Errno::ENODEV)?,
        mr_type: libc::PACKET_MR_PROMISC as u16,
        mr_alen: 0,
        mr_address: [0; 8],
    };
    Membership.set(socket, &membership)
}

fn for_kernel(instruction: Instruction) -> SockFilter {
    let Instruction {
        code,
        jump_if,
        jump_else,
        operand,
    } = instruction;
    SockFilter::new(code, jump_if, jump_else, operand)
}

fn broken(interface: &Interface, words: String) -> LinkError {
    let address = CaptureAddress::Interface {
        name: interface.name.clone(),
        host: None,
        is_promiscuous: true,
    };
    LinkError::Broken(Address::Capture(address), words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn auxiliary(status: u32, tag: u16, kind: u16) -> Vec<u8> {
        let mut data = status.to_ne_bytes().to_vec();
        data.extend([0; 12]);
        data.extend(tag.to_ne_bytes());
        data.extend(kind.to_ne_bytes());
        data
    }

    #[test]
    fn a_tag_that_was_taken_off_is_known() {
        assert_eq!(
            vlan_tag(&auxiliary(0x51, 0x2005, 0x88a8)),
            Some([0x88, 0xa8, 0x20, 5])
        );
        assert_eq!(vlan_tag(&auxiliary(0x11, 5, 0)), Some([0x81, 0, 0, 5]));
        // Priority alone.
        assert_eq!(vlan_tag(&auxiliary(0x51, 0, 0x8100)), Some([0x81, 0, 0, 0]));
        assert_eq!(vlan_tag(&auxiliary(1, 5, 0x8100)), None);
        assert_eq!(vlan_tag(&[0x51, 0, 0, 0]), None);
    }
}
