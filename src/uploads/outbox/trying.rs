//! A dry run, and a login without sending anything.

use jiff::Timestamp;

use super::courier::Courier;
use crate::history::{HistoryError, HistoryReader, KeptRecord};
use crate::say;
use crate::uploads::{Load, Parcel, Plan, Target, UploadVerdict};

/// Tries the login of a target; nothing is written there.
pub async fn try_login(plan: &dyn Plan) -> Result<String, String> {
    let target = plan.target().map_err(|error| error.to_string())?;
    let courier = Courier::of(plan).map_err(|error| error.to_string())?;
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
    courier: &Courier,
    reader: &HistoryReader,
    (mut after, through): (i64, i64),
    most: usize,
    now: Timestamp,
) -> Result<Vec<Parcel>, HistoryError> {
    target.live_in(reader.calendar());
    let mut parcels = Vec::new();
    if target.looks_first()
        && let Some(errand) = target.ask_first(now)
    {
        let answer = courier.carry(&errand).await;
        let verdict = target.take_first(&answer, now);
        parcels.extend(unknown(verdict, now));
    }
    while after < through && parcels.len() < most {
        let wanted = target.wants();
        let most_slots = target.most_slots().max(1);
        let stretch = reader.stretch(wanted, (after, through), most_slots).await?;
        let load = Load::of(&stretch, &std::collections::BTreeSet::new());
        let mut parcel = target.prepare_whole(&stretch, &load, false, now);
        if parcel.through <= after {
            break;
        }
        after = parcel.through;
        if target.looks_first() && parcel.errand.is_some() {
            look(target, courier, &mut parcel, now).await;
        }
        if parcel.errand.is_some() || !parcel.skipped.is_empty() || parcel.not_before.is_some() {
            parcels.push(parcel);
        }
    }
    Ok(parcels)
}

/// Asks what is there, and makes the parcel what would be sent then.
async fn look(target: &mut dyn Target, courier: &Courier, parcel: &mut Parcel, now: Timestamp) {
    let Some(mut errand) = target.ask_before(parcel) else {
        return;
    };
    while errand.is_question() {
        let answer = courier.carry(&errand).await;
        match target.judge(parcel, &answer, now) {
            UploadVerdict::Ask(next) => errand = next,
            verdict => {
                // There is nothing to send, or nobody knows.
                parcel.errand = parcel.errand.take().filter(|errand| {
                    !errand.is_question() && !matches!(verdict, UploadVerdict::Done { .. })
                });
                parcel.not_before = unknown(verdict, now).and_then(|parcel| parcel.not_before);
                return;
            }
        }
    }
    parcel.errand = Some(errand);
}

/// A parcel that says why nobody knows what would be sent.
fn unknown(verdict: UploadVerdict, now: Timestamp) -> Option<Parcel> {
    let why = match verdict {
        UploadVerdict::Again { why, .. } | UploadVerdict::Until { why, .. } => why,
        UploadVerdict::Hold { health, .. }
        | UploadVerdict::Done {
            trouble: Some(health),
        } => {
            let error = health.sentence();
            say!("{error}", error)
        }
        _ => return None,
    };
    Some(Parcel {
        not_before: Some((now, why)),
        ..Parcel::default()
    })
}
