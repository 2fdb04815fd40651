use super::*;

fn settings(contact: &str, vantages: &[(&str, Route)]) -> Settings {
    let vantage =
        |(name, route): &(&str, Route)| Vantage { name: (*name).to_owned(), route: route.clone() };
    Settings {
        contact: contact.to_owned(),
        roots: Roots::Public,
        redirects: None,
        vantages: vantages.iter().map(vantage).collect(),
    }
}

fn http(url: &str) -> Route {
    Route::HttpProxy { url: url.to_owned() }
}

fn socks(address: &str, isolation: Option<String>) -> Route {
    Route::Socks5 { address: address.to_owned(), isolation }
}

fn tor(address: &str, control: &str) -> Route {
    let login = crate::tor::ControlLogin::None;
    let control = Some(crate::tor::Control { address: control.to_owned(), login });
    Route::Tor { address: address.to_owned(), control }
}

/// What setting up says: nothing where all is well.
fn check(settings: Settings, expected: &str) {
    let said = Net::new(settings).err().map_or_else(String::new, |error| error.to_string());
    assert!(said.contains(expected) && said.is_empty() == expected.is_empty(), "{said:?}");
}

#[test]
fn a_contact_is_an_address_or_a_url() {
    for contact in ["ops@example.org", "https://example.org/ct"] {
        check(settings(contact, &[]), "");
    }
    for contact in [
        "",
        "example.org",
        "http://example.org",
        "@",
        "ops @example.org",
        "a@b)",
        "ä@b",
        "a@b\r\nX: y",
    ] {
        check(settings(contact, &[]), "is neither an e-mail address");
    }
    assert_eq!(user_agent("ops@example.org").unwrap(), "countersign/0.1 (+ops@example.org)");
}

#[test]
fn vantages_have_names_of_their_own() {
    let net =
        Net::new(settings("a@b", &[("x", Route::Direct), ("y", socks("127.0.0.1:9050", None))]))
            .unwrap();
    let mut names: Vec<_> = net.vantages().collect();
    names.sort_unstable();
    assert_eq!(names, ["x", "y"]);
    check(
        settings("a@b", &[("x", Route::Direct), ("x", Route::Direct)]),
        "two vantages are named \"x\"",
    );
}

#[test]
fn a_proxys_address_has_to_be_one() {
    for route in [
        http("http://proxy.example:3128"),
        http("https://user:pass@[::1]:1"),
        socks("tor:9050", Some("x".repeat(255))),
    ] {
        check(settings("a@b", &[("x", route)]), "");
    }
    for route in [
        http(""),
        http("proxy.example:3128"),
        http("socks5://127.0.0.1:1"),
        socks("", None),
        socks("tor:99999", None),
        socks("tor:9050", Some(String::new())),
        socks("tor:9050", Some("x".repeat(256))),
    ] {
        check(settings("a@b", &[("x", route)]), "vantage \"x\": cannot read its proxy's address");
    }
}

#[test]
fn a_lab_has_no_proxy_outside() {
    for (route, expected) in [
        (http("http://127.0.0.1:3128"), ""),
        (http("http://[::1]:3128"), ""),
        (socks("127.0.0.9:9050", Some("x".to_owned())), ""),
        (Route::Direct, ""),
        (tor("127.0.0.1:9050", "127.0.0.1:9051"), ""),
        (tor("192.0.2.1:9050", "127.0.0.1:9051"), "would leave the lab"),
        (tor("127.0.0.1:9050", "192.0.2.1:9051"), "would leave the lab"),
        (http("http://192.0.2.1:3128"), "would leave the lab"),
        (http("http://localhost:3128"), "would leave the lab"),
        (socks("tor.example:9050", None), "would leave the lab"),
    ] {
        let redirects = Some(Redirects::new([]));
        check(Settings { redirects, ..settings("a@b", &[("x", route)]) }, expected);
    }
    let outside = ("log.example".to_owned(), "192.0.2.1:443".parse().unwrap());
    assert!(std::panic::catch_unwind(|| Redirects::new([outside])).is_err());
}

#[test]
fn roots_have_to_be_certificates() {
    let not_one = CertificateDer::from(b"not a certificate".to_vec());
    for roots in [Roots::PublicAnd(vec![not_one.clone()]), Roots::Only(vec![not_one])] {
        check(Settings { roots, ..settings("a@b", &[]) }, "root certificate 0 cannot be read");
    }
    assert!(Roots::Public.store().unwrap().len() > 100);
    assert!(Roots::Only(Vec::new()).store().unwrap().is_empty());
}
