//! Editing the file from far away: what is shown of it, what comes back, and what of that is believed.
//!
//! Whoever edits sees the file with its layout and remarks, and `kept-1`, `kept-2` in place of secrets. What
//! comes back gets its secrets again, each at its own key only, so that nobody can move one to where it is published
//! or sent away. A [`Gate`] holds those keys that would lead further than the file.
//!
//! | file | what |
//! |---|---|
//! | `kinds` | the sections there are, and what their keys may hold |
//! | `layout` | byte order mark and line ends, which editors do not keep |
//! | `patch` | replacements in a text, and where its places have gone |
//! | `scan` | remarks and keys in a text, without a parser |
//! | `secrets` | where secrets stand in a text that is TOML |
//! | `remark_secrets` | the same in remarks |
//! | `broken` | the same where a text is no TOML |
//! | `hiding` | the text as it is shown |
//! | `restoring` | the text as it is meant |
//! | `leading` | where a section leads to, and its secrets with it |
//! | `gate` | what only the file itself may change |
//! | `withheld` | what is not passed on to others |
//! | `sections` | where each section begins and ends, and leaving some of them out |

mod broken;
mod gate;
mod hiding;
mod kinds;
mod layout;
mod leading;
mod patch;
mod remark_secrets;
mod restoring;
mod scan;
mod secrets;
mod sections;
#[cfg(test)]
mod tests;
mod withheld;

pub use broken::part_of;
pub use gate::{Gate, GatedKey, Hold};
pub use hiding::Hidden;
pub use kinds::{SectionKind, SectionKinds};
pub use layout::Layout;
pub use restoring::Restored;
pub use sections::Extents;
pub use withheld::{WithheldKey, withhold};
