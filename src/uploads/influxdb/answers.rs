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
        // Many a page of a router or a hotel answers 200 to anything.
        200 if !answer.body.is_empty() => hold(
            say!("what answers is not InfluxDB ({said})", said),
            say!("Write the address of InfluxDB itself as url of this section."),
            SOON,
        ),
        200 | 204 => UploadVerdict::done(),
        // What lies before all that it keeps is as good as there.
        400 | 422 if said.contains("partial write") && said.contains("retention policy") => {
            UploadVerdict::done()
        }
        // The good lines are stored. A field of another type, as far as it is named, was left out by now.
        400 | 422 if said.contains("partial write") => UploadVerdict::Done {
            trouble: Some(refused(&said)),
        },
        // All of it was beyond the retention: too old for it.
        422 if said.contains("retention") => UploadVerdict::done(),
        422 => UploadVerdict::Done {
            trouble: Some(refused(&said)),
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

/// Something of what was sent is not taken.
pub fn refused(said: &str) -> Health {
    Health::new(HealthCode::Degraded)
        .seen(say!("some values are refused ({said})", said))
        .advise(say!(
            "Rename or drop the field in InfluxDB, or leave the value out of devices."
        ))
}

/// The field that is of another type in the database, which refuses whole lines because of it.
pub fn field_in_conflict(answer: &HttpAnswer) -> Option<String> {
    if !matches!(answer.status.as_u16(), 400 | 422) {
        return None;
    }
    let text = answer.text();
    let json: serde_json::Value = serde_json::from_str(&text).ok()?;
    let said = message(&json)?;
    // Version 3 tells the reasons one by one.
    let details = json.get("data").and_then(serde_json::Value::as_array);
    let details = details.into_iter().flatten();
    let details = details.filter_map(|line| line.get("error_message")?.as_str());
    std::iter::once(said).chain(details).find_map(|said| {
        let mut places = ["input field ", "column "]
            .into_iter()
            .flat_map(|before| said.split(before).skip(1));
        places.find_map(|named| {
            let quote = named.chars().next().filter(|it| matches!(it, '"' | '\''))?;
            let name = named.get(1..)?.split(quote).next()?;
            (!name.is_empty() && said.contains("type")).then(|| name.to_owned())
        })
    })
}

/// Whether InfluxDB itself has said this, and not something before it.
pub fn is_own(answer: &HttpAnswer) -> bool {
    let json: Option<serde_json::Value> = serde_json::from_str(&answer.text()).ok();
    json.as_ref().and_then(message).is_some()
}

fn message(json: &serde_json::Value) -> Option<&str> {
    json.get("error").or_else(|| json.get("message"))?.as_str()
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
    let message = json.as_ref().and_then(message);
    let text: String = message.unwrap_or(body).chars().take(200).collect();
    text.trim().escape_debug().to_string().replace("\\\"", "\"")
}
