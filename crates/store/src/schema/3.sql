-- Migration 3: who knows of a trouble.
--
-- As in the migrations before: times are milliseconds, and nothing is deleted. What no longer holds has a time at
-- which it ended.

-- That somebody has acknowledged a trouble. It ends when more of it is seen.
CREATE TABLE trouble_acknowledgement (
    id              INTEGER PRIMARY KEY,
    trouble         INTEGER NOT NULL REFERENCES trouble (id),
    acknowledged_at INTEGER NOT NULL,
    acknowledged    TEXT NOT NULL,                  -- in whose words
    ended_at        INTEGER                         -- NULL: in force
) STRICT;
CREATE UNIQUE INDEX trouble_acknowledgement_in_force ON trouble_acknowledgement (trouble)
    WHERE ended_at IS NULL;
