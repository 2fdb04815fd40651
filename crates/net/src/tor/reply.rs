//! What tor says at its control port (control-spec.txt): replies of lines, and what stands in some of them. Bytes in,
//! values out.

/// A reply (control-spec §2.3): its code, and its lines without it. Data behind a line is its own line each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    /// 250: done as asked. 5yz: not.
    pub(crate) code: u16,
    /// What it says.
    pub(crate) lines: Vec<String>,
}

/// What came is no reply, or more than we ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("what came from the control port is no reply of tor")]
pub struct Malformed;

/// A list of circuits has one line each, and a busy tor hundreds.
const LINES_MAX: usize = 10_000;

/// A line about a circuit has some hundred octets.
pub(crate) const LINE_BYTES_MAX: usize = 16 << 10;

/// A reply that is being read, line by line.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    lines: Vec<String>,
    code: Option<u16>,
    data: bool,
}

impl Reader {
    /// Takes a line without its end; gives the reply when it was the last.
    pub(crate) fn line(&mut self, line: &[u8]) -> Result<Option<Reply>, Malformed> {
        if line.len() > LINE_BYTES_MAX || self.lines.len() >= LINES_MAX {
            return Err(Malformed);
        }
        let line = str::from_utf8(line).map_err(|_| Malformed)?;
        if self.data {
            match line.strip_prefix('.') {
                Some("") => self.data = false,
                // §2.3: a leading dot is doubled.
                Some(rest) => self.lines.push(rest.to_owned()),
                None => self.lines.push(line.to_owned()),
            }
            return Ok(None);
        }
        let (code, rest) = line.split_at_checked(3).ok_or(Malformed)?;
        let code = number(code).and_then(|code| u16::try_from(code).ok()).ok_or(Malformed)?;
        if self.code.is_some_and(|before| before != code) {
            return Err(Malformed);
        }
        self.code = Some(code);
        let text = rest.get(1..).ok_or(Malformed)?;
        self.lines.push(text.to_owned());
        match rest.as_bytes().first() {
            Some(b' ') => Ok(Some(Reply { code, lines: std::mem::take(self).lines })),
            Some(b'-') => Ok(None),
            Some(b'+') => {
                self.data = true;
                Ok(None)
            }
            _ => Err(Malformed),
        }
    }
}

impl Reply {
    /// What follows `KEY=`, in whichever line that begins with it: the rest of the line, unquoted if it is quoted.
    pub(crate) fn value(&self, key: &str) -> Option<String> {
        let rest = self.lines.iter().find_map(|line| line.strip_prefix(key)?.strip_prefix('='))?;
        if !rest.starts_with('"') {
            return Some(rest.to_owned());
        }
        let (text, end) = quoted(rest)?;
        end.is_empty().then_some(text)
    }
}

/// A stream that is open (control-spec §3.9, `stream-status`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StreamLine {
    /// Which circuit carries it.
    pub(crate) circuit: u64,
}

/// Reads a line of `stream-status`: the number of the stream, its state, its circuit, its target. `None` also where the
/// stream is not connected.
pub(crate) fn stream(line: &str) -> Option<StreamLine> {
    let mut words = line.split(' ');
    number(words.next()?)?;
    let state = words.next()?;
    let circuit = number(words.next()?)?;
    words.next()?;
    (state == "SUCCEEDED" && circuit != 0).then_some(StreamLine { circuit })
}

/// A circuit (control-spec §4.1.1, as in `circuit-status`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CircuitLine {
    /// Its number.
    pub(crate) number: u64,
    /// Whether it reaches its end.
    pub(crate) built: bool,
    /// The last relay on it: fingerprint in upper case, and nickname where it is told.
    pub(crate) last: Option<(String, Option<String>)>,
    /// The user name of SOCKS that it was built for.
    pub(crate) user: Option<String>,
    /// Whether its last relay is an exit: not where it goes to an onion service, or is only there to be seen.
    pub(crate) leaves: bool,
}

/// Reads a line of `circuit-status`.
pub(crate) fn circuit(line: &str) -> Option<CircuitLine> {
    let mut rest = line;
    let mut word = || -> Option<String> {
        rest = rest.trim_start_matches(' ');
        if rest.is_empty() {
            return None;
        }
        let end = rest.find([' ', '"']).unwrap_or(rest.len());
        let (before, behind) = rest.split_at(end);
        if !behind.starts_with('"') {
            rest = behind;
            return Some(before.to_owned());
        }
        let (text, behind) = quoted(behind)?;
        rest = behind;
        Some(format!("{before}{text}"))
    };
    let number = number(&word()?)?;
    let built = word()? == "BUILT";
    let mut circuit = CircuitLine { number, built, last: None, user: None, leaves: false };
    let mut first = true;
    while let Some(word) = word() {
        if first && word.starts_with('$') {
            circuit.last = relay(word.rsplit(',').next()?);
        } else if let Some(user) = word.strip_prefix("SOCKS_USERNAME=") {
            circuit.user = Some(user.to_owned());
        } else if let Some(purpose) = word.strip_prefix("PURPOSE=") {
            circuit.leaves = ["GENERAL", "CONFLUX_LINKED"].contains(&purpose);
        }
        first = false;
    }
    Some(circuit)
}

/// `$FINGERPRINT~nickname` (control-spec §2.4, LongName).
fn relay(text: &str) -> Option<(String, Option<String>)> {
    let text = text.strip_prefix('$')?;
    let (fingerprint, nickname) = text.split_once(['~', '=']).unwrap_or((text, ""));
    let nickname = (!nickname.is_empty()).then(|| nickname.to_owned());
    is_fingerprint(fingerprint).then(|| (fingerprint.to_ascii_uppercase(), nickname))
}

/// Whether it is the fingerprint of a relay: SHA-1 of its identity key, in hexadecimal.
pub(crate) fn is_fingerprint(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// A QuotedString at the start of a text, and what follows it (control-spec §2.1.1).
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut out = String::new();
    let mut chars = text.strip_prefix('"')?.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((out, text.get(at + 2..)?)),
            '\\' => out.push(chars.next()?.1),
            _ => out.push(c),
        }
    }
    None
}

/// A text as a QuotedString.
pub(crate) fn quote(text: &str) -> String {
    let escaped: String = text
        .chars()
        .flat_map(|c| (c == '"' || c == '\\').then_some('\\').into_iter().chain([c]))
        .collect();
    format!("\"{escaped}\"")
}

/// Decimal digits and nothing else.
fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<Reply>, Malformed> {
        let mut reader = Reader::default();
        let lines = text.split("\r\n").filter(|line| !line.is_empty());
        let replies = lines.map(|line| reader.line(line.as_bytes()));
        replies.filter_map(Result::transpose).collect()
    }

    #[test] // control-spec §2.3.
    fn replies_have_lines_and_data() {
        let text = "250-PROTOCOLINFO 1\r\n250-AUTH METHODS=COOKIE COOKIEFILE=\"/run/a \\\"b\"\r\n250 OK\r\n\
                    250+circuit-status=\r\n1 BUILT\r\n..dot\r\n.\r\n250 OK\r\n552 Unrecognized key\r\n";
        let replies = read(text).unwrap();
        let lines: Vec<_> = replies.iter().map(|reply| (reply.code, reply.lines.len())).collect();
        assert_eq!(lines, [(250, 3), (250, 4), (552, 1)]);
        assert_eq!(replies[1].lines, ["circuit-status=", "1 BUILT", ".dot", "OK"]);
        for text in ["25", "2x0 OK", "250", "250-a\r\n251 b", "250_a", "hello"] {
            assert_eq!(read(text), Err(Malformed), "{text}");
        }
        assert_eq!(Reader::default().line(&[b'2'; LINE_BYTES_MAX + 1]), Err(Malformed));
        assert_eq!(Reader::default().line(b"250 \xff"), Err(Malformed));
    }

    #[test]
    fn a_value_is_found_by_its_key() {
        let [reply] =
            &read("250-ExitNodes=$AB,{de}\r\n250-X=\"a b\"\r\n250 StrictNodes=0").unwrap()[..]
        else {
            panic!("one reply")
        };
        assert_eq!(reply.value("ExitNodes").as_deref(), Some("$AB,{de}"));
        assert_eq!(reply.value("StrictNodes").as_deref(), Some("0"));
        assert_eq!(reply.value("X").as_deref(), Some("a b"));
        assert_eq!(reply.value("Strict"), None);
    }

    #[test] // control-spec §4.1.1.
    fn a_circuit_says_where_it_ends_and_for_whom_it_is() {
        let (a, b) = ("A".repeat(40), "b".repeat(40));
        let line = format!(
            "12 BUILT ${a}~guard,${b}~exit3 BUILD_FLAGS=NEED_CAPACITY PURPOSE=GENERAL \
             TIME_CREATED=2026-11-29T00:00:00.1 SOCKS_USERNAME=\"p 1\\\"\" SOCKS_PASSWORD=\"x\""
        );
        let exit = Some((b.to_ascii_uppercase(), Some("exit3".to_owned())));
        let user = Some("p 1\"".to_owned());
        let expected = CircuitLine { number: 12, built: true, last: exit, user, leaves: true };
        assert_eq!(circuit(&line), Some(expected));
        let line = format!("3 BUILT ${a} PURPOSE=HS_CLIENT_REND HS_STATE=HSCR_JOINED");
        assert!(circuit(&line).is_some_and(|circuit| !circuit.leaves && circuit.user.is_none()));
        assert_eq!(circuit("4 LAUNCHED PURPOSE=GENERAL").map(|circuit| circuit.last), Some(None));
        for line in ["", "x BUILT", "7"] {
            assert_eq!(circuit(line), None, "{line:?}");
        }
        // A user name cannot pretend to be a field.
        let line = "5 BUILT SOCKS_USERNAME=\"a SOCKS_USERNAME=b\"";
        let user = circuit(line).and_then(|circuit| circuit.user);
        assert_eq!(user.as_deref(), Some("a SOCKS_USERNAME=b"));
    }

    #[test]
    fn a_stream_says_which_circuit_carries_it() {
        assert_eq!(stream("7 SUCCEEDED 12 192.0.2.1:443"), Some(StreamLine { circuit: 12 }));
        assert_eq!(stream("7 SENTCONNECT 12 a.example:443"), None);
        assert_eq!(stream("7 SUCCEEDED 0 a.example:443"), None);
        assert_eq!(stream(""), None);
    }

    #[test]
    fn quoting_is_undone_by_reading() {
        for text in ["", "a", "a\"b\\c", "\\", "ä \" "] {
            assert_eq!(quoted(&quote(text)), Some((text.to_owned(), "")));
        }
    }
}
