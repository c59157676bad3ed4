//! A dry run, and a login without sending anything.

use jiff::Timestamp;

use super::courier::Courier;
use crate::history::{HistoryError, HistoryReader, KeptRecord};
use crate::uploads::{Load, Parcel, Plan, Target};

/// Tries the login of a target; nothing is written there.
pub async fn try_login(plan: &dyn Plan) -> Result<String, String> {
    let target = plan.target().map_err(|error| error.to_string())?;
    let courier = Courier::trusting(plan.ca_file());
    let answer = courier.carry(&target.trial()).await;
    target.judge_trial(&answer)
}

/// What would be sent of these records, request by request, at most so many.
pub fn preview_records(
    target: &mut dyn Target,
    mut records: &[KeptRecord],
    most: usize,
    now: Timestamp,
) -> Vec<Parcel> {
    let mut parcels = Vec::new();
    while !records.is_empty() && parcels.len() < most {
        let next = records.get(..target.most_slots()).unwrap_or(records);
        let parcel = target.prepare_records(next, now);
        records = records.get(parcel.slots.len().max(1)..).unwrap_or_default();
        if parcel.errand.is_some() {
            parcels.push(parcel);
        }
    }
    parcels
}

/// What would be sent of these times, `(after, through]` in seconds since 1970, request by request, at most so many.
pub async fn preview(
    target: &mut dyn Target,
    reader: &HistoryReader,
    (mut after, through): (i64, i64),
    most: usize,
    now: Timestamp,
) -> Result<Vec<Parcel>, HistoryError> {
    target.live_in(reader.calendar());
    let mut parcels = Vec::new();
    while after < through && parcels.len() < most {
        let wanted = target.wants();
        let most_slots = target.most_slots().max(1);
        let stretch = reader.stretch(wanted, (after, through), most_slots).await?;
        let load = Load::of(&stretch, &std::collections::BTreeSet::new());
        let parcel = target.prepare(&load, false, now);
        if parcel.through <= after {
            break;
        }
        after = parcel.through;
        if parcel.errand.is_some() || !parcel.skipped.is_empty() {
            parcels.push(parcel);
        }
    }
    Ok(parcels)
}
