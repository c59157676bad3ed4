//! What solar chargers remember of the last 30 days, brought out of them.
//!
//! | What | Module |
//! |---|---|
//! | questions on a line of our own, answers picked out of everything else that comes | `dialogue` |
//! | the whole memory of a device, read once | `survey` |
//! | the same, printed | `table` |
//! | `wattbridge victron history` | `tool` |

mod dialogue;
mod survey;
mod table;
mod tool;

pub(super) use self::tool::History;
