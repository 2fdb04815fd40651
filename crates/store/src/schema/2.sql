-- Migration 2: what the operator expects, what was made of each certificate, what came of that, and to whom it
-- was told.
--
-- As in migration 1: times are milliseconds, sizes are kept bit for bit, hashes are 32 raw bytes, and nothing
-- is deleted. What no longer holds has a time at which it ended.

ALTER TABLE watch ADD COLUMN rules_revision  INTEGER NOT NULL DEFAULT 0; -- moves with each change of the rules
ALTER TABLE watch ADD COLUMN judged_through  INTEGER NOT NULL DEFAULT 0; -- every sighting up to this was judged
ALTER TABLE watch ADD COLUMN heartbeat_at    INTEGER;                    -- the last one

-- What the operator, a watched directory or another host asked for. What a person revoked stays revoked.
CREATE TABLE authorization (
    id            INTEGER PRIMARY KEY,
    basis         TEXT NOT NULL CHECK (basis IN ('key', 'certificate')),
    sha256        BLOB NOT NULL CHECK (length(sha256) = 32), -- of the public key, or of the TBSCertificate
    scope         TEXT NOT NULL,                    -- the names, one a line
    until         INTEGER,                          -- NULL: without end
    origin        TEXT NOT NULL CHECK (origin IN ('command', 'directory', 'statement')),
    place         TEXT NOT NULL,                    -- which directory or host; '' for a command
    note          TEXT NOT NULL,
    registered_at INTEGER NOT NULL,
    revoked_at    INTEGER,                          -- NULL: in force
    revoked_after INTEGER,                          -- the last one that there was by then
    CHECK ((revoked_at IS NULL) = (revoked_after IS NULL))
) STRICT;
CREATE INDEX authorization_by_basis ON authorization (sha256, basis);

-- The statements that were accepted. Of one host each has a higher sequence number than the one before.
CREATE TABLE statement (
    id            INTEGER PRIMARY KEY,
    host          TEXT NOT NULL,
    sequence      INTEGER NOT NULL,
    accepted_at   INTEGER NOT NULL,
    note          INTEGER NOT NULL REFERENCES evidence (id), -- as received, with its signature
    authorization INTEGER NOT NULL REFERENCES authorization (id),
    UNIQUE (host, sequence)
) STRICT;
CREATE INDEX statement_by_host ON statement (host, id);

-- What was made of each certificate, and before. Only the last judgement of a certificate is in force.
CREATE TABLE judgement (
    id            INTEGER PRIMARY KEY,
    tbs_sha256    BLOB NOT NULL CHECK (length(tbs_sha256) = 32),
    verdict       TEXT NOT NULL CHECK (verdict IN ('authorized', 'third-party', 'pending', 'unexpected')),
    pending_until INTEGER,
    first_seen_at INTEGER NOT NULL,
    judged_at     INTEGER NOT NULL,
    title         TEXT NOT NULL,
    severity      TEXT NOT NULL,
    replaced_at   INTEGER,                          -- NULL: in force
    CHECK ((verdict = 'pending') = (pending_until IS NOT NULL))
) STRICT;
CREATE UNIQUE INDEX judgement_in_force ON judgement (tbs_sha256) WHERE replaced_at IS NULL;
CREATE INDEX judgement_pending ON judgement (pending_until)
    WHERE replaced_at IS NULL AND verdict = 'pending';
CREATE INDEX judgement_third_party ON judgement (judged_at)
    WHERE replaced_at IS NULL AND verdict = 'third-party';

-- The rules that made a judgement.
CREATE TABLE judgement_rule (
    judgement INTEGER NOT NULL REFERENCES judgement (id),
    ordinal   INTEGER NOT NULL,
    rule      TEXT NOT NULL,
    PRIMARY KEY (judgement, ordinal)
) STRICT, WITHOUT ROWID;

CREATE TABLE judgement_finding (
    judgement INTEGER NOT NULL REFERENCES judgement (id),
    ordinal   INTEGER NOT NULL,
    kind      TEXT NOT NULL,
    severity  TEXT NOT NULL,
    text      TEXT NOT NULL,
    PRIMARY KEY (judgement, ordinal)
) STRICT, WITHOUT ROWID;

-- What nobody here asked for. What it says is what was told when it opened, and does not change.
CREATE TABLE incident (
    id              INTEGER PRIMARY KEY,
    kind            TEXT NOT NULL CHECK (kind IN ('certificate', 'promise')),
    subject         BLOB NOT NULL CHECK (length(subject) = 32), -- the TBSCertificate
    log             BLOB CHECK (length(log) = 32),              -- whose promise; NULL for a certificate
    severity        TEXT NOT NULL,
    title           TEXT NOT NULL,
    opened_at       INTEGER NOT NULL,
    closed_at       INTEGER,
    closed_why      TEXT,
    acknowledged_at INTEGER,
    acknowledged    TEXT,                           -- in whose words
    CHECK ((kind = 'promise') = (log IS NOT NULL)),
    CHECK ((closed_at IS NULL) = (closed_why IS NULL)),
    CHECK ((acknowledged_at IS NULL) = (acknowledged IS NULL))
) STRICT;
CREATE INDEX incident_by_subject ON incident (subject);
CREATE INDEX incident_open ON incident (id) WHERE closed_at IS NULL;
-- At most one is open for a certificate, whatever logs carry it.
CREATE UNIQUE INDEX incident_of_certificate ON incident (subject)
    WHERE closed_at IS NULL AND kind = 'certificate';

CREATE TABLE incident_finding (
    incident INTEGER NOT NULL REFERENCES incident (id),
    ordinal  INTEGER NOT NULL,
    kind     TEXT NOT NULL,
    severity TEXT NOT NULL,
    text     TEXT NOT NULL,
    PRIMARY KEY (incident, ordinal)
) STRICT, WITHOUT ROWID;

-- What logs promised about our own certificates: that the entry is there within the maximum merge delay.
CREATE TABLE promise (
    id           INTEGER PRIMARY KEY,
    log          BLOB NOT NULL CHECK (length(log) = 32), -- it need not be one that is followed
    tbs_sha256   BLOB NOT NULL CHECK (length(tbs_sha256) = 32),
    timestamp_ms INTEGER NOT NULL,                  -- of the SCT
    leaf_index   INTEGER,                           -- where the log says that it will be
    mmd_ms       INTEGER NOT NULL,
    noted_at     INTEGER NOT NULL,
    look_at      INTEGER NOT NULL,                  -- when to look next
    outcome      TEXT CHECK (outcome IN ('kept', 'kept-elsewhere', 'broken')), -- NULL: not settled
    found_index  INTEGER,
    settled_at   INTEGER,
    incident     INTEGER REFERENCES incident (id),
    CHECK ((outcome IS NULL) = (settled_at IS NULL)),
    CHECK (coalesce(outcome = 'kept-elsewhere', FALSE) = (found_index IS NOT NULL)),
    CHECK (coalesce(outcome <> 'kept', FALSE) = (incident IS NOT NULL))
) STRICT;
-- SQLite holds two NULLs to be distinct, hence the coalesce; an index has 40 bits, so none is -1.
CREATE UNIQUE INDEX promise_once ON promise (tbs_sha256, log, timestamp_ms, coalesce(leaf_index, -1));
CREATE INDEX promise_open ON promise (look_at) WHERE outcome IS NULL;

-- That the log holds the entry: the audit path up to a head that it signed.
CREATE TABLE proof (
    sighting    INTEGER PRIMARY KEY REFERENCES sighting (id),
    log         BLOB NOT NULL REFERENCES log (id),  -- as in the sighting
    entry_index INTEGER NOT NULL,                   -- as in the sighting
    wanted      INTEGER NOT NULL CHECK (wanted IN (0, 1)),
    tree_size   INTEGER,
    head        INTEGER REFERENCES evidence (id),   -- as served
    path        BLOB CHECK (length(path) % 32 = 0),
    kept_at     INTEGER,                            -- NULL: there is none yet
    CHECK (kept_at IS NULL OR (NOT wanted AND tree_size IS NOT NULL AND head IS NOT NULL AND path IS NOT NULL))
) STRICT;
CREATE INDEX proof_wanted ON proof (log, entry_index) WHERE wanted = 1;

-- The outbox again, with more to tell. A check cannot be altered, so the table is made anew, each report with
-- the id it had.
CREATE TABLE report_2 (
    id       INTEGER PRIMARY KEY,
    at       INTEGER NOT NULL,
    event    TEXT NOT NULL,
    sighting INTEGER UNIQUE REFERENCES sighting (id),
    trouble  INTEGER REFERENCES trouble (id),
    log      BLOB REFERENCES log (id),
    incident INTEGER REFERENCES incident (id),
    detail   TEXT,                                  -- of a heartbeat
    UNIQUE (trouble, event),
    UNIQUE (incident, event),
    -- Exactly one of them says what it is about, and the event says which.
    CHECK ((sighting IS NOT NULL) + (trouble IS NOT NULL) + (log IS NOT NULL) + (incident IS NOT NULL)
        + (detail IS NOT NULL) = 1),
    CHECK (CASE event
        WHEN 'sighting'        THEN sighting IS NOT NULL
        WHEN 'trouble-opened'  THEN trouble IS NOT NULL
        WHEN 'trouble-closed'  THEN trouble IS NOT NULL
        WHEN 'log-added'       THEN log IS NOT NULL
        WHEN 'log-removed'     THEN log IS NOT NULL
        WHEN 'incident-opened' THEN incident IS NOT NULL
        WHEN 'incident-closed' THEN incident IS NOT NULL
        WHEN 'heartbeat'       THEN detail IS NOT NULL
        ELSE FALSE END)
) STRICT;
INSERT INTO report_2 (id, at, event, sighting, trouble, log)
    SELECT id, at, event, sighting, trouble, log FROM report;
DROP TABLE report;
ALTER TABLE report_2 RENAME TO report;
-- What goes to sinks. They do not wade through the sightings, of which there may be any number.
CREATE INDEX report_for_sinks ON report (id)
    WHERE event IN ('incident-opened', 'incident-closed', 'trouble-opened', 'trouble-closed', 'heartbeat');

-- Where reports are delivered, and how far each has come. One that is no longer in the configuration stays.
CREATE TABLE sink (
    name              TEXT NOT NULL PRIMARY KEY,
    added_at          INTEGER NOT NULL,
    delivered_through INTEGER NOT NULL,             -- every report up to this
    last_delivered_at INTEGER,
    attempts          INTEGER NOT NULL DEFAULT 0,   -- in vain, since the last success
    failing_since     INTEGER,
    next_at           INTEGER,                      -- when to try again
    last_error        TEXT,
    CHECK ((attempts > 0) = (failing_since IS NOT NULL))
) STRICT, WITHOUT ROWID;
