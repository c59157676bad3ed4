//! Bytes as they are written in the configuration file.
//!
//! | written | byte |
//! |---|---|
//! | `\n`, `\r`, `\t` | `0A`, `0D`, `09` |
//! | `\xNN` | `NN`, two hexadecimal digits |
//! | `\\` | `5C` |
//! | anything else | itself, in UTF-8 |

/// A backslash with something else behind it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\\{0} is not known")]
pub struct BadEscape(String);

/// The bytes that a text stands for.
pub fn unescape(text: &str) -> Result<Vec<u8>, BadEscape> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('\\') {
        bytes.extend_from_slice(before.as_bytes());
        let bad = |length: usize| BadEscape(behind.chars().take(length).collect());
        let mut letters = behind.chars();
        bytes.push(match letters.next() {
            Some('n') => b'\n',
            Some('r') => b'\r',
            Some('t') => b'\t',
            Some('\\') => b'\\',
            Some('x') => {
                let digits = behind.get(1..3).ok_or_else(|| bad(3))?;
                letters = behind.get(3..).unwrap_or_default().chars();
                let is_hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
                let byte = u8::from_str_radix(digits, 16).ok().filter(|_| is_hex);
                byte.ok_or_else(|| bad(3))?
            }
            _ => return Err(bad(1)),
        });
        rest = letters.as_str();
    }
    bytes.extend_from_slice(rest.as_bytes());
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_written_is_sent() {
        assert_eq!(unescape(r"READ?\r\n"), Ok(b"READ?\r\n".to_vec()));
        assert_eq!(
            unescape(r"\x00\xfF\\n\t°"),
            Ok(b"\x00\xff\\n\t\xc2\xb0".to_vec())
        );
        assert_eq!(unescape(""), Ok(Vec::new()));
        for (text, wrong) in [
            (r"\q", "q"),
            (r"\x1", "x1"),
            (r"\x+1", "x+1"),
            (r"\x€", "x€"),
            ("\\", ""),
        ] {
            assert_eq!(unescape(text), Err(BadEscape(wrong.to_owned())), "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_byte_can_be_written(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let text: String = bytes.iter().map(|byte| format!("\\x{byte:02X}")).collect();
            prop_assert_eq!(unescape(&text), Ok(bytes));
        }

        #[test]
        fn no_text_makes_it_panic(text in r"(.|\\|x){0,20}") {
            let _ = unescape(&text);
        }
    }
}
