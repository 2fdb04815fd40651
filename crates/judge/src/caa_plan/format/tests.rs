use countersign_dns::{Rtype, zone_text};
use insta::assert_snapshot;

use super::super::tests::plan;
use super::super::{Choices, ReportTo};
use super::*;
use crate::acme_account::renewal::Challenge;

fn sample() -> Plan {
    let choices = Choices {
        challenges: [Challenge::Dns01].into(),
        iodef: Some(ReportTo::parse("mailto:ct@xmpp.example").expect("an address")),
        ..Choices::default()
    };
    plan(&["https://acme-v02.api.letsencrypt.org/acme/acct/1234"], &choices).expect("a plan")
}

fn written(format: Format, zone: &str) -> String {
    format.write(&sample(), &Name::parse(zone).expect("a name"))
}

/// What is written is read again, by another reader than ours, as the same records.
#[track_caller]
fn check_zone(text: &str) {
    let read =
        zone_text::records(text, &"elsewhere.test".parse().expect("a name")).expect("a zone");
    let mut rdatas = Vec::new();
    for set in &read {
        assert_eq!(set.owner(), &"xmpp.example".parse().expect("a name"));
        assert_eq!((set.rtype(), set.ttl_s()), (Rtype::CAA, 3600));
        rdatas.extend(set.rdatas().iter().cloned());
    }
    let planned = sample().records.into_iter().map(|record| record.record().rdata().to_vec());
    assert_eq!(rdatas, planned.collect::<Vec<_>>());
}

#[test]
fn zone_files_say_the_same() {
    assert_snapshot!(written(Format::Zone, "xmpp.example"), @r#"
    xmpp.example. 3600 IN CAA 0 issue "letsencrypt.org; accounturi=https://acme-v02.api.letsencrypt.org/acme/acct/1234; validationmethods=dns-01"
    xmpp.example. 3600 IN CAA 0 issuewild ";"
    xmpp.example. 3600 IN CAA 0 iodef "mailto:ct@xmpp.example"
    "#);
    check_zone(&written(Format::Zone, "xmpp.example"));
    assert_snapshot!(written(Format::Unknown, "xmpp.example"), @r"
    xmpp.example. 3600 IN TYPE257 \# 112 000569737375656C657473656E63727970742E6F72673B206163636F756E747572693D68747470733A2F2F61636D652D7630322E6170692E6C657473656E63727970742E6F72672F61636D652F616363742F313233343B2076616C69646174696F6E6D6574686F64733D646E732D3031
    xmpp.example. 3600 IN TYPE257 \# 12 0009697373756577696C643B
    xmpp.example. 3600 IN TYPE257 \# 29 0005696F6465666D61696C746F3A637440786D70702E6578616D706C65
    ");
    check_zone(&written(Format::Unknown, "xmpp.example"));
}

#[test]
fn an_update_replaces_all() {
    assert_snapshot!(written(Format::Nsupdate, "example"), @r#"
    zone example.
    update delete xmpp.example. CAA
    update add xmpp.example. 3600 CAA 0 issue "letsencrypt.org; accounturi=https://acme-v02.api.letsencrypt.org/acme/acct/1234; validationmethods=dns-01"
    update add xmpp.example. 3600 CAA 0 issuewild ";"
    update add xmpp.example. 3600 CAA 0 iodef "mailto:ct@xmpp.example"
    send
    "#);
}

#[test]
fn hosts_get_what_they_take() {
    assert_snapshot!(written(Format::Cloudflare, "xmpp.example"), @r#"
    {
      "posts": [
        {
          "data": {
            "flags": 0,
            "tag": "issue",
            "value": "letsencrypt.org; accounturi=https://acme-v02.api.letsencrypt.org/acme/acct/1234; validationmethods=dns-01"
          },
          "name": "xmpp.example",
          "ttl": 3600,
          "type": "CAA"
        },
        {
          "data": {
            "flags": 0,
            "tag": "issuewild",
            "value": ";"
          },
          "name": "xmpp.example",
          "ttl": 3600,
          "type": "CAA"
        },
        {
          "data": {
            "flags": 0,
            "tag": "iodef",
            "value": "mailto:ct@xmpp.example"
          },
          "name": "xmpp.example",
          "ttl": 3600,
          "type": "CAA"
        }
      ]
    }
    "#);
    assert_snapshot!(written(Format::Route53, "xmpp.example"), @r#"
    {
      "Changes": [
        {
          "Action": "UPSERT",
          "ResourceRecordSet": {
            "Name": "xmpp.example.",
            "ResourceRecords": [
              {
                "Value": "0 issue \"letsencrypt.org; accounturi=https://acme-v02.api.letsencrypt.org/acme/acct/1234; validationmethods=dns-01\""
              },
              {
                "Value": "0 issuewild \";\""
              },
              {
                "Value": "0 iodef \"mailto:ct@xmpp.example\""
              }
            ],
            "TTL": 3600,
            "Type": "CAA"
          }
        }
      ]
    }
    "#);
    assert_snapshot!(written(Format::Desec, "xmpp.example"), @r#"
    [
      {
        "records": [
          "0 issue \"letsencrypt.org; accounturi=https://acme-v02.api.letsencrypt.org/acme/acct/1234; validationmethods=dns-01\"",
          "0 issuewild \";\"",
          "0 iodef \"mailto:ct@xmpp.example\""
        ],
        "subname": "",
        "ttl": 3600,
        "type": "CAA"
      }
    ]
    "#);
    assert_snapshot!(written(Format::Powerdns, "xmpp.example"), @r#"
    {
      "rrsets": [
        {
          "changetype": "REPLACE",
          "name": "xmpp.example.",
          "records": [
            {
              "content": "0 issue \"letsencrypt.org; accounturi=https://acme-v02.api.letsencrypt.org/acme/acct/1234; validationmethods=dns-01\"",
              "disabled": false
            },
            {
              "content": "0 issuewild \";\"",
              "disabled": false
            },
            {
              "content": "0 iodef \"mailto:ct@xmpp.example\"",
              "disabled": false
            }
          ],
          "ttl": 3600,
          "type": "CAA"
        }
      ]
    }
    "#);
    assert_snapshot!(written(Format::Hetzner, "xmpp.example"), @r#"
    {
      "name": "@",
      "records": [
        {
          "value": "0 issue \"letsencrypt.org; accounturi=https://acme-v02.api.letsencrypt.org/acme/acct/1234; validationmethods=dns-01\""
        },
        {
          "value": "0 issuewild \";\""
        },
        {
          "value": "0 iodef \"mailto:ct@xmpp.example\""
        }
      ],
      "ttl": 3600,
      "type": "CAA"
    }
    "#);
}

#[test]
fn names_are_relative_where_they_must_be() {
    assert!(written(Format::Desec, "example").contains("\"subname\": \"xmpp\""));
    assert!(written(Format::Hetzner, "example").contains("\"name\": \"xmpp\""));
    assert!(written(Format::Desec, "xmpp.example").contains("\"subname\": \"\""));
}

#[test]
fn formats_have_names() {
    for format in Format::ALL {
        assert_eq!(format.as_str().parse(), Ok(format));
    }
    assert_eq!("bind".parse::<Format>(), Err(UnknownFormat));
}
