//! A webhook: the message's JSON by POST, signed, so that the receiver knows that it is from us, and with a
//! key by which it knows what it has already.

use std::fmt::Write;
use std::time::Duration;

use aws_lc_rs::hmac;
use countersign_net::{Net, Post, Posted, Target};
use jiff::Timestamp;

use super::{Message, NotDelivered, Secret, because, said};

/// A URL that takes messages.
#[derive(Clone, Debug)]
pub struct Webhook {
    /// What the configuration calls it.
    pub name: String,
    /// The URL.
    pub target: Target,
    /// The vantage that the request takes.
    pub vantage: String,
    /// What only the receiver and we know.
    pub secret: Secret,
    /// How long a request may take.
    pub deadline: Duration,
}

impl Webhook {
    pub(super) async fn send(
        &self,
        net: &Net,
        message: &Message,
        attempt: u32,
        now: Timestamp,
    ) -> Result<(), NotDelivered> {
        let timestamp = now.as_second().to_string();
        let signature = signature(&self.secret, &timestamp, &message.json);
        let attempt = attempt.to_string();
        let headers = [
            ("idempotency-key", message.id.as_str()),
            ("countersign-timestamp", &timestamp),
            ("countersign-signature", &signature),
            ("countersign-event", &message.event),
            ("countersign-attempt", &attempt),
        ];
        let post = Post {
            to: &self.target,
            vantage: &self.vantage,
            body: message.json.as_bytes(),
            content_type: "application/json",
            headers: &headers,
            deadline: self.deadline,
        };
        match net.post(post, now).await {
            Ok(posted) => judge(&self.target, &posted),
            Err(error) => Err(NotDelivered::failed(because(error))),
        }
    }
}

/// `v1=` and the HMAC-SHA256 (RFC 2104) in hexadecimal, over the timestamp, a dot and the body. The
/// timestamp is in it so that a message cannot be played back later.
fn signature(secret: &Secret, timestamp: &str, body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes());
    let mut context = hmac::Context::with_key(&key);
    context.update(timestamp.as_bytes());
    context.update(b".");
    context.update(body.as_bytes());
    let mut text = "v1=".to_owned();
    for byte in context.sign().as_ref() {
        write!(text, "{byte:02x}").expect("a String takes all");
    }
    text
}

/// What a status means for the message. A receiver that does not know us, or is not there any more, rejects
/// like one that dislikes the message: the two cannot be told apart, and a filter in front of the receiver
/// may answer anything.
fn judge(target: &Target, posted: &Posted) -> Result<(), NotDelivered> {
    let why = || format!("{target} answered with status {}{}", posted.status, said(&posted.body));
    match posted.status {
        200..300 => Ok(()),
        // RFC 9110 §15.5.9, RFC 8470 §5.2, RFC 6585 §4: not now.
        408 | 425 | 429 => {
            Err(NotDelivered::Failed { why: why(), retry_after: posted.retry_after })
        }
        400..500 => Err(NotDelivered::Rejected(why())),
        _ => Err(NotDelivered::Failed { why: why(), retry_after: posted.retry_after }),
    }
}

#[cfg(test)]
mod tests;
