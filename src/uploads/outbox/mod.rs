//! What drives a target: reads slots from the history, sends, waits, gives up, tells.
//!
//! A target is done with a slot when its cursor has been written behind it, which is after the answer. Killed in
//! between, the same batch goes out once more; what that means for a service its target knows.
//!
//! | file | what |
//! |---|---|
//! | `source` | the task around it, as a source of the bridge |
//! | `rounds` | one round after the other: what is next, and what came of it |
//! | `pace` | how long to wait after what |
//! | `told` | the device that stands for a target |
//! | `courier` | carries errands out |
//! | `trying` | a dry run, and a login without sending anything |

mod courier;
mod pace;
mod rounds;
mod source;
mod told;
mod trying;

pub use courier::Courier;
pub use rounds::{NextRound, Rounds};
pub use source::UploadSource;
pub use told::TargetState;
pub use trying::{preview, preview_records, try_login};
