use super::*;

/// Reads a text whole and byte by byte: the same comes of it.
#[track_caller]
fn read(text: &str) -> Vec<Result<Event, Malformed>> {
    let feed = |pieces: &mut dyn Iterator<Item = &[u8]>| {
        let (mut reader, mut inbox, mut read) = (Reader::default(), Inbox::default(), Vec::new());
        for piece in pieces {
            inbox.push(piece);
            while !matches!(read.last(), Some(Err(_))) {
                let Some(event) = reader.next(&mut inbox) else { break };
                read.push(event);
            }
        }
        read
    };
    let whole = feed(&mut [text.as_bytes()].into_iter());
    assert_eq!(whole, feed(&mut text.as_bytes().chunks(1)));
    whole
}

/// What is read of a stanza, written out again.
#[track_caller]
fn check(stanza: &str, shown: &str) {
    let stream = format!("<?xml version='1.0'?>\n<s:stream xmlns='a' xmlns:s='b'> {stanza}");
    match &read(&stream)[..] {
        [Ok(Event::Opened(_)), Ok(Event::Stanza(element))] => assert_eq!(show(element), shown),
        [Ok(Event::Opened(_)), Err(Malformed)] => assert_eq!("malformed", shown),
        [Ok(Event::Opened(_))] => assert_eq!("incomplete", shown),
        other => panic!("{other:?}"),
    }
}

fn show(element: &Element) -> String {
    let attributes = element.attributes.iter().map(|(name, value)| format!(" {name}={value:?}"));
    let (attributes, children): (String, String) =
        (attributes.collect(), element.children.iter().map(show).collect());
    let Element { namespace, name, text, .. } = element;
    format!("({namespace}|{name}{attributes} {text:?}{children})")
}

#[test]
fn stanzas_are_read_whole() {
    check("<x/>", r#"(a|x "")"#);
    check("<x >t</x >", r#"(a|x "t")"#);
    check("<x a='1' b = \"a>'b\" />", r#"(a|x a="1" b="a>'b" "")"#);
    check("<x>1<y/>2</x>", r#"(a|x "12"(a|y ""))"#);
    check("<x>1", "incomplete");
    check("<x a='>", "incomplete");
}

#[test]
fn names_are_in_the_namespaces_of_their_prefixes() {
    check("<s:x/>", r#"(b|x "")"#);
    check("<x xmlns='c'><y/><s:z xmlns:s='d'/><s:z/></x>", r#"(c|x ""(c|y "")(d|z "")(b|z ""))"#);
    check("<n:x xmlns:n='c'/>", r#"(c|x "")"#);
    check("<n:x/>", "malformed");
    check("<x xmlns=''/>", r#"(|x "")"#);
}

#[test]
fn text_is_unescaped() {
    check("<x a='&lt;&#39;&#x2603;'>&amp;amp;</x>", r#"(a|x a="<'☃" "&amp;")"#);
    for text in ["&nbsp;", "&", "&amp", "&#xd800;", "&#;", "&#x110000;"] {
        check(&format!("<x>{text}</x>"), "malformed");
    }
    assert_eq!(escape(r#"<a&"b'>"#), "&lt;a&amp;&quot;b&apos;&gt;");
    assert_eq!(unescape(&escape(r#"<a&"b'>"#)).as_deref(), Ok(r#"<a&"b'>"#));
}

#[test]
fn what_xmpp_forbids_is_refused() {
    for stanza in [
        "<!-- x -->",
        "<!DOCTYPE x>",
        "<?php ?>",
        "<?xml version='1.0'?>",
        "<x><![CDATA[x]]></x>",
        "text",
        "<x></y>",
        "<>",
        "< x/>",
        "<x a/>",
        "<x a=1/>",
        "<x a='1'b='2'/>",
        "<x a='<'/>",
        "<x:/>",
        "<:x/>",
        "</x>",
    ] {
        check(stanza, "malformed");
    }
}

#[test]
fn depth_and_attributes_are_bounded() {
    let nested = |depth: usize| "<x>".repeat(depth);
    check(&nested(DEPTH_MAX), "incomplete");
    check(&nested(DEPTH_MAX + 1), "malformed");
    let wide = |count: usize| format!("<x{}", " a=''".repeat(count));
    check(&format!("{}>", wide(ATTRIBUTES_MAX)), "incomplete");
    check(&format!("{}>", wide(ATTRIBUTES_MAX + 1)), "malformed");
}

#[test]
fn a_stream_opens_and_closes_once() {
    let events = read("<s><x/></s>");
    assert!(matches!(&events[..], [Ok(Event::Opened(_)), Ok(_), Ok(Event::Closed)]), "{events:?}");
    assert!(matches!(read("<s></s><s>")[..], [Ok(_), Ok(Event::Closed), Err(_)]));
    for garbage in ["HTTP/1.1 400", "\u{15}\u{3}\u{3}", "<s/>", "</s>"] {
        assert_eq!(read(garbage), [Err(Malformed)], "{garbage:?}");
    }
}
