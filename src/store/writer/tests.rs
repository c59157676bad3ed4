use super::*;
use crate::store::Memory;

const WAIT: Duration = Duration::from_secs(20);

fn device() -> Device {
    Device::new("aps_ecu", "216000000001", "ECU", "APsystems")
}

#[test]
fn everything_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let (store, saved) = Store::open(&path);
    assert!(saved.devices.is_empty());
    let memory = Memory::new(store.clone(), "aps_ecu@here", &saved);
    memory.put("cycle", &300);
    store.save_device("aps_ecu@here", &device());
    store.save_counter(
        &device().id,
        "energy_total",
        &serde_json::json!({"accepted": 1}),
    );
    store.save_counter(
        &device().id,
        "energy_total",
        &serde_json::json!({"accepted": 2}),
    );
    store.flush(WAIT);

    let (again, saved) = Store::open(&path);
    assert_eq!(saved.devices[0].device, device());
    assert_eq!(saved.counters.values().next().unwrap()["accepted"], 2);
    assert_eq!(
        Memory::new(again.clone(), "aps_ecu@here", &saved).get("cycle"),
        Some(300)
    );
    assert_eq!(
        Memory::new(again.clone(), "aps_ecu@there", &saved).get::<i32>("cycle"),
        None
    );
    again.forget_device(&device().id);
    again.flush(WAIT);
    assert!(Store::open(&path).1.devices.is_empty());
}

#[test]
fn a_closed_store_leaves_one_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let (store, _) = Store::open(&path);
    let other_handle = store.clone();
    store.save_device("s", &device());
    store.close();
    let files = std::fs::read_dir(folder.path()).unwrap();
    assert_eq!(files.count(), 1);
    drop(other_handle);
    assert_eq!(Store::open(&path).1.devices.len(), 1);
}

#[test]
fn a_damaged_file_is_set_aside() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    std::fs::write(&path, "this was never a database, was it?".repeat(100)).unwrap();
    let (store, _) = Store::open(&path);
    store.save_device("s", &device());
    store.flush(WAIT);
    assert!(!store.is_failing());
    assert_eq!(Store::open(&path).1.devices.len(), 1);
    assert_eq!(
        std::fs::read_dir(folder.path())
            .unwrap()
            .filter(|entry| {
                entry
                    .as_ref()
                    .unwrap()
                    .file_name()
                    .to_string_lossy()
                    .contains("damaged")
            })
            .count(),
        1
    );
}

#[test]
fn a_folder_that_comes_later_is_used() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("missing").join("store.db");
    let (store, _) = Store::open(&path);
    assert!(store.is_failing());
    store.save_device("s", &device());
    std::fs::create_dir(folder.path().join("missing")).unwrap();
    store.flush(WAIT);
    assert!(!store.is_failing());
    assert_eq!(Store::open(&path).1.devices.len(), 1);
}

#[test]
fn a_file_that_is_opened_late_keeps_its_counters() {
    let folder = tempfile::tempdir().unwrap();
    let (away, here) = (folder.path().join("away"), folder.path().join("here"));
    std::fs::create_dir(&away).unwrap();
    let (store, _) = Store::open(&away.join("store.db"));
    store.save_device("s", &device());
    store.save_counter(&device().id, "energy_total", &500);
    store.save(
        Subject::Memory {
            source: "s".to_owned(),
            key: "cycle".to_owned(),
        },
        "s",
        Some(&300),
    );
    store.close();

    // The disk is mounted after the start.
    let path = here.join("store.db");
    let (store, saved) = Store::open(&path);
    assert!(saved.counters.is_empty());
    Memory::new(store.clone(), "s", &saved).put("cycle", &7);
    store.save_counter(&device().id, "energy_total", &0);
    std::fs::rename(&away, &here).unwrap();
    store.save_counter(&device().id, "energy_other", &3);
    store.flush(WAIT);
    store.save_counter(&device().id, "energy_total", &1);
    store.save_counter(&device().id, "energy_other", &4);
    store.close();

    let (store, saved) = Store::open(&path);
    let numbers: Vec<_> = saved.counters.values().cloned().collect();
    assert_eq!(numbers, [4, 500]);
    assert_eq!(Memory::new(store, "s", &saved).get("cycle"), Some(300));
    assert_eq!(saved.devices.len(), 1);
}
