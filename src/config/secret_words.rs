//! Which names hold secrets.

/// Words that give a secret away wherever they occur in a name.
const ANYWHERE: [&str; 8] = [
    "password",
    "passwort",
    "passphrase",
    "passwd",
    "kennwort",
    "secret",
    "token",
    "credential",
];
/// Words that do so standing alone.
const ALONE: [&str; 9] = [
    "pass", "pwd", "pw", "keys", "pin", "psk", "auth", "cookie", "jwt",
];

/// Whether a key of this name, spelt well or nearly so, holds a secret.
pub fn is_secret(name: &str) -> bool {
    let name = name.to_lowercase();
    name.split(|c: char| !c.is_alphanumeric()).any(|word| {
        word.ends_with("key")
            || ALONE.contains(&word)
            || ANYWHERE
                .iter()
                .any(|known| word.contains(known) || is_near(word, known))
    })
}

fn is_near(word: &str, known: &str) -> bool {
    let slips = if word.len() < 7 { 1 } else { 2 };
    word.len() >= 5
        && word.len().abs_diff(known.len()) <= slips
        && strsim::osa_distance(word, known) <= slips
}

/// Whether a line or a comment talks of secrets.
pub fn mentions(text: &str) -> bool {
    is_secret(text) || holds_login(text)
}

/// Whether a text has a user and a password in it, as addresses may: `mqtt://user:password@host`.
pub fn holds_login(text: &str) -> bool {
    text.rsplit_once('@')
        .is_some_and(|(login, _)| login.contains(':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_in_an_address_is_found() {
        for text in [
            "mqtt://u:S3cret@host",
            "u:S3cret@host:1883",
            "host = \"mqtt://u:S3@cret@host\" oops",
            "tcp://:S3 cret@192.0.2.1",
        ] {
            assert!(holds_login(text), "{text}");
        }
        for text in ["192.0.2.1:1883", "http://host/a", "a@b", "a@b:1", ""] {
            assert!(!holds_login(text), "{text}");
        }
    }
}
