//! Somebody who is told: a webhook on loopback that keeps what it gets, and that can be cut off.

use std::collections::BTreeSet;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::extract::State;
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use rustls::ServerConfig;
use serde_json::Value;
use tokio::task::JoinSet;

use crate::log::open_door;

/// A receiver. Dropping it closes its door.
pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    kept: Arc<Mutex<Kept>>,
    _tasks: JoinSet<()>,
}

#[derive(Default)]
struct Kept {
    cut_off: bool,
    ids: BTreeSet<String>,
    messages: Vec<Value>,
}

impl Receiver {
    /// Opens its door on a free port of 127.0.0.1.
    pub(crate) async fn start(tls: Arc<ServerConfig>) -> io::Result<Self> {
        let kept = Arc::new(Mutex::new(Kept::default()));
        let router = Router::new().fallback(take).with_state(Arc::clone(&kept));
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let (address, tasks) = open_door(address, Some(tls), router).await?;
        Ok(Self { address, kept, _tasks: tasks })
    }

    /// Whether whoever is between us and the receiver lets anything through.
    pub(crate) fn cut_off(&self, cut_off: bool) {
        lock(&self.kept).cut_off = cut_off;
    }

    /// What it got, each message once, in order.
    pub(crate) fn messages(&self) -> Vec<Value> {
        lock(&self.kept).messages.clone()
    }

    /// Those of this kind.
    pub(crate) fn of(&self, event: &str) -> Vec<Value> {
        let mut messages = self.messages();
        messages.retain(|message| message["event"] == event);
        messages
    }
}

/// The same message may come twice; its key tells.
async fn take(State(kept): State<Arc<Mutex<Kept>>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let mut kept = lock(&kept);
    if kept.cut_off {
        return StatusCode::BAD_GATEWAY;
    }
    let id = headers.get("idempotency-key").and_then(|id| id.to_str().ok()).unwrap_or_default();
    let Ok(message) = serde_json::from_slice(&body) else { return StatusCode::BAD_REQUEST };
    if kept.ids.insert(id.to_owned()) {
        kept.messages.push(message);
    }
    StatusCode::NO_CONTENT
}

fn lock(kept: &Mutex<Kept>) -> MutexGuard<'_, Kept> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}
