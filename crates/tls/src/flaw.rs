//! What is wrong with what a peer sent, or missing, so that a handshake cannot be followed or proves nothing. Each is one
//! sentence, in our own words: nothing of the peer's is in it but numbers.

use crate::names;

/// What a peer sent that is no TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Flaw {
    /// What should be the header of a record is none (RFC 8446 §5.1).
    #[error("the {0} sent bytes that are no TLS record")]
    NotARecord(crate::alert::Side),
    /// A record that must not be there.
    #[error("a record of type {0} where it must not be")]
    Record(u8),
    /// A message that must not be there.
    #[error("{} where it must not be", names::message(*.0))]
    Unexpected(u8),
    /// A message whose fields do not fit.
    #[error("{} that cannot be read", names::message(*.0))]
    Malformed(u8),
    /// A message that is longer than any recording.
    #[error("a message that says it has {0} bytes")]
    TooLong(usize),
    /// RFC 8446 §5.1: messages must not go on across a change of keys.
    #[error("a message that goes on across a change of keys")]
    AcrossKeys,
    /// A version that is none, or one that is not followed here.
    #[error("the version {}, which cannot be followed", names::version(*.0))]
    Version(u16),
    /// A certificate that was compressed in a way that cannot be undone.
    #[error("compressed certificates that cannot be unpacked: {0}")]
    Compressed(#[from] Compressed),
    /// The MAC in the server's Finished is not that of this handshake (RFC 8446 §4.4.4).
    #[error("a Finished that does not fit what was said before")]
    Finished,
}

/// Why compressed certificates cannot be unpacked (RFC 8879 §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Compressed {
    /// By an algorithm that is not known here.
    #[error("the algorithm {0} is not known")]
    Algorithm(u16),
    /// They would be larger than any recording.
    #[error("they would have {0} bytes")]
    TooLarge(usize),
    /// The stream is damaged.
    #[error("the stream is damaged")]
    Stream,
    /// They have more or fewer bytes than the message says.
    #[error("they have not the {0} bytes that the message says")]
    Length(usize),
}

/// Why a chain was not seen, though there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Hidden {
    /// The key log has no line for this connection.
    #[error("the certificates are encrypted, and the key log has no line for this connection")]
    NoKey,
    /// A line is there, and opens nothing: it is not of this connection, or what was sent is damaged.
    #[error("the certificates are encrypted, and the key that was logged does not open them")]
    WrongKey,
    /// Encrypted by a suite that is not known here.
    #[error("the certificates are encrypted by {}, which cannot be opened here", names::suite(*.0))]
    Suite(u16),
    /// The recording ends before.
    #[error("the recording ends before the certificates do")]
    Cut,
    /// They could not be read.
    #[error("the server sent {0}")]
    Flaw(Flaw),
}

/// Why it is not known whether the holder of the certificate's key took part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unproved {
    /// The recording ends before the server has signed.
    #[error("the recording ends before the server has proved that it holds the key")]
    Cut,
    /// RSA without a key exchange: who answers proves it only by what is encrypted (RFC 5246 §7.4.7.1).
    #[error("with {} the server signs nothing", names::suite(*.0))]
    NothingSigned(u16),
    /// Before TLS 1.2 the signature is over MD5 and SHA-1.
    #[error("signatures of {} prove nothing", names::version(*.0))]
    Version(u16),
    /// Signed in a way that is not verified here, or not allowed there.
    #[error("the signature is by {}, which does not count here", names::scheme(*.0))]
    Scheme(u16),
    /// The first certificate has no key that can be read, or one of a kind or size that does not count.
    #[error("the first certificate has no key that the signature could be by")]
    Key,
    /// Another key signed, or something else was signed.
    #[error("the signature is not by the key in the first certificate over this handshake")]
    Signature,
    /// It was signed, and then something went wrong.
    #[error("the server sent {0}")]
    Flaw(Flaw),
}
