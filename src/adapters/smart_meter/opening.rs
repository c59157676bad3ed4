//! Opening a telegram with whatever key fits.

use super::health;
use super::keys::{self, KeyRing};
use super::wire::apdu::Opened;
use super::wire::dsmr::{Checksum, DsmrError};
use super::wire::telegram::{Layout, TelegramError};
use super::wire::{Authentication, Ciphered, Key, Profiles, SystemTitle, Telegram};
use crate::model::Health;

/// A telegram that was opened.
#[derive(Debug)]
pub struct Open {
    pub telegram: Telegram,
    pub plaintext: Vec<u8>,
    pub authentication: Authentication,
}

/// A telegram that stays shut.
#[derive(Debug)]
pub struct Shut {
    /// For people, in words that are the same as long as the trouble is.
    pub why: Health,
    /// What exactly was wrong with this one.
    pub detail: Option<String>,
}

impl From<Health> for Shut {
    fn from(why: Health) -> Self {
        Self { why, detail: None }
    }
}

impl From<TelegramError> for Shut {
    fn from(error: TelegramError) -> Self {
        let why = match &error {
            error if error.is_damaged() => health::damaged(),
            TelegramError::NotATelegram(_) => health::unknown_form(),
            error => health::unknown_layout(error.fitting()),
        };
        Self {
            why,
            detail: Some(error.to_string()),
        }
    }
}

/// What telegrams are read with.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> {
    pub keys: &'a KeyRing,
    pub profiles: &'a Profiles,
    /// The name of the layout that was chosen.
    pub profile: &'a str,
}

impl Reader<'_> {
    /// Reads a telegram in clear.
    pub fn read(
        &self,
        plaintext: &[u8],
        title: Option<&SystemTitle>,
    ) -> Result<Telegram, TelegramError> {
        Telegram::parse(plaintext, title, self.profiles, Some(self.profile))
    }

    /// Opens and reads a telegram. `number` is that of the meter, where it is known.
    pub fn open(&self, ciphered: &Ciphered<'_>, number: Option<&str>) -> Result<Open, Shut> {
        let title = &ciphered.title;
        if let Some(plaintext) = ciphered.in_clear() {
            let opened = Opened {
                plaintext: plaintext.to_vec(),
                authentication: Authentication::None,
            };
            return Ok(Open {
                telegram: self.read_opened(&opened, title)?,
                plaintext: opened.plaintext,
                authentication: opened.authentication,
            });
        }
        let keys = self.keys.candidates(title, number);
        let authentication = self.keys.authentication(title, number);
        if keys.is_empty() {
            let others = !self.keys.is_empty();
            let why = match authentication {
                Some(_) => health::key_missing_beside(title),
                None => health::key_missing(title, others),
            };
            return Err(why.into());
        }
        // Where none is configured, one that is the same everywhere may fit, which proves as much.
        let usual = (!ciphered.security.wants_long_key()).then(keys::of_luxembourg);
        let checked_with = authentication.or(usual.as_ref());
        let (mut unfit, mut tried, mut trouble) = (None, false, None);
        for key in &keys {
            let mut opened = match ciphered.open(key, checked_with) {
                Ok(opened) => opened,
                Err(error) => {
                    unfit = Some(health::key_unfit(title, error.says()));
                    continue;
                }
            };
            tried = true;
            if authentication.is_none() && opened.authentication == Authentication::Failed {
                opened.authentication = Authentication::NotChecked;
            }
            match self.read_opened(&opened, title) {
                Ok(telegram) => {
                    return Ok(Open {
                        telegram,
                        plaintext: opened.plaintext,
                        authentication: opened.authentication,
                    });
                }
                Err(error) if error.is_key_suspect() => {}
                Err(error) => trouble = Some(Shut::from(error)),
            }
        }
        let unfit = unfit.filter(|_| !tried);
        let is_alone = ciphered.tag.is_some() && authentication.is_none();
        let why = match unfit {
            Some(unfit) => unfit,
            None if self.are_swapped(ciphered, number, &keys) => health::keys_swapped(title),
            None if is_alone => health::key_wrong_alone(title),
            None => health::key_wrong(title),
        };
        Err(trouble.unwrap_or_else(|| why.into()))
    }

    /// Reads what was opened. A text that no tag proves has to prove itself.
    fn read_opened(&self, opened: &Opened, title: &SystemTitle) -> Result<Telegram, TelegramError> {
        let telegram = self.read(&opened.plaintext, Some(title))?;
        let is_proven = opened.authentication == Authentication::Verified
            || telegram.layout != Layout::Text
            || matches!(Checksum::of(&opened.plaintext), Checksum::Good(_));
        if is_proven {
            Ok(telegram)
        } else {
            Err(DsmrError::CutOff.into())
        }
    }

    /// Whether the one key takes the place of the other: then the tag proves it.
    fn are_swapped(&self, ciphered: &Ciphered<'_>, number: Option<&str>, keys: &[&Key]) -> bool {
        let authentication = self.keys.authentication(&ciphered.title, number);
        authentication.is_some_and(|authentication| {
            keys.iter().any(|key| {
                let opened = ciphered.open(authentication, Some(key));
                opened.is_ok_and(|opened| opened.authentication == Authentication::Verified)
            })
        })
    }
}
