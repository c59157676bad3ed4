//! Passwords and keys: read from the file itself, another file or the environment, never printed.

use std::borrow::Cow;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::{env, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, MapAccess, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

use super::small_file::{self, FileKind};

/// A password or key. Prints as `***`; [`Secret::reveal`] gives the words.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Source);

#[derive(Clone, PartialEq, Eq)]
enum Source {
    Words(Zeroizing<String>),
    File(PathBuf),
    Environment(String),
    /// The name of a file in the folder that systemd gives a service for them.
    Credential(String),
}

/// The variable in which systemd names that folder.
const CREDENTIALS_DIRECTORY: &str = "CREDENTIALS_DIRECTORY";

/// A password is never longer; a mistaken path to something else is.
const LARGEST: u64 = 64 * 1024;

/// The place that should hold a secret does not.
///
/// Whoever writes the secret itself where its place belongs finds it in no message: only what is
/// surely a place is repeated.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file cannot be read.
    #[error("the secret's file{file} cannot be read: {why}")]
    File {
        /// The file, if it may be shown.
        file: String,
        /// Why, and what to do.
        why: String,
    },
    /// The variable is not set.
    #[error("the environment variable{0} is not set; set it or write the secret another way")]
    Environment(String),
    /// systemd has given the service no credentials, or the name is none of one.
    #[error("the credential cannot be read: {0}")]
    Credential(&'static str),
}

impl Secret {
    /// A secret from its words.
    pub fn new(words: impl Into<String>) -> Self {
        Self(Source::Words(Zeroizing::new(words.into())))
    }

    /// The words. Never log, publish or store what this returns.
    pub fn reveal(&self) -> Result<Zeroizing<String>, SecretError> {
        match &self.0 {
            Source::Words(words) => Ok(words.clone()),
            Source::File(path) => read_file(path),
            Source::Credential(name) => {
                read_file(&credential(name, env::var_os(CREDENTIALS_DIRECTORY))?)
            }
            Source::Environment(name) => env::var(name)
                .map(Zeroizing::new)
                .map_err(|_| SecretError::Environment(shown_variable(name))),
        }
    }
}

/// Where systemd has put a credential.
fn credential(name: &str, folder: Option<OsString>) -> Result<PathBuf, SecretError> {
    if name.is_empty() || name.contains('/') || name.starts_with('.') {
        return Err(SecretError::Credential(
            "its name is that of no file; write it as in LoadCredential=mqtt-password:/etc/wattbridge/mqtt-password",
        ));
    }
    let folder = folder.ok_or(SecretError::Credential(
        "systemd has given none; write LoadCredential= into the service, or { file = \"/path\" } here",
    ))?;
    Ok(PathBuf::from(folder).join(name))
}

fn read_file(path: &Path) -> Result<Zeroizing<String>, SecretError> {
    let trouble = |why: String| SecretError::File {
        file: shown_path(path),
        why,
    };
    let bytes = small_file::read(path, LARGEST, FileKind::File)
        .map_err(|error| trouble(error.to_string()))?;
    let text = String::from_utf8(bytes)
        .map(Zeroizing::new)
        .map_err(|error| {
            drop(Zeroizing::new(error.into_bytes()));
            trouble("it is not text in UTF-8; check the path".to_owned())
        })?;
    // Editors and `echo` end a file with a line break that is not part of the secret.
    Ok(Zeroizing::new(
        text.trim_end_matches(['\r', '\n']).to_owned(),
    ))
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("***")
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Written)
    }
}

/// A text, or a table with the one entry that says where it is; nothing else, a list for instance,
/// is taken for either.
struct Written;

impl<'de> Visitor<'de> for Written {
    type Value = Secret;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "a text, { file = \"/path\" }, { env = \"VARIABLE\" } or { credential = \"name\" } for a secret",
        )
    }

    fn visit_str<E: de::Error>(self, words: &str) -> Result<Secret, E> {
        Ok(Secret::new(words))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut table: A) -> Result<Secret, A::Error> {
        let wrong = || de::Error::invalid_type(Unexpected::Map, &self);
        let place = match table.next_key::<SecretPlace>()? {
            Some(SecretPlace::File) => Source::File(table.next_value()?),
            Some(SecretPlace::Env) => Source::Environment(table.next_value()?),
            Some(SecretPlace::Credential) => Source::Credential(table.next_value()?),
            None => return Err(wrong()),
        };
        match table.next_key::<SecretPlace>()? {
            Some(_) => Err(wrong()),
            None => Ok(Secret(place)),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum SecretPlace {
    File,
    Env,
    Credential,
}

/// A path, if it leads through a folder that is there: so it is no secret that stands in its place.
pub fn shown_path(path: &Path) -> String {
    let mut folders = path.ancestors().skip(1);
    if folders.any(|folder| folder.file_name().is_some() && folder.is_dir()) {
        format!(" {}", path.display())
    } else {
        String::new()
    }
}

/// A name, if it is written as those of variables are and keys are not.
pub fn shown_variable(name: &str) -> String {
    let is_usual = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    if name.contains('_') && name.chars().all(is_usual) {
        format!(" {name}")
    } else {
        String::new()
    }
}

impl JsonSchema for Secret {
    fn schema_name() -> Cow<'static, str> {
        "Secret".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "object"], "format": "secret" })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[derive(Debug, Deserialize, Serialize)]
    struct Section {
        password: Secret,
    }

    fn read(text: &str) -> Result<Section, toml::de::Error> {
        toml::from_str(&format!("password = {text}"))
    }

    #[test]
    fn is_never_printed() {
        let section = read("\"hunter2\"").unwrap();
        let shown = format!("{section:?} {}", section.password);
        assert!(!shown.contains("hunter2"));
        assert!(!toml::to_string(&section).unwrap().contains("hunter2"));
        assert_eq!(section.password.reveal().unwrap().as_str(), "hunter2");
    }

    #[test]
    fn comes_from_a_file_without_its_line_break() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "pass word\n").unwrap();
        let section = read(&format!("{{ file = {:?} }}", file.path())).unwrap();
        assert_eq!(section.password.reveal().unwrap().as_str(), "pass word");
    }

    #[test]
    fn says_where_it_should_have_been() {
        let missing = read("{ env = \"WATTBRIDGE_NO_SUCH_VARIABLE\" }").unwrap();
        let error = missing.password.reveal().unwrap_err().to_string();
        assert!(error.contains("WATTBRIDGE_NO_SUCH_VARIABLE"), "{error}");
        let error = read("{ fiel = \"/x\" }").unwrap_err();
        assert!(error.message().contains("`file`, `env`"), "{error}");
        for other in ["[\"a\"]", "5", "{}", "{ env = \"A\", file = \"b\" }"] {
            let error = read(other).unwrap_err();
            assert!(error.message().contains("a text, { file = "), "{error}");
        }
    }

    #[test]
    fn a_credential_is_a_file_in_the_folder_that_systemd_gives() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("mqtt-password"), "pass word\n").unwrap();
        let place = |name: &str| credential(name, Some(folder.path().into()));
        let words = read_file(&place("mqtt-password").unwrap()).unwrap();
        assert_eq!(words.as_str(), "pass word");
        for name in ["", "../mqtt-password", ".", "a/b"] {
            assert!(
                place(name)
                    .unwrap_err()
                    .to_string()
                    .contains("LoadCredential"),
                "{name}"
            );
        }
        let none = credential("mqtt-password", None).unwrap_err().to_string();
        assert!(none.contains("systemd has given none"), "{none}");
        assert_eq!(
            read("{ credential = \"mqtt-password\" }").unwrap().password,
            Secret(Source::Credential("mqtt-password".to_owned()))
        );
    }

    #[test]
    fn the_secret_itself_in_place_of_its_place_is_not_repeated() {
        for words in ["hunter2-B/x+y=", "/hunter2-BB", "hunter2_b", "HUNTER2B"] {
            for place in ["file", "env", "credential"] {
                let section = read(&format!("{{ {place} = \"{words}\" }}")).unwrap();
                let error = section.password.reveal().unwrap_err();
                let shown = format!("{error} {error:?}");
                assert!(!shown.contains(words), "{shown}");
            }
        }
        let named = read("{ file = \"/etc/no/such/file\" }").unwrap();
        let error = named.password.reveal().unwrap_err().to_string();
        assert!(
            error.contains("/etc/no/such/file") && error.contains("check the path"),
            "{error}"
        );
        let zero = read("{ file = \"/dev/zero\" }").unwrap();
        let error = zero.password.reveal().unwrap_err().to_string();
        assert!(
            error.contains("/dev/zero cannot be read: it is no ordinary file"),
            "{error}"
        );
    }
}
