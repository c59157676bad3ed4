//! What other programs, and devices themselves, have kept of the past, read from their files: values by line, and
//! what could not be taken and why. Pure: nothing is looked up, nothing is written.
//!
//! * `lines`: lines of a file that may be anything
//! * [`row`](ForeignRow): one value, and why a line gives none
//! * `table`: a table by the names of its columns, and moments and numbers as people write them
//! * `csv`: `device,key,time,value`
//! * `se_logger`: what the client of MariaDB prints of se-logger's tables
//! * `told`: what `wattbridge ADAPTER history --json` prints
//! * `bounds`: what can be true

mod bounds;
mod csv;
mod file;
mod lines;
mod row;
mod se_logger;
mod table;
mod told;

pub use bounds::{Improbable, check_gain, check_moment, check_value};
pub use file::{ForeignFile, ForeignFormat};
pub use row::{ForeignRow, ForeignTime, RefusedLine, RowRefusal};

#[cfg(test)]
mod tests;
