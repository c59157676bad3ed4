//! Where panels lie, and what is not kept.

use proptest::prelude::*;

use super::panels::{inverter, optimizer};
use crate::model::DeviceId;
use crate::roof::{LaidPanel, LayoutError, RoofLayout, RoofPlane, by_inverter, on_grid, panels_of};
use crate::store::Memory;

fn laid(serial: &str, key: &str) -> LaidPanel {
    LaidPanel {
        device: DeviceId::new("made_up", serial),
        key: key.to_owned(),
        name: String::new(),
        rated: None,
        x: 0,
        y: 0,
        turned: false,
    }
}

fn plane(id: &str, panels: Vec<LaidPanel>) -> RoofPlane {
    RoofPlane {
        id: id.to_owned(),
        panels,
        ..RoofPlane::default()
    }
}

#[test]
fn panels_are_laid_out_by_inverter() {
    let two = inverter(
        "1",
        &[
            ("panel_1_power", "Panel 1 power"),
            ("panel_2_power", "Panel 2 power"),
        ],
    );
    let plain = inverter("2", &[]);
    let many: Vec<_> = (10..24)
        .map(|it| optimizer(&it.to_string(), &plain))
        .collect();
    let panels = panels_of([&two, &plain].into_iter().chain(&many));
    let layout = by_inverter(&panels);
    assert_eq!(layout.check(), Ok(()));
    assert!(layout.is_guess() && layout.tray(&panels).is_empty());
    let names: Vec<_> = layout
        .planes
        .iter()
        .map(|it| (it.name.as_str(), it.panels.len()))
        .collect();
    assert_eq!(names, [("Inverter 1", 2), ("Inverter 2", 14)]);
    let places: Vec<_> = layout.planes[1]
        .panels
        .iter()
        .map(|it| (it.x, it.y))
        .collect();
    assert_eq!(
        places[..6],
        [(0, 0), (110, 0), (220, 0), (330, 0), (440, 0), (0, 175)]
    );
    assert_eq!(layout.planes[0].panels[1].title(&panels), "Inverter 1 2");
    // What is new lies in the tray, what is gone keeps its place.
    let next = inverter("3", &[("panel_1_power", "Panel 1 power")]);
    let panels = panels_of([&next]);
    let tray: Vec<_> = layout
        .tray(&panels)
        .iter()
        .map(|it| it.name.as_str())
        .collect();
    assert_eq!(tray, ["Inverter 3"]);
    assert_eq!(layout.planes[0].panels[1].title(&panels), "panel_2_power");
}

#[test]
fn a_layout_is_saved_as_it_is() {
    let mut panel = laid("1", "power");
    panel.name = "South 1".to_owned();
    (panel.x, panel.rated, panel.turned) = (205, Some(400), true);
    let mut south = plane("a", vec![panel]);
    (south.steep, south.direction) = (Some(35), "south".to_owned());
    let layout = RoofLayout {
        revision: 3,
        planes: vec![south],
    };
    let memory = Memory::passing();
    memory.put("roof", &layout);
    assert_eq!(memory.get::<RoofLayout>("roof").unwrap().mended(), layout);
}

#[test]
fn what_is_no_roof_is_refused() {
    let refused = |planes: Vec<RoofPlane>| {
        let layout = RoofLayout {
            revision: 1,
            planes,
        };
        let wrong = layout.check().unwrap_err();
        let mended = layout.mended();
        assert_eq!(mended.check(), Ok(()));
        (wrong, mended.panels().count())
    };
    let with = |change: fn(&mut LaidPanel)| {
        let mut panel = laid("1", "power");
        change(&mut panel);
        vec![plane("a", vec![panel, laid("2", "power")])]
    };
    let named = with(|it| it.name = "x".repeat(61));
    assert_eq!(refused(named), (LayoutError::Name, 1));
    assert_eq!(
        refused(with(|it| it.name = "a\u{202e}b".to_owned())),
        (LayoutError::Name, 1)
    );
    assert_eq!(
        refused(with(|it| it.name = "a\nb".to_owned())),
        (LayoutError::Name, 1)
    );
    assert_eq!(
        refused(with(|it| it.rated = Some(0))),
        (LayoutError::Rated, 1)
    );
    assert_eq!(refused(with(|it| it.x = 20_005)), (LayoutError::TooFar, 1));
    assert_eq!(
        refused(with(|it| it.key = "k".repeat(101))),
        (LayoutError::Id, 1)
    );
    let twice = with(|it| it.device = DeviceId::new("made_up", "2"));
    assert_eq!(
        refused(twice),
        (LayoutError::PanelTwice("power".to_owned()), 1)
    );
    let twice = vec![plane("a", vec![]), plane("a", vec![laid("1", "power")])];
    assert_eq!(refused(twice), (LayoutError::PlaneTwice("a".to_owned()), 0));
    for id in ["", "a b", "ä", "<b>"] {
        assert_eq!(refused(vec![plane(id, vec![])]), (LayoutError::Id, 0));
    }
    let mut wall = plane("a", vec![]);
    wall.steep = Some(91);
    assert_eq!(refused(vec![wall]), (LayoutError::Steep, 0));
    let many = (0..51).map(|it| plane(&format!("p{it}"), vec![])).collect();
    assert_eq!(refused(many), (LayoutError::TooManyPlanes, 0));
    let many = |from: usize| {
        (from..from + 600)
            .map(|it| laid(&it.to_string(), "power"))
            .collect()
    };
    let many = vec![plane("a", many(0)), plane("b", many(600))];
    assert_eq!(refused(many), (LayoutError::TooManyPanels, 1_000));
}

#[test]
fn places_are_on_the_grid() {
    for (from, to) in [
        (0.0, 0),
        (12.4, 10),
        (12.5, 15),
        (-0.0, 0),
        (-30.0, 0),
        (20_000.0, 20_000),
    ] {
        assert_eq!(on_grid(from), Some(to), "{from}");
    }
    for wrong in [20_003.0, 1e300, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert_eq!(on_grid(wrong), None, "{wrong}");
    }
}

proptest! {
    #[test]
    fn whatever_was_saved_is_a_roof(json in r#"[\[\]{}:,"a-z0-9.-]{0,60}"#, x: u32, steep: u8, id in ".*", name in ".*") {
        let _ = serde_json::from_str::<RoofLayout>(&json).map(RoofLayout::mended);
        let mut panel = laid("1", "power");
        (panel.x, panel.name) = (x, name.clone());
        let mut plane = plane(&id, vec![panel]);
        (plane.steep, plane.name) = (Some(steep), name);
        let layout = RoofLayout { revision: 1, planes: vec![plane.clone(), plane] };
        let mended = layout.mended();
        prop_assert_eq!(mended.check(), Ok(()));
        prop_assert_eq!(mended.clone().mended(), mended);
    }
}
