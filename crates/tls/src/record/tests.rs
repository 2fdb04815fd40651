use super::*;

/// The shortest hellos that are some.
fn client_hello() -> Vec<u8> {
    let mut body = vec![3, 3];
    body.extend([7; 32]);
    body.extend([0, 0, 2, 0x13, 1, 1, 0]);
    message(1, &body)
}

fn server_hello(suite: [u8; 2]) -> Vec<u8> {
    let mut body = vec![3, 3];
    body.extend([8; 32]);
    body.extend([0, suite[0], suite[1], 0]);
    message(2, &body)
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u8::try_from(body.len()).unwrap();
    [&[kind, 0, 0, length], body].concat()
}

fn record(kind: u8, payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len()).unwrap();
    [&[kind, 3, 1, 0, length], payload].concat()
}

#[test]
fn what_stands_before_is_stepped_over() {
    let hello = record(22, &client_hello());
    let sent = [b"<starttls xmlns='x'/>\x16\x03\x01\x00\x10\x01\x00", &hello[..]].concat();
    let (records, _) = Records::of_client(&sent).unwrap();
    assert_eq!(records.at(), sent.len() - hello.len());
}

#[test]
fn a_hello_may_come_in_pieces() {
    let hello = client_hello();
    let sent = [record(22, &hello[..20]), record(22, &hello[20..])].concat();
    assert!(Records::of_client(&sent).is_some());
    assert!(Records::of_client(&sent[..sent.len() - 1]).is_none());
}

#[test]
fn the_hello_that_fits_is_preferred() {
    let sent = record(22, &client_hello());
    let (_, client) = Records::of_client(&sent).unwrap();
    let (other, fitting) = (server_hello([0, 5]), server_hello([0x13, 1]));
    let received = [&b"220 "[..], &record(22, &other), &record(22, &fitting)].concat();
    let start = Records::of_server(&received, &client, None).unwrap();
    assert_eq!(start.at(), received.len() - record(22, &fitting).len());
    // Where TLS begins is known if it is known what the client had heard.
    let heard = Some(4);
    assert_eq!(Records::of_server(&received, &client, heard).unwrap().at(), 4);
    let heard = Some(4 + record(22, &other).len());
    assert_eq!(Records::of_server(&received, &client, heard).unwrap().at(), start.at());
    // Whoever chooses what was not offered is heard all the same.
    let received = record(22, &other);
    assert_eq!(Records::of_server(&received, &client, None).unwrap().at(), 0);
}

#[test]
fn an_alert_is_an_answer() {
    let sent = record(22, &client_hello());
    let (_, client) = Records::of_client(&sent).unwrap();
    let received = [b"220 go\r\n", &record(21, &[2, 40])[..]].concat();
    assert_eq!(Records::of_server(&received, &client, None).unwrap().at(), 8);
    let text = [&received[..], b"and text"].concat();
    assert!(Records::of_server(&text, &client, None).is_none());
}
