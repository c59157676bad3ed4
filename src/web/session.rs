//! Who has shown the password: a cookie that holds by the key in the store. Only those that were ended are written down.
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

    /// What a cookie stands for, if it is one of ours and its time is not over.
    pub fn read<'c>(&self, cookie: &'c str, now: Timestamp) -> Option<WebSession<'c>> {
        let (signed, tag) = cookie.rsplit_once('.')?;
        // The digits are compared, so that each cookie has one spelling.
        let ours = hex(hmac::sign(&self.key, signed.as_bytes()).as_ref());
        let (end, nonce) = signed.split_once('.')?;
        let end: i64 = end.parse().ok()?;
        let is_good = is_same(&self.key, &ours, tag) && end > now.as_second();
        is_good.then_some(WebSession { nonce, end })
    }

    /// A password as it is remembered for a while: without the password.
    pub fn mark(&self, given: &str) -> Vec<u8> {
        hmac::sign(&self.key, &said(given)).as_ref().to_vec()
    }
}

/// Somebody who has logged in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WebSession<'c> {
    /// Tells it from all others.
    pub nonce: &'c str,
    /// Until when it lasts, in seconds since 1970.
    pub end: i64,
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
        assert!(
            lock.read(&session, NOW).is_some() && lock.read(&session, later(LASTS - 1)).is_some()
        );
        assert_eq!(lock.read(&session, later(LASTS)), None);
        assert!(!session.contains("swordfish"));
    }

    #[test]
    fn another_password_or_store_knows_no_session() {
        let key = WebKey::passing();
        let session = PasswordLock::new(&key, "swordfish").session(NOW).unwrap();
        let other = PasswordLock::new(&key, "herring");
        assert_eq!(other.read(&session, NOW), None);
        let other = PasswordLock::new(&WebKey::passing(), "swordfish");
        assert_eq!(other.read(&session, NOW), None);
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
            assert_eq!(lock.read(&wrong, NOW), None, "{wrong}");
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
