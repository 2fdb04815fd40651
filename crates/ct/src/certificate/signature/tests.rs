//! Real chains, chains of every algorithm, and chains that are none.

use std::collections::BTreeMap;

use super::*;
use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512, RsaKeyPair, RsaSignatureEncoding,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use rcgen::{CertificateParams, CertifiedIssuer, KeyPair};

/// One DER element.
fn element(tag: u8, contents: &[u8]) -> Vec<u8> {
    let length = u16::try_from(contents.len()).unwrap().to_be_bytes();
    [&[tag, 0x82], &length[..], contents].concat()
}

/// A certificate by a new issuer with this key, and that issuer's certificate.
fn chain(key: KeyPair) -> (Vec<u8>, Vec<u8>) {
    let issuer = CertifiedIssuer::self_signed(CertificateParams::default(), key).unwrap();
    let subject = KeyPair::generate().unwrap();
    let certificate = CertificateParams::default().signed_by(&subject, &issuer).unwrap();
    (certificate.der().to_vec(), issuer.der().to_vec())
}

/// The signature verifies; with a bit flipped in what is signed, or in the signature, it does not.
fn check(certificate: &[u8], issuer: &[u8]) {
    assert_eq!(signed_by(certificate, issuer), Signed::Valid);
    for flipped in [certificate.len() / 3, certificate.len() - 5] {
        let mut certificate = certificate.to_vec();
        certificate[flipped] ^= 1;
        assert_eq!(signed_by(&certificate, issuer), Signed::Invalid, "octet {flipped}");
    }
}

#[test]
fn every_algorithm_that_rcgen_signs_with() {
    let algorithms = [
        &rcgen::PKCS_RSA_SHA256,
        &rcgen::PKCS_RSA_SHA384,
        &rcgen::PKCS_RSA_SHA512,
        &rcgen::PKCS_ECDSA_P256_SHA256,
        &rcgen::PKCS_ECDSA_P384_SHA384,
        &rcgen::PKCS_ECDSA_P521_SHA256,
        &rcgen::PKCS_ECDSA_P521_SHA384,
        &rcgen::PKCS_ECDSA_P521_SHA512,
        &rcgen::PKCS_ED25519,
    ];
    let chains = algorithms.map(|algorithm| chain(KeyPair::generate_for(algorithm).unwrap()));
    for (at, (certificate, issuer)) in chains.iter().enumerate() {
        check(certificate, issuer);
        for (_, other) in chains[..at].iter().chain(&chains[at + 1..]) {
            assert_eq!(signed_by(certificate, other), Signed::Invalid);
        }
        // The issuer signed itself, and nobody else was signed by the certificate.
        assert_eq!(signed_by(issuer, issuer), Signed::Valid);
        assert_eq!(signed_by(issuer, certificate), Signed::Invalid);
    }
}

/// The TBSCertificate of `certificate` with another algorithm and signature.
fn signed_anew(certificate: &[u8], algorithm: &[u8], sign: impl Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let tbs = Parts::read(certificate).unwrap().tbs;
    let bits = element(BIT_STRING, &[&[0], &sign(tbs)[..]].concat());
    element(SEQUENCE, &[tbs, &element(SEQUENCE, algorithm), &bits].concat())
}

/// `id-RSASSA-PSS` with these hashes and this salt.
fn pss(hash: &[u8], mask_hash: &[u8], salt: u8) -> Vec<u8> {
    let digest = |id| element(SEQUENCE, &element(OBJECT_IDENTIFIER, id));
    let mask = [element(OBJECT_IDENTIFIER, MGF1), digest(mask_hash)].concat();
    let fields = [
        element(0xa0, &digest(hash)),
        element(0xa1, &element(SEQUENCE, &mask)),
        element(0xa2, &element(INTEGER, &[salt])),
    ];
    [element(OBJECT_IDENTIFIER, RSASSA_PSS), element(SEQUENCE, &fields.concat())].concat()
}

/// An RSA key and a certificate with it.
fn rsa(size: KeySize) -> (RsaKeyPair, Vec<u8>) {
    let key = RsaKeyPair::generate(size).unwrap();
    let pkcs8: Pkcs8V1Der<'_> = key.as_der().unwrap();
    let (_, issuer) = chain(KeyPair::try_from(pkcs8.as_ref()).unwrap());
    (key, issuer)
}

#[test] // RFC 4055 §3.1
fn rsa_pss_with_the_salt_that_everybody_uses() {
    let (key, issuer) = rsa(KeySize::Rsa2048);
    let sign = |encoding: &'static RsaSignatureEncoding| {
        let key = &key;
        move |message: &[u8]| {
            let mut signature = vec![0; key.public_modulus_len()];
            key.sign(encoding, &SystemRandom::new(), message, &mut signature).unwrap();
            signature
        }
    };
    for (id, salt, encoding) in [
        (ID_SHA256, 32, &RSA_PSS_SHA256),
        (ID_SHA384, 48, &RSA_PSS_SHA384),
        (ID_SHA512, 64, &RSA_PSS_SHA512),
    ] {
        check(&signed_anew(&issuer, &pss(id, id, salt), sign(encoding)), &issuer);
        let unclear = Signed::CouldNotTell(Unclear::Algorithm);
        for algorithm in [pss(id, id, 20), pss(id, &[1, 2], salt), pss(&[1, 2], id, salt)] {
            let certificate = signed_anew(&issuer, &algorithm, sign(encoding));
            assert_eq!(signed_by(&certificate, &issuer), unclear);
        }
    }
}

/// Self-signed certificates that rcgen cannot make: an elliptic curve with the hash of another.
#[test]
fn any_of_the_three_hashes_goes_with_any_of_the_three_curves() {
    for text in [P256_SHA384, P256_SHA512, P384_SHA256, P384_SHA512] {
        let certificate = STANDARD.decode(text).unwrap();
        check(&certificate, &certificate);
    }
}

#[test]
fn what_is_not_verified_here_is_not_called_invalid() {
    for (text, why) in [
        (P256_SHA1, Unclear::Algorithm),
        (SECP256K1_SHA256, Unclear::Key),
        (RSA_1024_SHA256, Unclear::Key),
    ] {
        let certificate = STANDARD.decode(text).unwrap();
        assert_eq!(signed_by(&certificate, &certificate), Signed::CouldNotTell(why));
    }
    let (certificate, issuer) = chain(KeyPair::generate().unwrap());
    let unclear = |certificate: &[u8], issuer: &[u8], why| {
        assert_eq!(signed_by(certificate, issuer), Signed::CouldNotTell(why));
    };
    unclear(b"", &issuer, Unclear::Certificate);
    unclear(&certificate[..certificate.len() - 1], &issuer, Unclear::Certificate);
    unclear(&[&certificate[..], &[0]].concat(), &issuer, Unclear::Certificate);
    unclear(&certificate, b"", Unclear::Issuer);
    unclear(&certificate, b"<html>", Unclear::Issuer);
}

/// Each certificate under its own issuer, and under that of another.
#[test]
fn real_certificates_are_signed_by_their_issuers_and_by_nobody_else() {
    let Some(folder) = crate::vectors::folder("sct") else { return };
    let read = |file: &str| -> Vec<serde_json::Value> {
        let text = std::fs::read_to_string(folder.join(file)).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let der = |row: &serde_json::Value| STANDARD.decode(row["der"].as_str().unwrap()).unwrap();
    let issuers: BTreeMap<String, Vec<u8>> = read("issuers.jsonl")
        .iter()
        .map(|row| (row["sha256"].as_str().unwrap().to_owned(), der(row)))
        .collect();
    let spkis: BTreeMap<&String, &[u8]> =
        issuers.iter().map(|(name, der)| (name, spki_of(der).unwrap())).collect();
    let (mut valid, mut invalid) = (0, 0);
    for row in read("certs.jsonl") {
        let certificate = der(&row);
        let key = spkis[&row["issuer_sha256"].as_str().unwrap().to_owned()];
        for (other, issuer) in &issuers {
            // A CA may have several certificates for one key.
            let expected = if spkis[other] == key {
                valid += 1;
                Signed::Valid
            } else {
                invalid += 1;
                Signed::Invalid
            };
            assert_eq!(signed_by(&certificate, issuer), expected, "{} by {other}", row["sha256"]);
        }
    }
    eprintln!("{valid} valid, {invalid} invalid, of {} issuers", issuers.len());
    assert!(valid >= 390);
}

proptest! {
    #[test]
    fn any_bytes_are_judged(certificate: Vec<u8>, issuer: Vec<u8>) {
        let judged = signed_by(&certificate, &issuer);
        prop_assert!(matches!(judged, Signed::CouldNotTell(_)), "{:?}", judged);
    }
}

// Made with OpenSSL: CN=x, self-signed, no extensions.
const P256_SHA384: &str = "\
    MIIBADCBpgIBATAKBggqhkjOPQQDAzAMMQowCAYDVQQDDAF4MB4XDTI2MTEyNDA1MDkyMVoXDTM2MTEyMTA1MDkyMVow\
    DDEKMAgGA1UEAwwBeDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABNnDz2vLw07Wq3cBfXVzNZeT23pzJMSp2ESx26a2\
    HhQ3KlVyVSBSXBJPup7DL66xGWFX/Xal4EMUYCv6ySM8fgIwCgYIKoZIzj0EAwMDSQAwRgIhAIoc3tfvjm6NfW7GN85P\
    cKzFSu6hwQVY/aEmnKCqqWc4AiEA49AMjnS2Jq78xWn/HgoNp13MqvIN9T9i38eQEANtGjQ=";
const P256_SHA512: &str = "\
    MIH/MIGmAgEBMAoGCCqGSM49BAMEMAwxCjAIBgNVBAMMAXgwHhcNMjYxMTI0MDUwOTIxWhcNMzYxMTIxMDUwOTIxWjAM\
    MQowCAYDVQQDDAF4MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE2cPPa8vDTtardwF9dXM1l5PbenMkxKnYRLHbprYe\
    FDcqVXJVIFJcEk+6nsMvrrEZYVf9dqXgQxRgK/rJIzx+AjAKBggqhkjOPQQDBANIADBFAiAaztrCV3dYRmtO7sHucZXd\
    f2MiqSN7srFK8hyGnild5QIhANl40Oyj/LfCskJJcZL59kOJGwcmd4d8F99TctegvKOk";
const P384_SHA256: &str = "\
    MIIBPTCBwwIBATAKBggqhkjOPQQDAjAMMQowCAYDVQQDDAF4MB4XDTI2MTEyNDA1MDkyMVoXDTM2MTEyMTA1MDkyMVow\
    DDEKMAgGA1UEAwwBeDB2MBAGByqGSM49AgEGBSuBBAAiA2IABFO19l7pPBBvkQQcmpGcGDdTgaKdOngnO18Xq9vFxN7S\
    H5i8yt4qGP7w0m2a7OPCglrGZ+JW/I4FpSIBfsjqd3+OZ+ScFiIc/sJzM6VBWbNF/ThConPXNvAyw3kNx0NkBDAKBggq\
    hkjOPQQDAgNpADBmAjEA50LkeNzX0+Qeu7q8QYbFjRmAlzum40ymBE6zunvxzMvldFjQvFx3XsHaZeTebRaIAjEAiuYV\
    WODs79/HmiyFRfOsnbOEwreHKDwivbkVmrk8VCfcloNdT7q16K1MI0lOgKrn";
const P384_SHA512: &str = "\
    MIIBOzCBwwIBATAKBggqhkjOPQQDBDAMMQowCAYDVQQDDAF4MB4XDTI2MTEyNDA1MDkyMVoXDTM2MTEyMTA1MDkyMVow\
    DDEKMAgGA1UEAwwBeDB2MBAGByqGSM49AgEGBSuBBAAiA2IABFO19l7pPBBvkQQcmpGcGDdTgaKdOngnO18Xq9vFxN7S\
    H5i8yt4qGP7w0m2a7OPCglrGZ+JW/I4FpSIBfsjqd3+OZ+ScFiIc/sJzM6VBWbNF/ThConPXNvAyw3kNx0NkBDAKBggq\
    hkjOPQQDBANnADBkAjA99PBSVuOqogDgOJ2myIm0kmTcNSltiWAEX1999/NjSLoI4JKUO0zSpsROVv4HC28CMHarcFzZ\
    n0RDUJdtlqLw8+5DqCQLpgZJ8YhmjL7PuSHGlxshM6QOYUdEgt55glM8Rg==";
const P256_SHA1: &str = "\
    MIH9MIGlAgEBMAkGByqGSM49BAEwDDEKMAgGA1UEAwwBeDAeFw0yNjExMjQwNTA5MjFaFw0zNjExMjEwNTA5MjFaMAwx\
    CjAIBgNVBAMMAXgwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAATZw89ry8NO1qt3AX11czWXk9t6cyTEqdhEsdumth4U\
    NypVclUgUlwST7qewy+usRlhV/12peBDFGAr+skjPH4CMAkGByqGSM49BAEDSAAwRQIgQQQaq/TnpBybDqh/eCY4hDnE\
    JUrZE/KfIXz9411BTD0CIQCKakCqmDFVYWsF2vygGvbPJzb5k9HrxP8ILHQUdmE78A==";
const SECP256K1_SHA256: &str = "\
    MIH9MIGjAgEBMAoGCCqGSM49BAMCMAwxCjAIBgNVBAMMAXgwHhcNMjYxMTI0MDUwOTIxWhcNMzYxMTIxMDUwOTIxWjAM\
    MQowCAYDVQQDDAF4MFYwEAYHKoZIzj0CAQYFK4EEAAoDQgAElai+HEuOyMNX2bS7R2UfaRgp09Da09drcPDeF//bE1dR\
    F8tQL8YSQQGtlTWS5Smf1lBwc+O4khIDsEp9kMQ5jzAKBggqhkjOPQQDAgNJADBGAiEAiQPWVg/mFcMgMuvkxE2+uQ17\
    cv3ZaKlGJAc5rzNWN4ECIQDxUWf6LXm7xFVOpyqxEkIy0Vco+26MylqcfcOt2MhFmQ==";
const RSA_1024_SHA256: &str = "\
    MIIBhjCB8AIBATANBgkqhkiG9w0BAQsFADAMMQowCAYDVQQDDAF4MB4XDTI2MTEyNDA1MDkyMVoXDTM2MTEyMTA1MDky\
    MVowDDEKMAgGA1UEAwwBeDCBnzANBgkqhkiG9w0BAQEFAAOBjQAwgYkCgYEA774n0o2pt6EUrgQhm6yeKiZ+K9tBtUjY\
    62NRLST1xyvQ73FWOCh7HaD8kJ1Qg8pSEpTS8X1p2G9uOm0qKlS2qq8IigoTvsJkLIuL7jDrSXFockDgVRg70kCEDZnc\
    2/wQsE+m9cT3mrJ1xOxKM7HeC0Kccohv5ESSUYRNkBBxmf0CAwEAATANBgkqhkiG9w0BAQsFAAOBgQDnMs+Ve+30IEJ8\
    pjtSX9XhodL6oHXTrZfBc4gNL9ZpKmCQFnK9qxngYBTFmisyCrbnHhey4VF7PuMd4mREkrTAWbJ9KneKw/HCqR+kRTBO\
    dsUskMTRVrZXjCRBWrbCOk+KzwFmFZtsaRkcoYJc7Wpuzu4Lf77BjA4equExBBrt4Q==";
