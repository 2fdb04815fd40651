//! Tells code from comments and literals.

/// The text with every comment and literal turned to spaces, line breaks kept.
pub(super) fn code_of(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        let word_before = &code[code.trim_end_matches(is_word).len()..];
        let inert = inert_prefix(rest, word_before);
        let length = inert.max(first.len_utf8());
        let (taken, after) = rest.split_at(length);
        if inert == 0 {
            code.push_str(taken);
        } else {
            code.extend(taken.bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }));
        }
        rest = after;
    }
    code
}

/// The length of the comment or literal that `rest` begins with; 0 if it begins with neither.
fn inert_prefix(rest: &str, word_before: &str) -> usize {
    let up_to = |end: Option<usize>| end.unwrap_or(rest.len());
    if rest.starts_with("//") {
        return up_to(rest.find('\n'));
    }
    if rest.starts_with("/*") {
        return block_comment(rest);
    }
    // The r of a raw literal, which b or c may precede, not that of a word.
    let raw = rest.strip_prefix('r').filter(|_| matches!(word_before, "" | "b" | "c"));
    if let Some(raw) = raw {
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        if raw[hashes..].starts_with('"') {
            let close = format!("\"{}", "#".repeat(hashes));
            let open = 1 + close.len();
            return up_to(rest[open..].find(&close).map(|end| open + end + close.len()));
        }
    }
    match rest.as_bytes() {
        [b'"', ..] => quoted(rest, '"'),
        [b'\'', b'\\', ..] => quoted(rest, '\''),
        // Anything else that opens with an apostrophe is a lifetime.
        [b'\'', ..] => match rest[1..].chars().next() {
            Some(c) if rest[1 + c.len_utf8()..].starts_with('\'') => c.len_utf8() + 2,
            _ => 0,
        },
        _ => 0,
    }
}

/// The length of a literal up to its closing quote, which a backslash hides.
fn quoted(rest: &str, quote: char) -> usize {
    let mut hidden = true; // so that the opening quote does not close it
    for (at, c) in rest.char_indices() {
        if !hidden && c == quote {
            return at + 1;
        }
        hidden = !hidden && c == '\\';
    }
    rest.len()
}

/// The length of a block comment with those inside it.
fn block_comment(rest: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while let Some(next) = rest.get(at..).and_then(|after| after.find(['/', '*'])) {
        at += next;
        match &rest.as_bytes()[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    rest.len()
}

#[test]
fn comments_and_literals_are_not_code() {
    let check = |text: &str, expected: &str| assert_eq!(code_of(text), expected, "{text}");
    check("a // b\nc", "a     \nc");
    check("a /* b /* c */ d */ e", "a                   e");
    check(r#"f("b \" c", d)"#, r#"f(        , d)"#);
    check(r##"f(r#"b " c"#, d)"##, "f(          , d)");
    check("f(b'\"', '\\'', 'x')", "f(b   ,     ,    )");
    check(r###"br#"""#; r"\"; for"###, "b      ;     ; for");
    check("fn f<'a>(r#in: &'a str)", "fn f<'a>(r#in: &'a str)");
}
