-- Migration 1: the whole schema. Once released, this file does not change; a change of the schema is a new
-- file at the end of the list in schema.rs.
--
-- Times are integer milliseconds since 1970, UTC. Sizes and indices are unsigned 64-bit numbers kept in
-- SQLite's signed ones, bit for bit: one of 2^63 or more reads as negative here, and nothing compares them.
-- Hashes are 32 raw bytes. Nothing is ever deleted, except the pending heads that a new position replaces.

-- What there is one of. Its only row is written here.
CREATE TABLE watch (
    one              INTEGER PRIMARY KEY CHECK (one = 1),
    guarding_since   INTEGER,                       -- set once, when the first watch began
    reported_through INTEGER NOT NULL DEFAULT 0     -- every report up to this id went out
) STRICT;
INSERT INTO watch (one) VALUES (1);

-- Bytes as they were seen, each kept once and for ever.
CREATE TABLE evidence (
    id     INTEGER PRIMARY KEY,
    sha256 BLOB NOT NULL UNIQUE CHECK (length(sha256) = 32),
    bytes  BLOB NOT NULL
) STRICT;
CREATE TRIGGER evidence_is_not_deleted BEFORE DELETE ON evidence
BEGIN SELECT raise(ABORT, 'evidence is kept for ever'); END;
CREATE TRIGGER evidence_is_not_changed BEFORE UPDATE ON evidence
BEGIN SELECT raise(ABORT, 'evidence is kept as it was seen'); END;

-- The logs that are followed, or were.
CREATE TABLE log (
    id          BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 32),
    description TEXT NOT NULL,
    operator    TEXT NOT NULL,
    api         TEXT NOT NULL CHECK (api IN ('rfc6962', 'static-ct')),
    url         TEXT NOT NULL,                      -- where the log is read
    mmd_s       INTEGER,                            -- maximum merge delay; NULL: not known
    added_at    INTEGER NOT NULL,
    removed_at  INTEGER                             -- NULL: followed
) STRICT, WITHOUT ROWID;

-- How far each log was read. Moves only from the revision that its writer had read.
CREATE TABLE position (
    log                BLOB NOT NULL PRIMARY KEY REFERENCES log (id),
    revision           INTEGER NOT NULL,
    start              INTEGER NOT NULL,
    downloaded_size    INTEGER NOT NULL,
    downloaded_peaks   BLOB NOT NULL CHECK (length(downloaded_peaks) % 32 = 0),
    tail               BLOB NOT NULL CHECK (length(tail) % 32 = 0),
    verified_size      INTEGER NOT NULL,
    verified_peaks     BLOB NOT NULL CHECK (length(verified_peaks) % 32 = 0),
    verified_head      BLOB,                        -- as served
    verified_head_time INTEGER,
    committed_at       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Heads that a position still has to reach, in order, as served.
CREATE TABLE pending_head (
    log     BLOB NOT NULL REFERENCES position (log),
    ordinal INTEGER NOT NULL,
    head    BLOB NOT NULL,
    PRIMARY KEY (log, ordinal)
) STRICT, WITHOUT ROWID;

-- The first verified head of each UTC day of ours, to be held against what others saw.
CREATE TABLE daily_head (
    log     BLOB NOT NULL REFERENCES log (id),
    day     INTEGER NOT NULL,                       -- days since 1970
    kept_at INTEGER NOT NULL,
    head    INTEGER NOT NULL REFERENCES evidence (id),
    PRIMARY KEY (log, day)
) STRICT, WITHOUT ROWID;

-- The last poll of each log, the last that succeeded, the last that did not.
CREATE TABLE poll (
    log            BLOB NOT NULL PRIMARY KEY REFERENCES log (id),
    polled_at      INTEGER,                         -- NULL: entries were fetched, but no head yet
    succeeded_at   INTEGER,
    head_size      INTEGER,
    head_time      INTEGER,
    head           BLOB,                            -- as served
    trouble_at     INTEGER,
    trouble        TEXT,
    entries        INTEGER,                         -- these four: the last stretch of downloading
    received_bytes INTEGER,
    took_ms        INTEGER,
    downloaded_at  INTEGER
) STRICT, WITHOUT ROWID;

-- Entries that matched the watchlist. The same entry seen again, after a rewind, is the same sighting.
CREATE TABLE sighting (
    id                INTEGER PRIMARY KEY,
    log               BLOB NOT NULL REFERENCES log (id),
    entry_index       INTEGER NOT NULL,
    leaf_hash         BLOB NOT NULL CHECK (length(leaf_hash) = 32),
    tbs_sha256        BLOB NOT NULL CHECK (length(tbs_sha256) = 32), -- less poison and SCT list
    found_at          INTEGER NOT NULL,             -- by us
    logged_at         INTEGER,                      -- says the log; NULL: a time no calendar has
    precertificate    INTEGER NOT NULL CHECK (precertificate IN (0, 1)),
    leaf              INTEGER NOT NULL REFERENCES evidence (id),
    extra             INTEGER NOT NULL REFERENCES evidence (id),
    spki_sha256       BLOB CHECK (length(spki_sha256) = 32),
    issuer_key_sha256 BLOB CHECK (length(issuer_key_sha256) = 32),
    not_before        INTEGER,
    not_after         INTEGER,
    UNIQUE (log, entry_index, leaf_hash)
) STRICT;

CREATE INDEX sighting_by_tbs ON sighting (tbs_sha256);

-- The names that the entry carries, in its order.
CREATE TABLE sighting_name (
    sighting INTEGER NOT NULL REFERENCES sighting (id),
    ordinal  INTEGER NOT NULL,
    name     TEXT NOT NULL,
    PRIMARY KEY (sighting, ordinal)
) STRICT, WITHOUT ROWID;

-- Which guard matched which name, and in what reading of it.
CREATE TABLE sighting_match (
    id       INTEGER PRIMARY KEY,
    sighting INTEGER NOT NULL REFERENCES sighting (id),
    guard    TEXT NOT NULL,
    name     TEXT NOT NULL,
    reading  TEXT NOT NULL,
    UNIQUE (sighting, guard, name, reading)
) STRICT;
CREATE INDEX sighting_match_by_guard ON sighting_match (guard, sighting);

-- Conditions that opened, and may have closed. A proof of misbehaviour never closes.
CREATE TABLE trouble (
    id                INTEGER PRIMARY KEY,
    log               BLOB REFERENCES log (id),     -- NULL: about no single log
    kind              TEXT NOT NULL,
    proof             INTEGER NOT NULL CHECK (proof IN (0, 1)),
    detail            TEXT NOT NULL,                -- the latest
    opened_at         INTEGER NOT NULL,
    seen_at           INTEGER NOT NULL,             -- the last time
    seen_count        INTEGER NOT NULL,
    cleared_at        INTEGER,
    evidence_not_kept INTEGER NOT NULL DEFAULT 0,   -- pieces beyond the limit
    CHECK (NOT (proof = 1 AND cleared_at IS NOT NULL))
) STRICT;
-- At most one is open for a log and a kind. SQLite holds two NULLs to be distinct, hence the coalesce.
CREATE UNIQUE INDEX trouble_open ON trouble (coalesce(log, x''), kind) WHERE cleared_at IS NULL;

-- What each trouble can be shown with.
CREATE TABLE trouble_evidence (
    trouble  INTEGER NOT NULL REFERENCES trouble (id),
    ordinal  INTEGER NOT NULL,
    label    TEXT NOT NULL,
    evidence INTEGER NOT NULL REFERENCES evidence (id),
    PRIMARY KEY (trouble, ordinal),
    UNIQUE (trouble, label, evidence)
) STRICT, WITHOUT ROWID;

-- What is to be told, in order. Written in the transaction that made it true, so that it is told exactly when
-- it is true; the unique keys make a second report of one sighting or one change impossible.
CREATE TABLE report (
    id       INTEGER PRIMARY KEY,
    at       INTEGER NOT NULL,
    event    TEXT NOT NULL,
    sighting INTEGER UNIQUE REFERENCES sighting (id),
    trouble  INTEGER REFERENCES trouble (id),
    log      BLOB REFERENCES log (id),
    UNIQUE (trouble, event),
    CHECK (CASE event
        WHEN 'sighting'       THEN sighting IS NOT NULL AND trouble IS NULL AND log IS NULL
        WHEN 'trouble-opened' THEN sighting IS NULL AND trouble IS NOT NULL AND log IS NULL
        WHEN 'trouble-closed' THEN sighting IS NULL AND trouble IS NOT NULL AND log IS NULL
        WHEN 'log-added'      THEN sighting IS NULL AND trouble IS NULL AND log IS NOT NULL
        WHEN 'log-removed'    THEN sighting IS NULL AND trouble IS NULL AND log IS NOT NULL
        ELSE FALSE END)
) STRICT;

-- The last log list from each source, so that a start without network has one.
CREATE TABLE log_list (
    source  TEXT NOT NULL PRIMARY KEY,
    kept_at INTEGER NOT NULL,
    list    BLOB NOT NULL                           -- as served
) STRICT, WITHOUT ROWID;
