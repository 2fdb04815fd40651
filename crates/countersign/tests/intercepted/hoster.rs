//! The router of the hosting provider: the cable leads through Mallory, who connects on with the address and the port of
//! whoever she reads.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::mpsc;
use std::{io, thread};

use countersign_lab::mallory::{Seen, Settings, Way};
use socket2::{Domain, Socket, Type};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::runtime;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::host::move_into;
use crate::internet::{VICTIM, done, on};

/// Mallory, with what the router brings her. Dropping her has the router do as it should again.
pub(crate) struct Mallory {
    way: Way,
    _stop: oneshot::Sender<()>,
}

/// What the router brings her: connections to these ports of the victim, but not those from these addresses.
pub(crate) struct Diverted<'a> {
    pub(crate) ports: &'a [u16],
    pub(crate) spared: &'a [&'a str],
}

impl Mallory {
    pub(crate) fn start(diverted: &Diverted<'_>, settings: Settings) -> Self {
        let way = Way::new(settings);
        let (stop, stopped) = oneshot::channel();
        let (listens, port) = mpsc::channel();
        let inside = way.clone();
        thread::spawn(move || {
            // All that this thread opens is at the router.
            move_into("hoster");
            let runtime = runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = listen().unwrap();
                listens.send(listener.local_addr().unwrap().port()).unwrap();
                tokio::select! {
                    () = carry(&listener, &inside) => {}
                    _ = stopped => {}
                }
            });
        });
        divert(diverted, port.recv().unwrap());
        Self { way, _stop: stop }
    }

    /// Whom she read, and whom she let pass.
    pub(crate) fn seen(&self) -> Seen {
        self.way.seen()
    }

    /// From where those came whom she read.
    pub(crate) fn read(&self) -> BTreeSet<IpAddr> {
        self.seen().read.into_iter().collect()
    }
}

impl Drop for Mallory {
    fn drop(&mut self) {
        done(on("hoster", "nft").arg("delete table ip tap"));
    }
}

async fn carry(listener: &TcpListener, way: &Way) {
    let mut connections = JoinSet::new();
    loop {
        let (client, from) = listener.accept().await.unwrap();
        let way = way.clone();
        connections.spawn(async move {
            // Where the client wanted to, which is no address of the router.
            let to = client.local_addr().unwrap();
            match connect_as(from, to).await {
                Ok(server) => way.between(client, from.ip(), server).await,
                Err(why) => eprintln!("Mallory does not reach {to} as {from}: {why}"),
            }
        });
    }
}

fn listen() -> io::Result<TcpListener> {
    let socket = transparent()?;
    socket.bind(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)))?;
    socket.listen(64)
}

/// Connects to the server from somebody else's address and port.
async fn connect_as(client: SocketAddr, server: SocketAddr) -> io::Result<TcpStream> {
    let socket = transparent()?;
    // The address and port are in use, by the connection of the client.
    socket.set_reuseaddr(true)?;
    socket.bind(client)?;
    socket.connect(server).await
}

fn transparent() -> io::Result<TcpSocket> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.set_ip_transparent_v4(true)?;
    socket.set_nonblocking(true)?;
    Ok(TcpSocket::from_std_stream(socket.into()))
}

/// Has the router hand packets to Mallory as if it were the victim.
pub(crate) fn prepare() {
    done(on("hoster", "ip").args(["rule", "add", "fwmark", "1", "lookup", "100"]));
    let local = ["route", "add", "local", "0.0.0.0/0", "dev", "lo", "table", "100"];
    done(on("hoster", "ip").args(local));
}

fn divert(diverted: &Diverted<'_>, to: u16) {
    let ports: Vec<String> = diverted.ports.iter().map(u16::to_string).collect();
    let spared = match diverted.spared {
        [] => String::new(),
        spared => format!("ip saddr != {{ {} }} ", spared.join(", ")),
    };
    // The first rule is for what comes back from the victim, to connections of hers.
    let rules = format!(
        "table ip tap\n\
         delete table ip tap\n\
         table ip tap {{\n\
         chain divert {{\n\
         type filter hook prerouting priority mangle;\n\
         meta l4proto tcp socket transparent 1 meta mark set 1 accept\n\
         iifname eth0 ip daddr {VICTIM} tcp dport {{ {} }} {spared}\
         tproxy to :{to} meta mark set 1 accept\n\
         }}\n\
         }}\n",
        ports.join(", ")
    );
    done(on("hoster", "nft").arg(rules));
}
