//! What arrives at the victim: a sensor that reads along on its network card, and has no key.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::thread;

use countersign_tls::{Handshake, KeyLog, Recording, Tape};
use socket2::{Domain, Protocol, Socket, Type};

use crate::host::move_into;
use crate::internet::VICTIM;

/// Reads along until the test ends.
pub(crate) struct Sensor(Arc<Mutex<Connections>>);

type Connections = BTreeMap<(SocketAddr, u16), Connection>;

/// A connection, from the address of a client to a port.
#[derive(Clone, Default)]
pub(crate) struct Connection {
    /// How many hops were left to the first packet.
    pub(crate) ttl: u8,
    /// What is next, in the words of TCP, from the client and from the server.
    next: [Option<u32>; 2],
    recording: Recording,
}

impl Sensor {
    pub(crate) fn start() -> Self {
        let seen = Arc::new(Mutex::new(Connections::new()));
        let inside = Arc::clone(&seen);
        let (listens, is_listening) = std::sync::mpsc::channel();
        thread::spawn(move || {
            move_into("victim");
            // packet(7): the number in the order of the network; with any other one, what leaves is not seen.
            let all = Protocol::from(i32::from(EVERY_PROTOCOL.to_be()));
            let mut card = Socket::new(Domain::PACKET, Type::RAW, Some(all)).unwrap();
            card.set_recv_buffer_size(BUFFER_BYTES).unwrap();
            listens.send(()).unwrap();
            let mut frame = vec![0; FRAME_BYTES_MAX];
            loop {
                let length = card.read(&mut frame).unwrap();
                // What is no TCP does not matter here.
                let _ = see(&mut inside.lock().unwrap(), &frame[..length]);
            }
        });
        is_listening.recv().unwrap();
        Self(seen)
    }

    /// The connections that came in so far, and where from.
    pub(crate) fn connections(&self) -> Vec<(SocketAddr, u16, Connection)> {
        let seen = self.0.lock().unwrap();
        seen.iter().map(|((from, port), seen)| (*from, *port, seen.clone())).collect()
    }

    /// Whether the victim saw hellos with this hash.
    pub(crate) fn has(&self, hellos_sha256: &str) -> bool {
        let connections = self.connections();
        connections
            .iter()
            .any(|(_, _, seen)| seen.hellos_sha256().as_deref() == Some(hellos_sha256))
    }

    /// Begins anew.
    pub(crate) fn forget(&self) {
        self.0.lock().unwrap().clear();
    }
}

impl Connection {
    /// In hexadecimal. `None`: TLS did not come so far.
    pub(crate) fn hellos_sha256(&self) -> Option<String> {
        let hash = Handshake::of(&self.recording, &KeyLog::default()).hellos_sha256?;
        Some(hash.iter().map(|octet| format!("{octet:02x}")).collect())
    }
}

/// Takes a frame in: Ethernet, IPv4 (RFC 791), TCP (RFC 9293). `None`: it is something else, or cut.
fn see(seen: &mut Connections, frame: &[u8]) -> Option<()> {
    if short(frame, 12)? != ETHERNET_IPV4 {
        return None;
    }
    let packet = frame.get(14..)?;
    let header = usize::from(packet.first()? & 0xf) * 4;
    // Frames may be padded.
    let packet = packet.get(..usize::from(short(packet, 2)?))?;
    let (ttl, protocol) = (packet[8], packet[9]);
    let address =
        |at: usize| Some(Ipv4Addr::from(<[u8; 4]>::try_from(packet.get(at..at + 4)?).ok()?));
    let (from, to) = (address(12)?, address(16)?);
    let segment = packet.get(header..)?;
    if protocol != TCP {
        return None;
    }
    let [from_port, to_port] = [short(segment, 0)?, short(segment, 2)?];
    let sequence = u32::from_be_bytes(segment.get(4..8)?.try_into().ok()?);
    let (data, flags) = (usize::from(segment.get(12)? >> 4) * 4, segment.get(13)?);
    let data = segment.get(data..)?;
    let victim: Ipv4Addr = VICTIM.parse().unwrap();
    let is_sent = to == victim;
    let cell = if is_sent {
        ((from, from_port).into(), to_port)
    } else {
        ((to, to_port).into(), from_port)
    };
    let is_first = flags & SYN != 0;
    if is_sent && is_first {
        seen.insert(cell, Connection { ttl, ..Connection::default() });
    }
    let connection = seen.get_mut(&cell)?;
    let next = &mut connection.next[usize::from(!is_sent)];
    if is_first {
        *next = Some(sequence.wrapping_add(1));
    } else if *next == Some(sequence) {
        // Nothing overtakes anything here; what comes twice has been seen.
        *next = Some(sequence.wrapping_add(u32::try_from(data.len()).ok()?));
        let Recording { sent, received } = &mut connection.recording;
        Tape::push(if is_sent { sent } else { received }, data);
    }
    Some(())
}

fn short(octets: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(octets.get(at..at + 2)?.try_into().ok()?))
}

/// ETH_P_ALL of Linux.
const EVERY_PROTOCOL: u16 = 0x0003;
/// RFC 894.
const ETHERNET_IPV4: u16 = 0x0800;
const TCP: u8 = 6;
const SYN: u8 = 2;
/// What is put together from segments by the sender's card is no longer than IPv4 can say.
const FRAME_BYTES_MAX: usize = 14 + 65_535;
/// Nothing is lost while the test is busy elsewhere.
const BUFFER_BYTES: usize = 4 << 20;
