use super::*;
use crate::hash::leaf_hash;
use crate::note::{KeyName, SignerKey};
use crate::reference;
use proptest::prelude::*;

fn key(name: &str) -> SignerKey {
    SignerKey::ed25519(name.parse::<KeyName>().unwrap(), &[7; 32])
}

fn entries(size: u64) -> Vec<Hash> {
    reference::leaves(size)
}

/// The proof that a log of the origin `origin`, signing as `signer`, makes for a leaf.
fn proof(origin: &str, signer: &str, index: u64, leaves: &[Hash]) -> TlogProof {
    let size = u64::try_from(leaves.len()).unwrap();
    let head = Checkpoint::new(origin.to_owned(), size, reference::root(leaves), Vec::new());
    let text = head.unwrap().to_text();
    let signature = key(signer).sign(&text);
    let checkpoint = Note::new(text, vec![signature]).unwrap().to_text();
    let path = reference::inclusion_proof(usize::try_from(index).unwrap(), leaves);
    TlogProof::new(index, path, checkpoint).unwrap()
}

fn good() -> TlogProof {
    proof("log.example", "log.example", 4, &entries(7))
}

#[test]
fn an_entry_is_proven() {
    let text = good().to_text();
    assert!(text.starts_with("c2sp.org/tlog-proof@v1\nindex 4\n"));
    let read = TlogProof::parse(text.as_bytes()).unwrap();
    let log = key("log.example").verifier_key();
    let head = read.verify(&entries(7)[4], &log).unwrap();
    assert_eq!((head.size(), read.index()), (7, 4));
    // The only entry of a log needs no hashes.
    let only = proof("log.example", "log.example", 0, &entries(1));
    assert_eq!(only.to_text().split("\n\n").next(), Some("c2sp.org/tlog-proof@v1\nindex 0"));
    only.verify(&entries(1)[0], &log).unwrap();
}

#[test]
fn what_is_not_proven_is_told_apart() {
    let log = key("log.example").verifier_key();
    let leaf = entries(7)[4];
    let other = leaf_hash(&[b"another"]);
    assert_eq!(good().verify(&other, &log), Err(ProofError::Root.into()));
    let mut moved = good();
    moved.index = 5;
    assert_eq!(moved.verify(&leaf, &log), Err(ProofError::Root.into()));
    moved.index = 7;
    assert_eq!(moved.verify(&leaf, &log), Err(ProofError::Index { index: 7, size: 7 }.into()));
    moved = good();
    moved.path.pop();
    let short = ProofError::Length { expected: 3, found: 2 };
    assert_eq!(moved.verify(&leaf, &log), Err(short.into()));
    let stranger = proof("log.example", "stranger.example", 4, &entries(7));
    assert_eq!(stranger.verify(&leaf, &log), Err(VerifyError::Unsigned.into()));
    let of_another = proof("other.example", "log.example", 4, &entries(7));
    assert_eq!(of_another.verify(&leaf, &log), Err(NotProven::Origin("other.example".to_owned())));
    let mut forged = good();
    forged.checkpoint = forged.checkpoint.replace("\n7\n", "\n8\n");
    assert_eq!(forged.verify(&leaf, &log), Err(VerifyError::BadSignature.into()));
    let text = "no checkpoint\n".to_owned();
    let signature = key("log.example").sign(&text);
    let note = Note::new(text, vec![signature]).unwrap().to_text();
    let proof = TlogProof::new(0, Vec::new(), note).unwrap();
    assert_eq!(proof.verify(&leaf, &log), Err(CheckpointError::Truncated.into()));
}

#[test]
fn other_texts_of_a_proof_are_refused() {
    let text = good().to_text();
    let check = |text: &str| TlogProof::parse(text.as_bytes()).map(|_| ());
    assert_eq!(check(&text), Ok(()));
    assert_eq!(check(&text.replace("@v1", "@v2")), Err(TlogProofError::Kind));
    for index in ["index 04", "index +4", "index ", "index 4 ", "index -1", "Index 4", "index x"] {
        assert_eq!(check(&text.replace("index 4", index)), Err(TlogProofError::Index), "{index}");
    }
    let extra = text.replace("index", "extra AAE=\nindex");
    let read = TlogProof::parse(extra.as_bytes()).unwrap();
    assert_eq!((read.extra(), read.to_text()), (Some(&[0, 1][..]), extra.clone()));
    assert_eq!(check(&extra.replace("AAE=", "AAE")), Err(TlogProofError::Extra));
    assert_eq!(check(&extra.replace("AAE=\n", "AAE=\nextra \n")), Err(TlogProofError::Index));
    assert!(matches!(
        check(&text.replace("index 4\n", "index 4\nAAAA\n")),
        Err(TlogProofError::Hash(_))
    ));
    let many = format!("index 4\n{}", format!("{}\n", Hash::EMPTY_ROOT).repeat(62));
    assert_eq!(check(&text.replace("index 4\n", &many)), Err(TlogProofError::TooManyHashes));
    assert_eq!(check("c2sp.org/tlog-proof@v1\nindex 4\n"), Err(TlogProofError::NoCheckpoint));
    let unsigned = format!("{}\n\nlog\n7\nroot\n", text.split("\n\n").next().unwrap());
    assert_eq!(check(&unsigned), Err(TlogProofError::Checkpoint(NoteError::Unsigned)));
    assert_eq!(TlogProof::parse(b"\xff"), Err(TlogProofError::NotText));
    let long = vec![b'\n'; TLOG_PROOF_BYTES_MAX + 1];
    assert_eq!(TlogProof::parse(&long), Err(TlogProofError::TooLarge));
}

#[test]
fn a_proof_that_is_cut_off_anywhere_proves_nothing() {
    let (text, log) = (good().to_text(), key("log.example").verifier_key());
    for end in (0..text.len()).filter(|end| text.is_char_boundary(*end)) {
        let proven = TlogProof::parse(&text.as_bytes()[..end])
            .is_ok_and(|proof| proof.verify(&entries(7)[4], &log).is_ok());
        assert!(!proven, "cut off at {end}");
    }
}

proptest! {
    #[test]
    fn every_entry_of_every_log_is_proven(size in 1_u64..40, index in 0_u64..40) {
        let leaves = entries(size);
        let index = index % size;
        let text = proof("log.example", "log.example", index, &leaves).to_text();
        let read = TlogProof::parse(text.as_bytes()).unwrap();
        prop_assert_eq!(read.to_text(), text);
        let leaf = leaves[usize::try_from(index).unwrap()];
        prop_assert!(read.verify(&leaf, &key("log.example").verifier_key()).is_ok());
    }
}
