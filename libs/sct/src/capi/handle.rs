//! The enforcer that C holds: like [`Enforcer`], and can be changed while threads share it.

use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use jiff::Timestamp;

use super::{COUNTERSIGN_SCT_BY_DANE, COUNTERSIGN_SCT_LAST_IS_ANCHOR};
use super::{COUNTERSIGN_SCT_PROFILE_DEFAULT, COUNTERSIGN_SCT_PROFILE_HIGH_RISK, Outcome, Told};
use crate::enforcer::{Anchor, Chain, Enforcer, Memory, Profile, PublicRoots, Reason};
use crate::enforcer::{Settings, Trust};
use crate::signed_list::{ListKeys, RefusedList, SignedList};

/// Demands SCTs. Make one for the whole program. Threads may share it and call anything at the same time, except
/// countersign_sct_enforcer_free(), which must be the last call.
pub struct Handle {
    inner: RwLock<Inner>,
}

/// An enforcer, and what it is made of: whoever changes one of these gets a new enforcer that knows what the old
/// one knew.
struct Inner {
    settings: Settings,
    roots: PublicRoots,
    enforcer: Enforcer,
}

impl Handle {
    /// With the list and the roots that come with the library.
    pub(super) fn new(way: Option<&str>) -> Result<Self, Outcome> {
        let way = way.unwrap_or(WAYS[0]);
        let way = WAYS.iter().find(|known| **known == way).ok_or(Outcome::UnknownWay)?;
        let settings = Settings::new(way);
        let (list, roots) = (SignedList::built_in(), PublicRoots::built_in());
        let enforcer = Enforcer::new(settings.clone(), list, roots.clone(), Memory::default());
        Ok(Self { inner: RwLock::new(Inner { settings, roots, enforcer }) })
    }

    pub(super) fn set_profile(&self, profile: u32) -> Result<(), Outcome> {
        let profile = match profile {
            COUNTERSIGN_SCT_PROFILE_DEFAULT => Profile::Default,
            COUNTERSIGN_SCT_PROFILE_HIGH_RISK => Profile::HighRisk,
            _ => return Err(Outcome::UnknownProfile),
        };
        let mut inner = self.change();
        inner.settings.profile = profile;
        let memory = inner.enforcer.memory();
        inner.renew(memory);
        Ok(())
    }

    pub(super) fn add_public_roots(&self, pem: &[u8]) -> Result<(), Outcome> {
        let pem = std::str::from_utf8(pem).map_err(|_| Outcome::NotUtf8)?;
        let mut inner = self.change();
        let mut roots = inner.roots.clone();
        match roots.add_pem(pem) {
            // Whoever adds roots has some; the file may be the wrong one.
            Ok(0) | Err(_) => return Err(Outcome::BadPem),
            Ok(_) => inner.roots = roots,
        }
        let memory = inner.enforcer.memory();
        inner.renew(memory);
        Ok(())
    }

    pub(super) fn load_list(&self, list: &[u8], keys: &[u8]) -> Result<(), Outcome> {
        let keys = std::str::from_utf8(keys).ok().and_then(|keys| ListKeys::parse(keys).ok());
        let list = keys.ok_or(Outcome::BadKeys)?.verify(list).map_err(|why| match why {
            RefusedList::Note(_) => Outcome::ListNotSigned,
            RefusedList::Unsigned(_) => Outcome::ListSignedByTooFew,
            RefusedList::List(_) => Outcome::BadList,
        })?;
        self.look().enforcer.take(list).map_err(|_| Outcome::ListNotNewer)
    }

    /// Its version, and when it was issued.
    pub(super) fn list(&self) -> (u64, i64) {
        let list = self.look().enforcer.list();
        (list.version, list.issued.as_second())
    }

    pub(super) fn load_memory(&self, text: &[u8]) -> Result<(), Outcome> {
        let text = std::str::from_utf8(text).map_err(|_| Outcome::NotUtf8)?;
        let loaded = Memory::parse(text).map_err(|_| Outcome::BadMemory)?;
        let mut inner = self.change();
        let mut memory = inner.enforcer.memory();
        memory.merge(&loaded);
        inner.renew(memory);
        Ok(())
    }

    pub(super) fn memory(&self) -> String {
        self.look().enforcer.memory().to_text()
    }

    pub(super) fn judge(
        &self,
        certificates: &[&[u8]],
        host: Option<&str>,
        now: i64,
        flags: u32,
    ) -> Result<Told, Outcome> {
        if flags & !(COUNTERSIGN_SCT_BY_DANE | COUNTERSIGN_SCT_LAST_IS_ANCHOR) != 0 {
            return Err(Outcome::UnknownFlag);
        }
        let now = Timestamp::from_second(now).map_err(|_| Outcome::BadTime)?;
        if certificates.is_empty() {
            return Err(Outcome::EmptyChain);
        }
        let by_dane = flags & COUNTERSIGN_SCT_BY_DANE != 0;
        let trust = if by_dane { Trust::Dane } else { Trust::Roots };
        // A program that passes what the server sent, without the root, must not see all of it accepted.
        let is_whole = flags & COUNTERSIGN_SCT_LAST_IS_ANCHOR != 0;
        let anchor = if is_whole { Anchor::Last } else { Anchor::Unsaid };
        let decision = self.look().enforcer.judge(Chain { certificates, anchor, host, trust }, now);
        match decision.reason {
            Reason::CutOff if !is_whole => Err(Outcome::IncompleteChain),
            _ => Ok(Told::new(&decision)),
        }
    }

    fn look(&self) -> RwLockReadGuard<'_, Inner> {
        // Nothing is half done under the lock, so what a panic leaves behind is whole.
        self.inner.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self) -> RwLockWriteGuard<'_, Inner> {
        self.inner.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn renew(&mut self, memory: Memory) {
        let list = SignedList::clone(&self.enforcer.list());
        self.enforcer = Enforcer::new(self.settings.clone(), list, self.roots.clone(), memory);
    }
}

/// The ways that a list can name; the first is that of those who say nothing.
const WAYS: [&str; 4] = ["c", "python", "rustls", "preload"];
