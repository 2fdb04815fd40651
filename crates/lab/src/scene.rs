//! The scenes: each does one thing to a small Internet, and knows what the watcher must say of it.
//!
//! A scene passes only if what was reported is exactly what had to be, no more and no less, and if what the logs
//! published was read and proved wherever it could be. What nobody caught is said too.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

mod clients;
mod delegations;
mod entries;
mod following;
mod heads;
mod issuance;
mod judged;
mod ordinary;
mod probing;
mod weather;

/// A scene.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scene {
    /// Nothing happens.
    Quiet,
    /// The certificates of 2023 for jabber.ru and xmpp.ru.
    SixCertificates,
    /// A log shows another tree, larger than the one it showed before.
    ForkLarger,
    /// A log shows another tree, smaller than the one it showed before.
    ForkSmaller,
    /// A log shows another tree of the same size.
    ForkEqual,
    /// A log forgets entries.
    Rollback,
    /// A log stands still.
    Frozen,
    /// A log signs heads in the future.
    FutureHead,
    /// A head comes that the log did not sign.
    BadSignature,
    /// Entries come that are not in the tree.
    WrongEntries,
    /// A tile changes after it was read.
    ChangedTile,
    /// An entry of a kind that nobody defined.
    UnknownEntry,
    /// Certificates that no parser likes.
    MalformedCertificates,
    /// A log promises and does not keep it.
    Withheld,
    /// A log is down for a day.
    Unreachable,
    /// Logs ask to be asked less often.
    Throttled,
    /// Partial tiles are deleted once they are full.
    VanishingPartialTiles,
    /// A log grows faster than it lets itself be read.
    Backlog,
    /// A log answers anything but what it was asked for.
    Garbage,
    /// A log comes into the list, and goes again.
    NewLog,
    /// The watch begins in the middle of a log.
    Since,
    /// A year in which nobody means harm.
    QuietYear,
    /// CAA names a CA, and Mallory is its customer too.
    IssuerOnlyCaa,
    /// CAA names an account, in a zone that is not signed.
    UnsignedAccount,
    /// CAA names an account, in a signed zone.
    BoundAccount,
    /// Mallory has the key of the operator's account.
    StolenAccount,
    /// A CA issues what it should not, and logs it.
    CoercedCa,
    /// A log does not show what it signed for.
    BrokenPromise,
    /// Alerts are kept back on their way.
    BlockedAlerts,
    /// The operator changes a delegation herself.
    QuietDelegation,
    /// The servers of a zone are down.
    BlindDelegation,
    /// 6a: a DNS host signs the zone again without CAA records, with the true keys.
    ResignedZone,
    /// 6b: a registry gives the zone to somebody else.
    SwappedDelegation,
    /// 6c: a registry does so for some only.
    SplitView,
    /// 7: a certificate that is in no log.
    UnloggedCertificate,
    /// 7: the same, where lists of logs do not come any more.
    BlockedUpdater,
    /// Probes, for a year in which nobody means harm.
    QuietProbes,
    /// 5a: everybody is read on one port.
    Wiretap,
    /// 5b: everybody but the prober.
    SparedProber,
    /// 5c: everybody but the prober and who comes by Tor.
    SparedTor,
    /// 5d: only one victim is read.
    Whitelist,
    /// 5e: only one kind of client is read.
    OneFingerprint,
    /// 5f: nobody is read but by way of one exit of Tor.
    LyingExit,
    /// 7: a certificate that is in no log is served.
    ServedUnlogged,
    /// 10: her certificate runs out.
    Expired,
    /// 11: she has the true key, or strips what is offered.
    ChannelBinding,
    /// 12: the onion service is reached past her.
    Onion,
}

/// What came of a scene.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Which.
    pub scene: Scene,
    /// What the watcher said; empty if the scene did not end as it must.
    pub caught: String,
    /// The part that noticed.
    pub by: String,
    /// What nobody saw.
    pub unseen: String,
    /// Whether that is what had to come.
    pub ended: Ended,
}

/// How a scene ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Everything was reported that had to be, and nothing else.
    AsItMust,
    /// It was not, and why.
    Otherwise(String),
}

/// What a scene that ended as it must has to tell.
pub(crate) struct Caught {
    pub(crate) what: String,
    pub(crate) by: &'static str,
    pub(crate) unseen: &'static str,
}

impl Caught {
    /// Something was caught, and all was seen.
    fn all(what: impl Into<String>, by: &'static str) -> Self {
        Self { what: what.into(), by, unseen: "" }
    }

    /// The same, and what was not seen.
    fn but(self, unseen: &'static str) -> Self {
        Self { unseen, ..self }
    }
}

impl Scene {
    /// All scenes, in the order in which they are played.
    pub const ALL: [Self; 47] = [
        Self::Quiet,
        Self::QuietYear,
        Self::SixCertificates,
        Self::ForkLarger,
        Self::ForkSmaller,
        Self::ForkEqual,
        Self::Rollback,
        Self::Frozen,
        Self::FutureHead,
        Self::BadSignature,
        Self::WrongEntries,
        Self::ChangedTile,
        Self::UnknownEntry,
        Self::MalformedCertificates,
        Self::Withheld,
        Self::Unreachable,
        Self::Throttled,
        Self::VanishingPartialTiles,
        Self::Backlog,
        Self::Garbage,
        Self::NewLog,
        Self::Since,
        Self::IssuerOnlyCaa,
        Self::UnsignedAccount,
        Self::BoundAccount,
        Self::StolenAccount,
        Self::CoercedCa,
        Self::BrokenPromise,
        Self::BlockedAlerts,
        Self::QuietDelegation,
        Self::BlindDelegation,
        Self::ResignedZone,
        Self::SwappedDelegation,
        Self::SplitView,
        Self::UnloggedCertificate,
        Self::BlockedUpdater,
        Self::QuietProbes,
        Self::Wiretap,
        Self::SparedProber,
        Self::SparedTor,
        Self::Whitelist,
        Self::OneFingerprint,
        Self::LyingExit,
        Self::ServedUnlogged,
        Self::Expired,
        Self::ChannelBinding,
        Self::Onion,
    ];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Quiet => "quiet",
            Self::SixCertificates => "six-certificates",
            Self::ForkLarger => "fork-larger",
            Self::ForkSmaller => "fork-smaller",
            Self::ForkEqual => "fork-equal",
            Self::Rollback => "rollback",
            Self::Frozen => "frozen",
            Self::FutureHead => "future-head",
            Self::BadSignature => "bad-signature",
            Self::WrongEntries => "wrong-entries",
            Self::ChangedTile => "changed-tile",
            Self::UnknownEntry => "unknown-entry",
            Self::MalformedCertificates => "malformed-certificates",
            Self::Withheld => "withheld",
            Self::Unreachable => "unreachable",
            Self::Throttled => "throttled",
            Self::VanishingPartialTiles => "vanishing-partial-tiles",
            Self::Backlog => "backlog",
            Self::Garbage => "garbage",
            Self::NewLog => "new-log",
            Self::Since => "since",
            Self::QuietYear => "quiet-year",
            Self::IssuerOnlyCaa => "issuer-only-caa",
            Self::UnsignedAccount => "unsigned-account",
            Self::BoundAccount => "bound-account",
            Self::StolenAccount => "stolen-account",
            Self::CoercedCa => "coerced-ca",
            Self::BrokenPromise => "broken-promise",
            Self::BlockedAlerts => "blocked-alerts",
            Self::QuietDelegation => "quiet-delegation",
            Self::BlindDelegation => "blind-delegation",
            Self::ResignedZone => "6a-resigned-zone",
            Self::SwappedDelegation => "6b-swapped-delegation",
            Self::SplitView => "6c-split-view",
            Self::UnloggedCertificate => "7-unlogged-certificate",
            Self::BlockedUpdater => "7-blocked-updater",
            Self::QuietProbes => "quiet-probes",
            Self::Wiretap => "5a-wiretap",
            Self::SparedProber => "5b-spared-prober",
            Self::SparedTor => "5c-spared-tor",
            Self::Whitelist => "5d-whitelist",
            Self::OneFingerprint => "5e-one-fingerprint",
            Self::LyingExit => "5f-lying-exit",
            Self::ServedUnlogged => "7-served-unlogged",
            Self::Expired => "10-expired",
            Self::ChannelBinding => "11-channel-binding",
            Self::Onion => "12-onion",
        }
    }

    /// What is done in it, in a sentence.
    pub fn done(self) -> &'static str {
        match self {
            Self::Quiet => "three weeks of strangers' certificates, some of them malformed",
            Self::SixCertificates => {
                "the six certificates of 2023 for jabber.ru and xmpp.ru, logged on their days"
            }
            Self::ForkLarger => {
                "a log shows a second, larger tree, with Mallory's certificate in it"
            }
            Self::ForkSmaller => {
                "a log shows a second, smaller tree for a moment, with Mallory's certificate in it"
            }
            Self::ForkEqual => {
                "a log shows a second tree of the same size, with Mallory's certificate in it"
            }
            Self::Rollback => "a log signs a smaller tree than before, and then goes on",
            Self::Frozen => "a log stands still for three days, and then goes on",
            Self::FutureHead => "a log signs heads two hours ahead for a while",
            Self::BadSignature => "somebody else's signature is on a log's heads for a while",
            Self::WrongEntries => "logs serve a stranger's certificate in place of Mallory's",
            Self::ChangedTile => "a log serves an entry that was read before with other contents",
            Self::UnknownEntry => "logs have an entry of an undefined kind that names the service",
            Self::MalformedCertificates => {
                "broken certificates are logged, for the service and for strangers"
            }
            Self::Withheld => "a log gives SCTs for Mallory's certificate and never merges it",
            Self::Unreachable => "a log is down for a day; Mallory uses both it and another",
            Self::Throttled => "logs refuse most requests, with Retry-After in seconds and as date",
            Self::VanishingPartialTiles => "a log deletes a partial tile before it was read",
            Self::Backlog => "a log grows faster than it lets itself be read, for a while",
            Self::Garbage => {
                "a log answers with web pages, halves, bombs, endless and dripping bytes"
            }
            Self::NewLog => "a log is listed a day after Mallory used it, and later delisted",
            Self::Since => "the watch begins with --since in the middle of two logs",
            Self::QuietYear => {
                "a year of two hundred renewals in eight ways, logs and a sink that fail, and nobody means harm"
            }
            Self::IssuerOnlyCaa => {
                "CAA names the operator's CA only; Mallory diverts port 80 and orders there with an account of her own"
            }
            Self::UnsignedAccount => {
                "CAA names the operator's account, unsigned; Mallory diverts port 80 and forges answers of DNS"
            }
            Self::BoundAccount => {
                "CAA names the operator's account, signed; Mallory does the same, and then at a CA that heeds no DNSSEC"
            }
            Self::StolenAccount => {
                "the same; Mallory has the key of the account and diverts port 80, before and after CAA demands dns-01"
            }
            Self::CoercedCa => {
                "a CA is made to issue for the service, against CAA, and logs it as it must"
            }
            Self::BrokenPromise => "a log signs for our own certificate and never shows it",
            Self::BlockedAlerts => {
                "Mallory's certificate is logged while the hoster keeps our alerts back"
            }
            Self::QuietDelegation => {
                "a week of key rolls, a move, signing anew and a server that fails, announced where it has to be"
            }
            Self::BlindDelegation => "all servers of the zone are down for two hours",
            Self::ResignedZone => {
                "a DNS host signs the zone without CAA records, with the true keys"
            }
            Self::SwappedDelegation => {
                "a registry enters another DS record and another server, where all is signed by Mallory"
            }
            Self::SplitView => "a registry does so, and shows it to some only",
            Self::UnloggedCertificate => {
                "a CA issues for the service and tells no log; ordinary clients and one that demands SCTs connect"
            }
            Self::BlockedUpdater => {
                "the same, and for 75 days the clients have had no new list of logs"
            }
            Self::QuietProbes => {
                "a year of ten thousand probes: renewals, keys that are named before they serve, moves"
            }
            Self::Wiretap => {
                "Mallory reads everybody on port 5222, with a certificate that is logged"
            }
            Self::SparedProber => "the same, but the prober's address is let pass",
            Self::SparedTor => "the same, but the exits of Tor are let pass as well",
            Self::Whitelist => "Mallory reads alice only, with a certificate that no log has",
            Self::OneFingerprint => "Mallory reads only who says hello as people's client does",
            Self::LyingExit => "an exit of Tor shows keys of its own for everything",
            Self::ServedUnlogged => {
                "a CA issues for the service and tells no log; it is served to everybody"
            }
            Self::Expired => "Mallory reads everybody, and forgets to renew her certificate",
            Self::ChannelBinding => {
                "Mallory has the server's key and certificate; then she takes away what binds logins, and STARTTLS"
            }
            Self::Onion => "Mallory stands before the service, and not before its onion service",
        }
    }

    /// Plays it. A scene that does not end in five minutes of the machine's time is broken off.
    pub async fn play(self) -> Outcome {
        let played = match tokio::time::timeout(PLAY_MAX, self.act()).await {
            Ok(played) => played.map_err(|err| format!("{err:#}")),
            Err(_) => Err("it did not end".to_owned()),
        };
        let (caught, ended) = match played {
            Ok(caught) => (caught, Ended::AsItMust),
            Err(why) => (Caught::all("", ""), Ended::Otherwise(why)),
        };
        let Caught { what, by, unseen } = caught;
        Outcome { scene: self, caught: what, by: by.to_owned(), unseen: unseen.to_owned(), ended }
    }

    async fn act(self) -> anyhow::Result<Caught> {
        match self {
            Self::Quiet => ordinary::quiet().await,
            Self::SixCertificates => ordinary::six_certificates().await,
            Self::ForkLarger => heads::fork_larger().await,
            Self::ForkSmaller => heads::fork_smaller().await,
            Self::ForkEqual => heads::fork_equal().await,
            Self::Rollback => heads::rollback().await,
            Self::Frozen => heads::frozen().await,
            Self::FutureHead => heads::future_head().await,
            Self::BadSignature => heads::bad_signature().await,
            Self::WrongEntries => entries::wrong_entries().await,
            Self::ChangedTile => entries::changed_tile().await,
            Self::UnknownEntry => entries::unknown_entry().await,
            Self::MalformedCertificates => entries::malformed_certificates().await,
            Self::Withheld => entries::withheld().await,
            Self::Unreachable => weather::unreachable().await,
            Self::Throttled => weather::throttled().await,
            Self::VanishingPartialTiles => weather::vanishing_partial_tiles().await,
            Self::Backlog => weather::backlog().await,
            Self::Garbage => weather::garbage().await,
            Self::NewLog => following::new_log().await,
            Self::Since => following::since().await,
            Self::QuietYear => judged::quiet_year().await,
            Self::IssuerOnlyCaa => issuance::issuer_only_caa().await,
            Self::UnsignedAccount => issuance::unsigned_account().await,
            Self::BoundAccount => issuance::bound_account().await,
            Self::StolenAccount => issuance::stolen_account().await,
            Self::CoercedCa => issuance::coerced_ca().await,
            Self::BrokenPromise => judged::broken_promise().await,
            Self::BlockedAlerts => judged::blocked_alerts().await,
            Self::QuietDelegation => delegations::quiet().await,
            Self::BlindDelegation => delegations::blind().await,
            Self::ResignedZone => delegations::resigned().await,
            Self::SwappedDelegation => delegations::swapped().await,
            Self::SplitView => delegations::split().await,
            Self::UnloggedCertificate => clients::unlogged().await,
            Self::BlockedUpdater => clients::blocked_updater().await,
            Self::QuietProbes => probing::quiet().await,
            Self::Wiretap => probing::wiretap().await,
            Self::SparedProber => probing::spared_prober().await,
            Self::SparedTor => probing::spared_tor().await,
            Self::Whitelist => probing::whitelist().await,
            Self::OneFingerprint => probing::one_fingerprint().await,
            Self::LyingExit => probing::lying_exit().await,
            Self::ServedUnlogged => probing::unlogged().await,
            Self::Expired => probing::expired().await,
            Self::ChannelBinding => probing::channel_binding().await,
            Self::Onion => probing::onion().await,
        }
    }
}

impl fmt::Display for Scene {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// There is no scene of this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no scene {0:?}")]
pub struct UnknownScene(pub String);

impl FromStr for Scene {
    type Err = UnknownScene;

    fn from_str(name: &str) -> Result<Self, UnknownScene> {
        let scene = Self::ALL.into_iter().find(|scene| scene.name() == name);
        scene.ok_or_else(|| UnknownScene(name.to_owned()))
    }
}

/// The longest scene takes seconds, and some more where tests run beside it. Whatever takes so long hangs.
const PLAY_MAX: Duration = Duration::from_secs(300);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scene_ends_as_it_must() {
        // They mostly wait for the disk and for each other's bytes, so they are played side by side.
        let play = |scenes: &[Scene]| -> Vec<Outcome> {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            scenes.iter().map(|scene| runtime.block_on(scene.play())).collect()
        };
        let played: Vec<Outcome> = std::thread::scope(|scope| {
            let threads = Scene::ALL.chunks(6).map(|scenes| scope.spawn(move || play(scenes)));
            let threads: Vec<_> = threads.collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        let otherwise = played.iter().filter(|outcome| outcome.ended != Ended::AsItMust);
        assert_eq!(otherwise.collect::<Vec<_>>(), Vec::<&Outcome>::new());
    }

    #[test]
    fn scenes_are_found_by_their_names() {
        for scene in Scene::ALL {
            assert_eq!(scene.name().parse(), Ok(scene));
        }
        assert_eq!("nothing".parse::<Scene>(), Err(UnknownScene("nothing".to_owned())));
    }
}
