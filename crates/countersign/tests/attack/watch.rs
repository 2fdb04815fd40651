//! `countersign watch` elsewhere, which looks at the delegation of the victim's zone.

use countersign_lab::log::{LogServer, Protocol, Settings};
use countersign_net::Clock;
use serde_json::Value;

use crate::client::NAME;
use crate::internet::ZONE;
use crate::place::{Extra, Place};
use crate::world::World;

/// It runs on the host of the test itself, as the log does that it follows besides.
pub(crate) struct Watch {
    place: Place,
    _log: LogServer,
}

impl Watch {
    /// Declares the delegation as the victim had it made.
    pub(crate) async fn new(world: &World) -> Self {
        let log = Settings::plain("log", Protocol::StaticCt, Clock::system());
        let log = LogServer::start(log).await.unwrap();
        let extra = Extra {
            description: "log".to_owned(),
            url: log.url(),
            spki: log.spki().to_owned(),
            protocol: Protocol::StaticCt,
        };
        let place = Place::new(&[".xmpp.example"], &[extra]);
        place.configure(&format!(
            "[dns]\nanchors = {:?}\nhints = {:?}\n\
             [[zone]]\nname = {NAME:?}\nlearn = true\nds = [{:?}]\nns = [\"ns.{NAME} {ZONE}\"]\n",
            world.resolver.anchors(),
            world.resolver.hints(),
            world.zone.ds()
        ));
        Self { place, _log: log }
    }

    /// Looks once. What of the delegation is an incident then, in words that do not change.
    pub(crate) async fn look(&self) -> Vec<String> {
        let looked = self.place.run("watch --once --json").await;
        let reports = looked.rows();
        let opened: Vec<&Value> =
            reports.iter().filter(|row| row["event"] == "incident-opened").collect();
        let findings = opened.iter().flat_map(|row| row["findings"].as_array().unwrap());
        assert!(opened.len() < 2, "one event is one incident: {looked:?}");
        let kinds: Vec<_> =
            findings.map(|finding| finding["kind"].as_str().unwrap().to_owned()).collect();
        assert!(opened.iter().all(|row| row["about"] == "delegation"), "{looked:?}");
        assert_eq!(looked.status, Some(i32::from(!kinds.is_empty())), "{looked:?}");
        kinds
    }
}
