//! How texts are written into requests.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Fields of a form: letters, digits and `*-._` stay, a blank is `+`, all else is `%XX`.
pub fn form<'a>(fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut out = form_urlencoded::Serializer::new(String::new());
    out.extend_pairs(fields).finish()
}

/// The value of `Authorization` for a user and a password.
pub fn basic(user: &str, password: &str) -> String {
    let plain = zeroize::Zeroizing::new(format!("{user}:{password}"));
    format!("Basic {}", STANDARD.encode(plain.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_written_as_browsers_do() {
        assert_eq!(
            form([("data", "20260615,12:05,1;a b"), ("k", "*-._~é")]),
            "data=20260615%2C12%3A05%2C1%3Ba+b&k=*-._%7E%C3%A9"
        );
        assert_eq!(form([]), "");
    }

    #[test]
    fn a_login_is_written_as_the_standard_says() {
        // RFC 7617, section 2.
        assert_eq!(
            basic("Aladdin", "open sesame"),
            "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
        );
    }
}
