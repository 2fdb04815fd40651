//! Who is behind an address of the lab's Internet: a port of this machine, and another one while somebody on the way
//! diverts what goes there.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The paths of the lab's Internet. Cheap to clone; clones share them.
#[derive(Clone, Debug, Default)]
pub struct Network(Arc<Mutex<BTreeMap<SocketAddr, Path>>>);

#[derive(Clone, Copy, Debug)]
struct Path {
    owner: SocketAddr,
    diverted: Option<SocketAddr>,
}

impl Network {
    /// Gives an address and port an owner, who listens at `to`.
    pub fn host(&self, address: SocketAddr, to: SocketAddr) {
        self.lock().insert(address, Path { owner: to, diverted: None });
    }

    /// From now on, what goes to this address and port ends at `to`, as when the router before its owner is told so.
    ///
    /// # Panics
    ///
    /// If it has no owner.
    pub fn divert(&self, address: SocketAddr, to: SocketAddr) {
        let mut paths = self.lock();
        paths.get_mut(&address).expect("an address with an owner").diverted = Some(to);
    }

    /// Lets everybody reach the owners again.
    pub fn divert_no_more(&self) {
        self.lock().values_mut().for_each(|path| path.diverted = None);
    }

    /// Where who connects to this address and port ends; `None` if nobody is there.
    pub fn end(&self, address: SocketAddr) -> Option<SocketAddr> {
        self.lock().get(&address).map(|path| path.diverted.unwrap_or(path.owner))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<SocketAddr, Path>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_diverted_path_ends_elsewhere_until_it_does_not() {
        let network = Network::default();
        let [address, owner, mallory] =
            ["192.0.2.1:80", "127.0.0.1:1", "127.0.0.1:2"].map(|text| text.parse().unwrap());
        assert_eq!(network.end(address), None);
        network.host(address, owner);
        assert_eq!(network.end(address), Some(owner));
        network.divert(address, mallory);
        assert_eq!(network.clone().end(address), Some(mallory));
        network.divert_no_more();
        assert_eq!(network.end(address), Some(owner));
    }
}
