use super::*;
use crate::adapters::victron::wire::text::{Decoder, Event, encode_block};

const CHARGER: &[(&str, &str)] = &[
    ("PID", "0xA053"),
    ("SER#", "HQ0000000AB"),
    ("V", "26480"),
    ("I", "4200"),
    ("PPV", "115"),
    ("CS", "3"),
    ("H20", "145"),
];

/// The charger with other values.
fn with(values: &[(&'static str, &'static str)]) -> Vec<(&'static str, &'static str)> {
    let other = |label: &str| values.iter().find(|(known, _)| *known == label);
    let field = |(label, value): &(&'static str, &'static str)| match other(label) {
        Some((_, value)) => (*label, *value),
        None => (*label, *value),
    };
    CHARGER.iter().map(field).collect()
}

fn believes(belief: &mut Belief, fields: &[(&str, &str)]) -> bool {
    let bytes = encode_block(fields).unwrap();
    let mut believed = None;
    Decoder::new().push(&bytes, |event| {
        let Event::Block(block) = event else {
            panic!("{event:?}")
        };
        believed = Some(belief.believes(&block));
    });
    believed.unwrap()
}

/// A line that has sent the charger's block a few times.
fn met() -> Belief {
    let mut belief = Belief::default();
    for _ in 0..3 {
        assert!(believes(&mut belief, CHARGER));
    }
    belief
}

/// The same, and it damages.
fn wary() -> Belief {
    let mut belief = met();
    belief.damaged();
    belief
}

#[test]
fn on_a_sound_line_everything_is_believed_at_once() {
    let mut belief = met();
    let history: &[(&str, &str)] = &[("H1", "-5"), ("H17", "4")];
    for current in ["0", "-40000", "9000"] {
        assert!(believes(
            &mut belief,
            &with(&[("I", current), ("CS", "5"), ("H20", "0")])
        ));
    }
    // The second block of a device that is being met.
    let mut belief = Belief::default();
    for _ in 0..2 {
        assert!(believes(&mut belief, CHARGER));
        assert!(believes(&mut belief, history));
    }
}

#[test]
fn new_labels_have_to_come_twice() {
    let mut belief = met();
    let mut new = CHARGER.to_vec();
    new.push(("H2", "5"));
    assert!(!believes(&mut belief, &new));
    assert!(believes(&mut belief, CHARGER));
    assert!(believes(&mut belief, &new));
    assert!(believes(&mut belief, &new));
    let fewer = &CHARGER[..5];
    assert!(!believes(&mut belief, fewer));
    let other = with(&[("SER#", "HQ0000000AC")]);
    assert!(!believes(&mut belief, &other));
    assert!(believes(&mut belief, &other));
}

#[test]
fn a_battery_whose_voltage_leaps_is_waited_for() {
    let mut belief = met();
    assert!(!believes(&mut belief, &with(&[("V", "6480")])));
    assert!(believes(&mut belief, CHARGER));
    // Somebody has taken it off.
    assert!(!believes(&mut belief, &with(&[("V", "2480")])));
    assert!(believes(&mut belief, &with(&[("V", "1800")])));
    assert!(believes(&mut belief, &with(&[("V", "1900")])));
}

#[test]
fn on_a_line_that_damages_what_differs_has_to_stay() {
    let mut belief = wary();
    assert!(believes(&mut belief, CHARGER));
    // Two bits that cancel.
    for damaged in [
        with(&[("V", "26680"), ("I", "4000")]),
        with(&[("CS", "7"), ("PPV", "111")]),
        with(&[("H20", "155"), ("PPV", "105")]),
    ] {
        assert!(!believes(&mut belief, &damaged), "{damaged:?}");
        assert!(believes(&mut belief, CHARGER));
    }
    // A state that has changed.
    let float = with(&[("CS", "5")]);
    assert!(!believes(&mut belief, &float));
    assert!(believes(&mut belief, &float));
}

#[test]
fn numbers_that_move_may_go_on_moving_on_a_line_that_damages() {
    let mut belief = wary();
    let mut believed = 0;
    for current in ["4210", "4190", "4230", "4200", "4240", "4215"] {
        believed += u32::from(believes(&mut belief, &with(&[("I", current)])));
    }
    assert!(believed >= 3, "{believed}");
    assert!(!believes(&mut belief, &with(&[("I", "8215")])));
    // It was a step, and stays.
    assert!(believes(&mut belief, &with(&[("I", "8230")])));
}

#[test]
fn a_line_is_trusted_again_when_nothing_was_damaged_for_long() {
    let mut belief = wary();
    for _ in 0..LATELY {
        assert!(believes(&mut belief, CHARGER));
    }
    assert!(believes(&mut belief, &with(&[("I", "-4200")])));
}

#[test]
fn the_end_of_a_block_that_began_without_us_is_no_damage() {
    let mut belief = Belief::default();
    belief.damaged();
    assert!(believes(&mut belief, CHARGER));
    let mut belief = Belief::default();
    belief.damaged();
    belief.damaged();
    assert!(!believes(&mut belief, CHARGER));
    assert!(believes(&mut belief, CHARGER));
}

#[test]
fn a_damaged_kind_of_block_does_not_push_out_the_right_one() {
    let mut belief = wary();
    for number in 0..100 {
        let label = format!("X{number}");
        assert!(!believes(&mut belief, &[(label.as_str(), "1")]));
        assert!(believes(&mut belief, CHARGER));
    }
    assert!(belief.kinds.len() <= MOST_KINDS);
}
