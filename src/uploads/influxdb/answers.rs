//! What answers mean.

use std::time::Duration;

use super::config::InfluxSettings;
use crate::http::HttpAnswer;
use crate::model::{Health, HealthCode, Sentence};
use crate::say;
use crate::uploads::UploadVerdict;

/// What only the user can mend is tried again so often, where it may mend itself.
const SOON: Duration = Duration::from_secs(300);
/// Where it will not.
const HOURLY: Duration = Duration::from_secs(3600);

/// What an answer to a write means.
pub fn judge(settings: &InfluxSettings, answer: &HttpAnswer) -> UploadVerdict {
    let said = words(&answer.text());
    match answer.status.as_u16() {
        // With 422 it was beyond the retention: too old for it.
        200 | 204 | 422 => UploadVerdict::done(),
        // What lies before all that it keeps is as good as there.
        400 if said.contains("partial write") && said.contains("retention policy") => {
            UploadVerdict::done()
        }
        // The good lines are stored. A field of another type stays refused until somebody acts.
        400 if said.contains("partial write") => UploadVerdict::Done {
            trouble: Some(
                Health::new(HealthCode::Degraded)
                    .seen(say!("some values are refused ({said})", said))
                    .advise(say!(
                        "Rename or drop the field in InfluxDB, or leave the value out of devices."
                    )),
            ),
        },
        // Nothing is stored, because of one line. Whatever else is a bad request is so for all lines, and nothing is
        // given up for it.
        400 if said.contains("unable to parse") => UploadVerdict::Halve { why: said },
        413 => UploadVerdict::Halve {
            why: if said.is_empty() {
                "too large".to_owned()
            } else {
                said
            },
        },
        401 | 403 => {
            let advice = if settings.version == 1 {
                say!(
                    "Look at username and password of this section, and whether the user may write."
                )
            } else {
                say!("Look at the token of this section: it has to be allowed to write.")
            };
            hold(say!("the login is refused ({said})", said), advice, HOURLY)
        }
        404 => {
            let advice = match settings.version {
                2 => say!("Make the bucket in InfluxDB, or mend bucket and org of this section."),
                3 => say!("Make the database in InfluxDB, or mend database of this section."),
                _ => {
                    let database = settings.database.clone().unwrap_or_default();
                    say!(
                        "Make the database (CREATE DATABASE {database}), or mend database of this section.",
                        database
                    )
                }
            };
            hold(
                say!("there is no such database ({said})", said),
                advice,
                SOON,
            )
        }
        429 | 503 => UploadVerdict::Again {
            why: say!("InfluxDB asks to wait"),
            after: answer
                .header("Retry-After")
                .and_then(|seconds| seconds.trim().parse().ok())
                .map(Duration::from_secs),
        },
        status if (300..400).contains(&status) => hold(
            say!("the address leads elsewhere ({status})", status),
            say!("Write the address of InfluxDB itself as url of this section."),
            HOURLY,
        ),
        status => UploadVerdict::again(say!(
            "InfluxDB answers with an error ({status} {said})",
            status,
            said
        )),
    }
}

fn hold(seen: Sentence, advice: Sentence, every: Duration) -> UploadVerdict {
    UploadVerdict::Hold {
        health: Health::new(HealthCode::Refused).seen(seen).advise(advice),
        every,
    }
}

/// The message in an answer, short enough for a line.
pub fn words(body: &str) -> String {
    let json: Option<serde_json::Value> = serde_json::from_str(body).ok();
    let message = json.as_ref().and_then(|json| {
        let message = json.get("error").or_else(|| json.get("message"))?;
        message.as_str()
    });
    let text: String = message.unwrap_or(body).chars().take(200).collect();
    text.trim().escape_debug().to_string().replace("\\\"", "\"")
}
