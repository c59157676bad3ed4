//! What can be found around this computer, for who adds a device.
//!
//! Ports and networks are listed at once. Looking through a network asks all of its addresses, so one does at a time,
//! and not for long.
//!
//! | file | what |
//! |---|---|
//! | `surroundings` | what the rest of the program knows of them |
//! | `answers` | what can be asked of that |

mod answers;
mod surroundings;

pub use answers::{__path_nearby, __path_search, nearby, search};
pub use surroundings::{
    Around, FoundAddress, Nearby, Search, SearchError, Surroundings, ToldKind, ToldPort,
    WantedSearch,
};
