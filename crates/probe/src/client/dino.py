"""Writes an account into a database for Dino, which adds the tables that are missing (its schema, from 0.2 to 0.4)."""

import sqlite3
import sys

_, password, address, database = sys.argv
with open(password) as file, sqlite3.connect(database) as connection:
    connection.execute(
        "CREATE TABLE account (id INTEGER PRIMARY KEY AUTOINCREMENT, bare_jid TEXT NOT NULL UNIQUE,"
        " resourcepart TEXT, password TEXT, alias TEXT, enabled INTEGER, roster_version TEXT,"
        " mam_earliest_synced INTEGER)"
    )
    connection.execute(
        "INSERT INTO account (bare_jid, resourcepart, password, enabled) VALUES (?, 'laptop', ?, 1)",
        (address, file.read()),
    )
