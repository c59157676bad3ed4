//! The configuration file, shown, checked and saved by the page.
//!
//! | file | what |
//! |---|---|
//! | `saved_file` | the file on the disk: its versions, the copies of earlier ones, and saving |
//! | `desk` | what is shown of it, and what may be saved |
//! | `told` | problems as the page is told of them |

mod desk;
mod saved_file;
mod told;

pub use desk::{Checked, Desk, DeskError, EditedText, Program, Saved, Shown};
pub use saved_file::{CopyFile, SaveError, SavedFile};
pub use told::ToldProblem;
