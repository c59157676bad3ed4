//! What solar chargers remember of the last 30 days, brought out of them.
//!
//! | What | Module |
//! |---|---|
//! | what is read while the program runs, kept for longer than 30 days | `past` |
//! | the whole memory of a device, read once | `survey` |
//! | the questions for it, answers picked out of everything else that comes | `interview` |
//! | the same, printed | `table` |
//! | `wattbridge victron history` | `tool` |

mod interview;
mod past;
mod survey;
mod table;
#[cfg(test)]
mod tests;
mod tool;

pub use self::past::{Past, is_kept};
pub use self::tool::History;
