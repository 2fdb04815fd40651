//! Gates elsewhere corroborate: enough of them, in enough regions, each with its own proofs; and one that is fooled
//! alone is overruled.

use std::sync::Arc;
use std::time::Duration;

use countersign_caa::mpic::Region;
use countersign_caa::{Demand, Name};
use countersign_gate::api::{Api, Token, openapi};
use countersign_gate::archive::read_proof;
use countersign_gate::rejudge::rejudge;
use countersign_gate::row::{PerspectivesRow, RecordRow};
use countersign_gate::{Corroborators, Other};
use countersign_lab::dns::{Change, Forgery};
use countersign_lab::log::Group;
use countersign_net::Target;
use serde_json::json;

use crate::http::{Served, fits};
use crate::place::{ACCOUNT, CAA, World, application, dns_name, told, verify};

/// Gates elsewhere, some of whom are told what group A is told, and some what group B is.
async fn elsewhere(world: &World, groups: &[Group]) -> (Vec<Served>, Vec<Other>) {
    let regions = [Region::Ripe, Region::Arin, Region::Apnic];
    let (mut served, mut others) = (Vec::new(), Vec::new());
    for (index, group) in groups.iter().enumerate() {
        let folder = format!("elsewhere-{index}");
        let api = Api {
            gate: world.gate_in(*group, &folder, Demand::Validated, Corroborators::none()),
            issuers: vec![Name::parse("ca.example").unwrap()],
            token: None,
            corroboration_tokens: vec![Token::new("secret")],
            step_ca: None,
        };
        let one = Served::new(world.net(Group::A), api).await;
        others.push(Other {
            name: format!("gate {index}"),
            region: regions[index % regions.len()],
            target: Target::parse(&format!("http://{}/v1/corroborate", one.address)).unwrap(),
            token: "secret".to_owned(),
        });
        served.push(one);
    }
    (served, others)
}

/// What comes out of a decision about `name`, with its record.
async fn decided(world: &World, others: Vec<Other>, name: &str) -> (String, Arc<RecordRow>) {
    let corroborators = Corroborators::new(world.net(Group::A), "direct".to_owned(), others);
    let gate = world.gate("primary", Demand::Validated, corroborators);
    let decided = gate.decide(application(&[name], ACCOUNT, "dns-01")).await.unwrap();
    gate.archive().close();
    let record = decided.record;
    let counted =
        record.perspectives.as_ref().map_or("not asked", |all| all.corroboration.as_str());
    (format!("{} {counted}", record.verdict), record)
}

/// Records that let everybody have a certificate, in the place of those of a zone that is not signed.
fn forged() -> Forgery {
    let rdatas = vec![b"\x00\x05issueca.example".to_vec()];
    Forgery::below(dns_name("unsigned.test"), Change::Replace { rtype: CAA, rdatas })
}

#[tokio::test]
async fn enough_that_agree_are_enough() {
    let world = World::new().await;
    // Five are demanded from December of 2026 on.
    let (_served, others) = elsewhere(&world, &[Group::A; 5]).await;
    let (told_, record) = decided(&world, others, "shop.example").await;
    assert_eq!(told_, "allow enough");
    let perspectives = record.perspectives.as_ref().unwrap();
    for said in &perspectives.said {
        assert_eq!(said.word, "permits", "{said:?}");
        let theirs = said.record.as_ref().unwrap();
        assert_eq!(told(theirs), ["shop.example allow authorized"]);
    }
    // The proofs of all of them are in our archive, and in theirs.
    assert_eq!(world.verify("primary"), Ok(1));
    assert_eq!(verify(&world.dir.path().join("elsewhere-0"), &world.walks()), Ok(1));
    // What would not count when it is decided does not hold either when it is verified.
    let folder = world.dir.path().join("primary");
    let check = |change: &dyn Fn(&mut PerspectivesRow), why: &str| {
        let mut changed = record.as_ref().clone();
        change(changed.perspectives.as_mut().unwrap());
        let proof = |hash: &str| read_proof(&folder, hash);
        let found = rejudge(&changed, &world.walks(), &proof).expect_err(why).to_string();
        assert!(found.contains(why), "{found}");
    };
    let first = |row: &mut PerspectivesRow, change: &dyn Fn(&mut RecordRow)| {
        change(row.said[0].record.as_mut().unwrap());
    };
    check(&|row| first(row, &|theirs| theirs.issuers.clear()), "gate 0: its record is about");
    check(
        &|row| first(row, &|theirs| theirs.perspectives = record.perspectives.clone()),
        "by itself",
    );
    let later = record.at().unwrap() + Duration::from_secs(301);
    check(&|row| first(row, &|theirs| theirs.at = later.to_string()), "not at the same time");
    check(&|row| row.remotes_min = Some(2), "what is demanded");
    check(&|row| row.regions_min = None, "what is demanded");
    let document = openapi::document();
    let row = serde_json::to_value(perspectives).unwrap();
    fits(&document, "Perspectives", &row);
    fits(&document, "Said", &row["said"][0]);
}

#[tokio::test]
async fn too_few_are_not() {
    let world = World::new().await;
    let (_served, others) = elsewhere(&world, &[Group::A; 3]).await;
    assert_eq!(decided(&world, others, "shop.example").await.0, "deny too-few-asked");
    assert_eq!(world.verify("primary"), Ok(1));
}

#[tokio::test]
async fn one_may_differ_and_two_may_not() {
    for (groups, expected) in [
        ([Group::A, Group::A, Group::B, Group::A, Group::A], "allow enough"),
        ([Group::A, Group::B, Group::B, Group::A, Group::A], "deny too-few-permit"),
    ] {
        let world = World::new().await;
        let (_served, others) = elsewhere(&world, &groups).await;
        // Somebody on the way of group B strips signatures.
        let strips = Forgery::below(dns_name("shop.example"), Change::StripSignatures);
        world.responder.forge(Group::B, &strips);
        let (told, record) = decided(&world, others, "shop.example").await;
        assert_eq!(told, expected);
        let said = &record.perspectives.as_ref().unwrap().said[2];
        assert_eq!(
            (said.word.as_str(), said.why.as_deref()),
            ("refuses", Some("shop.example: dnssec-bogus"))
        );
        assert_eq!(world.verify("primary"), Ok(1));
    }
}

#[tokio::test] // Where nothing is signed, several places are all that there is.
async fn a_gate_that_is_fooled_alone_is_overruled() {
    let world = World::new().await;
    let (_served, others) = elsewhere(&world, &[Group::B; 5]).await;
    let mut application = application(&["unsigned.test"], "https://ca.example/acct/666", "dns-01");
    application.reference = Some("mallory".to_owned());
    let corroborators = Corroborators::new(world.net(Group::A), "direct".to_owned(), others);
    let gate = world.gate("primary", Demand::Validated, corroborators);
    world.responder.forge(Group::A, &forged());
    let decided = gate.decide(application).await.unwrap();
    assert_eq!(told(&decided.record), ["unsigned.test allow authorized"]);
    assert_eq!(decided.record.verdict, "deny");
    let said = &decided.record.perspectives.as_ref().unwrap().said[0];
    assert_eq!(said.why.as_deref(), Some("unsigned.test: accounturi-mismatch"));
    gate.archive().close();
    assert_eq!(world.verify("primary"), Ok(1));
}

#[tokio::test]
async fn who_says_nothing_that_holds_is_silent() {
    let world = World::new().await;
    let (served, mut others) = elsewhere(&world, &[Group::A; 6]).await;
    // One does not know us, one is not there, one answers for another CA.
    others[0].token = "wrong".to_owned();
    others[1].target = Target::parse("http://127.0.0.1:1/v1/corroborate").unwrap();
    let health = format!("http://{}/healthz", served[2].address);
    others[2].target = Target::parse(&health).unwrap();
    let (told, record) = decided(&world, others, "shop.example").await;
    assert_eq!(told, "deny too-few-permit");
    let words: Vec<_> =
        record.perspectives.as_ref().unwrap().said.iter().map(|said| json!(said.word)).collect();
    assert_eq!(
        json!(words),
        json!(["silent", "silent", "silent", "permits", "permits", "permits"])
    );
    assert_eq!(world.verify("primary"), Ok(1));
}

#[tokio::test]
async fn nobody_is_asked_about_what_is_denied_here() {
    let world = World::new().await;
    let (_served, others) = elsewhere(&world, &[Group::A; 5]).await;
    assert_eq!(decided(&world, others, "closed.shop.example").await.0, "deny not asked");
    assert_eq!(world.verify("elsewhere-0"), Ok(0));
}
