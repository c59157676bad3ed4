//! What others have kept is taken over, and what people correct is put in.

use std::collections::HashSet;

use jiff::Timestamp;
use jiff::civil::Date;

use super::{Keeper, MOST_SLOTS};
use crate::history::HistoryError;
use crate::history::series::{SeriesAbout, SeriesKey};
use crate::history::slot::{moment, slot_end};
use crate::history::tables;
use crate::history::taken_over::{CorrectionError, Imported};
use crate::model::Decimal;
use crate::sqlite::DatabaseError;

impl Keeper {
    /// Takes over what another program has kept; how many days and slots that were.
    pub(super) fn import(&mut self, imported: &Imported) -> Result<usize, HistoryError> {
        let Some(about) = SeriesAbout::of(&imported.device, &imported.metric) else {
            return Ok(0);
        };
        let now = self.pace.now().max(Timestamp::now().as_second());
        let series = SeriesKey::new(&imported.device.id, imported.metric.key.as_ref());
        let series = self.ledger.catalog.put(series, about.clone());
        let today = self.ledger.calendar.day_of(moment(now));
        let scaled = |value: Decimal| value.with_scale(about.decimals).mantissa();
        let scaled = |value: Decimal| match self.ledger.catalog.get(series) {
            Some(series) => value.with_scale(series.about.decimals).mantissa(),
            None => scaled(value),
        };
        let mut taken = 0;
        for (date, value) in imported.days.iter().filter(|(date, _)| *date < today) {
            self.remembered.insert((series, *date), scaled(*value));
            taken += 1;
        }
        let until = self.ledger.kept_until(moment(now), self.keep_days);
        let mut values: Vec<(Timestamp, i64)> = imported
            .values
            .iter()
            .filter(|(at, _)| (until + 1..=now).contains(&slot_end(*at)))
            .map(|(at, value)| (*at, scaled(*value)))
            .collect();
        values.sort_unstable();
        // What was measured stays as it is, its least and its greatest too.
        self.open_if_needed()?;
        let id = self.ledger.catalog.get(series).and_then(|series| series.id);
        let mut measured = HashSet::new();
        if let (Some(id), Some(file)) = (id, &self.file) {
            for (at, _) in &values {
                let end = slot_end(*at);
                if tables::has_slot(&file.connection, end, id)? {
                    measured.insert(end);
                }
            }
        }
        values.retain(|(at, _)| !measured.contains(&slot_end(*at)));
        for (at, value) in values {
            self.gathering.add_beside(series, at, value, now);
            taken += 1;
        }
        self.write(now)?;
        self.gathering.forget(now, MOST_SLOTS);
        Ok(taken)
    }

    /// Puts in another value for a day, or takes it back; what it was before.
    pub(super) fn correct(
        &mut self,
        series: &SeriesKey,
        date: Date,
        value: Option<Decimal>,
    ) -> Result<Option<Decimal>, CorrectionError> {
        self.open_if_needed()?;
        let place = self.ledger.catalog.place(&series.device, &series.key);
        let about = place.and_then(|place| self.ledger.catalog.get(place));
        let decimals = about.map(|series| series.about.decimals);
        let (Some(place), Some(decimals), Some(file)) = (place, decimals, &mut self.file) else {
            return Err(CorrectionError::NoSeries(series.clone()));
        };
        let value = value.map(|value| value.with_scale(decimals).mantissa());
        let mut correct = || {
            let transaction = file.connection.transaction()?;
            let before = self.ledger.correct(&transaction, place, date, value)?;
            transaction.commit()?;
            file.was_written();
            Ok(before)
        };
        let before = correct()
            .map_err(|error: rusqlite::Error| HistoryError::from(DatabaseError::from(error)))?;
        Ok(before.map(|before| Decimal::new(before, decimals)))
    }
}
