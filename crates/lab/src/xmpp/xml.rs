//! The little XML that a stream is made of (RFC 6120 §4, §11): its header, elements one by one, its end. Prefixes are
//! dropped and not looked up, since nobody in the lab binds them to anything unusual.

/// What comes next on a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Item {
    /// The header.
    Open(Element),
    /// An element with all that is in it.
    Element(Element),
    /// The end.
    Close,
}

/// An element.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Element {
    /// Its name, without a prefix.
    pub(super) name: String,
    attributes: Vec<(String, String)>,
    /// The elements in it.
    pub(super) children: Vec<Self>,
    /// The text in it.
    pub(super) text: String,
}

impl Element {
    /// What an attribute says, nothing if it is not there.
    pub(super) fn attribute(&self, name: &str) -> &str {
        let found = self.attributes.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value.as_str())
    }
}

/// Takes bytes, gives items.
#[derive(Debug, Default)]
pub(super) struct Reader {
    bytes: Vec<u8>,
}

/// It is no XML, too much of it, or XML that XMPP forbids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no XML of a stream")]
pub(super) struct NotAStream;

impl Reader {
    /// What came.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<(), NotAStream> {
        if self.bytes.len() + bytes.len() > BYTES_MAX {
            return Err(NotAStream);
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    /// The next item; `None` until more came.
    pub(super) fn next(&mut self) -> Result<Option<Item>, NotAStream> {
        let text = match std::str::from_utf8(&self.bytes) {
            Ok(text) => text,
            // The rest of a character may still come.
            Err(err) => {
                std::str::from_utf8(&self.bytes[..err.valid_up_to()]).expect("it was looked at")
            }
        };
        let mut scan = Scan { rest: text };
        match scan.item() {
            Ok(item) => {
                let read = text.len() - scan.rest.len();
                self.bytes.drain(..read);
                Ok(Some(item))
            }
            Err(Stop::More) => Ok(None),
            Err(Stop::Never) => Err(NotAStream),
        }
    }

    /// Whether something came that was not given out.
    pub(super) fn has_rest(&self) -> bool {
        !self.bytes.is_empty()
    }
}

/// Why there is no item.
enum Stop {
    More,
    Never,
}

struct Scan<'a> {
    rest: &'a str,
}

/// A start tag.
struct Tag {
    element: Element,
    is_whole: bool,
}

impl<'a> Scan<'a> {
    fn item(&mut self) -> Result<Item, Stop> {
        self.skip_space();
        if self.rest.starts_with("<?") {
            self.until("?>")?;
            self.skip_space();
        }
        if self.rest.starts_with("</") {
            self.until(">")?;
            return Ok(Item::Close);
        }
        let tag = self.tag()?;
        if tag.element.name == "stream" {
            return Ok(Item::Open(tag.element));
        }
        self.element(tag, 0).map(Item::Element)
    }

    /// The rest of an element.
    fn element(&mut self, tag: Tag, depth: usize) -> Result<Element, Stop> {
        let mut element = tag.element;
        if tag.is_whole {
            return Ok(element);
        }
        if depth == DEPTH_MAX {
            return Err(Stop::Never);
        }
        loop {
            let text = self.rest.find('<').ok_or(Stop::More)?;
            element.text.push_str(&plain(&self.rest[..text]));
            self.rest = &self.rest[text..];
            if self.rest.starts_with("</") {
                self.until(">")?;
                return Ok(element);
            }
            let tag = self.tag()?;
            element.children.push(self.element(tag, depth + 1)?);
        }
    }

    fn tag(&mut self) -> Result<Tag, Stop> {
        match self.rest.as_bytes() {
            [] | [b'<'] => return Err(Stop::More),
            // Comments, processing instructions and DTDs are forbidden (RFC 6120 §11.1).
            [b'<', b'!' | b'?', ..] => return Err(Stop::Never),
            [b'<', ..] => self.rest = &self.rest[1..],
            _ => return Err(Stop::Never),
        }
        let name = self.word()?;
        let mut element = Element { name: local(name).to_owned(), ..Element::default() };
        loop {
            self.skip_space();
            let (&first, _) = self.rest.as_bytes().split_first().ok_or(Stop::More)?;
            match first {
                b'>' => {
                    self.rest = &self.rest[1..];
                    return Ok(Tag { element, is_whole: false });
                }
                b'/' => {
                    self.until(">")?;
                    return Ok(Tag { element, is_whole: true });
                }
                _ => element.attributes.push(self.pair()?),
            }
        }
    }

    /// `name='value'`.
    fn pair(&mut self) -> Result<(String, String), Stop> {
        let name = self.word()?.to_owned();
        self.until("=")?;
        self.skip_space();
        let quote = match self.rest.chars().next() {
            Some(quote @ ('\'' | '"')) => quote,
            Some(_) => return Err(Stop::Never),
            None => return Err(Stop::More),
        };
        self.rest = &self.rest[1..];
        let end = self.rest.find(quote).ok_or(Stop::More)?;
        let value = plain(&self.rest[..end]);
        self.rest = &self.rest[end + 1..];
        Ok((name, value))
    }

    /// A name, which ends before white space, `=`, `/` or `>`.
    fn word(&mut self) -> Result<&'a str, Stop> {
        let ends = |c: char| c.is_ascii_whitespace() || matches!(c, '=' | '/' | '>');
        match self.rest.find(ends).ok_or(Stop::More)? {
            0 => Err(Stop::Never),
            end => {
                let (word, rest) = self.rest.split_at(end);
                self.rest = rest;
                Ok(word)
            }
        }
    }

    /// Skips until after this.
    fn until(&mut self, end: &str) -> Result<(), Stop> {
        let at = self.rest.find(end).ok_or(Stop::More)?;
        self.rest = &self.rest[at + end.len()..];
        Ok(())
    }

    fn skip_space(&mut self) {
        self.rest = self.rest.trim_ascii_start();
    }
}

fn local(name: &str) -> &str {
    name.rsplit_once(':').map_or(name, |(_, local)| local)
}

/// Text without references (XML 1.0 §4.6).
fn plain(text: &str) -> String {
    let named = [("&lt;", "<"), ("&gt;", ">"), ("&apos;", "'"), ("&quot;", "\""), ("&amp;", "&")];
    named.iter().fold(text.to_owned(), |text, (reference, plain)| text.replace(reference, plain))
}

/// Text that may stand in an element or in quotes.
pub(super) fn escaped(text: &str) -> String {
    let named = [("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("'", "&apos;"), ("\"", "&quot;")];
    named.iter().fold(text.to_owned(), |text, (plain, reference)| text.replace(plain, reference))
}

/// More than any client sends at once before it is logged in, and in the lab afterwards.
const BYTES_MAX: usize = 64 << 10;
/// Stanzas of clients are five or six elements deep.
const DEPTH_MAX: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    fn items(text: &str, step: usize) -> Vec<Item> {
        let (mut reader, mut items) = (Reader::default(), Vec::new());
        for bytes in text.as_bytes().chunks(step) {
            reader.push(bytes).unwrap();
            while let Some(item) = reader.next().unwrap() {
                items.push(item);
            }
        }
        assert!(!reader.has_rest());
        items
    }

    #[test]
    fn streams_are_read_however_they_are_cut() {
        let text = "<?xml version='1.0'?><stream:stream to=\"a.example\" xmlns='jabber:client'>\
            <iq type='set' id='ü'><bind xmlns='b'><resource>a &amp; b</resource></bind></iq>\
            <x/></stream:stream>";
        let whole = items(text, text.len());
        let [Item::Open(header), Item::Element(iq), Item::Element(x), Item::Close] = &whole[..]
        else {
            panic!("{whole:?}");
        };
        assert_eq!((header.attribute("to"), header.attribute("from")), ("a.example", ""));
        assert_eq!((iq.attribute("id"), x.name.as_str()), ("ü", "x"));
        assert_eq!(iq.children[0].children[0].text, "a & b");
        for step in 1..9 {
            assert_eq!(items(text, step), whole);
        }
    }

    #[test]
    fn what_is_no_stream_is_refused() {
        for text in ["hello", "<!DOCTYPE x>", "<a><!-- --></a>", "< a>", "<a b=c>"] {
            let mut reader = Reader::default();
            reader.push(text.as_bytes()).unwrap();
            assert_eq!(reader.next(), Err(NotAStream), "{text}");
        }
        assert_eq!(Reader::default().push(&[b'<'; BYTES_MAX + 1]), Err(NotAStream));
        let mut deep = Reader::default();
        deep.push("<a>".repeat(DEPTH_MAX + 2).as_bytes()).unwrap();
        assert_eq!(deep.next(), Err(NotAStream));
    }
}
