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
    is_secret(text) || holds_secret(text)
}

/// Whether a text has a secret in it, whatever it stands for: that of an address, or of a command.
pub fn holds_secret(text: &str) -> bool {
    let mut words = text.split(|c: char| c.is_whitespace() || "\"',[]".contains(c));
    holds_login(text)
        || holds_query(text)
        || words.any(|word| names_password(word) || (is_password_option(word) && word != "-p"))
}

/// Whether an address has something behind `?`, which often is a key: `https://host/post.json?apikey=...`.
fn holds_query(text: &str) -> bool {
    let is_of_address = |c: char| c.is_ascii_alphanumeric() || ":/._-[]".contains(c);
    text.split_once('?').is_some_and(|(address, query)| {
        let is_address = address.contains('/') && address.chars().all(is_of_address);
        is_address && (address.contains("://") || query.contains('='))
    })
}

/// Whether a word of a command gives a password by its name: `--password=...`, `MYSQL_PWD=...`.
pub fn names_password(word: &str) -> bool {
    // Options may be cut short.
    word.starts_with("--pass") || word.contains("MYSQL_PWD=")
}

/// Whether a word is the option `-p` of a client of MySQL, perhaps behind others that take no value and with the password
/// behind it.
pub fn is_password_option(word: &str) -> bool {
    const FLAGS: &str = "ABCEGHILNUVWXbcfijnoqrstvw";
    let Some(option) = word.strip_prefix('-') else {
        return false;
    };
    option
        .trim_start_matches(|c| FLAGS.contains(c))
        .starts_with('p')
}

/// Whether a text has a user and a password in it, as addresses may: `mqtt://user:password@host`.
fn holds_login(text: &str) -> bool {
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
            assert!(!holds_secret(text), "{text}");
        }
    }

    #[test]
    fn a_key_behind_an_address_is_found_and_so_is_a_password_in_a_command() {
        for text in [
            "https://emoncms.org/input/post.json?apikey=S3cret",
            "https://emoncms.org/?S3cret",
            "emoncms.org/input/post?apikey=S3cret",
            "-pS3cret",
            "-BNpS3cret",
            "MYSQL_PWD=S3cret mariadb solar",
            "mariadb '-pS3cret' solar",
            "--env=MYSQL_PWD=S3cret",
            "--pass=S3cret",
        ] {
            assert!(holds_secret(text), "{text}");
        }
        for text in [
            "power=(?P<value>[0-9]+)/s",
            "-P 3307",
            "-uwatt",
            "-h nas",
            "--port=3306",
            "-p",
            "is it? a = b",
        ] {
            assert!(!holds_secret(text), "{text}");
        }
    }
}
