//! Who has shown the password: a cookie that holds by the key in the store, without a table.
//!
//! `<when it ends, s since 1970>.<random>.<HMAC-SHA256 of both>`. A new password makes all of them void.

use jiff::Timestamp;
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};

use super::key::{WebKey, hex};

/// The name of the cookie.
pub const COOKIE: &str = "wattbridge";
/// How long a login lasts.
const LASTS: i64 = 30 * 24 * 3600;

/// What opens the page, or that nothing has to.
#[derive(Debug, Clone)]
pub enum WebLock {
    /// No password is set: this computer may.
    Open,
    /// It takes a password.
    Password(Box<PasswordLock>),
    /// There should be a password, and nobody knows it.
    Jammed,
}

/// The password as it is compared.
#[derive(Debug, Clone)]
pub struct PasswordLock {
    key: hmac::Key,
    right: hmac::Tag,
}

impl PasswordLock {
    /// For this password.
    pub fn new(key: &WebKey, password: &str) -> Self {
        let key = key.of_sessions(password);
        let right = hmac::sign(&key, &said(password));
        Self { key, right }
    }

    /// Whether this is the password; in the same time whatever it is.
    pub fn opens_with(&self, given: &str) -> bool {
        hmac::verify(&self.key, &said(given), self.right.as_ref()).is_ok()
    }

    /// The value of a cookie from now on; none where there are no random numbers.
    pub fn session(&self, now: Timestamp) -> Option<String> {
        let mut nonce = [0; 16];
        SystemRandom::new().fill(&mut nonce).ok()?;
        let signed = format!("{}.{}", now.as_second() + LASTS, hex(&nonce));
        let tag = hmac::sign(&self.key, signed.as_bytes());
        Some(format!("{signed}.{}", hex(tag.as_ref())))
    }

    /// Whether a cookie is one of ours, and still good.
    pub fn knows(&self, cookie: &str, now: Timestamp) -> bool {
        let Some((signed, tag)) = cookie.rsplit_once('.') else {
            return false;
        };
        // The digits are compared, so that each cookie has one spelling.
        let ours = hex(hmac::sign(&self.key, signed.as_bytes()).as_ref());
        let end = signed.split('.').next().and_then(|end| end.parse().ok());
        is_same(&self.key, &ours, tag) && end.is_some_and(|end: i64| end > now.as_second())
    }
}

/// What a browser is told to keep; `None` to forget it. Without a path it counts for the folder of the answer, which
/// is that of the whole API, wherever a proxy has put the page.
pub fn cookie(value: Option<&str>) -> String {
    let (value, lasts) = value.map_or(("", 0), |value| (value, LASTS));
    format!("{COOKIE}={value}; HttpOnly; SameSite=Strict; Max-Age={lasts}")
}

/// Told from a cookie, which has only dots and digits.
fn said(password: &str) -> Vec<u8> {
    [b"password\0", password.as_bytes()].concat()
}

/// Compares without telling by the time how much is right.
fn is_same(key: &hmac::Key, one: &str, other: &str) -> bool {
    let tag = hmac::sign(key, one.as_bytes());
    hmac::verify(key, other.as_bytes(), tag.as_ref()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn later(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    #[test]
    fn a_session_lasts_thirty_days_and_survives_a_restart() {
        let key = WebKey::passing();
        let session = PasswordLock::new(&key, "swordfish").session(NOW).unwrap();
        let lock = PasswordLock::new(&key, "swordfish");
        assert!(lock.knows(&session, NOW) && lock.knows(&session, later(LASTS - 1)));
        assert!(!lock.knows(&session, later(LASTS)));
        assert!(!session.contains("swordfish"));
    }

    #[test]
    fn another_password_or_store_knows_no_session() {
        let key = WebKey::passing();
        let session = PasswordLock::new(&key, "swordfish").session(NOW).unwrap();
        assert!(!PasswordLock::new(&key, "herring").knows(&session, NOW));
        assert!(!PasswordLock::new(&WebKey::passing(), "swordfish").knows(&session, NOW));
    }

    #[test]
    fn nothing_else_is_a_session() {
        let lock = PasswordLock::new(&WebKey::passing(), "swordfish");
        let session = lock.session(NOW).unwrap();
        let (signed, tag) = session.rsplit_once('.').unwrap();
        let longer = signed.replacen(&LASTS.to_string(), &(LASTS * 2).to_string(), 1);
        for wrong in [
            String::new(),
            "..".to_owned(),
            signed.to_owned(),
            format!("{longer}.{tag}"),
            format!("{signed}.{}", tag.to_uppercase()),
            format!("{session} "),
        ] {
            assert!(!lock.knows(&wrong, NOW), "{wrong}");
        }
    }

    #[test]
    fn only_the_password_opens() {
        let lock = PasswordLock::new(&WebKey::passing(), "swordfish");
        assert!(lock.opens_with("swordfish"));
        for wrong in ["", "Swordfish", "swordfish ", "swordfis"] {
            assert!(!lock.opens_with(wrong), "{wrong}");
        }
    }
}
