//! Proofs as files, written and read. What was read is written again as the same bytes.

use std::collections::BTreeSet;

use domain::base::iana::Rtype;
use jiff::Timestamp;

use super::Proof;
use super::link::{Hash, Link, Manifest};
use crate::message::Query;
use crate::name::Name;

/// The largest file that is read or made. Ten zones with keys of 4,096 bits have 40 kB.
pub const PROOF_BYTES_MAX: usize = 1 << 20;

/// How a file begins. An editor that changes line ends would spoil it here first.
const MAGIC: &[u8; 8] = b"dnssec\r\n";
const VERSION: u8 = 1;

/// Why bytes are no proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProofError {
    /// More than [`PROOF_BYTES_MAX`].
    #[error("it has more than {PROOF_BYTES_MAX} bytes")]
    TooLarge,
    /// Another kind of file.
    #[error("it does not begin as a DNSSEC proof does")]
    Magic,
    /// A version that is not known here.
    #[error("it is of version {0}, and only version {VERSION} is known")]
    Version(u8),
    /// It ends within a field, or goes on after the last.
    #[error("a length in it is wrong")]
    Length,
    /// A name or a time is none.
    #[error("a name or a time in it is none")]
    Value,
    /// Links that are not sorted, something that is there twice, or a link or manifest that is not there.
    #[error("its parts do not belong together")]
    Parts,
}

impl Proof {
    /// The file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.push(VERSION);
        put_query(&mut bytes, &self.query);
        bytes.extend(self.validated_at.as_second().to_be_bytes());
        put_vector(&mut bytes, self.links.iter().flat_map(Link::to_bytes).collect());
        put_vector(&mut bytes, self.manifests.iter().flat_map(Manifest::to_bytes).collect());
        let mut answers = Vec::new();
        for (query, place) in &self.answers {
            put_query(&mut answers, query);
            answers.extend(u16::try_from(*place).expect("a walk has few steps").to_be_bytes());
        }
        put_vector(&mut bytes, answers);
        bytes
    }

    /// Reads a file. Whether it proves anything is another question: [`Proof::verify`].
    pub fn parse(bytes: &[u8]) -> Result<Self, ProofError> {
        if bytes.len() > PROOF_BYTES_MAX {
            return Err(ProofError::TooLarge);
        }
        let mut reader = Reader(bytes.strip_prefix(MAGIC).ok_or(ProofError::Magic)?);
        match reader.number(1)? {
            1 => {}
            other => return Err(ProofError::Version(u8::try_from(other).unwrap_or(u8::MAX))),
        }
        let query = reader.query()?;
        let second = i64::from_be_bytes(*reader.array::<8>()?);
        let validated_at = Timestamp::from_second(second).map_err(|_| ProofError::Value)?;
        let links = reader.links()?;
        let manifests = reader.manifests(&links)?;
        let (mut answers, mut known) = (Vec::new(), BTreeSet::new());
        let mut rest = Reader(reader.vector(3)?);
        while !rest.0.is_empty() {
            let (query, place) = (rest.query()?, rest.number(2)?);
            let answer = (query, place);
            if place >= manifests.len() || !known.insert(answer.clone()) {
                return Err(ProofError::Parts);
            }
            answers.push(answer);
        }
        match reader.0 {
            [] => Ok(Self { query, validated_at, links, manifests, answers }),
            _ => Err(ProofError::Length),
        }
    }
}

fn put_query(bytes: &mut Vec<u8>, query: &Query) {
    let name = query.name.wire();
    bytes.push(u8::try_from(name.len()).expect("a name has at most 255 octets"));
    bytes.extend(name);
    bytes.extend(query.rtype.to_int().to_be_bytes());
}

fn put_vector(bytes: &mut Vec<u8>, content: Vec<u8>) {
    let length = u32::try_from(content.len()).expect("a walk is bounded");
    bytes.extend(&length.to_be_bytes()[1..]);
    bytes.extend(content);
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], ProofError> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(ProofError::Length)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const LENGTH: usize>(&mut self) -> Result<&'a [u8; LENGTH], ProofError> {
        Ok(self.take(LENGTH)?.try_into().expect("so many were taken"))
    }

    /// A number of so many octets, at most three.
    fn number(&mut self, octets: usize) -> Result<usize, ProofError> {
        Ok(self.take(octets)?.iter().fold(0, |number, octet| number << 8 | usize::from(*octet)))
    }

    /// What has its length in front, in so many octets.
    fn vector(&mut self, octets: usize) -> Result<&'a [u8], ProofError> {
        let length = self.number(octets)?;
        self.take(length)
    }

    fn query(&mut self) -> Result<Query, ProofError> {
        let wire = self.vector(1)?;
        let name = Name::from_wire(wire).map_err(|_| ProofError::Value)?;
        let rtype = Rtype::from_int(u16::from_be_bytes(*self.array()?));
        // One name has one text.
        if name.wire() == wire { Ok(Query { name, rtype }) } else { Err(ProofError::Value) }
    }

    fn links(&mut self) -> Result<Vec<Link>, ProofError> {
        let mut rest = Reader(self.vector(3)?);
        let mut links = Vec::new();
        while !rest.0.is_empty() {
            let signed_data = rest.vector(3)?.to_vec();
            let signature = rest.vector(2)?.to_vec();
            links.push(Link { signed_data, signature });
        }
        let ids: Vec<Hash> = links.iter().map(Link::id).collect();
        let is_sorted = ids.windows(2).all(|pair| pair[0] < pair[1]);
        if is_sorted { Ok(links) } else { Err(ProofError::Parts) }
    }

    fn manifests(&mut self, links: &[Link]) -> Result<Vec<Manifest>, ProofError> {
        let known: BTreeSet<Hash> = links.iter().map(Link::id).collect();
        let mut rest = Reader(self.vector(3)?);
        let (mut manifests, mut ids) = (Vec::new(), BTreeSet::new());
        while !rest.0.is_empty() {
            if rest.number(1)? != 1 {
                return Err(ProofError::Parts);
            }
            let parent = Some(Hash(*rest.array()?)).filter(|parent| parent.0 != [0; 32]);
            let (chunks, left) = rest.vector(2)?.as_chunks::<32>();
            let links: Vec<_> = chunks.iter().map(|chunk| Hash(*chunk)).collect();
            let manifest = Manifest { parent, links };
            // Each link once: what is said over and over takes longer to follow than to read.
            let distinct: BTreeSet<_> = manifest.links.iter().collect();
            let is_whole = left.is_empty()
                && !manifest.links.is_empty()
                && distinct.len() == manifest.links.len()
                && manifest.links.iter().all(|link| known.contains(link))
                && manifest.parent.is_none_or(|parent| ids.contains(&parent));
            if !is_whole || !ids.insert(manifest.id()) {
                return Err(ProofError::Parts);
            }
            manifests.push(manifest);
        }
        Ok(manifests)
    }
}
