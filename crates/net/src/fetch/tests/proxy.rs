//! Proxies, and what they are told.

use super::*;
use crate::tests::proxies::{connect_proxy, socks_server};

/// What comes of asking for `url` by way of `route`.
async fn ask(url: &str, route: Route) -> Result<Reply, FetchError> {
    let vantages = vec![Vantage { name: "proxied".to_owned(), route }];
    // With a table without hosts: a proxied vantage needs none, since the proxy resolves.
    let redirects = Some(Redirects::new([]));
    let net = net(Settings { vantages, redirects, ..settings() });
    net.get(Get { vantage: "proxied", ..request(url) }, now()).await
}

fn socks(server: &Server, isolation: Option<&str>) -> Route {
    let address = server.address.to_string();
    Route::Socks5 { address, isolation: isolation.map(str::to_owned) }
}

#[tokio::test]
async fn a_socks_proxy_gets_the_name_and_the_isolation() {
    let log = Server::saying(answer("200 OK", b"ok")).await;
    let tor = socks_server(log.address, 0).await;
    for (url, isolation) in [
        ("http://log.example/", Some("log:a/b@c")),
        ("http://log.example:8080/", None),
        ("http://abcdefghijklmnop.onion/", Some("x")),
    ] {
        assert_eq!(ask(url, socks(&tor, isolation)).await.unwrap().body, b"ok");
    }
    let expected = [
        "log:a/b@c: log.example port 80",
        "nobody: log.example port 8080",
        "x: abcdefghijklmnop.onion port 80",
    ];
    assert_eq!(tor.seen(), expected);
}

#[tokio::test]
async fn tls_goes_through_a_socks_proxy_to_the_name_in_the_url() {
    let log = Server::start(|_, mut stream, _| async move {
        say(&mut stream, b"this is not TLS").await;
    })
    .await;
    let tor = socks_server(log.address, 0).await;
    let error = ask("https://log.example/", socks(&tor, None)).await.unwrap_err();
    assert!(matches!(&error, FetchError::Tls { host, .. } if host == "log.example"), "{error:?}");
    assert_eq!(tor.seen(), ["nobody: log.example port 443"]);
}

#[tokio::test]
async fn a_socks_proxy_that_cannot_connect_is_named() {
    let tor = socks_server("127.0.0.1:1".parse().unwrap(), 5).await;
    let error = ask("http://log.example/", socks(&tor, None)).await.unwrap_err();
    assert!(matches!(&error, FetchError::Connect { proxied: Some(_), .. }), "{error:?}");
    assert_eq!(error.to_string(), "cannot connect to log.example by way of vantage \"proxied\"");
    assert!(error.hint().unwrap().contains("proxy"));
}

#[tokio::test]
async fn a_plain_request_through_an_http_proxy_names_its_whole_url() {
    let proxy = Server::saying(answer("200 OK", b"ok")).await;
    let url = format!("http://user:pass@{}", proxy.address);
    let reply = ask("http://log.example/ct?a=b", Route::HttpProxy { url }).await.unwrap();
    assert_eq!(reply.body, b"ok");
    let seen = &proxy.seen()[0];
    assert!(seen.starts_with("GET http://log.example/ct?a=b HTTP/1.1\r\n"), "{seen}");
    assert!(seen.contains("proxy-authorization: Basic dXNlcjpwYXNz\r\n"), "{seen}");
}

#[tokio::test] // RFC 9110 §9.3.6
async fn tls_goes_through_an_http_proxy_by_connect() {
    let log = Server::start(|_, mut stream, _| async move {
        say(&mut stream, b"this is not TLS").await;
    })
    .await;
    let proxy = connect_proxy(log.address, "200 OK").await;
    let route = || Route::HttpProxy { url: format!("http://{}", proxy.address) };
    let error = ask("https://log.example/", route()).await.unwrap_err();
    assert!(matches!(&error, FetchError::Tls { host, .. } if host == "log.example"), "{error:?}");
    assert!(
        proxy.seen()[0].starts_with("CONNECT log.example:443 HTTP/1.1\r\n"),
        "{:?}",
        proxy.seen()
    );
}

#[tokio::test]
async fn an_http_proxy_that_refuses_is_named() {
    let nowhere = "127.0.0.1:1".parse().unwrap();
    let proxy = connect_proxy(nowhere, "403 Forbidden").await;
    let url = format!("http://{}", proxy.address);
    let error = ask("https://log.example/", Route::HttpProxy { url }).await.unwrap_err();
    assert!(matches!(&error, FetchError::Connect { proxied: Some(_), .. }), "{error:?}");
}
