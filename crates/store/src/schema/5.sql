-- Migration 5: domains whose services are probed, what the probes saw, and incidents about them.
--
-- As in the migrations before: times are milliseconds, hashes are 32 raw bytes. Only what is known of a service is
-- replaced by what a later probe showed; the probes, and the evidence of what was found, stay.

-- A domain whose services are probed, or were.
CREATE TABLE probed (
    domain      TEXT NOT NULL PRIMARY KEY,
    added_at    INTEGER NOT NULL,
    removed_at  INTEGER,                            -- NULL: probed
    quiet_since INTEGER                             -- since when nothing is found while an incident is open
) STRICT, WITHOUT ROWID;

-- Incidents again, with domains among what they are about, and those tables that refer to them: a check cannot be
-- altered. Each row keeps its number.
CREATE TABLE incident_5 (
    id              INTEGER PRIMARY KEY,
    kind            TEXT NOT NULL CHECK (kind IN ('certificate', 'promise', 'delegation', 'probe')),
    subject         BLOB NOT NULL CHECK (length(subject) = 32), -- the TBSCertificate; of a zone or a domain, its name hashed
    log             BLOB CHECK (length(log) = 32),              -- whose promise
    zone            TEXT REFERENCES zone (name),                -- which zone
    domain          TEXT REFERENCES probed (domain),            -- which domain
    severity        TEXT NOT NULL,
    title           TEXT NOT NULL,
    opened_at       INTEGER NOT NULL,
    updated_at      INTEGER,                        -- when more was found the last time, of a zone or a domain
    updates         INTEGER NOT NULL DEFAULT 0,     -- how often
    closed_at       INTEGER,
    closed_why      TEXT,
    acknowledged_at INTEGER,
    acknowledged    TEXT,                           -- in whose words; no longer in force if more was found since
    CHECK ((kind = 'promise') = (log IS NOT NULL)),
    CHECK ((kind = 'delegation') = (zone IS NOT NULL)),
    CHECK ((kind = 'probe') = (domain IS NOT NULL)),
    CHECK (kind IN ('delegation', 'probe') OR updated_at IS NULL),
    CHECK ((updated_at IS NULL) = (updates = 0)),
    CHECK ((closed_at IS NULL) = (closed_why IS NULL)),
    CHECK ((acknowledged_at IS NULL) = (acknowledged IS NULL))
) STRICT;
INSERT INTO incident_5 (id, kind, subject, log, zone, severity, title, opened_at, updated_at, updates, closed_at, closed_why,
    acknowledged_at, acknowledged)
    SELECT id, kind, subject, log, zone, severity, title, opened_at, updated_at, updates, closed_at, closed_why,
    acknowledged_at, acknowledged FROM incident;

CREATE TABLE incident_finding_5 (
    incident INTEGER NOT NULL REFERENCES incident_5 (id),
    ordinal  INTEGER NOT NULL,
    kind     TEXT NOT NULL,
    severity TEXT NOT NULL,
    text     TEXT NOT NULL,
    mark     TEXT,                                  -- of a zone or a domain: by it the same is known again
    PRIMARY KEY (incident, ordinal)
) STRICT, WITHOUT ROWID;
INSERT INTO incident_finding_5 SELECT * FROM incident_finding;
DROP TABLE incident_finding;

-- What an incident about a zone or a domain can be shown with.
CREATE TABLE incident_evidence_5 (
    incident INTEGER NOT NULL REFERENCES incident_5 (id),
    ordinal  INTEGER NOT NULL,
    label    TEXT NOT NULL,
    evidence INTEGER NOT NULL REFERENCES evidence (id),
    PRIMARY KEY (incident, ordinal),
    UNIQUE (incident, label, evidence)
) STRICT, WITHOUT ROWID;
INSERT INTO incident_evidence_5 SELECT * FROM incident_evidence;
DROP TABLE incident_evidence;

CREATE TABLE promise_5 (
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
    incident     INTEGER REFERENCES incident_5 (id),
    CHECK ((outcome IS NULL) = (settled_at IS NULL)),
    CHECK (coalesce(outcome = 'kept-elsewhere', FALSE) = (found_index IS NOT NULL)),
    CHECK (coalesce(outcome <> 'kept', FALSE) = (incident IS NOT NULL))
) STRICT;
INSERT INTO promise_5 SELECT * FROM promise;
DROP TABLE promise;

CREATE TABLE report_5 (
    id       INTEGER PRIMARY KEY,
    at       INTEGER NOT NULL,
    event    TEXT NOT NULL,
    sighting INTEGER UNIQUE REFERENCES sighting (id),
    trouble  INTEGER REFERENCES trouble (id),
    log      BLOB REFERENCES log (id),
    incident INTEGER REFERENCES incident_5 (id),
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
INSERT INTO report_5 SELECT * FROM report;
DROP TABLE report;
DROP TABLE incident;

ALTER TABLE incident_5 RENAME TO incident;
ALTER TABLE incident_finding_5 RENAME TO incident_finding;
ALTER TABLE incident_evidence_5 RENAME TO incident_evidence;
ALTER TABLE promise_5 RENAME TO promise;
ALTER TABLE report_5 RENAME TO report;

CREATE INDEX incident_by_subject ON incident (subject);
CREATE INDEX incident_open ON incident (id) WHERE closed_at IS NULL;
-- At most one is open for a certificate, whatever logs carry it; for a zone, whatever servers show it; for a
-- domain, whatever probes met.
CREATE UNIQUE INDEX incident_of_certificate ON incident (subject)
    WHERE closed_at IS NULL AND kind = 'certificate';
CREATE UNIQUE INDEX incident_of_zone ON incident (subject)
    WHERE closed_at IS NULL AND kind = 'delegation';
CREATE UNIQUE INDEX incident_of_domain ON incident (subject)
    WHERE closed_at IS NULL AND kind = 'probe';
-- SQLite holds two NULLs to be distinct, hence the coalesce; an index has 40 bits, so none is -1.
CREATE UNIQUE INDEX promise_once ON promise (tbs_sha256, log, timestamp_ms, coalesce(leaf_index, -1));
CREATE INDEX promise_open ON promise (look_at) WHERE outcome IS NULL;
-- What goes to sinks. They do not wade through the sightings, of which there may be any number.
CREATE INDEX report_for_sinks ON report (id) WHERE event IN
    ('incident-opened', 'incident-updated', 'incident-closed', 'trouble-opened', 'trouble-closed', 'heartbeat');

-- What each probe saw.
CREATE TABLE probe (
    id          INTEGER PRIMARY KEY,
    at          INTEGER NOT NULL,                   -- when it began
    domain      TEXT NOT NULL REFERENCES probed (domain),
    protocol    TEXT NOT NULL,
    opening     TEXT NOT NULL,
    port        INTEGER NOT NULL,
    host        TEXT NOT NULL,                      -- that was connected to
    vantage     TEXT NOT NULL,
    client      TEXT NOT NULL,
    family      TEXT NOT NULL,
    peer        TEXT,                               -- the address and its port, where it is known
    sight       TEXT NOT NULL CHECK (sight IN ('as-expected', 'nothing-to-compare', 'pending', 'found', 'blind')),
    detail      TEXT NOT NULL,
    key         BLOB CHECK (length(key) = 32),      -- the SubjectPublicKeyInfo that was shown
    key_verdict TEXT,                               -- what was made of it
    found       INTEGER NOT NULL CHECK (found IN (0, 1)), -- whether somebody was to be told
    incident    INTEGER REFERENCES incident (id),   -- of which
    exhibit     INTEGER REFERENCES evidence (id),
    CHECK (key_verdict IS NULL OR key IS NOT NULL),
    CHECK (found = 1 OR incident IS NULL),
    CHECK (incident IS NOT NULL OR exhibit IS NULL)
) STRICT;
CREATE INDEX probe_by_domain ON probe (domain, at);
-- Holds all that coverage counts, in the order of its rows.
CREATE INDEX probe_by_stratum ON probe (domain, protocol, opening, port, vantage, client, family, at, sight, found);
CREATE INDEX probe_by_incident ON probe (incident, protocol, opening, port, vantage, client, family, at)
    WHERE incident IS NOT NULL;

-- Keys that nobody had registered, and since when each service shows them.
CREATE TABLE probe_foreign (
    domain   TEXT NOT NULL REFERENCES probed (domain),
    protocol TEXT NOT NULL,
    opening  TEXT NOT NULL,
    port     INTEGER NOT NULL,
    key      BLOB NOT NULL CHECK (length(key) = 32),
    since    INTEGER NOT NULL,
    PRIMARY KEY (domain, protocol, opening, port, key)
) STRICT, WITHOUT ROWID;

-- The best that each service has agreed upon with each client.
CREATE TABLE probe_agreed (
    domain   TEXT NOT NULL REFERENCES probed (domain),
    protocol TEXT NOT NULL,
    opening  TEXT NOT NULL,
    port     INTEGER NOT NULL,
    client   TEXT NOT NULL,
    at       INTEGER NOT NULL,                      -- when it did so last
    version  INTEGER NOT NULL,                      -- as on the wire, like the group
    "group"  INTEGER,
    plus     INTEGER NOT NULL CHECK (plus IN (0, 1)),
    stack    TEXT NOT NULL,
    PRIMARY KEY (domain, protocol, opening, port, client)
) STRICT, WITHOUT ROWID;
