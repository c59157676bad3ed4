//! The configured keys, and which of them to try for a meter.

use std::collections::BTreeMap;

use super::config::MeterConfig;
use super::wire::{Key, KeyError, SystemTitle};
use crate::config::{Secret, SecretError};
use crate::model::pasted;

/// A key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyTrouble {
    /// It is not where the configuration says.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// It is no key.
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// One configured key.
#[derive(Debug)]
struct Named {
    /// Letters and digits of its name, in capitals; empty for the nameless one.
    name: String,
    key: Key,
}

/// All keys of a section.
#[derive(Debug, Default)]
pub struct KeyRing {
    encryption: Vec<Named>,
    authentication: Vec<Named>,
}

impl KeyRing {
    /// Reads the keys. An error comes with the name of the field.
    pub fn read(config: &MeterConfig) -> Result<Self, (&'static str, KeyTrouble)> {
        let ring = |field, fields, single: &Option<Secret>, several: &BTreeMap<String, Secret>| {
            let single = single.iter().map(|secret| (field, String::new(), secret));
            let several = several
                .iter()
                .map(|(name, secret)| (fields, plain(name), secret));
            single
                .chain(several)
                .map(|(field, name, secret)| {
                    let key = read(secret).map_err(|trouble| (field, trouble))?;
                    Ok(Named { name, key })
                })
                .collect::<Result<Vec<_>, _>>()
        };
        Ok(Self {
            encryption: ring("key", "keys", &config.key, &config.keys)?,
            authentication: ring(
                "authentication_key",
                "authentication_keys",
                &config.authentication_key,
                &config.authentication_keys,
            )?,
        })
    }

    /// Whether there are encryption keys of 16 bytes, and of 32.
    pub fn lengths(&self) -> (bool, bool) {
        let any = |is_long| {
            self.encryption
                .iter()
                .any(|named| named.key.is_long() == is_long)
        };
        (any(false), any(true))
    }

    /// Whether there is any authentication key, and whether it is a long one.
    pub fn authentication_length(&self) -> Option<bool> {
        self.authentication.first().map(|named| named.key.is_long())
    }

    /// The keys to try for a meter, the likeliest first.
    pub fn candidates(&self, title: &SystemTitle, number: Option<&str>) -> Vec<&Key> {
        candidates(&self.encryption, title, number)
    }

    /// Whether there is no key at all.
    pub const fn is_empty(&self) -> bool {
        self.encryption.is_empty()
    }

    /// The authentication key that is configured for a meter.
    pub fn authentication(&self, title: &SystemTitle, number: Option<&str>) -> Option<&Key> {
        candidates(&self.authentication, title, number)
            .into_iter()
            .next()
    }
}

/// The authentication key of each meter in Luxembourg, which is no secret.
pub fn of_luxembourg() -> Key {
    0x0011_2233_4455_6677_8899_aabb_ccdd_eeff_u128
        .to_be_bytes()
        .into()
}

fn read(secret: &Secret) -> Result<Key, KeyTrouble> {
    Ok(secret.reveal()?.parse()?)
}

fn candidates<'a>(keys: &'a [Named], title: &SystemTitle, number: Option<&str>) -> Vec<&'a Key> {
    let (title, number) = (plain(&title.to_string()), number.map(plain));
    let rank = |named: &Named| {
        if named.name == title {
            Some(0)
        } else if number.as_ref() == Some(&named.name) {
            Some(1)
        } else if is_title(&named.name) {
            // The key of another meter, which is sure not to fit.
            None
        } else {
            Some(2)
        }
    };
    let mut ranked: Vec<_> = keys
        .iter()
        .filter_map(|named| Some((rank(named)?, &named.key)))
        .collect();
    ranked.sort_by_key(|(rank, _)| *rank);
    ranked.into_iter().map(|(_, key)| key).collect()
}

/// Letters and digits only, in capitals: how people write numbers differs.
fn plain(name: &str) -> String {
    let letters = pasted::seen(name).map(|(_, letter)| letter.to_ascii_uppercase());
    letters.filter(char::is_ascii_alphanumeric).collect()
}

/// Whether a name is a system title and not, say, a meter number of as many digits: titles begin
/// with the letters of the maker.
fn is_title(name: &str) -> bool {
    let title = name.parse::<SystemTitle>();
    title.is_ok_and(|title| title.0.iter().take(3).all(u8::is_ascii_uppercase))
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "000102030405060708090a0b0c0d0e0f";
    const B: &str = "101112131415161718191a1b1c1d1e1f";
    const C: &str = "202122232425262728292a2b2c2d2e2f";

    fn title(text: &str) -> SystemTitle {
        text.parse().unwrap()
    }

    fn ring(key: Option<&str>, keys: &[(&str, &str)]) -> KeyRing {
        let config = MeterConfig {
            key: key.map(Secret::new),
            keys: keys
                .iter()
                .map(|(name, key)| ((*name).to_owned(), Secret::new(*key)))
                .collect(),
            ..MeterConfig::default()
        };
        KeyRing::read(&config).unwrap()
    }

    fn key(text: &str) -> Key {
        text.parse().unwrap()
    }

    #[test]
    fn the_key_of_the_title_is_tried_first_and_that_of_another_never() {
        let ring = ring(
            Some(A),
            &[("4b464d10 20000001", B), ("4B464D1020000002", C)],
        );
        let of = |text| ring.candidates(&title(text), None);
        assert_eq!(of("4b464d1020000001"), [&key(B), &key(A)]);
        assert_eq!(of("4b464d1020000003"), [&key(A)]);
    }

    #[test]
    fn names_that_are_no_title_are_tried_in_turn_the_number_first() {
        let ring = ring(None, &[("1KFM0200654321", A), ("flat", B)]);
        let title = title("4b464d1020000001");
        assert_eq!(ring.candidates(&title, None), [&key(A), &key(B)]);
        assert_eq!(
            ring.candidates(&title, Some("1kfm 0200654321")),
            [&key(A), &key(B)]
        );
        assert!(ring.authentication(&title, None).is_none());
    }

    #[test]
    fn a_number_of_sixteen_digits_is_no_title() {
        let ring = ring(None, &[("6970631000000001", A)]);
        let title = title("4b464d1020000001");
        assert_eq!(ring.candidates(&title, None), [&key(A)]);
    }

    #[test]
    fn a_key_that_is_none_names_its_field_but_not_itself() {
        let config = MeterConfig {
            keys: [("flat".to_owned(), Secret::new("00112233445566"))].into(),
            ..MeterConfig::default()
        };
        let (field, trouble) = KeyRing::read(&config).unwrap_err();
        assert_eq!(field, "keys");
        assert!(!trouble.to_string().contains("00112233445566"), "{trouble}");
    }
}
