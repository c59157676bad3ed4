//! What solar chargers remember of the last 30 days, brought out of them.
//!
//! | What | Module |
//! |---|---|
//! | what is read while the program runs, told the bridge | `past` |
//! | the whole memory of a device, or why it cannot be read | `survey` |
//! | the questions for it, answers picked out of everything else that comes | `interview` |
//! | what records say, as values of a day | `told` |
//! | `wattbridge victron history` | `tool` |

mod interview;
mod past;
mod survey;
#[cfg(test)]
mod tests;
mod told;
mod tool;

pub use self::past::{Due, Past, is_kept};
pub use self::tool::HISTORY;
