//! What there is to probe of a domain, and where it is.

use countersign_judge::probe::dane::TlsaView;
use countersign_judge::probe::observation::{Family, Observation};
use countersign_judge::probe::schedule::Target;
use countersign_judge::probe::{Service, Stratum};
use countersign_probe::locate::{Place, locate, tlsa};

use super::{Asked, ProbedDomain};
use crate::context::Context;

/// Targets, and the places that they lead to.
#[derive(Clone, Debug, Default)]
pub(super) struct Targets {
    /// Every service, from every vantage, as every client, at every kind of address.
    pub(super) all: Vec<Target>,
    /// What could not be located, and why.
    pub(super) unlocated: Vec<String>,
    places: Vec<(Place, TlsaView)>,
    /// Those that have no such address.
    left_out: Vec<Target>,
}

impl Targets {
    /// Looks the services of a domain up.
    pub(super) async fn find(cx: &Context, probed: &ProbedDomain) -> Self {
        let probing = &cx.settings.probing;
        let way = probing.ways.first();
        let mut found = Self::default();
        for asked in &probed.services {
            let places = match (&asked.host, way) {
                (None, Some(way)) if asked.port.is_none() => {
                    let service = (probed.domain.as_str(), asked.protocol, asked.opening);
                    match locate(&way.dns, &probing.walk, &cx.clock, service).await {
                        Ok(places) => places,
                        Err(why) => {
                            found.unlocated.push(format!("{}: {why}", probed.domain));
                            continue;
                        }
                    }
                }
                (host, _) => place(probed, asked, host.clone()).into_iter().collect(),
            };
            for place in places {
                let tlsa = match way {
                    Some(way) => tlsa(&way.dns, &probing.walk, &cx.clock, &place).await,
                    None => TlsaView::NotAsked,
                };
                found.places.push((place, tlsa));
            }
        }
        for (place, _) in &found.places {
            for vantage in &probed.vantages {
                for family in families(cx, vantage, &place.host) {
                    for client in &probed.clients {
                        let stratum = Stratum {
                            vantage: vantage.clone(),
                            client: client.clone(),
                            port: place.service.port,
                            family,
                        };
                        let target = Target { service: place.service.clone(), stratum };
                        if !found.all.contains(&target) {
                            found.all.push(target);
                        }
                    }
                }
            }
        }
        found
    }

    /// The host of a target; `None` if it was left out.
    pub(super) fn host(&self, target: &Target) -> Option<&str> {
        if self.left_out.contains(target) {
            return None;
        }
        let place = self.places.iter().find(|(place, _)| place.service == target.service);
        place.map(|(place, _)| place.host.as_str())
    }

    /// It has no address of this kind.
    pub(super) fn leave_out(&mut self, target: &Target) {
        if !self.left_out.contains(target) {
            self.left_out.push(target.clone());
        }
    }

    /// What the signed zone says of what was seen.
    pub(super) fn tlsa(&self, observation: &Observation) -> TlsaView {
        let place = self.places.iter().find(|(place, _)| {
            place.service == observation.service && place.host == observation.host
        });
        place.map_or(TlsaView::NotAsked, |(_, tlsa)| tlsa.clone())
    }
}

fn place(probed: &ProbedDomain, asked: &Asked, host: Option<String>) -> Option<Place> {
    let port = asked.port.or_else(|| asked.protocol.port(asked.opening))?;
    let domain = probed.domain.clone();
    let service =
        Service { domain: domain.clone(), protocol: asked.protocol, opening: asked.opening, port };
    Some(Place { service, host: host.unwrap_or(domain), is_secure: false })
}

/// The kinds of address that a host is looked at at. A proxy chooses by itself.
fn families(cx: &Context, vantage: &str, host: &str) -> Vec<Family> {
    match () {
        () if host.ends_with(".onion") => vec![Family::Onion],
        () if cx.net.is_direct(vantage) => vec![Family::V4, Family::V6],
        () => vec![Family::Unknown],
    }
}

/// What the way out is told.
pub(super) fn dialed(family: Family) -> Option<countersign_net::Family> {
    match family {
        Family::V4 => Some(countersign_net::Family::V4),
        Family::V6 => Some(countersign_net::Family::V6),
        Family::Onion | Family::Unknown => None,
    }
}
