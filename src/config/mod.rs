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
//! | `validate` | unknown and missing keys, all at once, and what must stay hidden |
//! | `reading` | one section: validation, types, the type's own rules |
//! | `device_keys` | the keys that all sections of devices have, beside those of the type |
//! | `messages`, `syntax` | mistakes in plain words |
//! | `location` | where a section stands, and how a problem of it is put |
//! | `place` | the section `[place]`, which sections of devices fall back to |
//! | `names` | tables of names by numbers that people paste |
//! | `secret_words`, `redaction` | which names hold secrets, and what may be shown beside them |
//! | `exposure` | secrets in files that everybody can read |
//! | `editing` | editing it from far away |
//! | `stars` | patterns with stars, by which sections name devices and values |
//! | `small_file` | reading what people name as a file, within bounds |

mod decode;
mod device_keys;
pub mod editing;
mod environment;
mod exposure;
mod file;
mod language;
mod location;
mod messages;
mod names;
mod period;
mod place;
mod problem;
mod reading;
mod redaction;
mod reference;
mod schema;
mod secret;
mod secret_words;
mod section;
mod settings;
mod small_file;
mod source;
mod stars;
mod syntax;
#[cfg(test)]
mod tests;
mod tree;
mod validate;
mod zone;

pub use device_keys::{DeviceKey, DeviceKeys};
pub use file::File;
pub use language::{Language, UnknownLanguage};
pub use messages::{nearest, quoted};
pub use names::names;
pub use period::Period;
pub use place::PlaceSettings;
pub use problem::{Problem, Problems};
pub use reference::{SectionDoc, reference};
pub use secret::{Secret, SecretError};
pub use secret_words::{is_password_option, names_password};
pub use section::Section;
pub use settings::{Complaint, Settings};
pub use small_file::{FileKind, SmallFileError, read as read_small_file};
pub use source::Fix;
pub use stars::fits;
pub use zone::Zone;
