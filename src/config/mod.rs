//! The configuration file: typed sections, secrets, durations, and errors that say line and remedy.
//!
//! A [`File`] is parsed once into a tree in which every key and value knows its place. Each
//! [`Section`] is then read on its own against the type its adapter or output brings along, so that
//! one wrong section never keeps the others from running. The JSON schema of that type says which
//! keys there are, which of them are secret, and how `docs/configuration.md` describes them.
//!
//! | file | what |
//! |---|---|
//! | `source` | the text: positions, and the line shown below a message |
//! | `tree` | keys and values with their places |
//! | `decode` | from the tree into a type, by serde |
//! | `schema` | what the JSON schema says about a key |
//! | `survey` | unknown and missing keys, all at once, and what must stay hidden |
//! | `reading` | one section: survey, types, the type's own rules |
//! | `wording`, `syntax` | mistakes in plain words |
//! | `scene` | where a section stands, and how a problem of it is put |
//! | `secret_words`, `secrecy` | which names hold secrets, and what may be shown beside them |
//! | `exposure` | secrets in files that everybody can read |
//! | `small_file` | reading what people name as a file, within bounds |

mod decode;
mod environment;
mod exposure;
mod file;
mod period;
mod problem;
mod reading;
mod reference;
mod scene;
mod schema;
mod secrecy;
mod secret;
mod secret_words;
mod section;
mod settings;
mod small_file;
mod source;
mod survey;
mod syntax;
#[cfg(test)]
mod tests;
mod tree;
mod wording;
mod zone;

pub use file::File;
pub use period::Period;
pub use problem::{Problem, Problems};
pub use reference::{SectionDoc, reference};
pub use secret::{Secret, SecretError};
pub use section::Section;
pub use settings::{Complaint, Settings};
pub(crate) use small_file::{Kind as FileKind, read as read_small_file};
pub use wording::{nearest, quoted};
pub use zone::Zone;
