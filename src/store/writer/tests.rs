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
    assert!(store.is_failing(), "a problem is shown for a while");
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

fn column(path: &Path, query: &str) -> Vec<String> {
    let connection = Connection::open(path).unwrap();
    let mut statement = connection.prepare(query).unwrap();
    let rows = statement.query_map([], |row| row.get(0)).unwrap();
    rows.map(Result::unwrap).collect()
}

fn aside(folder: &Path) -> usize {
    let files = std::fs::read_dir(folder).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let is_whole = |name: &String| {
        name.contains("damaged") && !name.ends_with("-wal") && !name.ends_with("-shm")
    };
    names.filter(is_whole).count()
}

/// Does something to the store while the program runs, and looks whether the next write mends it.
fn mended_after(harm: impl FnOnce(&Path)) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let (store, saved) = Store::open(&path);
    Memory::new(store.clone(), "s", &saved).put("cycle", &300);
    store.save_device("s", &device());
    store.save_counter(&device().id, "energy_total", &500);
    store.flush(WAIT);
    assert!(!store.is_failing());
    harm(&path);
    store.save_counter(&device().id, "energy_other", &3);
    store.flush(WAIT);
    // The problem is shown for a while.
    assert!(store.is_failing());
    store.save_counter(&device().id, "energy_total", &501);
    store.close();

    let (store, saved) = Store::open(&path);
    let numbers: Vec<_> = saved.counters.values().cloned().collect();
    assert_eq!(numbers, [3, 501]);
    assert_eq!(saved.devices.len(), 1);
    assert_eq!(Memory::new(store, "s", &saved).get("cycle"), Some(300));
}

#[test]
fn a_file_that_is_deleted_while_it_is_used_is_made_anew() {
    mended_after(|path| std::fs::remove_file(path).unwrap());
    mended_after(|path| {
        for end in ["", "-wal", "-shm"] {
            std::fs::remove_file(format!("{}{end}", path.display())).unwrap();
        }
    });
}

#[test]
fn a_file_that_is_replaced_while_it_is_used_is_set_aside() {
    mended_after(|path| {
        let other = path.with_extension("other");
        std::fs::write(&other, "something else").unwrap();
        std::fs::rename(&other, path).unwrap();
    });
    mended_after(|path| {
        let other = path.with_extension("other");
        let (store, _) = Store::open(&other);
        store.save_counter(&device().id, "energy_total", &9);
        store.close();
        std::fs::rename(&other, path).unwrap();
    });
}

#[test]
fn a_file_that_is_cut_short_or_overwritten_while_it_is_used_is_set_aside() {
    let open = |path: &Path| std::fs::OpenOptions::new().write(true).open(path).unwrap();
    mended_after(|path| open(path).set_len(0).unwrap());
    mended_after(|path| open(path).set_len(5000).unwrap());
    mended_after(|path| {
        let length = std::fs::metadata(path).unwrap().len();
        std::fs::write(path, vec![0xAA; usize::try_from(length).unwrap()]).unwrap();
        assert_eq!(aside(path.parent().unwrap()), 0);
    });
}

#[test]
fn a_log_that_is_deleted_or_damaged_while_it_is_used_costs_nothing() {
    let log = |path: &Path| std::path::PathBuf::from(format!("{}-wal", path.display()));
    mended_after(|path| std::fs::remove_file(log(path)).unwrap());
    mended_after(|path| {
        let mut bytes = std::fs::read(log(path)).unwrap();
        assert!(bytes.len() > 4096, "it is in use");
        bytes.iter_mut().skip(100).for_each(|byte| *byte ^= 0x55);
        std::fs::write(log(path), bytes).unwrap();
    });
}

#[test]
fn a_file_without_its_tables_is_set_aside_at_the_start() {
    for damage in [
        "DROP TABLE counter",
        "DROP TABLE memory; CREATE TABLE memory (other TEXT)",
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        Store::open(&path).0.close();
        Connection::open(&path)
            .unwrap()
            .execute_batch(damage)
            .unwrap();
        let (store, _) = Store::open(&path);
        assert!(store.is_failing(), "a problem is shown");
        store.save_device("s", &device());
        store.close();
        assert_eq!(aside(folder.path()), 1, "{damage}");
        assert_eq!(Store::open(&path).1.devices.len(), 1);
    }
}

#[test]
fn a_row_that_cannot_be_read_costs_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let (store, _) = Store::open(&path);
    store.save_device("s", &device());
    for key in ["a", "b", "c"] {
        store.save_counter(&device().id, key, &1);
    }
    store.close();
    let damage = "UPDATE counter SET state = CAST(x'22ff22' AS TEXT) WHERE key = 'a';
                  UPDATE counter SET state = '{' WHERE key = 'b';
                  INSERT INTO memory VALUES (CAST(x'ff' AS TEXT), 'k', '1');
                  INSERT INTO memory VALUES ('s', 'k', '1');";
    Connection::open(&path)
        .unwrap()
        .execute_batch(damage)
        .unwrap();
    let (_store, saved) = Store::open(&path);
    let keys: Vec<_> = saved.counters.keys().map(|it| it.key.as_str()).collect();
    assert_eq!(keys, ["c"]);
    assert_eq!((saved.memory.len(), saved.devices.len()), (1, 1));
    assert_eq!(aside(folder.path()), 0);
}

#[test]
fn a_copy_of_the_file_alone_has_what_was_there_at_the_start_and_at_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let (path, copy) = (
        folder.path().join("store.db"),
        folder.path().join("copy.db"),
    );
    let (store, _) = Store::open(&path);
    std::fs::copy(&path, &copy).unwrap();
    assert_eq!(column(&copy, "SELECT key FROM counter"), [""; 0]);
    store.save_counter(&device().id, "a", &1);
    let other_handle = store.clone();
    store.close();
    std::fs::copy(&path, &copy).unwrap();
    assert_eq!(column(&copy, "SELECT key FROM counter"), ["a"]);
    drop(other_handle);
}

#[test]
fn changes_of_some_seconds_are_written_in_one_go_but_what_is_new_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let (connection, saved) = open(&path).unwrap();
    let mut writer = Writer::new(Some(path), Some(connection), &saved, false);
    let content = || Content {
        source: "s".to_owned(),
        json: Some("1".to_owned()),
    };
    let counter = |key: &str| {
        let (device, key) = ("smart_meter_1".to_owned(), key.to_owned());
        Job::Change(Subject::Counter(Counter { device, key }), content())
    };
    let memory = |key: &str| {
        let (source, key) = ("s".to_owned(), key.to_owned());
        Job::Change(Subject::Memory { source, key }, content())
    };
    let started = Instant::now();
    for job in [counter("a"), memory("k")] {
        writer.take(job, &mut Vec::new());
        assert!(writer.next().unwrap() <= Instant::now(), "at once");
        writer.write();
        assert_eq!(writer.next(), None);
    }
    writer.take(counter("a"), &mut Vec::new());
    let due = writer.next().unwrap();
    assert!(due >= started + GATHER);
    writer.take(memory("k"), &mut Vec::new());
    writer.take(counter("a"), &mut Vec::new());
    assert_eq!(
        writer.next(),
        Some(due),
        "what comes later does not put it off"
    );
    writer.take(counter("b"), &mut Vec::new());
    assert!(writer.next().unwrap() <= Instant::now());
    writer.write();
    assert!(writer.pending.is_empty() && writer.kept.len() == 3);
}
