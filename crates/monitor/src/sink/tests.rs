use super::*;

/// A message full of what strangers may write.
pub(super) fn message() -> Message {
    let foreign = "xmpp.example.org\u{202e}\u{1b}[2J<script>\r\nBcc: evil@example";
    let variables = [
        (variable::INCIDENT, "17"),
        ("WATCH_ITEM", ".example.org"),
        ("COUNTERSIGN_NAMES", foreign),
        ("COUNTERSIGN_NEXT_STEPS", "revoke it\nrotate\u{7}"),
        ("TBS_SHA256", "00ff"),
    ];
    Message {
        id: "report-7".to_owned(),
        event: "incident-opened".to_owned(),
        subject: format!("unexpected certificate for {foreign}"),
        text: format!("What: {foreign}\nNext: revoke it\r\n"),
        json: r#"{"names":["xmpp.example.org\u001b"]}"#.to_owned(),
        variables: variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        chain_pem: Some("-----BEGIN CERTIFICATE-----\n".to_owned()),
        severity: Some(Severity::Critical),
    }
}

/// A way out that reaches loopback only.
pub(super) fn net() -> Net {
    use countersign_net::{Redirects, Roots, Route, Settings, Vantage};
    Net::new(Settings {
        contact: "ops@example.org".to_owned(),
        roots: Roots::Only(Vec::new()),
        redirects: Some(Redirects::new([])),
        vantages: vec![Vantage { name: "direct".to_owned(), route: Route::Direct }],
    })
    .unwrap()
}

/// A secret, by way of a file.
pub(super) fn secret(text: &str) -> Secret {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    std::fs::write(&file, text).unwrap();
    Secret::read(&file).unwrap()
}

#[test]
fn a_bare_message_has_nothing_foreign() {
    let (whole, bare) = (message(), message().bare());
    assert_eq!((&bare.id, &bare.event, bare.severity), (&whole.id, &whole.event, whole.severity));
    for form in [&bare.subject, &bare.text, &bare.json, &format!("{bare:?}")] {
        for foreign in ["xmpp", "example", "script", "evil", "TBS", "00ff"] {
            assert!(!form.contains(foreign), "{foreign} is in {form}");
        }
    }
    assert_eq!(bare.subject, "[critical] countersign has a report that this way does not take");
    assert!(bare.text.contains("countersign show 17"), "{}", bare.text);
    let json = r#"{"id":"report-7","event":"incident-opened","severity":"critical","incident":17,"bare":true}"#;
    assert_eq!(bare.json, json);
    assert_eq!(bare.variables, [(variable::INCIDENT.to_owned(), "17".to_owned())]);
    assert_eq!(bare.bare(), bare);
}

#[test]
fn a_number_that_is_none_is_foreign() {
    let mut message = message();
    message.variables[0].1 = "17; evil".to_owned();
    message.severity = None;
    let bare = message.bare();
    assert!(bare.variables.is_empty() && !bare.text.contains("evil"));
    assert!(bare.text.contains("countersign incidents"));
    assert!(bare.json.contains(r#""severity":null,"incident":null"#), "{}", bare.json);
}

#[test]
fn a_message_is_bare_after_three_rejections() {
    let message = message();
    for rejections in 0..3 {
        assert_eq!(*message.after(rejections), message);
    }
    for rejections in [3, 4, u32::MAX] {
        assert_eq!(*message.after(rejections), message.bare());
    }
}

#[test]
fn only_line_ends_steer_a_text() {
    assert_eq!(plain_lines("a\r\nb\rc\u{1b}\n", 100), "a\nb\\u{d}c\\u{1b}\n");
    assert_eq!(plain_lines("üüü\n", 2), "üü…\n");
    let subject = message().subject_line().into_owned();
    assert_eq!(
        subject,
        "unexpected certificate for xmpp.example.org\\u{202e}\\u{1b}[2J<script>\\u{d}\\u{a}Bcc: evil@example"
    );
    let long = Message { subject: "ü\n".repeat(10_000), ..message() };
    assert_eq!(long.subject_line().chars().count(), SUBJECT_CHARACTERS_MAX);
}

#[test]
fn what_was_said_ends_a_sentence() {
    assert_eq!(said(b" \n"), "");
    assert_eq!(said(b"no\x1b\xff\n"), ": no\\u{1b}\u{fffd}");
    assert!(said(&[b'x'; 100_000]).len() < 600);
}
