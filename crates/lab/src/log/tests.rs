//! What goes over the wire: the honest log in both protocols, and then every knob.

mod honest;
mod spoilt;

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;
use crate::authority::{Authority, Issued, Request, SubjectKey};
use crate::certificates::sha256;

/// When the tests play.
pub(crate) const NOON: &str = "2026-11-24T12:00:00Z";

/// A CA, a log that accepts it, and the time.
struct Lab {
    authority: Authority,
    log: LogServer,
    clock: Clock,
}

/// What a client read until the connection ended.
#[derive(Debug)]
struct Answer {
    status: u16,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

impl Answer {
    fn text(&self) -> &str {
        str::from_utf8(&self.body).unwrap()
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }
}

async fn lab(protocol: Protocol) -> Lab {
    let clock = Clock::simulated(NOON.parse().unwrap());
    let authority = Authority::new("Test", 7);
    let settings = Settings {
        operator: "Operator".to_owned(),
        description: "Operator's log".to_owned(),
        host: "log.example".to_owned(),
        path: "2026h2".to_owned(),
        protocol,
        interval: None,
        mmd: Duration::from_secs(86_400),
        publish_every: None,
        roots: vec![authority.root().to_vec()],
        clock: clock.clone(),
        tls: None,
    };
    let log = LogServer::start(settings).await.unwrap();
    Lab { authority, log, clock }
}

impl Lab {
    async fn advance(&self, by: Duration) {
        self.clock.run_until(self.clock.now() + by).await;
    }

    fn now_ms(&self) -> u64 {
        milliseconds(self.clock.now())
    }

    /// A certificate for a name, logged in the lab's log.
    fn issue(&self, name: &str) -> Issued {
        let key = SubjectKey::generate();
        let request = Request {
            names: vec![name.to_owned()],
            key: &key,
            not_before: NOON.parse().unwrap(),
            not_after: "2027-01-01T00:00:00Z".parse().unwrap(),
            rewrite: None,
        };
        self.authority.issue_logged(&request, &[&self.log]).unwrap()
    }

    /// Appends entries that are no certificates, and publishes them.
    fn fill(&self, entries: u32) {
        for number in 0..entries {
            self.log.push(junk(number), vec![self.authority.root().to_vec()]);
        }
        self.log.publish();
    }

    async fn get(&self, path: &str) -> Answer {
        self.get_as(Group::A, path).await
    }

    async fn get_as(&self, group: Group, path: &str) -> Answer {
        let bytes = self.raw(group, "GET", path, "", b"").await.unwrap();
        parse(&bytes)
    }

    /// Sends a request in HTTP/1.0, so that the answer ends with the connection, and reads all there is.
    async fn raw(
        &self,
        group: Group,
        method: &str,
        path: &str,
        header: &str,
        body: &[u8],
    ) -> io::Result<Vec<u8>> {
        let mut stream = self.send(group, method, path, header, body).await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        Ok(answer)
    }

    async fn send(
        &self,
        group: Group,
        method: &str,
        path: &str,
        header: &str,
        body: &[u8],
    ) -> io::Result<TcpStream> {
        let mut stream = TcpStream::connect(self.log.address(group)).await?;
        let length = body.len();
        let head =
            format!("{method} /2026h2/{path} HTTP/1.0\r\nContent-Length: {length}\r\n{header}\r\n");
        stream.write_all(&[head.as_bytes(), body].concat()).await?;
        Ok(stream)
    }
}

fn parse(bytes: &[u8]) -> Answer {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    let head = str::from_utf8(&bytes[..end]).unwrap();
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers = lines
        .map(|line| line.split_once(": ").unwrap())
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    Answer { status, headers, body: bytes[end + 4..].to_vec() }
}

/// Content that no parser of certificates likes, different for each number.
fn junk(number: u32) -> Content {
    Content::X509 { certificate: number.to_be_bytes().to_vec() }
}
