//! The conversation with one account.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::answers::{self, Posted, dropped, dropped_inputs, words};
use super::config::EmoncmsSettings;
use super::items::{self, Inputs, Item, items_of, nodes_of};
use super::names::node_name;
use super::naming::Naming;
use crate::config::SecretError;
use crate::history::{GivenUp, Wanted};
use crate::http::{HttpAnswer, HttpRequest};
use crate::model::Sentence;
use crate::say;
use crate::uploads::{Choice, Errand, ErrandAnswer, Load, Parcel, Target, UploadVerdict};

/// A time that is further ahead of our clock is no time of a slot, in seconds.
const AHEAD: i64 = 3600;
/// Whoever has been sent something may be storing it for so long, whether there was an answer or not, in seconds.
const STORING: i64 = 120;
/// So many inputs are named where some do not appear.
const MOST_NAMED: usize = 5;

/// One account.
#[derive(Debug)]
pub struct EmoncmsTarget {
    settings: EmoncmsSettings,
    choice: Choice,
    naming: Naming,
    /// The line of the head that is the login.
    login: Zeroizing<String>,
    /// What emoncms has of the nodes of which that is certain.
    known: BTreeMap<String, Inputs>,
    /// Inputs that do not appear though their values were taken.
    dropped: BTreeSet<(String, String)>,
    /// When values were sent of which nobody knows yet what came of them, in seconds since 1970.
    underway: Option<i64>,
    /// What is on its way.
    items: Vec<Item>,
    step: EmoncmsStep,
}

/// What the next answer is about.
#[derive(Debug)]
enum EmoncmsStep {
    /// What of the items is there already. Nodes that are still to be asked for, the first is being asked for.
    Look(Vec<String>),
    /// They were sent.
    Sent,
    /// The same as looking, after they were sent and no answer came.
    Lost(Vec<String>),
    /// All was taken. Is it there?
    Check(Vec<String>),
}

/// What it remembers.
#[derive(Debug, Default, Serialize, Deserialize)]
struct EmoncmsMemory {
    /// Whose inputs have plain names, by node.
    #[serde(default)]
    owners: BTreeMap<String, String>,
    /// When values were sent of which nobody knows yet what came of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    underway: Option<i64>,
}

impl EmoncmsTarget {
    /// That of a section. Reads its key.
    pub fn new(settings: EmoncmsSettings) -> Result<Self, SecretError> {
        let mut login = Zeroizing::new("Bearer ".to_owned());
        if let Some(key) = &settings.key {
            login.push_str(key.reveal()?.trim());
        }
        Ok(Self {
            choice: Choice::new(&settings.devices),
            naming: Naming::new(&settings),
            login,
            known: BTreeMap::new(),
            dropped: BTreeSet::new(),
            underway: None,
            items: Vec::new(),
            step: EmoncmsStep::Sent,
            settings,
        })
    }

    fn ask(&self, node: &str) -> Errand {
        let path = format!("/input/get/{}", in_path(node));
        let request = self.settings.url.as_ref();
        errand(request.map(|url| {
            HttpRequest::get(url, path).secret_header("Authorization", self.login.as_str())
        }))
    }

    fn post(&self) -> Errand {
        let (time, data) = items::fields(&self.items);
        let request = self.settings.url.as_ref();
        errand(request.map(|url| {
            let fields = [("time", time.as_str()), ("data", data.as_str())];
            HttpRequest::post_form(url, "/input/bulk", fields)
                .secret_header("Authorization", self.login.as_str())
        }))
    }

    /// What of some items is not there yet, as far as that is known.
    fn missing(&self, items: Vec<Item>) -> Vec<Item> {
        let items = items.into_iter();
        let missing = items.filter_map(|item| match self.known.get(&item.node) {
            Some(inputs) => item.without(inputs),
            None => Some(item),
        });
        missing.collect()
    }

    /// Until when what was sent before may not be there yet, so that nobody can ask for it.
    fn still_storing(&self, now: Timestamp) -> Option<(Timestamp, Sentence)> {
        let wait = self.underway?.saturating_add(STORING) - now.as_second();
        if !(1..=STORING).contains(&wait) {
            return None;
        }
        let until = now.checked_add(SignedDuration::from_secs(wait)).ok()?;
        let why = say!("emoncms may still be storing what was sent last");
        Some((until, why))
    }

    /// It has to be asked what has arrived before anything is sent again.
    fn forget(&mut self) {
        for node in nodes_of(&self.items) {
            self.known.remove(&node);
        }
    }

    /// Goes on to the next node; `None` after the last.
    fn next(
        &mut self,
        mut nodes: Vec<String>,
        step: fn(Vec<String>) -> EmoncmsStep,
    ) -> Option<UploadVerdict> {
        if !nodes.is_empty() {
            nodes.remove(0);
        }
        let verdict = nodes.first().map(|node| UploadVerdict::Ask(self.ask(node)));
        self.step = step(nodes);
        verdict
    }

    /// What emoncms has of a node.
    fn take_up(
        &mut self,
        node: &str,
        answer: &HttpAnswer,
        now: Timestamp,
    ) -> Result<(), UploadVerdict> {
        let inputs = answers::listed(answer, now.as_second().saturating_add(AHEAD))?;
        self.known
            .insert(node.to_owned(), inputs.unwrap_or_default());
        Ok(())
    }

    /// All that was asked about is known: what is there already is done with.
    fn looked(&mut self, parcel: &Parcel) -> UploadVerdict {
        let before = self.items.len();
        let items = std::mem::take(&mut self.items);
        self.items = self.missing(items);
        let Some(first) = self.items.first() else {
            return UploadVerdict::done();
        };
        let first = first.end;
        let done = parcel.slots.iter().rev().find(|slot| **slot < first);
        if let Some(through) = done.filter(|_| self.items.len() < before) {
            return UploadVerdict::Part { through: *through };
        }
        self.step = EmoncmsStep::Sent;
        UploadVerdict::Ask(self.post())
    }

    /// All was taken. What is new to us is looked for.
    fn taken(&mut self) -> UploadVerdict {
        let mut nodes = Vec::new();
        for node in nodes_of(&self.items) {
            let known = self.known.get(&node);
            let mut of_node = self.items.iter().filter(|item| item.node == node);
            let is_known = of_node.all(|item| {
                let mut inputs = item.values.iter().map(|(input, _)| input);
                known.is_some_and(|known| inputs.all(|input| known.contains_key(input)))
            });
            if !is_known {
                nodes.push(node);
            }
        }
        match nodes.first() {
            Some(node) => {
                let errand = self.ask(node);
                self.step = EmoncmsStep::Check(nodes);
                UploadVerdict::Ask(errand)
            }
            None => self.done(),
        }
    }

    fn checked(
        &mut self,
        nodes: Vec<String>,
        answer: &HttpAnswer,
        now: Timestamp,
    ) -> UploadVerdict {
        let Some(node) = nodes.first().cloned() else {
            return self.done();
        };
        match answers::listed(answer, now.as_second().saturating_add(AHEAD)) {
            Ok(Some(mut inputs)) => {
                let sent = self.items.iter().filter(|item| item.node == node);
                for (input, _) in sent.flat_map(|item| &item.values) {
                    if !inputs.contains_key(input) {
                        self.dropped.insert((node.clone(), input.clone()));
                        inputs.insert(input.clone(), None);
                    }
                }
                self.known.insert(node, inputs);
            }
            Ok(None) => {
                self.forget();
                return dropped(&node);
            }
            // What was sent is taken; it is looked for another time.
            Err(_) => {}
        }
        self.next(nodes, EmoncmsStep::Check)
            .unwrap_or_else(|| self.done())
    }

    fn done(&self) -> UploadVerdict {
        let names = self
            .dropped
            .iter()
            .map(|(node, input)| format!("{node}/{input}"));
        let names: Vec<_> = names.take(MOST_NAMED).collect();
        UploadVerdict::Done {
            trouble: (!names.is_empty()).then(|| dropped_inputs(&names.join(", "))),
        }
    }
}

impl Target for EmoncmsTarget {
    fn wants(&self) -> Wanted {
        let choice = self.choice.clone();
        let named = Naming::new(&self.settings);
        Wanted {
            series: Box::new(move |series, about| {
                choice.names(series, about) || named.names(&series.device, &series.key)
            }),
            energies: Vec::new(),
            // On and off come as words.
            words: true,
        }
    }

    fn takes_again(&self) -> bool {
        self.settings.late
    }

    fn send_every(&self) -> Duration {
        self.settings.send_every.get()
    }

    fn memory(&self) -> String {
        let memory = EmoncmsMemory {
            owners: self.naming.owners().clone(),
            underway: self.underway,
        };
        if memory.owners.is_empty() && memory.underway.is_none() {
            return String::new();
        }
        serde_json::to_string(&memory).unwrap_or_default()
    }

    fn remember(&mut self, memory: &str) {
        if let Ok(memory) = serde_json::from_str::<EmoncmsMemory>(memory) {
            self.naming.remember(memory.owners);
            self.underway = memory.underway;
        }
    }

    fn prepare(&mut self, load: &Load, is_again: bool, now: Timestamp) -> Parcel {
        let mut parcel = Parcel {
            through: load.through,
            ..Parcel::default()
        };
        self.items.clear();
        self.step = EmoncmsStep::Sent;
        if is_again && !self.settings.late {
            let given_up = load.slots.iter().map(|slot| GivenUp {
                slot: slot.end,
                reason: "emoncms takes no late values unless late = true".to_owned(),
            });
            parcel.skipped = given_up.collect();
            return parcel;
        }
        for slot in &load.slots {
            let mut of_slot = items_of(&mut self.naming, slot);
            if !self.settings.late {
                of_slot = self.missing(of_slot);
            }
            let before = self.items.len();
            self.items.extend(of_slot);
            if let Some(last) = parcel.slots.last().copied()
                && items::is_too_much(&self.items)
            {
                self.items.truncate(before);
                parcel.through = last;
                break;
            }
            parcel.slots.push(slot.end);
        }
        if !self.items.is_empty() {
            parcel.errand = Some(self.post());
            parcel.not_before = self.still_storing(now);
        }
        parcel
    }

    fn sets_out(&mut self, errand: &Errand, now: Timestamp) -> bool {
        let is_sent = matches!(self.step, EmoncmsStep::Sent) && !self.settings.late;
        if is_sent && matches!(errand, Errand::Http(_)) {
            self.underway = Some(now.as_second());
        }
        is_sent
    }

    fn ask_before(&mut self, _parcel: &Parcel) -> Option<Errand> {
        if self.settings.late {
            // Whoever only logs to feeds can take everything twice.
            return None;
        }
        let mut nodes: Vec<String> = nodes_of(&self.items).into_iter().collect();
        nodes.retain(|node| !self.known.contains_key(node));
        let first = self.ask(nodes.first()?);
        self.step = EmoncmsStep::Look(nodes);
        Some(first)
    }

    fn judge(&mut self, parcel: &Parcel, answer: &ErrandAnswer, now: Timestamp) -> UploadVerdict {
        let step = std::mem::replace(&mut self.step, EmoncmsStep::Sent);
        let answer = match answer {
            ErrandAnswer::Http(Ok(answer)) => answer,
            ErrandAnswer::Http(Err(error)) => {
                let may_have_arrived = error.may_have_arrived();
                if !may_have_arrived && matches!(step, EmoncmsStep::Sent) {
                    self.underway = None;
                }
                let why = error.to_string();
                let again = UploadVerdict::again(say!("{error}", error = why));
                return match step {
                    EmoncmsStep::Sent if may_have_arrived && !self.settings.late => {
                        self.forget();
                        let is_late = matches!(error, crate::http::HttpError::Late(_));
                        let nodes: Vec<String> = nodes_of(&self.items).into_iter().collect();
                        match nodes.first().filter(|_| !is_late) {
                            Some(first) => {
                                let errand = self.ask(first);
                                self.step = EmoncmsStep::Lost(nodes);
                                UploadVerdict::Ask(errand)
                            }
                            // It may still be at it.
                            None => again,
                        }
                    }
                    // What was sent is taken; it is looked for another time.
                    EmoncmsStep::Check(nodes) => self
                        .next(nodes, EmoncmsStep::Check)
                        .unwrap_or_else(|| self.done()),
                    _ => again,
                };
            }
            ErrandAnswer::Program(_) | ErrandAnswer::HomeAssistant(_) => {
                return UploadVerdict::again(say!("no address is configured"));
            }
        };
        match step {
            EmoncmsStep::Sent => match answers::posted(answer) {
                Posted::Taken => {
                    self.underway = None;
                    self.taken()
                }
                // So it says. Something on the way there may have said it instead.
                Posted::Refused(verdict) => {
                    self.underway = None;
                    self.forget();
                    verdict
                }
                Posted::Unsure(verdict) => {
                    self.forget();
                    verdict
                }
            },
            EmoncmsStep::Check(nodes) => self.checked(nodes, answer, now),
            EmoncmsStep::Look(nodes) => {
                let node = nodes.first().cloned().unwrap_or_default();
                if let Err(verdict) = self.take_up(&node, answer, now) {
                    return verdict;
                }
                match self.next(nodes, EmoncmsStep::Look) {
                    Some(verdict) => verdict,
                    None => self.looked(parcel),
                }
            }
            EmoncmsStep::Lost(nodes) => {
                let node = nodes.first().cloned().unwrap_or_default();
                if let Err(verdict) = self.take_up(&node, answer, now) {
                    self.forget();
                    return verdict;
                }
                if let Some(verdict) = self.next(nodes, EmoncmsStep::Lost) {
                    return verdict;
                }
                if self.missing(self.items.clone()).is_empty() {
                    self.underway = None;
                    return UploadVerdict::done();
                }
                // Whoever has cut the line may still be storing: it is asked once more before the rest is sent.
                self.forget();
                UploadVerdict::again(say!("the connection broke while values were sent"))
            }
        }
    }

    fn trial(&self) -> Errand {
        // Any node will do: whether it is there or not, only a key that is right is told. All of them together may be
        // a long answer.
        let node = self.settings.node.as_deref();
        self.ask(&node.map_or_else(|| "wattbridge".to_owned(), node_name))
    }

    fn judge_trial(&self, answer: &ErrandAnswer) -> Result<String, String> {
        let answer = answer.web()?;
        match answers::listed(answer, i64::MAX) {
            Ok(_) => Ok("it knows the key".to_owned()),
            Err(UploadVerdict::Hold { health, .. }) => {
                Err(format!("{}. {}", health.detail, health.advice))
            }
            Err(_) => Err(format!("{} {}", answer.status.as_u16(), words(answer))),
        }
    }
}

fn errand(request: Option<HttpRequest>) -> Errand {
    request.map_or_else(
        || Errand::Program {
            command: Vec::new(),
            input: String::new(),
        },
        Errand::Http,
    )
}

/// A name as a part of an address.
fn in_path(name: &str) -> String {
    let mut path = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"_-.".contains(&byte) {
            path.push(char::from(byte));
        } else {
            path.push_str(&format!("%{byte:02X}"));
        }
    }
    path
}
