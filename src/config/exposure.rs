//! Secrets in files that every user of the computer can read.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::environment::Variable;
use super::file::File;
use super::secret_words;
use super::tree::{Node, Value};

impl File {
    /// A warning for each such file, in words.
    pub fn exposed(&self) -> Vec<String> {
        let mut found = ExposedFile::default();
        for top in &self.tops {
            found.look(top.node(), false);
        }
        for (variable, path) in self.variables.iter().map(Variable::said) {
            if variable.ends_with("__FILE") && secret_words::is_secret(variable) {
                found.files.insert(PathBuf::from(path));
            }
        }
        let own = self.path.as_deref().filter(|_| found.holds_secrets);
        let all = own
            .into_iter()
            .chain(found.files.iter().map(PathBuf::as_path));
        all.filter(|path| is_open_to_all(path))
            .map(|path| {
                let path = path.display();
                format!(
                    "{path} holds secrets, and every user of this computer can read it; run: chmod 600 {path} \
                     (or 640, if it is another user of its group that runs wattbridge)"
                )
            })
            .collect()
    }
}

#[derive(Default)]
struct ExposedFile {
    /// In the configuration itself.
    holds_secrets: bool,
    files: BTreeSet<PathBuf>,
}

impl ExposedFile {
    fn look(&mut self, node: &Node, is_secret: bool) {
        match &node.value {
            Value::List(items) => items.iter().for_each(|item| self.look(item, is_secret)),
            Value::Table(entries) => {
                for entry in entries {
                    let text = match &entry.node.value {
                        Value::Text(text) => Some(text),
                        _ => None,
                    };
                    match (is_secret, entry.name.as_str(), text) {
                        (true, "file", Some(path)) => {
                            self.files.insert(PathBuf::from(path));
                        }
                        (true, "env" | "credential", Some(_)) => {}
                        (_, name, _) => {
                            self.look(&entry.node, is_secret || secret_words::is_secret(name));
                        }
                    }
                }
            }
            // The key of a certificate is named by its file.
            Value::Text(text) if is_secret && Path::new(text).is_file() => {
                self.files.insert(PathBuf::from(text));
            }
            Value::Text(text) | Value::Loose(text) | Value::Date(text) => {
                self.holds_secrets |= is_secret && !text.is_empty();
            }
            Value::Integer(_) | Value::Float(_) => self.holds_secrets |= is_secret,
            Value::Bool(_) => {}
        }
    }
}

#[cfg(unix)]
fn is_open_to_all(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;

    std::fs::metadata(path)
        .is_ok_and(|about| about.is_file() && about.permissions().mode() & 0o004 != 0)
}

#[cfg(not(unix))]
fn is_open_to_all(_: &Path) -> bool {
    false
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn files_with_secrets_are_for_their_owner() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let word = path("word");
        fs::write(&word, "swordfish").unwrap();
        let exposed = |text: &str, own: u32, other: u32| {
            let config = path("wattbridge.toml");
            fs::write(&config, text).unwrap();
            fs::set_permissions(&config, Permissions::from_mode(own)).unwrap();
            fs::set_permissions(&word, Permissions::from_mode(other)).unwrap();
            File::load(&config).unwrap().exposed()
        };
        let told = exposed("[mqtt]\npassword = \"swordfish\"\n", 0o644, 0o644);
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].contains("chmod 600") && told[0].contains("wattbridge.toml"));
        assert!(!told[0].contains("swordfish"));
        for own in [0o600, 0o640] {
            assert_eq!(
                exposed("[mqtt]\npassword = \"swordfish\"\n", own, 0o644),
                [""; 0]
            );
        }
        let keys = "[[smart_meter]]\nkeys = { a = \"00112233\" }\n";
        assert_eq!(exposed(keys, 0o644, 0o600).len(), 1);
        let file = format!("[mqtt]\npassword = {{ file = {word:?} }}\n");
        assert_eq!(exposed(&file, 0o644, 0o600), [""; 0]);
        let told = exposed(&file, 0o644, 0o644);
        assert!(
            told.len() == 1 && told[0].contains("word holds secrets"),
            "{told:?}"
        );
        let mut by_variable = File::parse("", "wattbridge.toml").unwrap();
        let said = |name: &str| (name.to_owned(), word.display().to_string());
        by_variable.override_from(
            ["WATTBRIDGE_MQTT_PASSWORD__FILE", "WATTBRIDGE_STORE_PATH"]
                .map(said)
                .into_iter(),
        );
        assert_eq!(by_variable.exposed().len(), 1);
        let named = format!("[mqtt]\ntls = {{ client_key = {word:?} }}\n");
        assert_eq!(exposed(&named, 0o644, 0o644).len(), 1);
        for harmless in [
            "[mqtt]\nusername = \"roof\"\n",
            "[mqtt]\npassword = { env = \"WORD\" }\n",
            "",
        ] {
            assert_eq!(exposed(harmless, 0o644, 0o644), [""; 0], "{harmless}");
        }
    }
}
