//! What the panels of a plane brought over days, beside their median.

/// A plane is at work in a slot where its median is above this share of its greatest one.
const AT_WORK: f64 = 0.15;
/// Below this greatest median, in watts, nothing is told from anything.
const FAINT: f64 = 10.0;
/// A median of so few says nothing.
const LEAST_KNOWN: usize = 3;

/// When a slot was, by the clock on the wall.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SlotTime {
    /// Its day, counted from the first one.
    pub day: usize,
    /// Minutes since midnight.
    pub minute: u16,
}

/// The power of one panel.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PanelCourse {
    /// Its mean power in each slot, in W; nothing where it is not known.
    pub watts: Vec<Option<f32>>,
    /// Watts on its label, if they are known.
    pub rated: Option<u32>,
}

/// The panels of one plane over some days.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PlaneCourse {
    /// The slots, in the order of time.
    pub slots: Vec<SlotTime>,
    /// Each panel, with as many values as there are slots.
    pub panels: Vec<PanelCourse>,
    /// Whether nobody has said that these panels lie on one plane.
    pub is_guess: bool,
}

/// A plane in a slot in which it is at work.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WorkingSlot {
    /// Which slot it is.
    pub index: usize,
    /// When.
    pub time: SlotTime,
    /// The median of its panels.
    pub median: f64,
}

/// Hour of a time of the day.
pub const fn hour(time: SlotTime) -> u8 {
    // A day has less than 256 hours whatever a clock says.
    (time.minute / 60 % 24) as u8
}

impl PlaneCourse {
    /// Only panels that were ever heard, of equal labels: each brings what it would with the mean label of all. Where
    /// one label is not known, watts are watts.
    pub fn levelled(&self) -> Vec<(usize, Vec<Option<f64>>)> {
        let heard = self.panels.iter().enumerate();
        let heard: Vec<(usize, &PanelCourse)> = heard
            .filter(|(_, panel)| panel.watts.iter().any(Option::is_some))
            .collect();
        let labels: Option<Vec<f64>> = heard
            .iter()
            .map(|(_, panel)| panel.rated.filter(|watts| *watts > 0).map(f64::from))
            .collect();
        let mean = labels.as_ref().map(|labels| mean(labels));
        let levelled = heard.iter().enumerate().map(|(place, (index, panel))| {
            let label = labels.as_ref().and_then(|labels| labels.get(place));
            let factor = match (mean, label) {
                (Some(mean), Some(label)) => mean / label,
                _ => 1.0,
            };
            let watts = (0..self.slots.len()).map(|slot| {
                let watts = f64::from((*panel.watts.get(slot)?)?);
                // What a panel takes, at night, is nothing that it brings.
                watts.is_finite().then(|| watts.max(0.0) * factor)
            });
            (*index, watts.collect())
        });
        levelled.collect()
    }
}

/// The slots in which the plane of these panels is at work, by their median: above 15 % of the greatest median of all
/// the days. A median counts where at least half of the panels are known.
pub fn working_slots(slots: &[SlotTime], panels: &[(usize, Vec<Option<f64>>)]) -> Vec<WorkingSlot> {
    let needed = panels.len().div_ceil(2).max(LEAST_KNOWN);
    let medians = slots.iter().enumerate().filter_map(|(index, time)| {
        let known = panels
            .iter()
            .filter_map(|(_, watts)| watts.get(index).copied().flatten());
        let known: Vec<f64> = known.collect();
        let is_enough = known.len() >= needed;
        let median = median(known).filter(|_| is_enough)?;
        Some(WorkingSlot {
            index,
            time: *time,
            median,
        })
    });
    at_work(medians.collect())
}

/// Those of them in which it is at work.
pub fn at_work(mut medians: Vec<WorkingSlot>) -> Vec<WorkingSlot> {
    let greatest = medians.iter().map(|slot| slot.median).fold(0.0, f64::max);
    if greatest < FAINT {
        return Vec::new();
    }
    medians.retain(|slot| slot.median > AT_WORK * greatest);
    medians
}

/// The middle one, or the mean of the two in the middle.
pub fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = values.get(middle)?;
    if values.len() % 2 == 1 {
        return Some(*upper);
    }
    values
        .get(middle - 1)
        .map(|lower| f64::midpoint(*lower, *upper))
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}
