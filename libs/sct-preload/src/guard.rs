//! Decides about one peer whose certificate the program's library has verified.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;

use countersign_sct::{Action, Anchor, Chain, Decision, Enforcer, Trust};
use jiff::Timestamp;

use crate::memory_file::MemoryFile;
use crate::settings::{self, Settings, environment};
use crate::tell::{self, Teller};

/// A TLS server that a client of ours has verified.
pub(crate) struct Server {
    /// From its certificate up, in DER: what was verified, not what was sent.
    pub(crate) chain: Vec<Vec<u8>>,
    /// The name that was asked for, if the program told its library.
    pub(crate) host: Option<String>,
    /// What the chain was verified by.
    pub(crate) trust: Trust,
    /// Whether the library itself ends the handshake when we say no.
    pub(crate) heed: Heed,
}

/// What becomes of a no.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heed {
    /// The handshake fails, or the program is told in so many words.
    Fails,
    /// The handshake goes on; only a program that asks for the result of the verification will know.
    ProgramMayIgnore,
}

/// The library has verified something for which we cannot say what. Only the reason is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Untold(pub(crate) &'static str);

/// Whether what the library has verified may pass. `read` says whom it has verified: nobody, if it was no server.
/// A panic must not reach C code, which would end the program: it is a no.
pub(crate) fn may_pass(read: impl FnOnce() -> Result<Option<Server>, Untold>) -> bool {
    let judged = catch_unwind(AssertUnwindSafe(|| match read() {
        Ok(None) => true,
        Ok(Some(server)) => guard().judge(&server),
        Err(Untold(why)) => {
            guard().teller.say(&format!("refused a server: {why}"), tell::now());
            false
        }
    }));
    judged.unwrap_or(false)
}

/// Tells, where somebody asked for it, what was let pass without a look at its SCTs.
pub(crate) fn mention(what: &str) {
    let guard = guard();
    if guard.is_verbose {
        guard.teller.say(what, tell::now());
    }
}

/// Writes down what should be known after the next start. Once, when the program ends.
pub(crate) fn at_exit() {
    // As above; and a program that ends has nobody left to tell.
    let _panicked = catch_unwind(|| {
        if let Some(guard) = GUARD.get() {
            guard.remember(tell::now(), When::AtExit);
        }
    });
}

/// Says, where somebody asked for it, that this library is in the program: the proof that preloading worked.
pub(crate) fn at_load() {
    let _panicked = catch_unwind(|| {
        tell::note_standard_error();
        if settings::is_verbose() {
            let program = std::env::current_exe().unwrap_or_default();
            let line = format!("in {} (process {})", program.display(), std::process::id());
            Teller::default().say(&line, tell::now());
        }
    });
}

/// One for the whole program, made when the first peer is judged: most programs never open a connection.
static GUARD: OnceLock<Guard> = OnceLock::new();

fn guard() -> &'static Guard {
    GUARD.get_or_init(|| {
        let settings = environment();
        let guard = Guard::new(settings);
        crate::ffi::call_at_exit();
        guard
    })
}

struct Guard {
    enforcer: Enforcer,
    memory_file: Option<MemoryFile>,
    teller: Teller,
    is_verbose: bool,
}

/// When the memory is written down.
enum When {
    /// Not more often than once a minute.
    Now,
    AtExit,
}

impl Guard {
    fn new(settings: Settings) -> Self {
        let teller = Teller::default();
        for problem in &settings.problems {
            teller.say(problem, tell::now());
        }
        let Settings { enforcer, memory_file, is_verbose, .. } = settings;
        Self { enforcer, memory_file, teller, is_verbose }
    }

    fn judge(&self, server: &Server) -> bool {
        let now = tell::now();
        let certificates: Vec<&[u8]> = server.chain.iter().map(Vec::as_slice).collect();
        let chain = Chain {
            certificates: &certificates,
            anchor: Anchor::Last, // both libraries hand out the chain with its anchor
            host: server.host.as_deref(),
            trust: server.trust,
        };
        let decision = self.enforcer.judge(chain, now);
        self.tell(server, &decision, now);
        self.remember(now, When::Now);
        match decision.action {
            Action::Accept => true,
            Action::Refuse => false,
        }
    }

    fn tell(&self, server: &Server, decision: &Decision, now: Timestamp) {
        let host = server.host.as_deref().unwrap_or("a server without a name");
        for warning in &decision.warnings {
            self.teller.say(&format!("warning about {host}: {warning}"), now);
        }
        let reason = &decision.reason;
        match (decision.action, server.heed) {
            (Action::Refuse, Heed::Fails) => {
                self.teller.say(&format!("refused {host}: {reason}"), now);
            }
            (Action::Refuse, Heed::ProgramMayIgnore) => {
                let line = format!(
                    "refused {host}, but this program goes on whatever a verification says, unless it asks \
                     itself: {reason}"
                );
                self.teller.say(&line, now);
            }
            (Action::Accept, _) if self.is_verbose => {
                self.teller.say(&format!("accepted {host}: {reason}"), now);
            }
            (Action::Accept, _) => {}
        }
    }

    fn remember(&self, now: Timestamp, when: When) {
        let Some(file) = &self.memory_file else { return };
        let memory = self.enforcer.memory();
        let written = match when {
            When::Now => file.save_at_times(&memory, now),
            When::AtExit => file.save(&memory, now),
        };
        if let Err(why) = written {
            self.teller.say(&why, now);
        }
    }
}

#[cfg(test)]
mod tests;
