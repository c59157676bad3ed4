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
use tokio::time::{Instant, timeout};

use crate::bridge::Commander;
use crate::model::{CommandOutcome, Refusal, Value};
use crate::outputs::mqtt::session::{Incoming, Message, Qos};
use crate::terminal::OUTSIDE;

use super::topics::Topics;

/// Longest text of a command; Home Assistant's own limit for texts.
const LONGEST: usize = 255;
/// Commands that may be under way at the same time.
const MOST: usize = 32;
/// As many commands are looked at in a row, and then one in each `PACE`: a person or an automation
/// sends far fewer.
const IN_A_ROW: u32 = 64;
const PACE: Duration = Duration::from_millis(100);
/// After this a command counts as unanswered.
const PATIENCE: Duration = Duration::from_secs(60);

/// Device and key.
type Target = (String, String);

/// Commands under way, at most one for each control.
#[derive(Debug)]
pub struct Commands {
    topics: Topics,
    commander: Commander,
    running: JoinSet<CommandOutcome>,
    targets: BTreeMap<Id, Target>,
    /// When as many commands as have been looked at would have come in their `PACE`.
    paid_until: Option<Instant>,
}

impl Commands {
    /// Bytes of a payload by which a command is known, or known to be too long.
    pub const ENOUGH: usize = LONGEST + 1;

    pub fn new(topics: Topics, commander: Commander) -> Self {
        Self {
            topics,
            commander,
            running: JoinSet::new(),
            targets: BTreeMap::new(),
            paid_until: None,
        }
    }

    /// Whether the message is on a command topic.
    pub fn concern(&self, message: &Incoming) -> bool {
        self.topics.command_target(&message.topic).is_some()
    }

    /// Begins to carry out a command. Returns the answer, if there is one at once.
    pub fn take(&mut self, message: &Incoming, now: Timestamp) -> Option<Message> {
        let (device, key) = self.topics.command_target(&message.topic)?;
        // Somebody clears what the broker kept, as advised below.
        if message.payload.is_empty() {
            return None;
        }
        if message.retain {
            tracing::warn!(
                target: OUTSIDE,
                topic = message.topic,
                "ignored a command that the broker kept; publish commands without the retain flag, \
                 and clear this one with an empty retained message"
            );
            return None;
        }
        if !self.is_affordable(Instant::now()) {
            tracing::warn!(
                target: OUTSIDE,
                topic = message.topic,
                "dropped a command: they come faster than any device could follow. Look who sends them"
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

    fn is_affordable(&mut self, now: Instant) -> bool {
        let paid_until = self.paid_until.map_or(now, |paid| paid.max(now));
        let is_affordable = paid_until < now + PACE * IN_A_ROW;
        if is_affordable {
            self.paid_until = Some(paid_until + PACE);
        }
        is_affordable
    }

    /// The next answer; never, while nothing is under way. Loses nothing when it is dropped.
    pub async fn next(&mut self) -> Message {
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
                tracing::warn!(target: OUTSIDE, device, key, "command not carried out: {error}");
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
            // Nothing of ours waits for the broker to confirm these: whoever floods us with commands
            // keeps its confirmations waiting too.
            qos: Qos::AtMostOnce,
            retain: false,
            expiry: None,
        }
    }
}

fn text(payload: &[u8]) -> Result<&str, String> {
    if payload.len() > LONGEST {
        return Err(format!(
            "the command is too long; send {LONGEST} bytes at most"
        ));
    }
    str::from_utf8(payload).map_err(|_| "the command is not text; send it as UTF-8".to_owned())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::bridge::Hub;
    use crate::device::PendingCommand;
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
                is_setup: false,
            });
        }
        let state = DeviceState {
            device: device.id.clone(),
            at: None,
            values: BTreeMap::new(),
            health: Health::ONLINE,
            era: 0,
            held: Default::default(),
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
        assert!(read(&answer).2.contains("255 bytes at most"));
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
    async fn a_flood_of_commands_is_mostly_dropped() {
        let (mut commands, _pending) = set_up();
        let now = Timestamp::UNIX_EPOCH;
        let answered = |commands: &mut Commands| {
            let nonsense = message("load", &[0xff]);
            (0..10_000)
                .filter(|_| commands.take(&nonsense, now).is_some())
                .count()
        };
        assert_eq!(answered(&mut commands), IN_A_ROW as usize);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(answered(&mut commands), 10);
        tokio::time::advance(Duration::from_secs(3600)).await;
        assert_eq!(answered(&mut commands), IN_A_ROW as usize);
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
