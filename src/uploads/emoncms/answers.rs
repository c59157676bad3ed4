//! What answers mean. The status says little: what counts is the body.

use std::time::Duration;

use serde_json::Value as Json;

use super::items::Inputs;
use crate::http::HttpAnswer;
use crate::model::{Health, HealthCode, Sentence};
use crate::say;
use crate::uploads::UploadVerdict;

/// What only the user can mend is tried again so often, where it may mend itself.
const SOON: Duration = Duration::from_secs(300);
/// Where it will not.
const HOURLY: Duration = Duration::from_secs(3600);

/// What came of a request that was to store something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Posted {
    /// All of it is taken.
    Taken,
    /// Nothing of it is stored.
    Refused(UploadVerdict),
    /// Nobody knows how much of it is stored.
    Unsure(UploadVerdict),
}

/// What came of a request that was to store something.
pub fn posted(answer: &HttpAnswer) -> Posted {
    if let Some(verdict) = closed_door(answer) {
        return Posted::Refused(verdict);
    }
    let text = answer.text();
    let json: Option<Json> = serde_json::from_str(&text).ok();
    let success = json
        .as_ref()
        .and_then(|json| json.get("success")?.as_bool());
    if answer.status.is_success() {
        if text.trim() == "ok" || success == Some(true) {
            return Posted::Taken;
        }
        if success == Some(false) {
            return Posted::Unsure(complained(&words(answer)));
        }
    }
    match answer.status.as_u16() {
        413 => Posted::Refused(UploadVerdict::Halve {
            why: "the request is too large for it".to_owned(),
        }),
        _ => Posted::Unsure(passing(answer)),
    }
}

/// What it says of itself in a message.
fn complained(said: &str) -> UploadVerdict {
    let said = said.to_owned();
    if said.contains("NodeId") {
        return hold(
            say!("no more nodes are allowed in this account ({said})", said),
            say!(
                "Name one node for several devices in this section (node = \"house\"), or fewer devices, or delete nodes in emoncms."
            ),
            HOURLY,
        );
    }
    if said.contains("Format error") || said.contains("not a valid JSON") {
        return UploadVerdict::Halve { why: said };
    }
    UploadVerdict::again(say!("emoncms refuses the values ({said})", said))
}

/// What emoncms has of a node: per input the time of its newest value; `None` if there is no such node. Times after
/// `latest`, in seconds since 1970, are none of ours.
pub fn listed(answer: &HttpAnswer, latest: i64) -> Result<Option<Inputs>, UploadVerdict> {
    if let Some(verdict) = closed_door(answer) {
        return Err(verdict);
    }
    if !answer.status.is_success() {
        return Err(passing(answer));
    }
    let time = |input: &Json| {
        let time = input.get("time")?;
        let seconds = match time {
            Json::String(text) => text.parse().ok(),
            #[allow(clippy::cast_possible_truncation, reason = "a time in seconds")]
            time => time
                .as_i64()
                .or_else(|| time.as_f64().map(|time| time as i64)),
        };
        seconds.filter(|seconds| *seconds <= latest)
    };
    match serde_json::from_str(&answer.text()) {
        Ok(Json::Object(inputs)) if inputs.get("success") != Some(&Json::Bool(false)) => {
            let inputs = inputs.iter();
            Ok(Some(
                inputs
                    .map(|(input, of)| (input.clone(), time(of)))
                    .collect(),
            ))
        }
        // PHP writes a table whose keys are 0, 1, 2, ... so.
        Ok(Json::Array(inputs)) if !inputs.is_empty() => {
            let inputs = inputs.iter().enumerate();
            Ok(Some(
                inputs.map(|(at, of)| (at.to_string(), time(of))).collect(),
            ))
        }
        // "Node does not exist"
        Ok(Json::String(_) | Json::Array(_) | Json::Null | Json::Bool(false)) => Ok(None),
        _ => Err(passing(answer)),
    }
}

/// The node is not there after emoncms has said that it took its values.
pub fn dropped(node: &str) -> UploadVerdict {
    let node = node.to_owned();
    hold(
        say!(
            "emoncms says ok, but the node \"{node}\" does not appear there",
            node
        ),
        say!(
            "Give it a shorter name (node or names in this section), or let emoncms make new inputs."
        ),
        HOURLY,
    )
}

/// Inputs that do not appear though emoncms has said that it took their values.
pub fn dropped_inputs(inputs: &str) -> Health {
    let inputs = inputs.to_owned();
    Health::new(HealthCode::Degraded)
        .seen(say!(
            "emoncms says ok, but some inputs do not appear there ({inputs})",
            inputs
        ))
        .advise(say!(
            "Let emoncms make new inputs, or leave these values out of devices."
        ))
}

/// What is told by the status, or by saying nothing: nothing was stored.
fn closed_door(answer: &HttpAnswer) -> Option<UploadVerdict> {
    let said = words(answer);
    let status = answer.status.as_u16();
    Some(match status {
        200 if answer.text().trim().is_empty() => hold(
            say!("the key may only read, or is none"),
            say!(
                "Write the key with write access as key of this section; emoncms shows it on its page about inputs."
            ),
            HOURLY,
        ),
        401 | 403 => hold(
            say!("the key is refused ({said})", said),
            say!(
                "Write the key with write access as key of this section; emoncms shows it on its page about inputs."
            ),
            HOURLY,
        ),
        404 | 406 => hold(
            say!("there is no emoncms at this address ({status})", status),
            say!("Write the address of emoncms as url of this section, without input/post."),
            if status == 404 { SOON } else { HOURLY },
        ),
        300..=399 => hold(
            say!("the address leads elsewhere ({status})", status),
            say!(
                "Write the address of emoncms itself as url of this section, with https if it wants that."
            ),
            HOURLY,
        ),
        _ => return None,
    })
}

/// A fault of its own, which passes.
fn passing(answer: &HttpAnswer) -> UploadVerdict {
    let said = words(answer);
    let status = answer.status.as_u16();
    let after = answer.header("Retry-After");
    UploadVerdict::Again {
        why: say!(
            "emoncms answers with an error ({status} {said})",
            status,
            said
        ),
        after: after
            .and_then(|seconds| seconds.trim().parse().ok())
            .map(Duration::from_secs),
    }
}

fn hold(seen: Sentence, advice: Sentence, every: Duration) -> UploadVerdict {
    UploadVerdict::Hold {
        health: Health::new(HealthCode::Refused).seen(seen).advise(advice),
        every,
    }
}

/// The message in an answer, short enough for a line.
pub fn words(answer: &HttpAnswer) -> String {
    let text = answer.text();
    let json: Option<Json> = serde_json::from_str(&text).ok();
    let message = json.as_ref().and_then(|json| json.get("message")?.as_str());
    let text: String = message.unwrap_or(&text).chars().take(200).collect();
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    text.escape_debug()
        .to_string()
        .replace("\\\"", "\"")
        .replace("\\'", "'")
}
