//! The XML of XMPP (RFC 6120 §11), read as it arrives: one element that stays open, and stanzas within it.
//!
//! XMPP forbids what makes XML hard: document types, comments, processing instructions and entities of one's own
//! (RFC 6120 §11.1). A peer that sends them speaks something else.
//!
//! # Limitations
//! CDATA sections are refused too, though XMPP allows them: no server is known to write them in what is read here.

use std::borrow::Cow;
use std::sync::Arc;

use crate::inbox::Inbox;

/// Reads one stream.
#[derive(Clone, Debug, Default)]
pub struct Reader {
    root: Option<Element>,
    /// The elements of a stanza that are open, the outermost first.
    open: Vec<Element>,
    is_closed: bool,
    /// How much of the token that is not yet complete has been looked at, and the quote that was open there.
    searched: usize,
    quote: Option<u8>,
}

/// What was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The start of the element that stays open; its children are stanzas.
    Opened(Element),
    /// A whole stanza.
    Stanza(Element),
    /// The end of the element that stayed open.
    Closed,
}

/// An element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element {
    /// The namespace that it is in; empty if in none.
    pub namespace: Arc<str>,
    /// Its local name.
    pub name: String,
    /// The attributes with their names as written, less declarations of namespaces.
    pub attributes: Vec<(String, String)>,
    /// The text between its tags, without that of its children.
    pub text: String,
    /// The elements in it.
    pub children: Vec<Self>,
    /// Its name as written: the end tag repeats it.
    tag: String,
    /// The namespaces that it declares, by prefix; the default one has an empty prefix.
    declared: Vec<(String, Arc<str>)>,
}

/// What came is not XML, or none that XMPP allows, or deeper or with more attributes than is read here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// Features within features within a stream make five.
const DEPTH_MAX: usize = 12;
/// A stream's start has seven.
const ATTRIBUTES_MAX: usize = 32;

impl Reader {
    /// What can be read next, if all of it has come.
    pub fn next(&mut self, inbox: &mut Inbox) -> Option<Result<Event, Malformed>> {
        loop {
            let rest = inbox.rest();
            let (read, length) = if *rest.first()? == b'<' {
                let length = self.markup(rest)?;
                (self.tag(&rest[..length]), length)
            } else {
                let length = self.text_length(rest)?;
                (self.text(&rest[..length]), length)
            };
            inbox.skip(length);
            (self.searched, self.quote) = (0, None);
            match read {
                Ok(Some(event)) => return Some(Ok(event)),
                Ok(None) => {}
                Err(malformed) => return Some(Err(malformed)),
            }
        }
    }

    /// The length of a tag, up to the first `>` that is not in quotes.
    fn markup(&mut self, rest: &[u8]) -> Option<usize> {
        for (at, byte) in rest.iter().enumerate().skip(self.searched) {
            match (self.quote, byte) {
                (None, b'>') => return Some(at + 1),
                (None, b'"' | b'\'') => self.quote = Some(*byte),
                (Some(quote), byte) if quote == *byte => self.quote = None,
                _ => {}
            }
        }
        self.searched = rest.len();
        None
    }

    /// The length of a text: up to the next tag within a stanza; elsewhere one byte, so that it is refused at once.
    fn text_length(&mut self, rest: &[u8]) -> Option<usize> {
        if self.open.is_empty() {
            return Some(1);
        }
        let from = self.searched;
        self.searched = rest.len();
        Some(from + rest[from..].iter().position(|byte| *byte == b'<')?)
    }

    fn text(&mut self, bytes: &[u8]) -> Result<Option<Event>, Malformed> {
        match self.open.last_mut() {
            Some(element) => element.text.push_str(&unescape(text_of(bytes)?)?),
            // Some clients and servers send a space to keep a connection alive (RFC 6120 §4.6.1).
            None if bytes.iter().all(u8::is_ascii_whitespace) => {}
            None => return Err(Malformed),
        }
        Ok(None)
    }

    fn tag(&mut self, bytes: &[u8]) -> Result<Option<Event>, Malformed> {
        let tag = text_of(bytes)?.strip_prefix('<').and_then(|tag| tag.strip_suffix('>'));
        let tag = tag.expect("a tag is between < and >");
        if self.is_closed {
            return Err(Malformed);
        }
        if tag.starts_with('?') {
            // The XML declaration, before everything else.
            let is_declaration =
                self.root.is_none() && tag.starts_with("?xml") && tag.ends_with('?');
            return if is_declaration { Ok(None) } else { Err(Malformed) };
        }
        if let Some(name) = tag.strip_prefix('/') {
            return self.end(name.trim_end());
        }
        let (tag, is_empty) = match tag.strip_suffix('/') {
            Some(tag) => (tag, true),
            None => (tag, false),
        };
        let element = self.start(tag)?;
        if self.root.is_none() {
            if is_empty {
                return Err(Malformed);
            }
            self.root = Some(element.clone());
            return Ok(Some(Event::Opened(element)));
        }
        if is_empty {
            return Ok(self.complete(element));
        }
        if self.open.len() == DEPTH_MAX {
            return Err(Malformed);
        }
        self.open.push(element);
        Ok(None)
    }

    fn end(&mut self, name: &str) -> Result<Option<Event>, Malformed> {
        if let Some(element) = self.open.pop() {
            return if element.tag == name { Ok(self.complete(element)) } else { Err(Malformed) };
        }
        match &self.root {
            Some(root) if root.tag == name => {
                self.is_closed = true;
                Ok(Some(Event::Closed))
            }
            _ => Err(Malformed),
        }
    }

    fn complete(&mut self, element: Element) -> Option<Event> {
        match self.open.last_mut() {
            Some(parent) => {
                parent.children.push(element);
                None
            }
            None => Some(Event::Stanza(element)),
        }
    }

    /// What stands between `<` and `>` or `/>`.
    fn start(&self, tag: &str) -> Result<Element, Malformed> {
        let end = tag.find(|c: char| c.is_ascii_whitespace()).unwrap_or(tag.len());
        let (tag, mut rest) = tag.split_at(end);
        let (mut attributes, mut declared) = (Vec::new(), Vec::new());
        loop {
            let next = rest.trim_start_matches(|c: char| c.is_ascii_whitespace());
            if next.is_empty() {
                break;
            }
            if next.len() == rest.len() || attributes.len() + declared.len() == ATTRIBUTES_MAX {
                return Err(Malformed);
            }
            let (name, value, behind) = attribute(next)?;
            rest = behind;
            match name.strip_prefix("xmlns") {
                Some("") => declared.push((String::new(), Arc::from(&*value))),
                Some(prefixed) if prefixed.starts_with(':') => {
                    declared.push((prefixed[1..].to_owned(), Arc::from(&*value)));
                }
                _ => attributes.push((name.to_owned(), value.into_owned())),
            }
        }
        let (prefix, name) = tag.split_once(':').unwrap_or(("", tag));
        if !is_name(name) || (tag != name && !is_name(prefix)) {
            return Err(Malformed);
        }
        let namespace = self.namespace(prefix, &declared).ok_or(Malformed)?;
        let (name, tag) = (name.to_owned(), tag.to_owned());
        let (text, children) = (String::new(), Vec::new());
        Ok(Element { namespace, name, attributes, text, children, tag, declared })
    }

    /// The namespace of a prefix, by the innermost declaration of it.
    fn namespace(&self, prefix: &str, declared: &[(String, Arc<str>)]) -> Option<Arc<str>> {
        let outer = self.open.iter().rev().chain(&self.root).map(|element| &*element.declared);
        let mut all = [declared].into_iter().chain(outer).flatten();
        match all.find(|(known, _)| known == prefix) {
            Some((_, namespace)) => Some(namespace.clone()),
            None => prefix.is_empty().then(|| Arc::from("")),
        }
    }
}

impl Element {
    /// The value of an attribute.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        let named = self.attributes.iter().find(|(known, _)| known == name);
        named.map(|(_, value)| value.as_str())
    }

    /// The first child of that name in that namespace.
    pub fn child(&self, namespace: &str, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.is(namespace, name))
    }

    /// Whether it has that name, in that namespace.
    pub fn is(&self, namespace: &str, name: &str) -> bool {
        &*self.namespace == namespace && self.name == name
    }
}

/// A text as it stands in an attribute or between tags.
pub fn escape(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut escaped, c| {
        match FIVE.iter().find(|(_, known)| *known == c) {
            Some((name, _)) => escaped.extend(["&", name, ";"]),
            None => escaped.push(c),
        }
        escaped
    })
}

/// The entities that every reader of XML knows (XML 1.0 §4.6).
const FIVE: [(&str, char); 5] =
    [("amp", '&'), ("lt", '<'), ("gt", '>'), ("quot", '"'), ("apos", '\'')];

fn unescape(text: &str) -> Result<Cow<'_, str>, Malformed> {
    let mut parts = text.split('&');
    let first = parts.next().expect("a split has a first part");
    if first.len() == text.len() {
        return Ok(Cow::Borrowed(text));
    }
    let mut plain = first.to_owned();
    for part in parts {
        let (name, behind) = part.split_once(';').ok_or(Malformed)?;
        plain.push(character(name).ok_or(Malformed)?);
        plain.push_str(behind);
    }
    Ok(Cow::Owned(plain))
}

/// One of the five, or a number.
fn character(name: &str) -> Option<char> {
    let Some(number) = name.strip_prefix('#') else {
        return FIVE.iter().find(|(known, _)| *known == name).map(|(_, c)| *c);
    };
    let code = match number.strip_prefix('x') {
        Some(digits) => u32::from_str_radix(digits, 16),
        None => number.parse(),
    };
    char::from_u32(code.ok()?)
}

/// The attribute that a text begins with, and what stands behind it.
fn attribute(text: &str) -> Result<(&str, Cow<'_, str>, &str), Malformed> {
    let (name, value) = text.split_once('=').ok_or(Malformed)?;
    let (name, value) = (name.trim_end(), value.trim_start());
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\'')).ok_or(Malformed)?;
    let (value, behind) = value[1..].split_once(quote).ok_or(Malformed)?;
    if !is_name(name) || value.contains('<') {
        return Err(Malformed);
    }
    Ok((name, unescape(value)?, behind))
}

/// Whether a name has nothing in it that a name must not have. Colons may stand in the names of attributes.
fn is_name(name: &str) -> bool {
    let is_of_it = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | ':');
    !name.is_empty() && name.chars().all(is_of_it)
}

fn text_of(bytes: &[u8]) -> Result<&str, Malformed> {
    std::str::from_utf8(bytes).map_err(|_| Malformed)
}

#[cfg(test)]
mod tests;
