//! Commands from Home Assistant to devices, and what became of them.
//!
//! `<base>/<device>/cmd/<key>` takes plain text; `<base>/<device>/result/<key>` answers in JSON:
//! `{"ok": true, "value": "ON", "error": null, "ts": "..."}`. Answers are not retained, and neither
//! may commands be: a kept one would be carried out anew on every connect.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;
use tokio::task::{Id, JoinSet};
use tokio::time::timeout;

use crate::bridge::Commander;
use crate::model::{CommandOutcome, Refusal, Value};
use crate::outputs::mqtt::session::{Incoming, Message, Qos};

use super::topics::Topics;

/// Longest text of a command; Home Assistant's own limit for texts.
const LONGEST: usize = 255;
/// Commands that may be under way at the same time.
const MOST: usize = 32;
/// After this a command counts as unanswered.
const PATIENCE: Duration = Duration::from_secs(60);

/// Device and key.
type Target = (String, String);

/// Commands under way, at most one for each control.
#[derive(Debug)]
pub(super) struct Commands {
    topics: Topics,
    commander: Commander,
    running: JoinSet<CommandOutcome>,
    targets: BTreeMap<Id, Target>,
}

impl Commands {
    pub(super) fn new(topics: Topics, commander: Commander) -> Self {
        Self {
            topics,
            commander,
            running: JoinSet::new(),
            targets: BTreeMap::new(),
        }
    }

    /// Whether the message is on a command topic.
    pub(super) fn concern(&self, message: &Incoming) -> bool {
        self.topics.command_target(&message.topic).is_some()
    }

    /// Begins to carry out a command. Returns the answer, if there is one at once.
    pub(super) fn take(&mut self, message: &Incoming, now: Timestamp) -> Option<Message> {
        let (device, key) = self.topics.command_target(&message.topic)?;
        // Somebody clears what the broker kept, as advised below.
        if message.payload.is_empty() {
            return None;
        }
        if message.retain {
            tracing::warn!(
                topic = message.topic,
                "ignored a command that the broker kept; publish commands without the retain flag, \
                 and clear this one with an empty retained message"
            );
            return None;
        }
        let target = (device.to_owned(), key.to_owned());
        let text = match text(&message.payload) {
            Ok(text) => text.to_owned(),
            Err(error) => return Some(self.answer(&target, Err(error), now)),
        };
        let is_running = self.targets.values().any(|other| *other == target);
        if is_running || self.running.len() >= MOST {
            return Some(self.answer(&target, Err(Refusal::Busy.to_string()), now));
        }
        let commander = self.commander.clone();
        let (device, key) = target.clone();
        let task = self.running.spawn(async move {
            timeout(PATIENCE, commander.command(&device, &key, &text))
                .await
                .unwrap_or_else(|_| CommandOutcome {
                    result: Err(format!(
                        "no answer within {} s; look whether the device is online and try again",
                        PATIENCE.as_secs()
                    )),
                })
        });
        self.targets.insert(task.id(), target);
        None
    }

    /// The next answer; never, while nothing is under way. Loses nothing when it is dropped.
    pub(super) async fn next(&mut self) -> Message {
        let (id, result) = match self.running.join_next_with_id().await {
            None => std::future::pending().await,
            Some(Ok((id, outcome))) => (id, outcome.result),
            Some(Err(error)) => (error.id(), Err("the command failed; try again".to_owned())),
        };
        let target = self.targets.remove(&id).unwrap_or_default();
        self.answer(&target, result, Timestamp::now())
    }

    fn answer(&self, target: &Target, result: Result<Value, String>, now: Timestamp) -> Message {
        let (device, key) = target;
        let (value, error) = match result {
            Ok(value) => {
                tracing::info!(device, key, value = %value.to_json(), "command carried out");
                (value, None)
            }
            Err(error) => {
                tracing::warn!(device, key, "command not carried out: {error}");
                (Value::Unknown, Some(error))
            }
        };
        let answer = json!({
            "ok": error.is_none(),
            "value": value.to_json(),
            "error": error,
            "ts": Value::Timestamp(now).to_json(),
        });
        Message {
            topic: self.topics.result(device, key),
            payload: answer.to_string().into_bytes(),
            qos: Qos::AtLeastOnce,
            retain: false,
            expiry: None,
        }
    }
}

fn text(payload: &[u8]) -> Result<&str, String> {
    if payload.len() > LONGEST {
        return Err(format!(
            "the command has {} bytes; send {LONGEST} at most",
            payload.len()
        ));
    }
    str::from_utf8(payload).map_err(|_| "the command is not text; send it as UTF-8".to_owned())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::adapters::PendingCommand;
    use crate::bridge::Hub;
    use crate::model::{Control, ControlKind, Device, DeviceState, Health};
    use tokio::sync::mpsc;

    fn set_up() -> (Commands, mpsc::Receiver<PendingCommand>) {
        let (hub, pending) = Hub::new();
        let mut device = Device::new("victron", "HQ1", "Charger", "Victron");
        for key in ["load", "relay"] {
            device.controls.push(Control {
                key: key.into(),
                name: "Load".into(),
                kind: ControlKind::Switch,
            });
        }
        let state = DeviceState {
            device: device.id.clone(),
            at: None,
            values: BTreeMap::new(),
            health: Health::ONLINE,
        };
        hub.put_device(Arc::new(device), Arc::new(state));
        let topics = Topics::new(
            "wattbridge",
            "homeassistant",
            "x".into(),
            &crate::store::Identity::named("b2c3d4"),
        );
        (Commands::new(topics, hub.feed().commander()), pending)
    }

    fn message(key: &str, payload: &[u8]) -> Incoming {
        Incoming {
            topic: format!("wattbridge/victron_hq1/cmd/{key}"),
            payload: payload.to_vec(),
            retain: false,
        }
    }

    fn read(answer: &Message) -> (bool, serde_json::Value, String) {
        assert!(!answer.retain);
        let json: serde_json::Value = serde_json::from_slice(&answer.payload).unwrap();
        assert!(json["ts"].is_string());
        let error = json["error"].as_str().unwrap_or_default().to_owned();
        (json["ok"].as_bool().unwrap(), json["value"].clone(), error)
    }

    #[tokio::test(start_paused = true)]
    async fn a_command_is_carried_out_and_answered() {
        let (mut commands, mut pending) = set_up();
        assert_eq!(
            commands.take(&message("load", b"ON"), Timestamp::UNIX_EPOCH),
            None
        );
        let device = async {
            let pending = pending.recv().await.unwrap();
            assert_eq!(pending.command.value, Value::OnOff(true));
            let result = Ok(Value::OnOff(true));
            pending.reply.send(CommandOutcome { result }).unwrap();
        };
        let (answer, ()) = tokio::join!(commands.next(), device);
        assert_eq!(answer.topic, "wattbridge/victron_hq1/result/load");
        assert_eq!(read(&answer), (true, json!("ON"), String::new()));
        assert!(commands.targets.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn one_command_at_a_time_for_each_control() {
        let (mut commands, mut pending) = set_up();
        let now = Timestamp::UNIX_EPOCH;
        assert_eq!(commands.take(&message("load", b"ON"), now), None);
        let (ok, _, error) = read(&commands.take(&message("load", b"OFF"), now).unwrap());
        assert!(!ok && error.contains("still being carried out"), "{error}");
        assert_eq!(commands.take(&message("relay", b"ON"), now), None);
        // The adapter drops both.
        for _ in 0..2 {
            let serve = async { drop(pending.recv().await) };
            let (answer, ()) = tokio::join!(commands.next(), serve);
            assert!(read(&answer).2.contains("not connected"));
        }
        assert_eq!(commands.take(&message("load", b"OFF"), now), None);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_no_command_is_refused_in_words() {
        let (mut commands, _pending) = set_up();
        let now = Timestamp::UNIX_EPOCH;
        let answer = commands.take(&message("load", &[0xff]), now).unwrap();
        assert!(read(&answer).2.contains("UTF-8"));
        let answer = commands.take(&message("load", &[b'1'; 300]), now).unwrap();
        assert!(read(&answer).2.contains("300 bytes"));
        for (key, text, words) in [
            ("load", "perhaps", "ON or OFF"),
            ("pump", "ON", "no control"),
        ] {
            assert_eq!(commands.take(&message(key, text.as_bytes()), now), None);
            let (ok, value, error) = read(&commands.next().await);
            assert!(!ok && value.is_null() && error.contains(words), "{error}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_kept_command_is_never_carried_out() {
        let (mut commands, mut pending) = set_up();
        let mut message = message("load", b"ON");
        message.retain = true;
        assert_eq!(commands.take(&message, Timestamp::UNIX_EPOCH), None);
        assert!(commands.targets.is_empty() && pending.try_recv().is_err());
        (message.retain, message.payload) = (false, Vec::new());
        assert_eq!(commands.take(&message, Timestamp::UNIX_EPOCH), None);
        assert!(commands.targets.is_empty());
        message.topic = "wattbridge/status".into();
        assert!(!commands.concern(&message));
    }

    #[tokio::test(start_paused = true)]
    async fn silence_is_an_answer_after_a_while() {
        let (mut commands, mut pending) = set_up();
        commands.take(&message("load", b"ON"), Timestamp::UNIX_EPOCH);
        let answer = commands.next().await;
        assert!(read(&answer).2.contains("no answer within 60 s"));
        assert!(pending.try_recv().is_ok());
    }
}
