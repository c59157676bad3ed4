//! What solar chargers remember of the last 30 days, brought out of them.
//!
//! | What | Module |
//! |---|---|
//! | questions on a line of our own, answers picked out of everything else that comes | `dialogue` |
//! | what is read while the program runs, kept for longer than 30 days | `past` |
//! | the whole memory of a device, read once | `survey` |
//! | the same, printed | `table` |
//! | `wattbridge victron history` | `tool` |

mod dialogue;
mod past;
mod survey;
mod table;
#[cfg(test)]
mod tests;
mod tool;

pub use self::past::{Kept, Past, is_kept};
pub use self::tool::History;
