//! A mailbox: the message as a plain mail. Its JSON is not attached: attachments trip filters.

use std::time::Duration;

use countersign_net::{Mail, MailServer, Mailbox, Net};
use jiff::Timestamp;

use super::{Message, NotDelivered, because};

/// A mailbox that takes messages.
#[derive(Clone, Debug)]
pub struct Smtp {
    /// What the configuration calls it.
    pub name: String,
    /// The server that takes mail from us.
    pub server: MailServer,
    /// Who mail is from.
    pub from: Mailbox,
    /// Who gets it. For several people, several sinks: the refused address of one must not hold up the
    /// others' mail, nor be forgotten because others got theirs.
    pub to: Mailbox,
    /// How long handing over a mail may take.
    pub deadline: Duration,
}

impl Smtp {
    pub(super) async fn send(
        &self,
        net: &Net,
        message: &Message,
        now: Timestamp,
    ) -> Result<(), NotDelivered> {
        let mail = Mail {
            server: &self.server,
            from: &self.from,
            to: &self.to,
            id: &message.id,
            subject: &message.subject_line(),
            text: &message.plain_text(),
            deadline: self.deadline,
        };
        let Err(error) = net.mail(&mail, now).await else { return Ok(()) };
        if error.rejects_content() {
            Err(NotDelivered::Rejected(because(error)))
        } else {
            Err(NotDelivered::failed(because(error)))
        }
    }
}

#[cfg(test)]
mod tests;
