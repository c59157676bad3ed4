//! What a stick says instead of what it would say: one scenario, as text.
//!
//! ```text
//! # A ping is answered late, the first reset not at all, then the cable is pulled and plugged in.
//! on FE00210120
//!   after 700
//!   send FE02610179071C
//! on FE01410000?? count 1
//!   drop
//! on FE00270027 count 2
//!   close
//! ```
//!
//! `on` names a frame of the host in hexadecimal digits; `??` is any byte, a `*` at its end any more. With `count` it is
//! over after so many. What follows is done then: `after` waits so many milliseconds from the frame or the `after`
//! before on, `send` sends bytes, right or wrong, `close` pulls the cable for a moment, `drop` does nothing. Of several
//! that fit and are not over, the first counts. What none fits is answered as usual.

use std::str::FromStr;
use std::time::Duration;

use crate::hex;

/// Waits are not longer than that.
const LONGEST: u64 = 3_600_000;

/// A scenario.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StickScript {
    rules: Vec<ScriptRule>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct ScriptRule {
    pattern: Vec<Option<u8>>,
    is_open: bool,
    left: Option<u32>,
    acts: Vec<ScriptAct>,
}

/// Something to do after so long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScriptAct {
    /// How long after the frame.
    pub after: Duration,
    /// What to send; `None` pulls the cable.
    pub send: Option<Vec<u8>>,
}

/// Why a text is no scenario.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {why}")]
pub struct ScriptError {
    line: usize,
    why: &'static str,
}

impl FromStr for StickScript {
    type Err = ScriptError;

    fn from_str(text: &str) -> Result<Self, ScriptError> {
        let mut script = Self::default();
        let mut after = Duration::ZERO;
        for (number, line) in text.lines().enumerate() {
            let refuse = |why| ScriptError {
                line: number + 1,
                why,
            };
            let plain = line.split('#').next().unwrap_or_default().trim();
            let (word, rest) = plain.split_once(char::is_whitespace).unwrap_or((plain, ""));
            let rest = rest.trim();
            if word == "on" {
                after = Duration::ZERO;
                let rule = ScriptRule::read(rest);
                script.rules.push(rule.ok_or_else(|| {
                    refuse("write on FE00210120, on FE0141* or on FE00210120 count 2")
                })?);
                continue;
            }
            let act = match word {
                "" | "drop" => None,
                "after" => {
                    let time = rest.parse().ok().filter(|time| *time <= LONGEST);
                    let time = time.ok_or_else(|| refuse("write milliseconds, as in after 300"))?;
                    after += Duration::from_millis(time);
                    None
                }
                "send" => {
                    let digits: String = rest.split_whitespace().collect();
                    let bytes = hex::bytes(&digits).filter(|bytes| !bytes.is_empty());
                    let refusal = || refuse("write bytes, as in send FE02610179071C");
                    Some(Some(bytes.ok_or_else(refusal)?))
                }
                "close" => Some(None),
                _ => return Err(refuse("there are on, after, send, drop and close")),
            };
            if word.is_empty() {
                continue;
            }
            let rule = script.rules.last_mut();
            let rule = rule.ok_or_else(|| refuse("write first when, as in on FE00210120"))?;
            rule.acts.extend(act.map(|send| ScriptAct { after, send }));
        }
        Ok(script)
    }
}

impl ScriptRule {
    fn read(text: &str) -> Option<Self> {
        let (pattern, left) = match text.split_once("count") {
            None => (text.trim(), None),
            Some((pattern, count)) => (pattern.trim(), Some(count.trim().parse().ok()?)),
        };
        let digits: Vec<char> = pattern.chars().filter(|it| !it.is_whitespace()).collect();
        let (digits, is_open) = match digits.split_last() {
            Some(('*', digits)) => (digits, true),
            _ => (digits.as_slice(), false),
        };
        let byte = |pair: &[char]| match *pair {
            ['?', '?'] => Some(None),
            [high, low] => {
                let digit = |it: char| u8::try_from(it.to_digit(16)?).ok();
                Some(Some(digit(high)? << 4 | digit(low)?))
            }
            _ => None,
        };
        let pattern: Vec<_> = digits.chunks(2).map(byte).collect::<Option<_>>()?;
        (is_open || !pattern.is_empty()).then_some(Self {
            pattern,
            is_open,
            left,
            acts: Vec::new(),
        })
    }

    fn fits(&self, frame: &[u8]) -> bool {
        let is_long =
            frame.len() == self.pattern.len() || self.is_open && frame.len() > self.pattern.len();
        let mut pairs = self.pattern.iter().zip(frame);
        is_long && self.left != Some(0) && pairs.all(|(want, is)| want.is_none_or(|it| it == *is))
    }
}

impl StickScript {
    /// What is to be done at this frame of the host; `None` if that is as usual.
    pub fn at(&mut self, frame: &[u8]) -> Option<Vec<ScriptAct>> {
        let rule = self.rules.iter_mut().find(|rule| rule.fits(frame))?;
        rule.left = rule.left.map(|left| left.saturating_sub(1));
        Some(rule.acts.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_that_fits_and_is_not_over_counts() {
        let text = "# A scenario.\non FE00 21?? 20 count 1 # once\n drop\non FE00*\n after 300\n send AA bb\n \
                    after 20\n close\n\n";
        let mut script: StickScript = text.parse().unwrap();
        let ping = [0xfe, 0, 0x21, 1, 0x20];
        assert_eq!(script.at(&ping), Some(Vec::new()));
        let milliseconds = Duration::from_millis;
        let acts = vec![
            ScriptAct {
                after: milliseconds(300),
                send: Some(vec![0xaa, 0xbb]),
            },
            ScriptAct {
                after: milliseconds(320),
                send: None,
            },
        ];
        assert_eq!(script.at(&ping), Some(acts));
        assert_eq!(script.at(&[0xfe, 1, 0x41, 0, 0, 0x40]), None);
    }

    #[test]
    fn mistakes_are_explained() {
        for (text, words) in [
            ("send AA", "line 1: write first when"),
            ("on FE\nafter soon", "line 2: write milliseconds"),
            ("on FE\nsend A", "line 2: write bytes"),
            ("on F", "line 1: write on"),
            ("on", "line 1: write on"),
            ("on FE count x", "line 1: write on"),
            ("on FE\nwait 3", "line 2: there are on"),
        ] {
            let error = text.parse::<StickScript>().unwrap_err().to_string();
            assert!(error.starts_with(words), "{error}");
        }
    }
}
