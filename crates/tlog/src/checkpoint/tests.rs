use super::*;
use proptest::prelude::*;

const ROOT: &str = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";

fn check(text: &str, expected: Result<(), CheckpointError>) {
    match (Checkpoint::parse(text), expected) {
        (Ok(checkpoint), Ok(())) => assert_eq!(checkpoint.to_text(), text),
        (Err(error), Err(expected)) => assert_eq!(error, expected, "{text:?}"),
        (found, expected) => panic!("{text:?}: {found:?}, not {expected:?}"),
    }
}

#[test]
fn a_checkpoint_is_read_line_by_line() {
    let text = format!("log.example/2026h1\n20852163\n{ROOT}\none\ntwo\n");
    let checkpoint = Checkpoint::parse(&text).unwrap();
    assert_eq!(checkpoint.origin(), "log.example/2026h1");
    assert_eq!(checkpoint.size(), 20_852_163);
    assert_eq!(checkpoint.root(), Hash::EMPTY_ROOT);
    assert_eq!(checkpoint.extensions(), ["one", "two"]);
    assert_eq!(checkpoint.to_text(), text);
}

#[test]
fn a_size_has_one_text() {
    for size in ["0", "7", "18446744073709551615"] {
        check(&format!("a\n{size}\n{ROOT}\n"), Ok(()));
    }
    for size in ["", "+7", "-7", "007", "00", "7 ", " 7", "0x7", "7.0", "18446744073709551616"] {
        check(&format!("a\n{size}\n{ROOT}\n"), Err(CheckpointError::Size));
    }
}

#[test]
fn a_root_has_one_text() {
    for root in ["", "AAAA", &ROOT[..43], &ROOT.replace("U=", "V="), &format!("{ROOT} ")] {
        let error = root.parse::<Hash>().unwrap_err();
        check(&format!("a\n1\n{root}\n"), Err(CheckpointError::Root(error)));
    }
}

#[test]
fn a_checkpoint_has_three_lines_and_no_empty_one() {
    for text in ["", "\n", "a\n", "a\n1\n", &format!("a\n1\n{ROOT}"), &format!("a\n1\n{ROOT}\nx")] {
        check(text, Err(CheckpointError::Truncated));
    }
    check(&format!("\n1\n{ROOT}\n"), Err(CheckpointError::Origin));
    check(&format!("a\r\n1\n{ROOT}\n"), Err(CheckpointError::Origin));
    check(&format!("a\n1\n{ROOT}\n\n"), Err(CheckpointError::Extension));
    check(&format!("a\n1\n{ROOT}\n\nx\n"), Err(CheckpointError::Extension));
    check(&format!("a\n1\n{ROOT}\nx\ty\n"), Err(CheckpointError::Extension));
}

#[test]
fn extension_lines_are_bounded() {
    let text = |count| format!("a\n1\n{ROOT}\n{}", "x\n".repeat(count));
    check(&text(EXTENSIONS_MAX), Ok(()));
    check(&text(EXTENSIONS_MAX + 1), Err(CheckpointError::TooManyExtensions));
}

#[test]
fn a_line_cannot_smuggle_another() {
    let new = |origin: &str, extensions: &[&str]| {
        let extensions = extensions.iter().map(|line| (*line).to_owned()).collect();
        Checkpoint::new(origin.to_owned(), 1, Hash::EMPTY_ROOT, extensions).map(|_| ())
    };
    assert_eq!(new("log.example", &["x"]), Ok(()));
    assert_eq!(new("log.example\n9", &[]), Err(CheckpointError::Origin));
    assert_eq!(new("log.example", &["x\ny"]), Err(CheckpointError::Extension));
}

/// Reads with tlog_tiles and compares. It takes two things that we do not: control characters in a line, and
/// any number of extension lines.
fn check_against_tlog_tiles(text: &str) {
    let (ours, theirs) =
        (Checkpoint::parse(text), tlog_tiles::Checkpoint::from_bytes(text.as_bytes()));
    if let Ok(ours) = &ours {
        assert_eq!(theirs.as_ref().unwrap().to_bytes(), ours.to_text().as_bytes());
        assert_eq!(theirs.unwrap().size(), ours.size());
    } else if text.bytes().all(|byte| byte >= b' ' || byte == b'\n') {
        let few = text.lines().count() <= 3 + EXTENSIONS_MAX;
        assert!(theirs.is_err() || !few, "{text:?}: {ours:?}");
    }
}

proptest! {
    #[test]
    fn print_then_parse_is_the_identity(
        origin in "[^\\x00-\\x1f]{1,30}",
        size: u64,
        root: [u8; 32],
        extensions in proptest::collection::vec("[^\\x00-\\x1f]{1,30}", 0..4),
    ) {
        let checkpoint = Checkpoint::new(origin, size, Hash(root), extensions).unwrap();
        prop_assert_eq!(Checkpoint::parse(&checkpoint.to_text()), Ok(checkpoint));
    }

    #[test]
    fn any_text_is_a_checkpoint_or_not(text in "(?s).*", lines in "[a\n0-9]{0,12}") {
        for text in [text, format!("a\n1\n{ROOT}\n{lines}"), format!("{lines}\n{ROOT}\n")] {
            if let Ok(checkpoint) = Checkpoint::parse(&text) {
                prop_assert_eq!(checkpoint.to_text(), text);
            }
        }
    }

    #[test]
    fn checkpoints_are_those_of_tlog_tiles(
        origin in "[a-z ]{0,5}",
        size in "[+-]?[0-9]{0,21}",
        rest in "(\n?[a-zé]{0,3}){0,4}\n?",
    ) {
        check_against_tlog_tiles(&format!("{origin}\n{size}\n{ROOT}\n{rest}"));
    }
}
