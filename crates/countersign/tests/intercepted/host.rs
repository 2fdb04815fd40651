//! A thread of the test at another host.

use std::fs::File;
use std::os::fd::AsFd as _;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// Everything that this thread opens from now on is at this host. Nothing leads back.
pub(crate) fn move_into(host: &str) {
    let link = File::open(format!("/run/netns/{host}")).unwrap();
    move_into_link_name_space(link.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
}
