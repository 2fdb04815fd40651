use super::*;
use crate::authority::Authority;
use crate::mallory::{Settings, Way};
use crate::xmpp::Offer;
use crate::xmpp::tests::{Client, DOMAIN, LOCALHOST, config, identity, server};

const SOURCE: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 7, 1));

/// Asks an exit for the XMPP server's port with direct TLS.
async fn ask(exit: &Exit, name: Option<&str>, host: &str) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect(exit.address()).await?;
    match name {
        None => {
            stream.write_all(&[5, 1, 0]).await?;
            assert_eq!(bytes(&mut stream).await?, [5, 0]);
        }
        Some(name) => {
            stream.write_all(&[5, 2, 0, 2]).await?;
            assert_eq!(bytes(&mut stream).await?, [5, 2]);
            let length = u8::try_from(name.len()).unwrap();
            let said = [&[1, length], name.as_bytes(), &[1, b'x']].concat();
            stream.write_all(&said).await?;
            assert_eq!(bytes(&mut stream).await?, [1, 0]);
        }
    }
    let length = u8::try_from(host.len()).unwrap();
    let said = [&[5, 1, 0, 3, length], host.as_bytes(), &5223_u16.to_be_bytes()].concat();
    stream.write_all(&said).await?;
    let [_, code, ..] = bytes::<10>(&mut stream).await?;
    if code == 0 { Ok(stream) } else { Err(io::Error::other(code.to_string())) }
}

#[tokio::test]
async fn an_exit_connects_from_its_own_address_and_knows_its_users_apart() {
    let server = server(identity(&Authority::new("Lab", 1)), Offer::default()).await;
    let directory = Directory::default();
    directory.put(DOMAIN, 5223, server.direct());
    let exit = Exit::start(SOURCE, directory.clone(), Manner::Honest).await.unwrap();
    for name in [None, Some("probe-1")] {
        let stream = ask(&exit, name, DOMAIN).await.unwrap();
        let client = Client::shake(stream, config()).await.unwrap();
        assert_eq!(client.spki(), server.identity().spki());
    }
    let isolations: Vec<_> = exit.seen().into_iter().map(|visit| visit.isolation).collect();
    assert_eq!(isolations, [None, Some("probe-1".to_owned())]);
    assert!(server.connections().iter().all(|(from, _)| from.ip() == SOURCE));
    let unknown = ask(&exit, None, "nobody.example").await.unwrap_err();
    assert_eq!(unknown.to_string(), "4");
    // Where a host is can change.
    directory.put(DOMAIN, 5223, SocketAddr::new(LOCALHOST, 1));
    assert_eq!(ask(&exit, None, DOMAIN).await.unwrap_err().to_string(), "5");
}

#[tokio::test]
async fn a_lying_exit_shows_another_key_for_everything() {
    let authority = Authority::new("Lab", 1);
    let other = identity(&authority);
    let directory = Directory::default();
    let mut servers = Vec::new();
    for host in ["service.example", "canary.example"] {
        let server = server(identity(&authority), Offer::default()).await;
        directory.put(host, 5223, server.direct());
        servers.push(server);
    }
    let way = Way::new(Settings::everyone(other.clone()));
    let exit = Exit::start(SOURCE, directory, Manner::Lying(way.clone())).await.unwrap();
    for host in ["service.example", "canary.example"] {
        let stream = ask(&exit, Some("probe"), host).await.unwrap();
        let client = Client::shake(stream, config()).await.unwrap();
        assert_eq!(client.spki(), other.spki());
    }
    assert_eq!(way.seen().read, [SOURCE, SOURCE]);
}
