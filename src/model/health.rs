//! Why there is data of a device, or why there is none.

use serde::{Deserialize, Serialize};

use super::Sentence;

macro_rules! health_codes {
    ($($(#[$doc:meta])* $name:ident $code:literal $words:literal, data: $data:literal, problem: $problem:literal;)*) => {
        /// The closed list of reasons.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum HealthCode { $($(#[$doc])* $name,)* }

        impl HealthCode {
            /// Every reason.
            pub const ALL: &'static [HealthCode] = &[$(HealthCode::$name,)*];

            /// The word for programs.
            pub const fn code(self) -> &'static str {
                match self { $(HealthCode::$name => $code,)* }
            }

            /// The words for people.
            pub const fn words(self) -> &'static str {
                match self { $(HealthCode::$name => $words,)* }
            }

            /// Whether the device's values are good to use.
            pub const fn has_data(self) -> bool {
                match self { $(HealthCode::$name => $data,)* }
            }

            /// Whether somebody should look after it.
            pub const fn is_problem(self) -> bool {
                match self { $(HealthCode::$name => $problem,)* }
            }
        }
    };
}

health_codes! {
    /// Nothing has been heard yet since the program started.
    Starting "starting" "Waiting for the first answer", data: false, problem: false;
    /// Values arrive.
    Online "online" "Online", data: true, problem: false;
    /// The last try failed; the values before it still count.
    Retrying "retrying" "Trying again", data: true, problem: false;
    /// The device rests as it should, at night for instance.
    Asleep "asleep" "Asleep", data: true, problem: false;
    /// Asking has been paused on purpose for a while.
    Paused "paused" "Paused", data: true, problem: false;
    /// Nothing at the other end accepts a connection.
    Unreachable "unreachable" "Unreachable", data: false, problem: true;
    /// Connected, but no answer comes.
    Silent "silent" "No answer", data: false, problem: true;
    /// Answers come, but what they say no longer changes.
    Stale "stale" "Data too old", data: false, problem: true;
    /// The device answers that it has no data.
    NoData "no_data" "No data yet", data: false, problem: false;
    /// The device's own radio or bus partner does not answer it.
    OutOfContact "out_of_contact" "No contact", data: false, problem: true;
    /// It works, but something that it stands for does not.
    Degraded "degraded" "Not everything works", data: true, problem: true;
    /// What arrives is damaged.
    Garbled "garbled" "Damaged data", data: false, problem: true;
    /// What arrives is not what this adapter understands.
    Unsupported "unsupported" "Not supported", data: false, problem: true;
    /// The device refuses to talk to us.
    Refused "refused" "Refused by the device", data: false, problem: true;
    /// Data arrives but the key to read it is missing.
    KeyMissing "key_missing" "Key missing", data: false, problem: true;
    /// Data arrives but the key does not open it.
    KeyWrong "key_wrong" "Key wrong", data: false, problem: true;
    /// Switched off in the configuration.
    Disabled "disabled" "Switched off in the configuration", data: false, problem: false;
    /// Its section of the configuration cannot be used.
    Misconfigured "misconfigured" "Mistake in the configuration", data: false, problem: true;
    /// The adapter itself failed and is being restarted.
    Restarting "restarting" "Adapter restarting", data: false, problem: true;
}

/// How a device is: a reason from the closed list, what was seen, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// The reason.
    pub code: HealthCode,
    /// What was seen, in a few words; empty if the reason says it all.
    pub detail: Sentence,
    /// What the user can do; empty if nothing is to be done.
    pub advice: Sentence,
}

impl Health {
    /// A reason that needs no more words.
    pub const fn new(code: HealthCode) -> Self {
        Self {
            code,
            detail: Sentence::EMPTY,
            advice: Sentence::EMPTY,
        }
    }

    /// Values arrive.
    pub const ONLINE: Self = Self::new(HealthCode::Online);

    /// Adds what was seen.
    pub fn seen(mut self, detail: impl Into<Sentence>) -> Self {
        self.detail = detail.into();
        self
    }

    /// Adds what the user can do.
    pub fn advise(mut self, advice: impl Into<Sentence>) -> Self {
        self.advice = advice.into();
        self
    }

    /// One text for people, in English: reason, what was seen, advice.
    pub fn sentence(&self) -> String {
        let (seen, advice) = (self.detail.to_string(), self.advice.to_string());
        Self::text(self.code.words(), ": ", &seen, &advice)
    }

    /// One text of its parts, in whatever language they are.
    pub fn text(code: &str, colon: &str, seen: &str, advice: &str) -> String {
        let mut text = code.to_owned();
        if !seen.is_empty() {
            text.push_str(colon);
            text.push_str(seen);
        }
        if !advice.is_empty() {
            if !text.ends_with(['.', '?', '!']) {
                text.push('.');
            }
            text.push(' ');
            text.push_str(advice);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_says_reason_sight_and_advice() {
        let health = Health::new(HealthCode::Unreachable)
            .seen("192.168.1.50:8899 refuses the connection")
            .advise("Switch the ECU off and on.");
        assert_eq!(
            health.sentence(),
            "Unreachable: 192.168.1.50:8899 refuses the connection. Switch the ECU off and on."
        );
        assert_eq!(Health::ONLINE.sentence(), "Online");
    }

    #[test]
    fn codes_are_unique_words() {
        let mut codes: Vec<_> = HealthCode::ALL.iter().map(|code| code.code()).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), HealthCode::ALL.len());
    }
}
