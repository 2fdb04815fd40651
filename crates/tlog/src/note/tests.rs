use super::*;
use proptest::prelude::*;
use signed_note::{Signer as _, StandardSigner, StandardVerifier, VerifierList};

const TEXT: &str = "three\nlines\n\nof text\n";

fn signer(name: &str, seed: u8) -> SignerKey {
    SignerKey::ed25519(name.parse().unwrap(), &[seed; 32])
}

fn signed(text: &str, signer: &SignerKey) -> Note {
    Note::new(text.to_owned(), vec![signer.sign(text)]).unwrap()
}

fn check_parse(bytes: &[u8], expected: Result<&str, NoteError>) {
    let note = Note::parse(bytes);
    assert_eq!(
        note.as_ref().map(Note::text),
        expected.as_ref().copied(),
        "{:?}",
        bytes.escape_ascii()
    );
}

#[test]
fn a_signed_note_verifies_with_its_key_alone() {
    let (ours, other) = (signer("log.example", 1), signer("log.example", 2));
    let note = Note::parse(signed(TEXT, &ours).to_text().as_bytes()).unwrap();
    assert_eq!(note.text(), TEXT);
    assert_eq!(ours.verifier_key().verify(&note), Ok(()));
    assert_eq!(other.verifier_key().verify(&note), Err(VerifyError::Unsigned));
    assert_eq!(signer("log.exampl", 1).verifier_key().verify(&note), Err(VerifyError::Unsigned));
}

#[test]
fn a_bad_signature_in_a_keys_name_spoils_the_note() {
    let (ours, other) = (signer("log.example", 1), signer("witness.example", 2));
    let (good, bad) = (ours.sign(TEXT), ours.sign("another text\n"));
    let verify = |signatures: &[&NoteSignature]| {
        let signatures = signatures.iter().copied().cloned().collect();
        ours.verifier_key().verify(&Note::new(TEXT.to_owned(), signatures).unwrap())
    };
    assert_eq!(verify(&[&good, &good]), Ok(()));
    assert_eq!(verify(&[&bad]), Err(VerifyError::BadSignature));
    assert_eq!(verify(&[&good, &bad]), Err(VerifyError::BadSignature));
    assert_eq!(verify(&[&bad, &good]), Err(VerifyError::BadSignature));
    let short = NoteSignature { signature: Vec::new(), ..good.clone() };
    assert_eq!(verify(&[&short]), Err(VerifyError::BadSignature));
    // What others sign, badly too, is not about our key: neither with our name nor with our id.
    let same_name = NoteSignature { key_id: [0; 4], ..bad.clone() };
    let same_id = NoteSignature { name: other.sign(TEXT).name, ..bad };
    assert_eq!(verify(&[&same_name, &same_id, &good]), Ok(()));
    assert_eq!(verify(&[&same_name, &same_id]), Err(VerifyError::Unsigned));
}

#[test]
fn every_flipped_bit_is_noticed() {
    let key = signer("log.example", 1);
    let note = signed(TEXT, &key);
    let whole = note.to_text();
    for at in 0..whole.len() {
        for bit in 0..8 {
            let mut bytes = whole.clone().into_bytes();
            bytes[at] ^= 1 << bit;
            let verified =
                Note::parse(&bytes).is_ok_and(|note| key.verifier_key().verify(&note).is_ok());
            assert!(!verified, "bit {bit} of byte {at}");
        }
    }
}

#[test] // Static CT logs add lines of algorithms that are not verified here.
fn unknown_lines_do_not_matter() {
    let key = signer("log.example", 1);
    let post_quantum = NoteSignature {
        name: "log.example".parse().unwrap(),
        key_id: [6; 4],
        signature: vec![9; 2420],
    };
    let note = Note::new(TEXT.to_owned(), vec![post_quantum.clone(), key.sign(TEXT)]).unwrap();
    let lines =
        ["-- log.example AAAAAAA=", "— log.example", "— log.example AAA", "— a+b AAAAAAA=", "new"];
    let whole = format!("{}{}\n", note.to_text(), lines.join("\n"));
    let parsed = Note::parse(whole.as_bytes()).unwrap();
    assert_eq!(parsed.signatures(), note.signatures());
    assert_eq!(parsed.unknown_lines(), lines);
    assert_eq!(parsed.to_text(), whole);
    assert_eq!(key.verifier_key().verify(&parsed), Ok(()));
    let found: Vec<_> = parsed.signatures_by(&post_quantum.name, [6; 4]).collect();
    assert_eq!(found, [&post_quantum]);
}

#[test]
fn the_last_empty_line_ends_the_text() {
    let line = signer("log.example", 1).sign(TEXT).to_string();
    check_parse(format!("a\n\n{line}\n").as_bytes(), Ok("a\n"));
    check_parse(format!("a\n\n\n{line}\n").as_bytes(), Ok("a\n\n"));
    check_parse(format!("\n\n{line}\n").as_bytes(), Ok("\n"));
    check_parse(format!("a\n\n{line}\n\n{line}\n").as_bytes(), Ok(&format!("a\n\n{line}\n")));
    check_parse(format!("a\n\n{line}").as_bytes(), Err(NoteError::Unended));
    check_parse(format!("a\n\n{line}\n\n").as_bytes(), Err(NoteError::Unsigned));
    check_parse(format!("a\n{line}\n").as_bytes(), Err(NoteError::Unsigned));
    check_parse(format!("\n{line}\n").as_bytes(), Err(NoteError::Unsigned));
    check_parse(b"a\n\n<p>not found</p>\n", Err(NoteError::Unsigned));
    check_parse(b"", Err(NoteError::Unended));
    check_parse(b"\n\n\n", Err(NoteError::Unsigned));
    check_parse(format!("a\r\n\n{line}\n").as_bytes(), Err(NoteError::NotText));
    check_parse(format!("a\n\n{line}\r\n").as_bytes(), Err(NoteError::NotText));
    check_parse(&[b"\xff\n\n", line.as_bytes(), b"\n"].concat(), Err(NoteError::NotText));
}

#[test]
fn a_note_is_bounded() {
    let line = signer("log.example", 1).sign(TEXT);
    let lines = |count| format!("a\n\n{}", format!("{line}\n").repeat(count));
    check_parse(lines(SIGNATURES_MAX).as_bytes(), Ok("a\n"));
    check_parse(lines(SIGNATURES_MAX + 1).as_bytes(), Err(NoteError::TooManySignatures));
    let unknown = format!("{}{}", lines(1), "x\n".repeat(SIGNATURES_MAX));
    check_parse(unknown.as_bytes(), Err(NoteError::TooManySignatures));

    let filler = |bytes: usize| format!("{}\n", "a".repeat(bytes - lines(1).len() + 1));
    let (largest, larger) = (filler(NOTE_BYTES_MAX), filler(NOTE_BYTES_MAX + 1));
    let note = Note::new(largest, vec![line.clone()]).unwrap();
    assert_eq!(Note::parse(note.to_text().as_bytes()), Ok(note));
    check_parse(&vec![b'a'; NOTE_BYTES_MAX + 1], Err(NoteError::TooLarge));
    assert_eq!(Note::new(larger, vec![line.clone()]), Err(NoteError::TooLarge));
    assert_eq!(Note::new("a\n".to_owned(), Vec::new()), Err(NoteError::Unsigned));
    let many = vec![line.clone(); SIGNATURES_MAX + 1];
    assert_eq!(Note::new("a\n".to_owned(), many), Err(NoteError::TooManySignatures));
    for text in ["", "a"] {
        assert_eq!(Note::new(text.to_owned(), vec![line.clone()]), Err(NoteError::Unended));
    }
    assert_eq!(Note::new("a\t\n".to_owned(), vec![line]), Err(NoteError::NotText));
}

#[test]
fn a_key_name_has_neither_spaces_nor_pluses() {
    for name in ["log.example", "log.example/2026h1", "é", "-", "—"] {
        assert_eq!(name.parse::<KeyName>().unwrap().as_str(), name);
    }
    for name in ["", " ", "a b", "a+b", "a\n", "\u{a0}", "a\u{2003}b", "\0"] {
        assert_eq!(name.parse::<KeyName>(), Err(KeyNameError), "{name:?}");
    }
}

#[test]
fn a_verifier_key_has_one_text() {
    let key = signer("log.example", 1).verifier_key();
    let text = key.to_string();
    assert_eq!(text.parse(), Ok(key.clone()));
    let (name, id, base64) = ("log.example", hexadecimal(key.key_id()), &text[text.len() - 44..]);
    assert_eq!(text, format!("{name}+{id}+{base64}"));
    let check = |text: &str, expected: VerifierKeyError| {
        assert_eq!(text.parse::<VerifierKey>(), Err(expected), "{text}");
    };
    check("", VerifierKeyError::Form);
    check("log.example+00000000", VerifierKeyError::Form);
    check(&format!("+{id}+{base64}"), VerifierKeyError::Name(KeyNameError));
    check(&format!("other.example+{id}+{base64}"), VerifierKeyError::KeyId);
    check(&format!("{name}+00000000+{base64}"), VerifierKeyError::KeyId);
    check(&format!("{name}+{}+{base64}", id.to_uppercase()), VerifierKeyError::KeyId);
    check(&format!("{name}+0{id}+{base64}"), VerifierKeyError::KeyId);
    check(&format!("{name}+{id}+AgAA"), VerifierKeyError::SignatureType(2));
    check(&format!("{name}+{id}+AQAA"), VerifierKeyError::Length(2));
    check(&format!("{name}+{id}+"), VerifierKeyError::Length(0));
    let loose = format!("{name}+{id}+{base64}=");
    assert!(matches!(loose.parse::<VerifierKey>(), Err(VerifierKeyError::Encoding(_))));
}

#[test]
fn a_signer_key_does_not_print_its_secret() {
    let key = signer("log.example", 0xab);
    assert_eq!(format!("{key:?}"), format!("SignerKey({:?})", key.verifier_key()));
}

#[test] // static-ct-api: the id of a log's key is over 0x05 and the RFC 6962 log id.
fn a_key_id_covers_name_type_and_key() {
    let name: KeyName = "log.example".parse().unwrap();
    let theirs = |key: &[u8]| signed_note::key_id("log.example", key).to_be_bytes();
    assert_eq!(key_id(&name, 0x05, &[7; 32]), theirs(&[[5].as_slice(), &[7; 32]].concat()));
    assert_ne!(key_id(&name, 0x05, &[7; 32]), key_id(&name, 0x01, &[7; 32]));
}

/// What signed_note makes of the same seed.
fn oracle(name: &str, seed: [u8; 32]) -> StandardSigner {
    let ours = SignerKey::ed25519(name.parse().unwrap(), &seed).verifier_key();
    let secret = STANDARD.encode([[1].as_slice(), &seed].concat());
    let id = hexadecimal(ours.key_id());
    StandardSigner::new(&format!("PRIVATE+KEY+{name}+{id}+{secret}")).unwrap()
}

prop_compose! {
    fn signature()(
        name in "[^\\s\\x00-\\x1f+]{1,12}",
        key_id: [u8; 4],
        signature in proptest::collection::vec(any::<u8>(), 0..80),
    ) -> NoteSignature {
        NoteSignature { name: name.parse().unwrap(), key_id, signature }
    }
}

proptest! {
    #[test]
    fn print_then_parse_is_the_identity(
        text in "[^\\x00-\\x09\\x0b-\\x1f]{0,40}\n",
        signatures in proptest::collection::vec(signature(), 1..5),
    ) {
        let note = Note::new(text, signatures).unwrap();
        prop_assert_eq!(Note::parse(note.to_text().as_bytes()), Ok(note));
    }

    #[test]
    fn parse_then_print_is_the_identity_up_to_unknown_lines(
        text in "[^\\x00-\\x09\\x0b-\\x1f]{0,20}",
        signatures in proptest::collection::vec(signature(), 1..3),
        unknown in "([^\\x00-\\x1f]{1,9}\n){0,3}",
    ) {
        let below: String = signatures.iter().map(|signature| format!("{signature}\n")).collect();
        let whole = format!("{text}\n\n{below}{unknown}");
        let note = Note::parse(whole.as_bytes()).unwrap();
        prop_assert_eq!(note.signatures(), signatures);
        prop_assert_eq!(note.to_text(), whole);
    }

    #[test]
    fn any_bytes_are_a_note_or_not(bytes: Vec<u8>, text in "(?s).*", lines in "[a\n— +=/]{0,40}") {
        for bytes in [bytes, text.clone().into_bytes(), format!("{text}\n\n{lines}\n").into_bytes()] {
            if let Ok(note) = Note::parse(&bytes) {
                prop_assert_eq!(Note::parse(note.to_text().as_bytes()), Ok(note));
            }
        }
    }

    #[test]
    fn any_text_is_a_verifier_key_or_not(text in ".*", parts in "[a+0]{0,9}\\+[0-9a-f]{8}\\+[A-Za-z0-9+/=]{0,48}") {
        for text in [text, parts] {
            if let Ok(key) = text.parse::<VerifierKey>() {
                prop_assert_eq!(key.to_string(), text);
            }
        }
    }

    #[test]
    fn notes_of_ours_verify_with_signed_note(seed: [u8; 32], text in "[a-zé\n]{0,30}\n") {
        let key = SignerKey::ed25519("log.example/x".parse().unwrap(), &seed);
        let verifier = StandardVerifier::new(&key.verifier_key().to_string()).unwrap();
        let whole = signed(&text, &key).to_text();
        let theirs = signed_note::Note::from_bytes(whole.as_bytes()).unwrap();
        prop_assert_eq!(theirs.text(), text.as_bytes());
        let (verified, _) = theirs.verify(&VerifierList::new(vec![Box::new(verifier)])).unwrap();
        prop_assert_eq!(verified.len(), 1);
    }

    #[test]
    fn notes_of_signed_note_verify_with_ours(seed: [u8; 32], text in "[a-zé\n]{0,30}\n") {
        let signer = oracle("log.example/x", seed);
        let mut theirs = signed_note::Note::new(text.as_bytes(), &[]).unwrap();
        theirs.add_sigs(&[&signer]).unwrap();
        let note = Note::parse(&theirs.to_bytes()).unwrap();
        let key = SignerKey::ed25519("log.example/x".parse().unwrap(), &seed);
        prop_assert_eq!(note.text(), &text);
        prop_assert_eq!(key.verifier_key().verify(&note), Ok(()));
        prop_assert_eq!(key.sign(&text).signature, signer.sign(text.as_bytes()).unwrap());
    }

    #[test]
    fn what_signed_note_reads_we_read_the_same(
        text in "[a\n]{0,6}",
        lines in "(— [a+]{1,2} [AB]{4}([AB]{4}|AA==|AAB=|=)\n){0,3}",
    ) {
        let whole = format!("{text}\n{lines}");
        let (ours, theirs) = (Note::parse(whole.as_bytes()), signed_note::Note::from_bytes(whole.as_bytes()));
        match (ours, theirs) {
            (Ok(ours), Ok(theirs)) => {
                prop_assert_eq!(ours.text().as_bytes(), theirs.text());
                prop_assert_eq!(ours.to_text().into_bytes(), theirs.to_bytes());
            }
            (Err(_), Ok(_)) => panic!("only signed_note reads {whole:?}"),
            // We read past lines that are no signatures and take signatures without bytes, where signed_note
            // gives up.
            (Ok(ours), Err(_)) => {
                let empty = ours.signatures().iter().any(|line| line.signature.is_empty());
                prop_assert!(empty || !ours.unknown_lines().is_empty());
            }
            (Err(_), Err(_)) => {}
        }
    }
}
