//! Somebody on the way to an XMPP server, who reads whom she likes; and probers, some of whom she knows.
//!
//! Each scene says as well what nobody saw: whom she lets pass cannot tell of her.

mod passer;
mod street;
mod year;

use std::collections::BTreeSet;
use std::net::IpAddr;

use anyhow::{Context as _, ensure};
use countersign_judge::probe::Sight;
use countersign_judge::probe::compare::disagreements;
use countersign_judge::probe::exits::{Place, Shown, locate};
use countersign_judge::probe::finding::Kind;
use countersign_judge::probe::observation::LoggedIn;

use super::Caught;
use crate::mallory::{Settings, Strip, Victims, ja4};
use passer::Passer;
use street::{ALICE, DIRECT, EXITS, ONION, STARTTLS, Street, TLS, TOR};

pub(super) use year::quiet;

/// 5a: she reads everybody on the port where clear text comes first, as in 2023.
pub(super) async fn wiretap() -> anyhow::Result<Caught> {
    let mut street = Street::new().await?;
    street.stand(Settings::everyone(street.mallory_logged()?), STARTTLS).await?;
    let seen = street.look(DIRECT, STARTTLS).await?;
    ensure!(seen.kinds() == [Kind::ForeignKey], "a direct probe found {:?}", seen.kinds());
    ensure!(seen.observation.served().is_some_and(|served| served.exhibit.is_some()), "no proof");
    let other = street.look(DIRECT, TLS).await?;
    other.ensure_fine()?;
    let disagree = disagreements(&[seen.sighted()?, other.sighted()?]);
    ensure!(
        disagree.iter().map(|finding| finding.kind).eq([Kind::PortsDisagree]),
        "it found {disagree:?}"
    );
    street.ensure_logged(1).await?;
    let what = "a direct probe: a foreign key on 5222, with proof, and another one on 5223; one incident from CT";
    Ok(Caught::all(what, "probe, CT").but("what she has read since"))
}

/// 5b: she lets the address of the prober pass.
pub(super) async fn spared_prober() -> anyhow::Result<Caught> {
    let mut street = Street::new().await?;
    let victims = Victims::AllBut(BTreeSet::from([street::HERE]));
    let settings = Settings::everyone(street.mallory_logged()?);
    street.stand(Settings { victims, ..settings }, STARTTLS).await?;
    let direct = street.look(DIRECT, STARTTLS).await?;
    direct.ensure_fine()?;
    let mut passages = Vec::new();
    let mut sighted = vec![direct.sighted()?];
    for exit in TOR {
        let seen = street.look(exit, STARTTLS).await?;
        ensure!(seen.kinds() == [Kind::ForeignKey], "{exit} found {:?}", seen.kinds());
        sighted.push(seen.sighted()?);
        passages.push(street.passage(exit, &seen).await?);
    }
    let kinds: Vec<_> = disagreements(&sighted).into_iter().map(|found| found.kind).collect();
    ensure!(kinds == [Kind::VantagesDisagree], "vantages, compared: {kinds:?}");
    let located = locate(&street.keys(), &passages, None);
    ensure!(located.place == Place::Service && located.liars.is_empty(), "{located:?}");
    street.ensure_logged(1).await?;
    let what = "three exits of Tor: a foreign key, while their canaries are right: it is at the service; one incident from CT";
    Ok(Caught::all(what, "probe through Tor, CT").but("it, by the direct prober"))
}

/// 5c: she lets the exits of Tor pass as well.
pub(super) async fn spared_tor() -> anyhow::Result<Caught> {
    let mut street = Street::new().await?;
    let spared = EXITS.into_iter().chain([street::HERE]);
    let settings = Settings::everyone(street.mallory_logged()?);
    street
        .stand(Settings { victims: Victims::AllBut(spared.collect()), ..settings }, STARTTLS)
        .await?;
    for vantage in TOR.into_iter().chain([DIRECT]) {
        street.look(vantage, STARTTLS).await?.ensure_fine()?;
    }
    let alice = street.log_in(ALICE, STARTTLS).await?;
    ensure!(alice.login() == Some(&LoggedIn::BindingRefused), "alice: {:?}", alice.login());
    street.ensure_logged(1).await?;
    let what = "nothing, by probes; alice's own login, bound to her connection, fails; one incident from CT";
    Ok(Caught::all(what, "channel binding, CT").but("it, by any prober: she knows all addresses"))
}

/// 5d: she reads alice, and nobody else, with a certificate that is in no log.
pub(super) async fn whitelist() -> anyhow::Result<Caught> {
    let mut street = Street::new().await?;
    let victims = Victims::Only(BTreeSet::from([street::ALICES]));
    let settings = Settings::everyone(street.mallory_unlogged()?);
    street.stand(Settings { victims, ..settings }, STARTTLS).await?;
    for vantage in TOR.into_iter().chain([DIRECT]) {
        for _ in 0..5 {
            street.look(vantage, STARTTLS).await?.ensure_fine()?;
        }
    }
    ensure!(street.read() == Vec::<IpAddr>::new(), "she read a probe");
    let alice = street.log_in(ALICE, STARTTLS).await?;
    ensure!(alice.login() == Some(&LoggedIn::BindingRefused), "alice: {:?}", alice.login());
    ensure!(alice.kinds().contains(&Kind::BindingRefused), "alice: {:?}", alice.kinds());
    street.ensure_logged(0).await?;
    let what = "nothing, by twenty probes; alice's own login, bound to her connection, fails";
    Ok(Caught::all(what, "channel binding")
        .but("it, by any prober: probes are not on the list, however many there are"))
}

/// 5e: she reads only who says hello as the client does that people use here.
pub(super) async fn one_fingerprint() -> anyhow::Result<Caught> {
    let mut street = Street::new().await?;
    let passer = Passer::new();
    let wanted = ja4(&passer.hello().await?).context("the client says hello")?;
    let victims = Victims::Fingerprint(wanted);
    let settings = Settings::everyone(street.mallory_unlogged()?);
    street.stand(Settings { victims, ..settings }, TLS).await?;
    for vantage in TOR.into_iter().chain([DIRECT]) {
        street.look(vantage, TLS).await?.ensure_fine()?;
    }
    let seen = street.pass(&passer, TLS).await?;
    ensure!(seen.kinds().contains(&Kind::ForeignKey), "the client found {:?}", seen.kinds());
    let what = "a foreign key, by the probe that says hello as people's client does";
    Ok(Caught::all(what, "probe, as a client")
        .but("it, by probes of another kind, from wherever they look"))
}

/// 7: a CA issues for the service and tells no log, and somebody serves that.
pub(super) async fn unlogged() -> anyhow::Result<Caught> {
    let mut street = Street::new().await?;
    street.stand(Settings::everyone(street.mallory_unlogged()?), STARTTLS).await?;
    let seen = street.look(DIRECT, STARTTLS).await?;
    let kinds = [Kind::ForeignKey, Kind::Unlogged];
    ensure!(seen.kinds() == kinds, "a probe found {:?}", seen.kinds());
    street.ensure_logged(0).await?;
    let what =
        "a direct probe: a foreign key in a public CA's certificate without SCTs, with proof";
    Ok(Caught::all(what, "probe").but("it, by who only reads logs"))
}

/// 10: she lets her certificate run out, as in 2023.
pub(super) async fn expired() -> anyhow::Result<Caught> {
    let mut street = Street::new().await?;
    street.stand(Settings::everyone(street.mallory_expired()?), STARTTLS).await?;
    let seen = street.look(DIRECT, STARTTLS).await?;
    let kinds: BTreeSet<_> = seen.kinds().into_iter().collect();
    let wanted = [Kind::Expired, Kind::ForeignUntrusted];
    ensure!(kinds.is_superset(&wanted.into()), "a probe found {:?}", seen.kinds());
    let what = "a direct probe: a foreign key, in a certificate that has run out";
    Ok(Caught::all(what, "probe").but("that it was there before, while it was good"))
}

/// 11: she has the key and the certificate of the server; and another time takes away what binds logins.
pub(super) async fn channel_binding() -> anyhow::Result<Caught> {
    let mut street = Street::new().await?;
    let honest = street.log_in(DIRECT, STARTTLS).await?;
    honest.ensure_fine()?;
    ensure!(
        matches!(honest.login(), Some(LoggedIn::Bound { binding, .. }) if binding == "tls-exporter"),
        "without her: {:?}",
        honest.login()
    );
    ensure!(street.server_saw(&honest.observation), "the server does not know the handshake");

    street.stand(Settings::everyone(street.stolen()), STARTTLS).await?;
    let seen = street.look(DIRECT, STARTTLS).await?;
    seen.ensure_fine()?;
    let bound = street.log_in(DIRECT, STARTTLS).await?;
    ensure!(bound.kinds() == [Kind::BindingRefused], "with the stolen key: {:?}", bound.kinds());
    ensure!(!street.server_saw(&seen.observation), "both ends saw the same handshake");

    let strip = Strip { plus: true, starttls: false };
    let settings = Settings::everyone(street.stolen());
    street.stand(Settings { strip, ..settings.clone() }, STARTTLS).await?;
    let stripped = street.look(DIRECT, STARTTLS).await?;
    ensure!(stripped.kinds() == [Kind::PlusStripped], "stripped: {:?}", stripped.kinds());
    let strip = Strip { plus: false, starttls: true };
    street.stand(Settings { strip, ..settings }, STARTTLS).await?;
    let clear = street.look(DIRECT, STARTTLS).await?;
    ensure!(clear.kinds() == [Kind::StartTlsStripped], "in clear text: {:?}", clear.kinds());
    let what = "a login that is bound to the connection is refused, with the true key and certificate; both ends saw other \
                handshakes; what was stripped is missed";
    Ok(Caught::all(what, "channel binding, probe")
        .but("the stolen key, by probes that do not log in and are not compared"))
}

/// 12: she stands before the service, and not before its onion service.
pub(super) async fn onion() -> anyhow::Result<Caught> {
    let mut street = Street::new().await?;
    street.stand(Settings::everyone(street.mallory_unlogged()?), STARTTLS).await?;
    let onion = street.look_at(TOR[0], ONION, STARTTLS).await?;
    onion.ensure_fine()?;
    let mut passages = Vec::new();
    for exit in TOR {
        let seen = street.look(exit, STARTTLS).await?;
        ensure!(seen.kinds().contains(&Kind::ForeignKey), "{exit} found {:?}", seen.kinds());
        passages.push(street.passage(exit, &seen).await?);
    }
    let located = locate(&street.keys(), &passages, Some(&Shown::Key(onion.sighted()?.key)));
    ensure!(located.place == Place::BeforeHost, "{located:?}");
    let what = "the onion service has the true key, and three exits see another: it is before the host, not on it";
    Ok(Caught::all(what, "probe through Tor").but("who it is"))
}

/// An exit of Tor that lies, about everything.
pub(super) async fn lying_exit() -> anyhow::Result<Caught> {
    let mut street = Street::new().await?;
    street.lie(0).await?;
    let mut passages = Vec::new();
    for exit in TOR {
        let seen = street.look(exit, STARTTLS).await?;
        let is_liar = exit == TOR[0];
        ensure!((seen.judged.sight == Sight::Found) == is_liar, "{exit}: {:?}", seen.kinds());
        passages.push(street.passage(exit, &seen).await?);
    }
    street.look(DIRECT, STARTTLS).await?.ensure_fine()?;
    let located = locate(&street.keys(), &passages, None);
    ensure!(located.liars == [TOR[0]], "{located:?}");
    ensure!(located.place == Place::Nowhere, "{located:?}");
    let what = "that the exit lies: it shows canaries with wrong keys too, and the service is as it should be";
    Ok(Caught::all(what, "probe through Tor").but("an exit that spares the canaries, at first"))
}
