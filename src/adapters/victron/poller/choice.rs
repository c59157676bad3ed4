//! What is asked next.

use std::collections::BTreeSet;
use std::time::Duration;

use super::plan::{self, Question};
use super::{Hearing, Poller};
use crate::adapters::victron::metrics::Rhythm;
use crate::adapters::victron::wire::families::Family;
use crate::adapters::victron::wire::hex::Request;
use crate::adapters::victron::wire::registers::{CUSTOM_NAME, SERIAL};

impl Poller {
    pub fn choose(&mut self, family: Option<Family>, now: Duration) -> Option<Request> {
        if self.hearing != Hearing::Yes {
            return Some(Request::Ping);
        }
        // What is written must not reach another device than it is meant for.
        let mut first = if self.is_held || !self.is_introduced() {
            self.wanted.pop_front()
        } else {
            None
        };
        if !self.is_held {
            first = first.or_else(|| self.urgent.pop_front());
        }
        if let Some(request) = first.or_else(|| self.wanted.pop_front()) {
            return Some(request);
        }
        let (is_shy, without_text) = (self.is_shy, self.is_without_text(now));
        let due = |question: &Question| {
            let is_wanted = question.rhythm != Rhythm::WithoutText || without_text;
            let every = question.rhythm.every(is_shy && !without_text);
            let last = self.asked.get(&question.register);
            is_wanted
                && !self.absent.contains(&question.register)
                && last.is_none_or(|last| now.saturating_sub(*last) >= every)
        };
        // The one that has waited longest: none starves behind those that come back soon.
        let waited = |question: &Question| {
            let last = self.asked.get(&question.register).copied();
            (last, question.rhythm)
        };
        if let Some(question) = plan::of(family).filter(due).min_by_key(waited) {
            self.asked.insert(question.register, now);
            return Some(Request::Get(question.register));
        }
        self.choose_of_history(family, now)
    }

    pub fn introduce(&mut self) {
        self.wanted = [
            Request::Product,
            Request::Version,
            Request::Get(SERIAL),
            Request::Get(CUSTOM_NAME),
        ]
        .into();
    }

    /// Whether it has been asked for everything once.
    pub fn is_surveyed(&self, family: Option<Family>) -> bool {
        let is_asked = |question: Question| {
            question.rhythm == Rhythm::WithoutText || self.asked.contains_key(&question.register)
        };
        match self.hearing {
            Hearing::No => true,
            Hearing::Unknown => false,
            Hearing::Yes => {
                self.is_introduced() && self.open.is_none() && plan::of(family).all(is_asked)
            }
        }
    }

    /// The device has begun a day, or it is known now which registers of its history are no news.
    pub fn begin_day(&mut self, known: BTreeSet<u16>) {
        self.settled = known;
    }
}
