//! A web server on loopback with a few pages: where answers to HTTP-01 are put.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::extract::State;
use http::{StatusCode, Uri};
use tokio::task::JoinSet;

use crate::log::open_door;

/// A web server. Dropping it closes its door.
pub struct Web {
    address: SocketAddr,
    pages: Pages,
    _tasks: JoinSet<()>,
}

/// What is shown, by its path.
type Pages = Arc<Mutex<BTreeMap<String, String>>>;

impl Web {
    /// Opens its door on a free port of 127.0.0.1.
    pub async fn start() -> io::Result<Self> {
        let pages = Pages::default();
        let router = Router::new().fallback(page).with_state(Arc::clone(&pages));
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let (address, tasks) = open_door(address, None, router).await?;
        Ok(Self { address, pages, _tasks: tasks })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Shows this at this path, whatever host is asked for.
    pub fn show(&self, path: String, text: String) {
        lock(&self.pages).insert(path, text);
    }
}

async fn page(State(pages): State<Pages>, uri: Uri) -> (StatusCode, String) {
    match lock(&pages).get(uri.path()) {
        Some(text) => (StatusCode::OK, text.clone()),
        None => (StatusCode::NOT_FOUND, String::new()),
    }
}

fn lock(pages: &Mutex<BTreeMap<String, String>>) -> MutexGuard<'_, BTreeMap<String, String>> {
    pages.lock().unwrap_or_else(PoisonError::into_inner)
}
