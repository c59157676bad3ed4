use super::*;
use crate::model::{Decimal, Quantity};

#[test]
fn health_is_said_in_each_language() {
    let seconds = 5;
    let health = Health::new(HealthCode::Silent)
        .seen(say!("nothing came within {seconds} seconds", seconds))
        .advise(say!("Check the device and its cable."));
    for (language, said) in [
        (
            Language::En,
            "No answer: nothing came within 5 seconds. Check the device and its cable.",
        ),
        (
            Language::De,
            "Keine Antwort: binnen 5 Sekunden kam nichts. Das Gerät und sein Kabel prüfen.",
        ),
        (
            Language::Fr,
            "Pas de réponse\u{a0}: rien n’est venu en 5 secondes. Vérifier l’appareil et son câble.",
        ),
    ] {
        assert_eq!(language.sentence(&health), said);
        assert_eq!(
            language.sentence(&Health::ONLINE),
            language.health_word(HealthCode::Online)
        );
    }
    assert_eq!(Language::En.sentence(&health), health.sentence());
}

#[test]
fn what_is_within_a_sentence_is_said_in_its_language_too() {
    let metric = Metric::measurement("power", Quantity::Power);
    let because = say!(
        "the device says {value}, which is less",
        value = Decimal::integer(7)
    );
    let held = say!(
        "{metric} is held at {show}: {because}",
        metric = &metric,
        show = "9 W",
        because
    );
    assert_eq!(
        held.to_string(),
        "Power is held at 9 W: the device says 7, which is less"
    );
    assert_eq!(
        Language::De.say(&held),
        "Leistung bleibt bei 9 W: das Gerät sagt 7, was weniger ist"
    );
    let (name, code) = ("Meter", HealthCode::KeyMissing);
    let missing = say!("{name} is missing ({code})", name, code);
    assert_eq!(missing.to_string(), "Meter is missing (key missing)");
    assert_eq!(Language::De.say(&missing), "Meter fehlt (Schlüssel fehlt)");
    assert_eq!(Language::Fr.say(&missing), "Meter manque (clé manquante)");
}

#[test]
fn what_comes_from_outside_stays_as_it_is() {
    let odd = "{name} Not supported: Check the device and its cable.";
    for language in Language::ALL {
        assert_eq!(language.say(&Sentence::verbatim(odd)), odd);
        assert_eq!(language.say(&Sentence::EMPTY), "");
    }
}

#[test]
fn lengths_of_time_are_said() {
    let said = |language: Language, seconds| {
        language.say(&say!(
            "for {freeze_for} or longer {reasons}",
            freeze_for = Duration::from_secs(seconds),
            reasons = "x"
        ))
    };
    for (seconds, german, french) in [
        (0, "0 s", "0 s"),
        (90, "1 min 30 s", "1 min 30 s"),
        (86_400, "1 Tag", "1 jour"),
        (190_800, "2 Tage 5 h", "2 jours 5 h"),
    ] {
        assert_eq!(
            said(Language::De, seconds),
            format!("seit {german} oder länger: x")
        );
        assert_eq!(
            said(Language::Fr, seconds),
            format!("depuis {french} ou plus\u{a0}: x")
        );
    }
    let short = say!(
        "no line has come for {within}",
        within = Duration::from_millis(1500)
    );
    assert_eq!(
        Language::De.say(&short),
        "seit 1 s 500 ms ist keine Zeile gekommen"
    );
    assert_eq!(short.to_string(), "no line has come for 1s 500ms");
}

#[test]
fn names_are_ours_or_those_of_the_user() {
    let mut metric = Metric::measurement("panel_2_power", Quantity::Power).named("Panel 2 power");
    assert_eq!(Language::De.name(&metric), "Modul 2 Leistung");
    assert_eq!(Language::En.name(&metric), "Panel 2 power");
    metric.name = Some("East power".into());
    metric.naming = Naming::About("East".into());
    assert_eq!(Language::Fr.name(&metric), "East puissance");
    // Whoever calls it so means it.
    metric.name = Some("Mode".into());
    metric.naming = Naming::Users;
    assert_eq!(Language::De.name(&metric), "Mode");
    metric.naming = Naming::Ours;
    assert_eq!(Language::De.name(&metric), "Modus");
    assert_eq!(Language::De.name(&Metric::text("of_nobody")), "Of nobody");
}

#[test]
fn codes_for_programs_are_the_same_in_every_language() {
    let code = Metric::state(reserved::HEALTH.key, &[]);
    let state = Metric::state("state", &[]);
    for language in Language::ALL {
        assert_eq!(language.state_of(&code, "unknown"), "unknown");
    }
    assert_eq!(Language::De.state_of(&state, "unknown"), "unbekannt");
    assert_eq!(Language::De.state_of(&state, "of nobody"), "of nobody");
}

#[test]
fn texts_are_made_of_words() {
    for (text, german, french) in [
        ("none", "keine", "aucun"),
        (
            "low voltage, bit 14",
            "Spannung zu niedrig, Bit 14",
            "tension basse, bit 14",
        ),
        (
            "after 12 hours, as it always does",
            "nach 12 Stunden, wie immer",
            "après 12 heures, comme toujours",
        ),
        (
            "10A13C00-ED: 60.5 % of the usual",
            "10A13C00-ED: 60.5 % vom Üblichen",
            "10A13C00-ED\u{a0}: 60.5 % de l’habituel",
        ),
        ("", "", ""),
        (", ", ", ", ", "),
    ] {
        assert_eq!(Language::En.text(text), text);
        assert_eq!(Language::De.text(text), german);
        assert_eq!(Language::Fr.text(text), french);
    }
}

#[test]
fn advice_is_not_cut_off_by_much() {
    // Home Assistant takes 255 characters; the attributes of the status have as many for the advice alone.
    for language in Language::ALL {
        let Some(table) = language.table() else {
            continue;
        };
        for (key, said) in &table.sentences {
            assert!(said.chars().count() <= 255, "{language}: {key}: {said}");
        }
    }
}
