//! Keeps the lists of logs: fetches each, falls back on the last one that it served, and says so.

use std::time::Duration;

use countersign_net::{Connection, Get, Gzip};
use countersign_sct::LogList;
use countersign_sct::log_list::LIST_BYTES_MAX;
use countersign_store::StoreError;
use jiff::Timestamp;

use crate::context::{Context, blocking};
use crate::follow::chain;
use crate::roster::Roster;
use crate::settings::{ListSource, Place};

/// What the lists say, as far as they could be had.
pub(crate) struct Lists {
    /// None if there is not one list, new or old, and no log of our own.
    pub(crate) roster: Option<Roster>,
    /// The sources that gave nothing new, and why.
    pub(crate) failed: Vec<String>,
}

impl Context {
    /// Fetches all lists and unites them.
    pub(crate) async fn lists(&self, now: Timestamp) -> Result<Lists, StoreError> {
        let (mut lists, mut failed) = (Vec::new(), Vec::new());
        for source in &self.settings.lists {
            let trouble = match self.list(source, now).await? {
                Ok(list) => {
                    lists.push(list);
                    None
                }
                Err((why, old)) => {
                    lists.extend(old);
                    failed.push(format!("log list {}: {why}", source.name));
                    Some(why)
                }
            };
            let kind = format!("log-list-{}", source.name);
            match trouble {
                Some(why) => self.raise(None, kind, why, now).await?,
                None => self.clear(None, vec![kind], now).await?,
            }
        }
        let own = &self.settings.own_logs;
        if lists.is_empty() && own.is_empty() {
            return Ok(Lists { roster: None, failed });
        }
        let skipped = lists.iter().flat_map(|list| &list.skipped);
        let unread = skipped.map(|skipped| format!("{} ({})", skipped.what, skipped.why)).collect();
        let roster = Roster::new(lists, own, now);
        self.unfollowable(unread, &roster, now).await?;
        Ok(Lists { roster: Some(roster), failed })
    }

    /// The list from one source; or why there is no new one, and the last that there was.
    async fn list(
        &self,
        source: &ListSource,
        now: Timestamp,
    ) -> Result<Result<LogList, (String, Option<LogList>)>, StoreError> {
        let why = match self.fetch_list(&source.place, now).await {
            Ok(bytes) => match LogList::parse(&bytes) {
                Ok(list) => {
                    let name = source.name.clone();
                    self.store(move |store| store.keep_log_list(&name, &bytes, now)).await?;
                    return Ok(Ok(list));
                }
                Err(err) => chain(&err),
            },
            Err(why) => why,
        };
        let name = source.name.clone();
        let old = self.store(move |store| store.reader().log_list(&name)).await?;
        let Some((bytes, kept_at)) = old else { return Ok(Err((why, None))) };
        let old = LogList::parse(&bytes).ok();
        Ok(Err((format!("{why}; going on with the one of {kept_at:.0}"), old)))
    }

    async fn fetch_list(&self, place: &Place, now: Timestamp) -> Result<Vec<u8>, String> {
        let url = match place {
            Place::File(path) => {
                let path = path.clone();
                let read = blocking(move || (std::fs::read(&path), path)).await;
                return read.0.map_err(|err| format!("cannot read {}: {err}", read.1.display()));
            }
            Place::Url(url) => url,
        };
        let (vantage, connection) = (self.settings.vantage.as_str(), Connection::Close);
        let (gzip, body_max) = (Gzip::Ask, LIST_BYTES_MAX);
        let get = Get { url, vantage, gzip, body_max, deadline: DEADLINE, connection };
        match self.net.get(get, now).await {
            Ok(reply) if reply.status == 200 => Ok(reply.body),
            Ok(reply) => Err(format!("the server answers {}", reply.status)),
            Err(err) => Err(chain(&err)),
        }
    }

    /// Says which logs should be followed and cannot be: a silence about them would mean nothing.
    async fn unfollowable(
        &self,
        unread: Vec<String>,
        roster: &Roster,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let unlocated =
            roster.unlocated.iter().map(|log| format!("{log} (no list says where it is)"));
        let all: Vec<_> = unread.into_iter().chain(unlocated).collect();
        let kind = "logs-not-followed".to_owned();
        if all.is_empty() {
            return self.clear(None, vec![kind], now).await;
        }
        self.raise(None, kind, format!("listed, but cannot be followed: {}", all.join("; ")), now)
            .await
    }
}

/// A list has some hundred kilobytes.
const DEADLINE: Duration = Duration::from_secs(60);
