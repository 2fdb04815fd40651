//! Addresses in the configuration file: of people, servers and proxies.

/// An e-mail address or an https URL, fit for a header of HTTP.
pub(super) fn contact(text: &str) -> Result<String, String> {
    let fits = text.len() <= CONTACT_MAX
        && text.bytes().all(|byte| byte.is_ascii_graphic() && !b"()<>\\\"".contains(&byte));
    let named = match text.strip_prefix("https://") {
        Some(rest) => rest.split('/').next().is_some_and(|host| host.contains('.')),
        None => text.split_once('@').is_some_and(|(user, host)| {
            !user.is_empty() && host.contains('.') && !host.contains(['@', '/', ':'])
        }),
    };
    if !fits || !named {
        return Err(format!("{text:?} is neither an e-mail address nor an https URL"));
    }
    Ok(text.to_owned())
}

/// A URL where nobody on the way can answer in its place: https, or a server on this machine.
pub(super) fn secure_url(url: &str) -> Result<String, String> {
    let (scheme, rest) = url.split_once("://").unwrap_or_default();
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let port = authority.rfind(':').filter(|colon| authority.rfind(']') < Some(*colon));
    let host = authority.get(..port.unwrap_or(authority.len())).unwrap_or_default();
    let written =
        !host.is_empty() && url.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'@');
    match scheme {
        "https" if written => Ok(url.to_owned()),
        "http" if written && is_loopback(host) => Ok(url.to_owned()),
        _ => Err(format!("{url:?} is not an https URL")),
    }
}

/// Whether a host, as URLs write it, is this machine.
pub(super) fn is_loopback(host: &str) -> bool {
    ["127.0.0.1", "[::1]", "localhost"].contains(&host)
}

/// An address of mail, fit for a header and an envelope.
pub(super) fn mailbox(text: &str) -> Result<String, String> {
    match contact(text) {
        Ok(_) if !text.starts_with("https://") => Ok(text.to_owned()),
        Ok(_) | Err(_) => Err(format!("{text:?} is not an e-mail address")),
    }
}

/// `http://proxy.example:3128`.
pub(super) fn proxy_url(text: &str) -> Result<String, String> {
    let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    match rest.map(|rest| host_and_port(rest.trim_end_matches('/'))) {
        Some(Ok(_)) => Ok(text.to_owned()),
        Some(Err(_)) | None => {
            Err(format!("{text:?} is not the URL of a proxy, as in \"http://proxy.example:3128\""))
        }
    }
}

/// `127.0.0.1:9050`.
pub(super) fn host_and_port(text: &str) -> Result<String, String> {
    let fits = text.rsplit_once(':').is_some_and(|(host, port)| {
        let bracketed = host.starts_with('[') && host.ends_with(']');
        let host_fits = !host.is_empty() && !host.contains(['/', '@', ' ']);
        // An IPv6 address without brackets would lose its last part to the port.
        let one_colon = bracketed || !host.contains(':');
        host_fits && one_colon && port.parse::<u16>().is_ok_and(|port| port > 0)
    });
    if !fits {
        return Err(format!("{text:?} is not a host and a port, as in \"127.0.0.1:9050\""));
    }
    Ok(text.to_owned())
}

/// What to write for a contact.
pub(super) const CONTACT_HINT: &str =
    "name a mailbox that is read, as in contact = \"ct@xmpp.example\"";
/// Longer than any mailbox (RFC 5321 §4.5.3.1), short enough for a header.
const CONTACT_MAX: usize = 254;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(parse: fn(&str) -> Result<String, String>, right: &[&str], wrong: &[&str]) {
        for text in right {
            assert_eq!(parse(text).as_deref(), Ok(*text));
        }
        for text in wrong {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_contact_can_be_reached_and_stays_in_its_header() {
        let right = ["ct@xmpp.example", "https://xmpp.example/contact"];
        let wrong =
            ["", "xmpp.example", "@xmpp.example", "ct@xmpp", "http://xmpp.example", "ct@a.b@c"];
        check(contact, &right, &wrong);
        check(contact, &[], &["a b@xmpp.example", "a@xmpp.example)\r\nX: y", "ä@xmpp.example"]);
    }

    #[test]
    fn only_this_machine_is_asked_in_the_clear() {
        let right = [
            "https://log.example/",
            "http://127.0.0.1:8080/log",
            "http://[::1]/",
            "http://localhost",
        ];
        let wrong = [
            "",
            "log.example",
            "http://log.example/",
            "https://",
            "https:///x",
            "http://127.0.0.1.evil.example/",
        ];
        check(secure_url, &right, &wrong);
        check(
            secure_url,
            &[],
            &[
                "http://localhost@log.example/",
                "http://127.0.0.1:80@log.example/",
                "ftp://log.example/",
                "https://a b/",
            ],
        );
    }

    #[test]
    fn proxies_have_ports() {
        check(
            host_and_port,
            &["127.0.0.1:9050", "[::1]:9050", "tor.example:1"],
            &["127.0.0.1", ":9050", "a:0", "::1:1", "a:65536", "a:b"],
        );
        check(
            proxy_url,
            &["http://proxy.example:3128", "http://proxy.example:3128/"],
            &["proxy.example:3128", "http://proxy.example"],
        );
    }
}
