//! What was measured and counted, in five-minute slots, hours and days: one SQLite file of its own, which may be
//! thrown away.

pub mod import;
