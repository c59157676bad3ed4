//! What errors mean.

use std::time::Duration;

use crate::home_assistant::CoreError;
use crate::model::{Health, HealthCode, Sentence};
use crate::say;
use crate::uploads::UploadVerdict;

/// What only the user can mend is tried again so often.
const HOURLY: Duration = Duration::from_secs(3600);
/// Where it may mend itself.
const SOON: Duration = Duration::from_secs(300);

/// What is wrong with rows that were to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImportFault {
    /// They are wrong for good, and we have made them.
    Ours(String),
    /// This Home Assistant does not know the class of the unit.
    UnknownClass,
    /// It is an older one, which wants its metadata in another form.
    OlderForm,
    /// It is not about these rows.
    Other(UploadVerdict),
}

/// What an error means that came instead of `success`.
pub fn import_fault(error: &CoreError) -> ImportFault {
    let CoreError::Refused { code, words, .. } = error else {
        return ImportFault::Other(trouble(error));
    };
    match code.as_str() {
        "home_assistant_error" if words.contains("Unsupported unit_class") => {
            ImportFault::UnknownClass
        }
        "invalid_format"
            if words.contains("extra keys not allowed")
                && (words.contains("mean_type") || words.contains("unit_class")) =>
        {
            ImportFault::OlderForm
        }
        "home_assistant_error" | "invalid_format" => ImportFault::Ours(words.clone()),
        _ => ImportFault::Other(trouble(error)),
    }
}

/// What an error means, whatever was asked for.
pub fn trouble(error: &CoreError) -> UploadVerdict {
    match error {
        CoreError::Refused { code, words, .. } if code == "unauthorized" => hold(
            HealthCode::Refused,
            say!(
                "Home Assistant does not let this token write statistics ({said})",
                said = words
            ),
            say!("Write a long-lived token of an administrator into this section."),
            HOURLY,
        ),
        CoreError::Refused { code, words, .. } if code == "unknown_command" => hold(
            HealthCode::Refused,
            say!(
                "Home Assistant keeps no statistics: its recorder does not run ({said})",
                said = words
            ),
            say!("Take recorder into the configuration of Home Assistant again."),
            SOON,
        ),
        CoreError::NotAllowed => hold(
            HealthCode::Refused,
            say!("Home Assistant does not know this token"),
            say!("Write a long-lived token of an administrator into this section."),
            HOURLY,
        ),
        CoreError::Nowhere | CoreError::Address(_) => hold(
            HealthCode::Misconfigured,
            say!("nobody knows where Home Assistant is"),
            say!("Write url and token into this section."),
            HOURLY,
        ),
        CoreError::Files(error) => {
            let error = error.to_string();
            hold(
                HealthCode::Misconfigured,
                say!("its ca_file cannot be used ({error})", error),
                say!("Mend ca_file of this section."),
                SOON,
            )
        }
        CoreError::Tls(reason) => hold(
            HealthCode::Unreachable,
            say!("no secure connection to Home Assistant ({reason})", reason),
            say!(
                "If its certificate is your own, write the file of the authority as ca_file of this section."
            ),
            SOON,
        ),
        CoreError::Unreachable(_)
        | CoreError::Late
        | CoreError::Broken(_)
        | CoreError::Refused { .. }
        | CoreError::NotUnderstood(_) => {
            let error = error.to_string();
            UploadVerdict::again(say!("{error}", error))
        }
    }
}

fn hold(code: HealthCode, seen: Sentence, advice: Sentence, every: Duration) -> UploadVerdict {
    UploadVerdict::Hold {
        health: Health::new(code).seen(seen).advise(advice),
        every,
    }
}
