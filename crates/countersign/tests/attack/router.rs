//! The router of the hosting provider, when it works for Mallory.

use crate::internet::{VICTIM, ZONE, done, on};

/// What the router takes for Mallory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Diverted {
    /// Requests to the web server of the victim.
    Http,
    /// These, and questions to the name server of the victim.
    HttpAndDns,
}

/// Lets the router divert this from now on, and nothing else.
pub(crate) fn divert(what: Diverted) {
    let dns = match what {
        Diverted::Http => "",
        Diverted::HttpAndDns => &format!(
            "iifname eth0 ip daddr {ZONE} udp dport 53 redirect\n\
             iifname eth0 ip daddr {ZONE} tcp dport 53 redirect\n"
        ),
    };
    // The first line makes the table, so that the second always has one to delete.
    let rules = format!(
        "table ip mallory\n\
         delete table ip mallory\n\
         table ip mallory {{\n\
         chain divert {{\n\
         type nat hook prerouting priority dstnat;\n\
         iifname eth0 ip daddr {VICTIM} tcp dport 80 redirect to {MALLORYS_PORT}\n\
         {dns}}}\n}}\n"
    );
    done(on("hoster", "nft").arg(rules));
}

/// Where Mallory answers requests to the web server, at the router.
pub(crate) const MALLORYS_PORT: &str = ":8080";
