//! The configuration file, shown, checked and saved by the page.
//!
//! | file | what |
//! |---|---|
//! | `saved_file` | the file on the disk: its versions, the copies of earlier ones, and saving |
//! | `desk` | what is shown of it, and what may be saved |
//! | `unpacked` | what a backup brings, and what waits to be put back |
//! | `restoring` | what of a backup may be put back |
//! | `answers` | what can be asked of it |
//! | `told` | problems as the page is told of them |

mod answers;
mod desk;
mod restoring;
mod saved_file;
mod told;
mod unpacked;

pub use answers::{
    __path_check, __path_config, __path_copies, __path_copy, __path_reload, __path_save,
    __path_schema, check, config, copies, copy, reload, save, schema,
};
pub use desk::{Desk, Program};
pub use saved_file::SavedFile;
pub use unpacked::{BackupContents, FoundBackup, RestoreOutcome, RestoreRefusal, Unpacked};
