//! The tables of the file, as they came to be.
//!
//! All are ordered by time first: what is written in one go lies together, on one or two pages, which spares an SD
//! card ten times as much as an order by series would. A day of all series is small enough to be read as a whole.

/// How the tables of the file are made, step by step. Its format is how many of them were done: this version reads those
/// with fewer, and none with more.
pub const fn steps() -> &'static [&'static str] {
    STEPS
}

/// Each step takes the file from the format of its index to the next.
const STEPS: &[&str] = &["
    CREATE TABLE series (
        id       INTEGER PRIMARY KEY,
        device   TEXT NOT NULL,
        key      TEXT NOT NULL,
        json     TEXT NOT NULL,           -- behaviour, quantity, decimals, names
        UNIQUE (device, key)
    ) STRICT;
    -- Values are integers, scaled by the decimals of the series. A slot is (end - 300 s, end].
    CREATE TABLE slot (
        end      INTEGER NOT NULL,
        series   INTEGER NOT NULL,
        value    INTEGER NOT NULL,        -- the mean; of a counter the last
        min      INTEGER,                 -- where they differ from the mean
        max      INTEGER,
        PRIMARY KEY (end, series)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE hour (
        start    INTEGER NOT NULL,
        series   INTEGER NOT NULL,
        value    INTEGER NOT NULL,
        min      INTEGER,
        max      INTEGER,
        PRIMARY KEY (start, series)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE day (
        date     INTEGER NOT NULL,        -- 20260615, by the calendar of the house
        series   INTEGER NOT NULL,
        value    INTEGER,                 -- the mean; of a counter the energy of the day
        min      INTEGER,
        max      INTEGER,
        max_at   INTEGER,                 -- the end of the slot with the greatest value
        first    INTEGER,
        last     INTEGER,
        last_at  INTEGER,
        slots    INTEGER NOT NULL,        -- how many slots have a value
        sum      INTEGER,                 -- of their values, of what is no counter
        flags    INTEGER NOT NULL,        -- 1 gap, 2 corrected by hand, 4 imported
        PRIMARY KEY (date, series)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE event (
        at       INTEGER NOT NULL,
        device   TEXT NOT NULL,
        key      TEXT NOT NULL,
        value    TEXT NOT NULL            -- the new state
    ) STRICT;
    CREATE INDEX event_at ON event (at);
    CREATE TABLE health (
        device   TEXT NOT NULL,
        at       INTEGER NOT NULL,        -- in milliseconds
        code     TEXT NOT NULL,           -- off: the program was not running
        detail   TEXT NOT NULL,
        advice   TEXT NOT NULL,
        PRIMARY KEY (device, at)
    ) STRICT, WITHOUT ROWID;
    -- Slots that were not over when the program ended.
    CREATE TABLE unfinished (
        end      INTEGER NOT NULL,
        series   INTEGER NOT NULL,
        sum      INTEGER NOT NULL,
        count    INTEGER NOT NULL,
        min      INTEGER NOT NULL,
        max      INTEGER NOT NULL,
        last     INTEGER NOT NULL,
        last_at  INTEGER NOT NULL,        -- in milliseconds
        PRIMARY KEY (end, series)
    ) STRICT, WITHOUT ROWID;
", "
    -- What was measured of a day that somebody has corrected. What it was before is no longer known of older ones.
    ALTER TABLE day ADD COLUMN measured INTEGER;
    UPDATE day SET measured = value WHERE flags & 2;
    -- Days whose sums of the house are to be made anew by whoever knows its devices.
    CREATE TABLE doubt (
        date     INTEGER PRIMARY KEY,
        slots    INTEGER NOT NULL         -- 1 if its slots have changed, too
    ) STRICT;
    -- Slots of a time that had not been yet, by a clock that was wrong.
    CREATE TABLE ahead (
        end      INTEGER NOT NULL,
        series   INTEGER NOT NULL,
        value    INTEGER NOT NULL,
        min      INTEGER,
        max      INTEGER,
        since    INTEGER NOT NULL,        -- when they were set aside
        PRIMARY KEY (end, series)
    ) STRICT, WITHOUT ROWID;
", "
    -- How far each of those has come who send the history on: the end of the last slot that is done with.
    CREATE TABLE export_cursor (
        target   TEXT PRIMARY KEY,
        done     INTEGER NOT NULL,
        again    INTEGER NOT NULL,        -- 1: a slot that changes later is sent once more
        hurry    INTEGER NOT NULL,        -- 1: somebody wants it to try at once
        json     TEXT NOT NULL,           -- what it remembers
        success  INTEGER,                 -- when something arrived last
        health   TEXT NOT NULL            -- how it is, in words
    ) STRICT, WITHOUT ROWID;
    -- Slots that have changed since they were sent.
    CREATE TABLE export_dirty (
        target   TEXT NOT NULL,
        slot     INTEGER NOT NULL,
        turn     INTEGER NOT NULL,        -- grows with each change
        PRIMARY KEY (target, slot)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE export_given_up (
        target   TEXT NOT NULL,
        slot     INTEGER NOT NULL,
        reason   TEXT NOT NULL,
        PRIMARY KEY (target, slot)
    ) STRICT, WITHOUT ROWID;
    -- What is sent as it came, and not by slots.
    CREATE TABLE export_record (
        id       INTEGER PRIMARY KEY AUTOINCREMENT,
        target   TEXT NOT NULL,
        at       INTEGER NOT NULL,
        body     TEXT NOT NULL
    ) STRICT;
    CREATE INDEX export_record_target ON export_record (target, id);
", "
    -- The same of how devices were, and of states.
    CREATE TABLE ahead_health (
        device   TEXT NOT NULL,
        at       INTEGER NOT NULL,
        code     TEXT NOT NULL,
        detail   TEXT NOT NULL,
        advice   TEXT NOT NULL,
        since    INTEGER NOT NULL,
        PRIMARY KEY (device, at)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE ahead_event (
        at       INTEGER NOT NULL,
        device   TEXT NOT NULL,
        key      TEXT NOT NULL,
        value    TEXT NOT NULL,
        since    INTEGER NOT NULL
    ) STRICT;
", "
    -- Which values are the sun, the grid and the battery of the house, as it was known last.
    CREATE TABLE house_role (
        one      INTEGER PRIMARY KEY CHECK (one = 1),
        json     TEXT NOT NULL
    ) STRICT;
"];
