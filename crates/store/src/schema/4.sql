-- Migration 4: zones whose delegation is watched, and incidents about them.
--
-- As in the migrations before: times are milliseconds, hashes are 32 raw bytes. Only what is known of a zone is
-- replaced by what a later look showed; the evidence of it stays.

-- A zone, and how the watch of it stands.
CREATE TABLE zone (
    name        TEXT NOT NULL PRIMARY KEY,
    revision    INTEGER NOT NULL DEFAULT 0,         -- moves with each change of what follows
    added_at    INTEGER NOT NULL,
    removed_at  INTEGER,                            -- NULL: watched
    looked_at   INTEGER,                            -- the last look that heard servers of both sides
    blind_since INTEGER,                            -- since when something could not be looked at
    blind       TEXT,                               -- what, and why
    quiet_since INTEGER,                            -- since when nothing is wrong while an incident is open
    accepted_at INTEGER,                            -- when somebody accepted what was seen
    CHECK ((blind_since IS NULL) = (blind IS NULL))
) STRICT, WITHOUT ROWID;

-- What is shown of it: as seen in the last look, as known to be in order, as learned to be expected.
CREATE TABLE zone_state (
    zone      TEXT NOT NULL REFERENCES zone (name),
    role      TEXT NOT NULL CHECK (role IN ('seen', 'known', 'learned')),
    ordinal   INTEGER NOT NULL,
    topic     TEXT NOT NULL,
    shown     TEXT NOT NULL,
    trust     TEXT NOT NULL,
    ttl_s     INTEGER,
    since     INTEGER NOT NULL,
    until     INTEGER,                              -- of the signatures
    witnesses TEXT NOT NULL,                        -- one a line
    PRIMARY KEY (zone, role, ordinal)
) STRICT, WITHOUT ROWID;

-- What shows what is known.
CREATE TABLE zone_evidence (
    zone     TEXT NOT NULL REFERENCES zone (name),
    topic    TEXT NOT NULL,
    ordinal  INTEGER NOT NULL,
    label    TEXT NOT NULL,
    evidence INTEGER NOT NULL REFERENCES evidence (id),
    PRIMARY KEY (zone, topic, ordinal)
) STRICT, WITHOUT ROWID;

-- What may become a finding when it lasts.
CREATE TABLE zone_condition (
    zone  TEXT NOT NULL REFERENCES zone (name),
    mark  TEXT NOT NULL,
    since INTEGER NOT NULL,
    PRIMARY KEY (zone, mark)
) STRICT, WITHOUT ROWID;

-- Incidents again, with zones among what they are about, and those tables that refer to them: a check cannot be
-- altered. Each row keeps its number.
CREATE TABLE incident_4 (
    id              INTEGER PRIMARY KEY,
    kind            TEXT NOT NULL CHECK (kind IN ('certificate', 'promise', 'delegation')),
    subject         BLOB NOT NULL CHECK (length(subject) = 32), -- the TBSCertificate; of a zone, its name hashed
    log             BLOB CHECK (length(log) = 32),              -- whose promise
    zone            TEXT REFERENCES zone (name),                -- which zone
    severity        TEXT NOT NULL,
    title           TEXT NOT NULL,
    opened_at       INTEGER NOT NULL,
    updated_at      INTEGER,                        -- when more was found the last time, of a zone
    updates         INTEGER NOT NULL DEFAULT 0,     -- how often
    closed_at       INTEGER,
    closed_why      TEXT,
    acknowledged_at INTEGER,
    acknowledged    TEXT,                           -- in whose words; no longer in force if more was found since
    CHECK ((kind = 'promise') = (log IS NOT NULL)),
    CHECK ((kind = 'delegation') = (zone IS NOT NULL)),
    CHECK (kind = 'delegation' OR updated_at IS NULL),
    CHECK ((updated_at IS NULL) = (updates = 0)),
    CHECK ((closed_at IS NULL) = (closed_why IS NULL)),
    CHECK ((acknowledged_at IS NULL) = (acknowledged IS NULL))
) STRICT;
INSERT INTO incident_4 (id, kind, subject, log, severity, title, opened_at, closed_at, closed_why, acknowledged_at, acknowledged)
    SELECT id, kind, subject, log, severity, title, opened_at, closed_at, closed_why, acknowledged_at, acknowledged
    FROM incident;

CREATE TABLE incident_finding_4 (
    incident INTEGER NOT NULL REFERENCES incident_4 (id),
    ordinal  INTEGER NOT NULL,
    kind     TEXT NOT NULL,
    severity TEXT NOT NULL,
    text     TEXT NOT NULL,
    mark     TEXT,                                  -- of a zone: by it the same finding is known again
    PRIMARY KEY (incident, ordinal)
) STRICT, WITHOUT ROWID;
INSERT INTO incident_finding_4 (incident, ordinal, kind, severity, text)
    SELECT incident, ordinal, kind, severity, text FROM incident_finding;
DROP TABLE incident_finding;

CREATE TABLE promise_4 (
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
    incident     INTEGER REFERENCES incident_4 (id),
    CHECK ((outcome IS NULL) = (settled_at IS NULL)),
    CHECK (coalesce(outcome = 'kept-elsewhere', FALSE) = (found_index IS NOT NULL)),
    CHECK (coalesce(outcome <> 'kept', FALSE) = (incident IS NOT NULL))
) STRICT;
INSERT INTO promise_4 SELECT * FROM promise;
DROP TABLE promise;

CREATE TABLE report_4 (
    id       INTEGER PRIMARY KEY,
    at       INTEGER NOT NULL,
    event    TEXT NOT NULL,
    sighting INTEGER UNIQUE REFERENCES sighting (id),
    trouble  INTEGER REFERENCES trouble (id),
    log      BLOB REFERENCES log (id),
    incident INTEGER REFERENCES incident_4 (id),
    detail   TEXT,                                  -- of a heartbeat
    part     INTEGER NOT NULL DEFAULT 0,            -- of an update: which one, from 1
    UNIQUE (trouble, event),
    UNIQUE (incident, event, part),
    CHECK ((event = 'incident-updated') = (part > 0)),
    -- Exactly one of them says what it is about, and the event says which.
    CHECK ((sighting IS NOT NULL) + (trouble IS NOT NULL) + (log IS NOT NULL) + (incident IS NOT NULL)
        + (detail IS NOT NULL) = 1),
    CHECK (CASE event
        WHEN 'sighting'         THEN sighting IS NOT NULL
        WHEN 'trouble-opened'   THEN trouble IS NOT NULL
        WHEN 'trouble-closed'   THEN trouble IS NOT NULL
        WHEN 'log-added'        THEN log IS NOT NULL
        WHEN 'log-removed'      THEN log IS NOT NULL
        WHEN 'incident-opened'  THEN incident IS NOT NULL
        WHEN 'incident-updated' THEN incident IS NOT NULL
        WHEN 'incident-closed'  THEN incident IS NOT NULL
        WHEN 'heartbeat'        THEN detail IS NOT NULL
        ELSE FALSE END)
) STRICT;
INSERT INTO report_4 (id, at, event, sighting, trouble, log, incident, detail)
    SELECT id, at, event, sighting, trouble, log, incident, detail FROM report;
DROP TABLE report;
DROP TABLE incident;

ALTER TABLE incident_4 RENAME TO incident;
ALTER TABLE incident_finding_4 RENAME TO incident_finding;
ALTER TABLE promise_4 RENAME TO promise;
ALTER TABLE report_4 RENAME TO report;

CREATE INDEX incident_by_subject ON incident (subject);
CREATE INDEX incident_open ON incident (id) WHERE closed_at IS NULL;
-- At most one is open for a certificate, whatever logs carry it; and for a zone, whatever servers show it.
CREATE UNIQUE INDEX incident_of_certificate ON incident (subject)
    WHERE closed_at IS NULL AND kind = 'certificate';
CREATE UNIQUE INDEX incident_of_zone ON incident (subject)
    WHERE closed_at IS NULL AND kind = 'delegation';
-- SQLite holds two NULLs to be distinct, hence the coalesce; an index has 40 bits, so none is -1.
CREATE UNIQUE INDEX promise_once ON promise (tbs_sha256, log, timestamp_ms, coalesce(leaf_index, -1));
CREATE INDEX promise_open ON promise (look_at) WHERE outcome IS NULL;
-- What goes to sinks. They do not wade through the sightings, of which there may be any number.
CREATE INDEX report_for_sinks ON report (id) WHERE event IN
    ('incident-opened', 'incident-updated', 'incident-closed', 'trouble-opened', 'trouble-closed', 'heartbeat');

-- What an incident about a zone can be shown with.
CREATE TABLE incident_evidence (
    incident INTEGER NOT NULL REFERENCES incident (id),
    ordinal  INTEGER NOT NULL,
    label    TEXT NOT NULL,
    evidence INTEGER NOT NULL REFERENCES evidence (id),
    PRIMARY KEY (incident, ordinal),
    UNIQUE (incident, label, evidence)
) STRICT, WITHOUT ROWID;
