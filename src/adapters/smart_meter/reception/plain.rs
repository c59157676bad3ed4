//! Telegrams in clear: whether they count, and which meter they belong to.

use super::super::health;
use super::super::meter::{Meter, Opened};
use super::super::opening::Shut;
use super::super::products;
use super::super::wire::dsmr::Belief;
use super::super::wire::telegram::TelegramError;
use super::super::wire::{Authentication, Message, Transport};
use super::{Heard, Name, Reception};
use crate::clock::Moment;

/// One that has not said yet who it is.
const PLAIN: &str = "plain";
/// Telegrams in a row of which none confirms the one before, after which there is more to it than damage.
const UNLIKE: u32 = 6;

impl Reception {
    pub(super) fn read_plain(&mut self, message: Message, plaintext: &[u8], now: Moment) -> Heard {
        if message.transport == Transport::Text {
            match self.unchecked.believe(plaintext, self.is_file) {
                Ok(Belief::Whole) => {}
                Ok(Belief::AlwaysZero) => tracing::info!(
                    "the meter writes 0000 in place of each checksum, so its telegrams count without \
                     one; what is damaged on the way may go unnoticed. Keep the cable short."
                ),
                Ok(Belief::Unconfirmed) => return self.unconfirmed(message),
                Err(error) => return self.give_up(message, TelegramError::from(error).into()),
            }
            self.unconfirmed = 0;
        }
        let telegram = match self.reader().read(plaintext, None) {
            Ok(telegram) => telegram,
            Err(error) => return self.give_up(message, error.into()),
        };
        let mut before = self.plain.clone().unwrap_or_else(|| PLAIN.to_owned());
        let mut values = self.values(&telegram, &before, now);
        if let Some(head) = &values.head {
            before = self.name_of_head(before, head);
        }
        // Who was known by one of its numbers stays who it is, whatever it says besides.
        let known = values.numbers.iter().find(|number| {
            let known = self.meters.get(&format!("number {number}"));
            known.is_some_and(|meter| meter.id().is_some())
        });
        let known = known.cloned();
        if let Some(known) = &known {
            values.prefer(known);
        }
        let number = values.number();
        // So does who was known by the first line before there was a number.
        let goes_by_head = values.head.as_deref().is_some_and(|head| {
            let meter = self.meters.get(&before);
            meter.is_some_and(|meter| meter.goes_by(head, &values.numbers))
        });
        let number = number.filter(|_| !goes_by_head);
        let name = number.map_or_else(|| before.clone(), |number| format!("number {number}"));
        // What is known of the meter counts for its values.
        if name != before {
            values = self.values(&telegram, &name, now);
            if let Some(known) = &known {
                values.prefer(known);
            }
        }
        let is_sound = self.is_sound(&message, Authentication::None);
        // Where one wrong digit may go unnoticed, two telegrams in a row have to name another meter.
        let is_text = message.transport == Transport::Text;
        let is_other = self.plain.as_ref().is_some_and(|plain| *plain != name);
        if is_text
            && is_other
            && !is_sound
            && self.doubted.replace(name.clone()) != Some(name.clone())
        {
            return Heard::Unconfirmed;
        }
        self.doubted = None;
        self.plain = Some(name.clone());
        let refused = values.refused.clone();
        let opened = Opened {
            maker: products::maker(&telegram),
            model: products::product(&telegram, &values, None),
            profile: telegram.layout.profile().map(str::to_owned),
            fitting: telegram.fitting.clone(),
            values,
            authentication: Authentication::None,
            is_sound,
        };
        let reports = self.take(&name, None, opened, now);
        Heard::Telegram {
            message,
            plaintext: plaintext.to_vec(),
            reports,
            refused,
        }
    }

    /// The meter that a telegram with this first line belongs to if it has no number: not one whose telegrams begin
    /// with another.
    fn name_of_head(&self, before: Name, head: &str) -> Name {
        let has = |meter: &Meter| meter.head() == Some(head);
        match self.meters.get(&before).map(Meter::head) {
            Some(Some(other)) if other != head => {}
            Some(_) => return before,
            None if self.meters.values().all(|meter| meter.head().is_none()) => return before,
            None => {}
        }
        let mut known = self.meters.iter().filter(|(_, meter)| has(meter));
        match (known.next(), known.next()) {
            (Some((name, _)), None) => name.clone(),
            _ => format!("head {head}"),
        }
    }

    /// A telegram that counts only if the next one is like it. When none ever is, that is said.
    fn unconfirmed(&mut self, message: Message) -> Heard {
        self.unconfirmed = self.unconfirmed.saturating_add(1);
        if self.unconfirmed < UNLIKE {
            return Heard::Unconfirmed;
        }
        let why = health::unproven();
        self.give_up(message, Shut { why, detail: None })
    }
}
