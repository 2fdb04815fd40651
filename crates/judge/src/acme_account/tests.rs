use std::collections::BTreeSet;

use proptest::prelude::*;

use super::renewal::{self, Challenge};
use super::*;

const URL: &str = "https://acme-v02.api.letsencrypt.org/acme/acct/1234567890";

/// What certbot 2.1 writes.
const CERTBOT: &str = r#"{"body": {}, "uri": "{url}"}"#;

/// What certbot wrote before 1.0, when it kept what the CA had said.
const CERTBOT_OLD: &str = r#"{"body": {"contact": ["mailto:ct@xmpp.example"], "agreement": "https://letsencrypt.org/documents/x.pdf", "key": {"kty": "RSA", "e": "AQAB", "n": "kvG_"}}, "uri": "{url}", "new_authzr_uri": "https://acme-v01.api.letsencrypt.org/acme/new-authz", "terms_of_service": "https://letsencrypt.org/documents/x.pdf"}"#;

/// What Caddy 2.6 writes.
const CADDY: &str = r#"{
	"status": "valid",
	"contact": [
		"mailto:ct@xmpp.example"
	],
	"termsOfServiceAgreed": true,
	"orders": "https://ca.example/list-orders/1",
	"location": "{url}"
}"#;

/// What lego 4.9 writes.
const LEGO: &str = r#"{
	"email": "ct@xmpp.example",
	"registration": {
		"body": {
			"status": "valid",
			"contact": [
				"mailto:ct@xmpp.example"
			],
			"orders": "https://ca.example/list-orders/1"
		},
		"uri": "{url}"
	}
}"#;

/// What lego 5 writes.
const LEGO_5: &str = r#"{
	"id": "mail",
	"email": "ct@xmpp.example",
	"keyType": "EC256",
	"registration": {
		"status": "valid",
		"contact": ["mailto:ct@xmpp.example"],
		"accountURL": "{url}"
	}
}"#;

const ACME_SH: &str = "CA_EMAIL='ct@xmpp.example'\nACCOUNT_URL='{url}'\nCA_KEY_HASH='W8xY5bPAbDmnbwb1Hbm5Wdpr/2zEB8xG9YzA+DC5VV4='\n";

const DEHYDRATED: &str = "{\"url\":\"{url}\"}\n";

#[track_caller]
fn check(client: Client, file: &str, expected: Result<&str, NoAccount>) -> Vec<String> {
    let read = read(client, file.replace("{url}", URL).as_bytes());
    let read = read.map(|account| (account.url.to_string(), account.contacts));
    let contacts = read.as_ref().map(|(_, contacts)| contacts.clone()).unwrap_or_default();
    assert_eq!(read.map(|(url, _)| url), expected.map(str::to_owned));
    contacts
}

#[test]
fn each_program_keeps_the_url_in_its_own_way() {
    let mail = ["mailto:ct@xmpp.example"];
    assert!(check(Client::Certbot, CERTBOT, Ok(URL)).is_empty());
    assert_eq!(check(Client::Certbot, CERTBOT_OLD, Ok(URL)), mail);
    assert_eq!(check(Client::Caddy, CADDY, Ok(URL)), mail);
    assert_eq!(check(Client::Lego, LEGO, Ok(URL)), mail);
    assert_eq!(check(Client::Lego, LEGO_5, Ok(URL)), mail);
    assert_eq!(check(Client::AcmeSh, ACME_SH, Ok(URL)), mail);
    assert!(check(Client::Dehydrated, DEHYDRATED, Ok(URL)).is_empty());
}

#[test]
fn what_has_no_url_is_no_account() {
    check(Client::Certbot, r#"{"body": {}}"#, Err(NoAccount::NoUrl));
    check(Client::Caddy, r#"{"status": "", "contact": ["mailto:a@b"]}"#, Err(NoAccount::NoUrl));
    check(
        Client::Lego,
        r#"{"email": "ct@xmpp.example", "registration": null}"#,
        Err(NoAccount::NoUrl),
    );
    check(Client::Dehydrated, r#"{"url": ""}"#, Err(NoAccount::NoUrl));
    check(
        Client::AcmeSh,
        "CA_KEY_HASH=''\n#ACCOUNT_URL='https://ca.example/1'\n",
        Err(NoAccount::NoUrl),
    );
}

#[test] // RFC 8555 §7.1.6
fn an_account_that_has_ended_is_none() {
    for status in ["deactivated", "revoked"] {
        for (client, file) in [(Client::Caddy, CADDY), (Client::Lego, LEGO)] {
            let url = AccountUrl::parse(URL).ok();
            let ended = Err(NoAccount::Ended { status: status.to_owned(), url });
            check(client, &file.replace("\"valid\"", &format!("{status:?}")), ended);
        }
    }
}

#[test]
fn what_is_not_as_the_program_writes_it_is_refused() {
    let shape = |line, column| Err(NoAccount::Shape { line, column });
    check(Client::Certbot, "", shape(1, 0));
    check(Client::Certbot, r#"{"uri": 1}"#, shape(1, 9));
    check(Client::Certbot, r#"{"uri": "https://a.b/1", "uri": "https://a.b/2"}"#, shape(1, 30));
    check(Client::Dehydrated, &"[".repeat(200), shape(1, 1));
    let url = || Err(NoAccount::Url(AccountUrlError::Scheme));
    check(Client::Dehydrated, r#"{"url": "http://ca.example/1"}"#, url());
    let long = format!("{{\"url\": \"{}\"}}", "a".repeat(FILE_BYTES_MAX));
    check(Client::Dehydrated, &long, Err(NoAccount::TooLarge));
    assert_eq!(read(Client::AcmeSh, b"ACCOUNT_URL='\xff'"), Err(NoAccount::NotText));
}

#[test]
fn a_value_is_what_the_shell_would_make_of_it() {
    let read = |file: &str| check(Client::AcmeSh, file, Ok("https://ca.example/1"));
    read("ACCOUNT_URL='https://ca.example/1'");
    read("ACCOUNT_URL=\"https://ca.example/1\"\n");
    read("  ACCOUNT_URL=https://ca.example/1  \r\n");
    read(
        "ACCOUNT_URL='https://ca.example/0'\nACCOUNT_URL='https://ca.example/1'\nACCOUNT_URLS='x'",
    );
    for odd in ["\"$(id)\"", "'a'b'", "`id`", "https://ca.example/$1", "'", "\"a\\\"\"", "a b"] {
        check(Client::AcmeSh, &format!("ACCOUNT_URL={odd}\n"), Err(NoAccount::Quotes));
    }
}

#[test]
fn few_contacts_are_kept() {
    let many = format!(r#"{{"location": "{URL}", "contact": [{}"a"]}}"#, "\"a\",".repeat(100));
    assert_eq!(check(Client::Caddy, &many, Ok(URL)).len(), CONTACTS_MAX);
    let long = format!(r#"{{"location": "{URL}", "contact": ["\u001b{}"]}}"#, "a".repeat(1000));
    let contact = check(Client::Caddy, &long, Ok(URL)).remove(0);
    assert!(contact.starts_with(r"\u{1b}a") && contact.chars().count() == TEXT_CHARACTERS_MAX);
}

#[track_caller]
fn check_renewal(client: Client, file: &str, expected: &[Challenge]) {
    let expected: BTreeSet<_> = expected.iter().copied().collect();
    assert_eq!(renewal::read(client, file.as_bytes()), expected);
}

#[test]
fn certbot_names_the_plugin_that_renews() {
    let file = |lines: &str| {
        format!(
            "version = 2.1.0\nauthenticator = nginx\n\n# Options\n[renewalparams]\n{lines}\n[[webroot_map]]\nauthenticator = nginx\n"
        )
    };
    let check = |lines, expected: &[_]| check_renewal(Client::Certbot, &file(lines), expected);
    check("server = https://ca.example/dir\nauthenticator = standalone", &[Challenge::Http01]);
    check("authenticator = dns-rfc2136", &[Challenge::Dns01]);
    check("authenticator = certbot-dns-x:dns-x", &[Challenge::Dns01]);
    check("authenticator = manual\npref_challs = dns-01,", &[Challenge::Dns01]);
    check(
        "authenticator = manual\npref_challs = dns-01, http-01",
        &[Challenge::Http01, Challenge::Dns01],
    );
    check("authenticator = manual", &[]);
    check("authenticator = somebody-elses", &[]);
    check("", &[]);
    check_renewal(Client::Certbot, "authenticator = nginx", &[]);
}

#[test]
fn acme_sh_names_a_way_for_each_name() {
    let check = |ways, expected: &[_]| {
        check_renewal(
            Client::AcmeSh,
            &format!("Le_Domain='a.example'\nLe_Webroot='{ways}'\n"),
            expected,
        );
    };
    check("/var/www", &[Challenge::Http01]);
    check("no", &[Challenge::Http01]);
    check("dns_nsupdate", &[Challenge::Dns01]);
    check("dns", &[Challenge::Dns01]);
    check("dns_cf,/var/www,alpn", &[Challenge::Http01, Challenge::Dns01, Challenge::TlsAlpn01]);
    check("dns_persist", &[Challenge::DnsPersist01]);
    check("", &[]);
    check_renewal(Client::AcmeSh, "Le_Domain='a.example'", &[]);
    check_renewal(Client::Lego, "Le_Webroot='dns'", &[]);
}

#[test]
fn challenges_have_names() {
    for challenge in Challenge::ALL {
        assert_eq!(challenge.as_str().parse(), Ok(challenge));
    }
    assert_eq!("tls-sni-01".parse::<Challenge>(), Err(renewal::UnknownChallenge));
}

proptest! {
    #[test]
    fn any_bytes_are_an_account_or_not(bytes: Vec<u8>) {
        for client in Client::ALL {
            let _ = read(client, &bytes);
            renewal::read(client, &bytes);
        }
    }
}
