//! What is made in a cage and used outside: sockets. They belong to the network in which they were made, whoever holds
//! them.

use std::ffi::OsString;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType, bind, recvmsg, sendmsg, socket_with,
};
use tokio::io::Interest;
use tokio::net::UnixStream;

/// The sockets of a cage.
#[derive(Debug)]
pub(super) struct Sockets {
    /// Where the client connects to.
    pub(super) listener: tokio::net::TcpListener,
    /// Where it asks for names.
    pub(super) names: tokio::net::UdpSocket,
}

/// Makes the sockets, hands them over by way of standard input, and becomes the program that the arguments name:
/// `PORT PROGRAM ARGUMENT…`. Returns only if it cannot. To be called in a cage.
pub fn give(arguments: impl Iterator<Item = OsString>) -> io::Error {
    let Err(why) = give_and_become(arguments);
    why
}

fn give_and_become(
    mut arguments: impl Iterator<Item = OsString>,
) -> io::Result<std::convert::Infallible> {
    let port = arguments.next().and_then(|port| port.to_str()?.parse().ok());
    let program = arguments.next();
    let (Some(port), Some(program)) = (port, program) else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "give it a port and a program"));
    };
    // Clients say it: in EHLO, in client ids. What this machine is called is nobody's business.
    rustix::system::sethostname(b"localhost")?;
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, port))?;
    let names = socket_with(AddressFamily::INET, SocketType::DGRAM, SocketFlags::CLOEXEC, None)?;
    bind(&names, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, NAMES_PORT))?;

    let both = [listener.as_fd(), names.as_fd()];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(2))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    assert!(control.push(SendAncillaryMessage::ScmRights(&both)), "there is room for two");
    sendmsg(io::stdin().as_fd(), &[IoSlice::new(&[0])], &mut control, SendFlags::empty())?;

    // The client has the same standard input, on which nothing ever comes: many end when theirs does.
    Err(Command::new(program).args(arguments).exec())
}

/// Takes what [`give`] has sent. `None`: whoever should have sent it has ended.
pub(super) async fn take(from: &UnixStream) -> io::Result<Option<Sockets>> {
    loop {
        from.readable().await?;
        match from.try_io(Interest::READABLE, || receive(from.as_fd())) {
            Err(why) if why.kind() == io::ErrorKind::WouldBlock => {}
            Err(why) => return Err(why),
            Ok(received) => {
                let mut received = received.into_iter();
                let (Some(listener), Some(names)) = (received.next(), received.next()) else {
                    return Ok(None);
                };
                return Sockets::of(listener, names).map(Some);
            }
        }
    }
}

fn receive(from: impl AsFd) -> io::Result<Vec<OwnedFd>> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(2))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0];
    recvmsg(from, &mut [IoSliceMut::new(&mut byte)], &mut control, RecvFlags::CMSG_CLOEXEC)?;
    let mut received = Vec::new();
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(sockets) = message {
            received.extend(sockets);
        }
    }
    Ok(received)
}

impl Sockets {
    fn of(listener: OwnedFd, names: OwnedFd) -> io::Result<Self> {
        let listener = TcpListener::from(listener);
        listener.set_nonblocking(true)?;
        let names: std::net::UdpSocket = names.into();
        names.set_nonblocking(true)?;
        Ok(Self { listener: listener.try_into()?, names: names.try_into()? })
    }
}

/// That of DNS.
const NAMES_PORT: u16 = 53;
