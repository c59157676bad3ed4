//! Sums over the values of several devices: what all solar chargers yield together, what the house
//! takes. Each is a device of its own, as `[[sum]]` in the configuration says.
//!
//! A sum reads the hub as outputs do and reports as a source does, so that guard, store and outputs
//! treat it as they treat any device. What it publishes is never wrong by a member: one that is
//! missing keeps the sum where it was until it is back, or until the sum is given up.
//!
//! | file | what |
//! |---|---|
//! | `settings` | the section `[[sum]]` |
//! | `member` | `<device id>/<metric>`, which devices it names |
//! | `circle` | sums that lead back to themselves |
//! | `tally` | what the members come to now, or which is missing |
//! | `course` | from one moment to the next: value, standstill, unknown |
//! | `words` | what is told of it |
//! | `source` | the task around it |

mod circle;
mod course;
mod member;
mod settings;
mod source;
mod tally;
mod words;

pub use circle::circle;
pub use member::Member;
pub use settings::{SumSettings, page};

pub use source::{ENERGY, Sum};

/// The name of the section, and what the ids of these devices begin with.
pub const KIND: &str = "sum";
