//! Fortnights of a plane, with and without a panel that is weak.

use proptest::prelude::*;

use crate::roof::{
    HourShare, PanelCourse, PlaneCourse, SlotTime, WeakKind, WeakPanel, weak_panels,
};

const DAYS: usize = 14;
const IN_A_DAY: usize = 288;

/// What the sun gives a panel at a time of a clear day, in W.
fn sun(minute: u16) -> f64 {
    let angle = (f64::from(minute) - 330.0) / 900.0 * std::f64::consts::PI;
    if (0.0..=std::f64::consts::PI).contains(&angle) {
        380.0 * angle.sin()
    } else {
        0.0
    }
}

fn times() -> Vec<SlotTime> {
    let days = (0..DAYS).flat_map(|day| (0..IN_A_DAY).map(move |slot| (day, slot)));
    days.map(|(day, slot)| SlotTime {
        day,
        minute: slot as u16 * 5,
    })
    .collect()
}

/// A plane of some panels: each gets a share of what a sky leaves.
fn plane(
    panels: usize,
    sky: impl Fn(SlotTime) -> f64,
    share: impl Fn(usize, SlotTime) -> Option<f64>,
) -> PlaneCourse {
    let slots = times();
    let panels = (0..panels).map(|panel| PanelCourse {
        watts: slots
            .iter()
            .map(|time| {
                let watts = sun(time.minute) * sky(*time) * share(panel, *time)?;
                // As inverters tell it: whole watts.
                Some(watts.round() as f32)
            })
            .collect(),
        rated: None,
    });
    let panels = panels.collect();
    PlaneCourse {
        slots,
        panels,
        is_guess: false,
    }
}

fn clear(_: SlotTime) -> f64 {
    1.0
}

/// Every third day is dull.
fn mixed(time: SlotTime) -> f64 {
    if time.day % 3 == 2 { 0.3 } else { 1.0 }
}

fn only(found: &[WeakPanel]) -> &WeakPanel {
    assert_eq!(found.len(), 1, "{found:?}");
    &found[0]
}

#[test]
fn a_shadow_is_told_by_its_hours() {
    let chimney = |panel, time: SlotTime| {
        let is_shaded = panel == 5 && (720..900).contains(&time.minute) && mixed(time) > 0.5;
        Some(if is_shaded { 0.6 } else { 1.0 })
    };
    let found = weak_panels(&plane(12, mixed, chimney));
    let weak = only(&found);
    assert_eq!(weak.panel, 5);
    assert_eq!(
        weak.kind,
        WeakKind::Shadow {
            from_hour: 12,
            to_hour: 15
        }
    );
    assert!((10..=15).contains(&weak.percent_less), "{weak:?}");
    let share = |at: u8| {
        weak.hours
            .iter()
            .find(|it| it.hour == at)
            .map(|it| it.share)
    };
    assert!((share(13).unwrap() - 0.6).abs() < 0.01);
    assert!((share(10).unwrap() - 1.0).abs() < 0.01);
    assert_eq!(share(3), None);
}

#[test]
fn a_shadow_that_begins_within_an_hour_is_one() {
    let chimney = |panel, time: SlotTime| {
        let is_shaded = panel == 0 && (705..915).contains(&time.minute);
        Some(if is_shaded { 0.5 } else { 1.0 })
    };
    let found = weak_panels(&plane(6, clear, chimney));
    assert_eq!(
        only(&found).kind,
        WeakKind::Shadow {
            from_hour: 12,
            to_hour: 15
        }
    );
}

#[test]
fn dirt_is_the_same_at_all_hours() {
    let dirty = |panel, _| Some(if panel == 2 { 0.85 } else { 1.0 });
    let found = weak_panels(&plane(4, mixed, dirty));
    let weak = only(&found);
    assert_eq!(
        (weak.panel, weak.percent_less, weak.kind),
        (2, 15, WeakKind::Dirt)
    );
    // Not worth a word.
    let dusty = |panel, _| Some(if panel == 2 { 0.91 } else { 1.0 });
    assert_eq!(weak_panels(&plane(4, mixed, dusty)), []);
}

#[test]
fn what_is_neither_is_not_called_either() {
    let two_trees = |panel, time: SlotTime| {
        let hour = time.minute / 60;
        Some(if panel == 1 && !(10..=15).contains(&hour) {
            0.5
        } else {
            1.0
        })
    };
    let found = weak_panels(&plane(5, clear, two_trees));
    assert_eq!(only(&found).kind, WeakKind::Unclear);
}

#[test]
fn a_panel_that_was_washed_is_weak_no_longer() {
    let washed_on = |day: usize| {
        move |panel, time: SlotTime| {
            Some(if panel == 2 && time.day < day {
                0.8
            } else {
                1.0
            })
        }
    };
    assert_eq!(weak_panels(&plane(4, clear, washed_on(12))).len(), 1);
    assert_eq!(weak_panels(&plane(4, clear, washed_on(11))), []);
    // Nor is one that has been dirty for some days only.
    let dirty_since = |day: usize| {
        move |panel, time: SlotTime| {
            Some(if panel == 2 && time.day >= day {
                0.5
            } else {
                1.0
            })
        }
    };
    assert_eq!(weak_panels(&plane(4, clear, dirty_since(10))), []);
    assert_eq!(weak_panels(&plane(4, clear, dirty_since(9))).len(), 1);
}

#[test]
fn dull_days_do_not_count_as_clear() {
    // Weak on every day but the clear ones.
    let odd = |panel, time: SlotTime| {
        Some(if panel == 2 && time.day % 3 == 2 {
            0.1
        } else {
            1.0
        })
    };
    let sky = |time: SlotTime| if time.day % 3 == 2 { 0.6 } else { 1.0 };
    assert_eq!(weak_panels(&plane(4, sky, odd)), []);
}

#[test]
fn a_panel_without_power_is_found_within_a_day() {
    for panels in [2, 3, 4, 12] {
        let dead_since = |day: usize| {
            move |panel, time: SlotTime| {
                Some(if panel == 1 && time.day >= day {
                    0.0
                } else {
                    1.0
                })
            }
        };
        for day in [0, 6, 13] {
            let found = weak_panels(&plane(panels, mixed, dead_since(day)));
            let weak = only(&found);
            assert_eq!(
                (weak.panel, weak.kind, weak.percent_less),
                (1, WeakKind::Nothing, 100)
            );
        }
        // It works again.
        let mended = |panel, time: SlotTime| {
            let is_dead = panel == 1 && (12..13).contains(&time.day);
            Some(if is_dead { 0.0 } else { 1.0 })
        };
        assert_eq!(weak_panels(&plane(panels, clear, mended)), []);
    }
    // A panel of its own has no neighbours, and half a roof that is lost is found too.
    assert_eq!(weak_panels(&plane(1, clear, |_, _| Some(0.0))), []);
    let half = |panel, _| Some(if panel < 2 { 0.0 } else { 1.0 });
    assert_eq!(weak_panels(&plane(4, clear, half)).len(), 2);
}

#[test]
fn where_nobody_works_nobody_fails() {
    let night = |panel, time: SlotTime| {
        // Nobody brings anything on the last days, and one is not heard.
        let is_off = time.day > 8;
        if panel == 0 && is_off {
            return None;
        }
        Some(if is_off { 0.0 } else { 1.0 })
    };
    assert_eq!(weak_panels(&plane(6, clear, night)), []);
    assert_eq!(
        weak_panels(&plane(6, |_| 0.005, |panel, _| Some(panel as f64))),
        []
    );
}

#[test]
fn few_panels_have_no_median() {
    let dirty = |panel, _| Some(if panel == 2 { 0.5 } else { 1.0 });
    assert_eq!(weak_panels(&plane(3, clear, dirty)), []);
    // The fourth was never heard.
    let lost = |panel, time| (panel != 3).then_some(dirty(panel, time)?);
    assert_eq!(weak_panels(&plane(4, clear, lost)), []);
}

#[test]
fn small_panels_are_measured_by_their_labels() {
    let small = |panel, _| Some(if panel == 0 { 0.5 } else { 1.0 });
    let mut course = plane(5, clear, small);
    assert_eq!(weak_panels(&course).len(), 1);
    for panel in &mut course.panels {
        panel.rated = Some(400);
    }
    course.panels[0].rated = Some(200);
    assert_eq!(weak_panels(&course), []);
    // One label is not known: watts are watts.
    course.panels[1].rated = None;
    assert_eq!(weak_panels(&course).len(), 1);
}

#[test]
fn two_sides_of_a_roof_are_no_plane() {
    // East and west, behind one inverter.
    let sides = |panel: usize, time: SlotTime| {
        let is_morning = time.minute < 780;
        Some(if panel.is_multiple_of(2) == is_morning {
            1.0
        } else {
            0.55
        })
    };
    let mut course = plane(8, clear, sides);
    course.is_guess = true;
    assert_eq!(weak_panels(&course), []);
    let one_more = |panel: usize, time: SlotTime| {
        let dirt = if panel == 1 { 0.8 } else { 1.0 };
        Some(dirt * if panel == 7 { sides(0, time)? } else { 1.0 })
    };
    let mut course = plane(8, clear, one_more);
    course.is_guess = true;
    assert!(
        weak_panels(&course)
            .iter()
            .any(|it| it.panel == 1 && it.kind == WeakKind::Dirt)
    );
}

#[test]
fn arrays_that_do_not_fit_are_no_matter() {
    let mut course = plane(5, clear, |_, _| Some(1.0));
    course.panels[0].watts.truncate(7);
    course.panels[1].watts.clear();
    course.panels[2].watts.push(Some(f32::NAN));
    course.panels[3].watts[100] = Some(f32::INFINITY);
    assert_eq!(weak_panels(&course), []);
    assert_eq!(weak_panels(&PlaneCourse::default()), []);
}

/// Numbers between 0 and 1 that belong to a place.
fn noise(seed: u64, a: usize, b: usize) -> f64 {
    let mut x = seed
        ^ (a as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)
        ^ (b as u64).wrapping_mul(0xd1b5_4a32_d192_ed03);
    for _ in 0..3 {
        x ^= x >> 30;
        x = x.wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x ^= x >> 27;
    }
    (x >> 11) as f64 / (1_u64 << 53) as f64
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever the weather is, and whatever is missing: who brings what the others bring is not weak.
    #[test]
    fn a_panel_like_its_neighbours_is_never_weak(
        seed: u64, panels in 1_usize..14, gaps in 0.0..0.9, dull in 0.0..1.0, is_guess: bool,
    ) {
        let sky = |time: SlotTime| {
            let day = 1.0 - dull * noise(seed, 1, time.day);
            day * (1.0 - dull * noise(seed, 2, time.day * 300 + usize::from(time.minute / 15)))
        };
        let share = |panel: usize, time: SlotTime| {
            let slot = time.day * IN_A_DAY + usize::from(time.minute) / 5;
            let is_gap = noise(seed, 100 + panel, slot / 7) < gaps;
            let own = 0.98 + 0.04 * noise(seed, 3, panel) + 0.04 * (noise(seed, 200 + panel, slot) - 0.5);
            (!is_gap).then_some(own)
        };
        let mut course = plane(panels, sky, share);
        course.is_guess = is_guess;
        prop_assert_eq!(weak_panels(&course), []);
    }

    /// A panel that is lost to us for days is not weak; and a weak one is as weak with gaps as without.
    #[test]
    fn gaps_are_never_nothing(seed: u64, gaps in 0.0..0.5, lost in 0_usize..DAYS, dirt in 0.3..0.8) {
        let share = |panel: usize, time: SlotTime| {
            let slot = time.day * IN_A_DAY + usize::from(time.minute) / 5;
            match panel {
                0 => (time.day < lost).then_some(1.0),
                1 => (noise(seed, 4, slot / 5) >= gaps).then_some(dirt),
                _ => Some(1.0),
            }
        };
        let found = weak_panels(&plane(8, clear, share));
        prop_assert_eq!(found.len(), 1, "{:?}", found);
        prop_assert_eq!((found[0].panel, found[0].kind), (1, WeakKind::Dirt));
        let less = 100.0 * (1.0 - dirt);
        prop_assert!((f64::from(found[0].percent_less) - less).abs() <= 1.0);
    }

    /// 0 W for days is "nothing" while the neighbours work, and only then.
    #[test]
    fn nothing_is_told_while_the_neighbours_work(seed: u64, since in 0_usize..DAYS, panels in 2_usize..10, is_dark: bool) {
        let sky = |time: SlotTime| if is_dark && time.day >= since { 0.0 } else { 1.0 - 0.5 * noise(seed, 1, time.day) };
        let share = |panel: usize, time: SlotTime| Some(if panel == 0 && time.day >= since { 0.0 } else { 1.0 });
        let found = weak_panels(&plane(panels, sky, share));
        let told = found.iter().any(|it| it.panel == 0 && it.kind == WeakKind::Nothing);
        prop_assert_eq!(told, !is_dark);
        prop_assert!(found.len() <= 1);
    }

    #[test]
    fn shares_are_numbers(values in proptest::collection::vec(proptest::option::of(any::<f32>()), 288 * 5)) {
        let slots: Vec<SlotTime> = times().into_iter().take(288).collect();
        let panels = values.chunks(288).map(|watts| PanelCourse { watts: watts.to_vec(), rated: Some(0) });
        let course = PlaneCourse { slots, panels: panels.collect(), is_guess: false };
        for weak in weak_panels(&course) {
            let is_number = |it: &HourShare| it.share.is_finite() && it.hour < 24;
            prop_assert!(weak.hours.iter().all(is_number));
        }
    }
}
