//! Passwords and keys: read from the file itself, another file or the environment, never printed.

use std::borrow::Cow;
use std::path::PathBuf;
use std::{env, fmt, fs};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

/// A password or key. Prints as `***`; [`Secret::reveal`] gives the words.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Source);

#[derive(Clone, PartialEq, Eq)]
enum Source {
    Words(Zeroizing<String>),
    File(PathBuf),
    Environment(String),
}

/// The place that should hold a secret does not.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file cannot be read.
    #[error("the secret's file {path} cannot be read ({source}); check the path and its rights")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The variable is not set.
    #[error("the environment variable {0} is not set; set it or write the secret another way")]
    Environment(String),
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
            Source::File(path) => {
                let text = fs::read_to_string(path).map_err(|source| SecretError::File {
                    path: path.clone(),
                    source,
                })?;
                let text = Zeroizing::new(text);
                // Editors and `echo` end a file with a line break that is not part of the secret.
                Ok(Zeroizing::new(
                    text.trim_end_matches(['\r', '\n']).to_owned(),
                ))
            }
            Source::Environment(name) => env::var(name)
                .map(Zeroizing::new)
                .map_err(|_| SecretError::Environment(name.clone())),
        }
    }
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
        #[derive(Deserialize)]
        #[serde(
            untagged,
            expecting = "a secret is a text, { file = \"/path\" } or { env = \"VARIABLE\" }"
        )]
        enum Written {
            Words(String),
            File(InFile),
            Environment(InEnvironment),
        }

        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct InFile {
            file: PathBuf,
        }

        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct InEnvironment {
            env: String,
        }

        Ok(match Written::deserialize(deserializer)? {
            Written::Words(words) => Self::new(words),
            Written::File(InFile { file }) => Self(Source::File(file)),
            Written::Environment(InEnvironment { env }) => Self(Source::Environment(env)),
        })
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
        assert!(error.message().contains("a secret is a text"), "{error}");
    }
}
