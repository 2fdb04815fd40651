//! What can be said of clients without running any.

use super::*;

#[test]
fn clients_are_found_by_their_names() {
    for client in Client::ALL {
        assert_eq!(client.as_str().parse(), Ok(client));
    }
    assert_eq!("links".parse::<Client>(), Err(UnknownClient("links".into())));
}

#[test]
fn each_protocol_has_a_client_that_people_use_or_a_tool() {
    for protocol in Protocol::ALL {
        for opening in [Opening::StartTls, Opening::Direct] {
            let domain = "a.example".to_owned();
            let service = Service { domain, protocol, opening, port: 1 };
            let speak = Client::ALL.iter().any(|client| client.speaks(&service));
            assert_eq!(speak, opening == Opening::Direct || protocol.has_starttls(), "{protocol}");
        }
    }
}
