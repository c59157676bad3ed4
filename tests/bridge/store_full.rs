//! A disk that takes nothing.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value as Json;

use crate::gateway::{Gateway, Plan};
use crate::home::Home;
use crate::support::mosquitto::{Mosquitto, Setup};
use crate::wire::Wire;

fn is_on(state: &Json) -> bool {
    state["health"] == "online" && state["power"].is_number()
}

/// A file stands where the folder of the store should be.
#[tokio::test]
async fn a_store_that_cannot_be_opened_costs_no_value() {
    let Some(broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let gateway = Gateway::start(Plan::default()).await;
    let wire = Wire::tap(broker.port()).await;
    let home = Home::new(broker.port(), &[gateway.section()]);
    let folder = home.path().join("blocked");
    fs::write(&folder, "not a folder").unwrap();
    let text = fs::read_to_string(home.file()).unwrap();
    let text = text.replace("[store]", "[store]\npath = \"blocked/store.db\"");
    fs::write(home.file(), text).unwrap();

    let mut bridge = home.run();
    let id = gateway.id();
    let (_, mut mark) = wire.state("online", 0, &id, is_on).await;
    for _ in 0..3 {
        mark = wire.state("more", mark, &id, is_on).await.1;
    }
    let problem = |state: &Json| state["store_problem"] == "ON";
    let own = wire.own_device(0).await;
    wire.state("a problem", 0, &own, problem).await;
    fs::remove_file(&folder).unwrap();
    fs::create_dir(&folder).unwrap();
    bridge.until_said("takes values again").await;
    wire.state("more", mark, &id, is_on).await;
    assert!(bridge.end().await.success());
    let advice = ["WARN", "cannot be opened", "Check that the folder exists"];
    assert_eq!(bridge.count(&advice), 1, "{}", bridge.said());
    // The history would have been in the same folder.
    assert_eq!(bridge.count(&["WARN", "history"]), 1, "{}", bridge.said());
    assert_eq!(bridge.count(&["WARN"]), 2, "{}", bridge.said());

    // What was read before is in there too.
    let listed = home.done(&["discovery", "--topics"]).await;
    assert!(listed.out.contains(&id), "{listed:?}");
}

/// A file system of a few kilobytes.
struct TinyDisk(PathBuf);

impl TinyDisk {
    /// Only root may mount.
    fn mount(at: &Path) -> Option<Self> {
        fs::create_dir(at).unwrap();
        let mut mount = Command::new("mount");
        let mount = mount
            .args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"])
            .arg(at);
        let done = mount.output().is_ok_and(|output| output.status.success());
        if !done {
            eprintln!("passed over: a file system cannot be mounted here");
        }
        done.then(|| Self(at.to_owned()))
    }

    fn ballast(&self) -> PathBuf {
        self.0.join("ballast")
    }

    fn fill(&self) {
        // Ends with an error when there is no more space.
        let _ = fs::write(self.ballast(), vec![0; 2 << 20]);
    }
}

impl Drop for TinyDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[tokio::test]
async fn a_full_disk_costs_no_value() {
    let Some(broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let gateway = Gateway::start(Plan::default()).await;
    let wire = Wire::tap(broker.port()).await;
    let home = Home::new(broker.port(), &[gateway.section()]);
    let Some(disk) = TinyDisk::mount(&home.path().join("disk")) else {
        return;
    };
    let text = fs::read_to_string(home.file()).unwrap();
    let text = text.replace("[store]", "[store]\npath = \"disk/store.db\"");
    fs::write(home.file(), text).unwrap();
    let mut bridge = home.run();
    let id = gateway.id();
    let (_, mut mark) = wire.state("online", 0, &id, is_on).await;
    let inverters = gateway.inverter_ids();
    // Something of it is in the store by now.
    let counts = |state: &Json| state["energy_computed"].is_number();
    wire.state("a count", 0, &inverters[0], counts).await;
    disk.fill();
    bridge.until_said("takes no values").await;
    // Long enough for some tries of the store's.
    for _ in 0..5 {
        mark = wire.state("more", mark, &id, is_on).await.1;
    }
    fs::remove_file(disk.ballast()).unwrap();
    bridge.until_said("takes values again").await;
    for _ in 0..5 {
        mark = wire.state("more", mark, &id, is_on).await.1;
    }
    bridge.kill().await;
    let advice = ["WARN", "Free some space on the disk"];
    assert_eq!(bridge.count(&advice), 1, "{}", bridge.said());
    mark = wire.mark();
    let mut bridge = home.run();
    wire.state("a count", mark, &inverters[0], counts).await;
    for _ in 0..3 {
        mark = wire.state("more", mark, &id, is_on).await.1;
    }
    assert!(bridge.end().await.success());
    // Nobody but us has touched the file, and nothing of it is lost.
    let names = fs::read_dir(&disk.0).unwrap();
    let mut names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert!(!names.any(|name| name.contains("damaged")));
    for (device, key) in [(&id, "energy_total"), (&inverters[0], "energy_computed")] {
        let states = wire.states(device);
        let shown: Vec<f64> = states.iter().filter_map(|it| it[key].as_f64()).collect();
        assert!(
            shown.len() > 5 && shown.is_sorted(),
            "{device} {key}: {shown:?}"
        );
    }
}
