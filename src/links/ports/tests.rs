use std::os::unix::fs::symlink;

use tempfile::TempDir;

use super::*;

/// A machine with a USB adapter, a chip on the board, and terminals that are none of the kind.
struct Machine(TempDir);

impl Machine {
    fn new() -> Self {
        let machine = Self(tempfile::tempdir().unwrap());
        machine.folder("dev/serial/by-id");
        machine.plug("ttyUSB0", "1-1", Some("usb-Acme_Cable_A1-if00-port0"));
        machine.file("sys/devices/usb1/idVendor", "0000\n");
        machine.file("sys/devices/usb1/product", "Host Controller\n");
        machine.file("sys/devices/usb1/1-1/idVendor", "0403\n");
        machine.file("sys/devices/usb1/1-1/manufacturer", "Acme\n");
        machine.file("sys/devices/usb1/1-1/product", "Cable\n");
        machine.file("sys/devices/usb1/1-1/serial", "A1\n");
        machine.on_board("ttyAMA0", "32\n");
        machine.on_board("ttyS3", "0\n");
        machine.folder("sys/class/tty/tty1");
        machine.file("dev/tty1", "");
        machine
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn folder(&self, name: &str) {
        fs::create_dir_all(self.path(name)).unwrap();
    }

    fn file(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn on_board(&self, name: &str, chip: &str) {
        self.folder("sys/devices/platform/serial");
        self.file(&format!("sys/class/tty/{name}/type"), chip);
        let device = self.path(&format!("sys/class/tty/{name}/device"));
        symlink("../../../devices/platform/serial", device).unwrap();
        self.file(&format!("dev/{name}"), "");
    }

    /// As the kernel and udev leave it when a USB adapter is plugged in.
    fn plug(&self, name: &str, socket: &str, id: Option<&str>) {
        let device = format!("sys/devices/usb1/{socket}/{socket}:1.0/{name}");
        self.folder(&device);
        let class = format!("{device}/tty/{name}");
        self.folder(&class);
        symlink(format!("../../../{name}"), self.path(&class).join("device")).unwrap();
        self.folder("sys/class/tty");
        symlink(
            format!("../../../{class}"),
            self.path("sys/class/tty").join(name),
        )
        .unwrap();
        self.file(&format!("dev/{name}"), "");
        if let Some(id) = id {
            let link = self.path("dev/serial/by-id").join(id);
            symlink(format!("../../{name}"), link).unwrap();
        }
    }

    fn unplug(&self, name: &str) {
        fs::remove_file(self.path("sys/class/tty").join(name)).unwrap();
        fs::remove_file(self.path("dev").join(name)).unwrap();
    }

    fn ports(&self) -> Ports {
        Ports::below(self.0.path())
    }
}

#[test]
fn lists_ports_of_hardware_with_the_names_that_stay() {
    let machine = Machine::new();
    let ports = machine.ports().list();
    let by_id = machine.path("dev/serial/by-id/usb-Acme_Cable_A1-if00-port0");
    assert_eq!(
        ports,
        [
            PortInfo {
                path: machine.path("dev/ttyAMA0"),
                by_id: None,
                description: None,
                serial: None,
            },
            PortInfo {
                path: machine.path("dev/ttyUSB0"),
                by_id: Some(by_id.clone()),
                description: Some("Acme Cable".to_owned()),
                serial: Some("A1".to_owned()),
            },
        ]
    );
    assert_eq!(
        ports[1].to_string(),
        format!("{} (Acme Cable)", by_id.display())
    );
}

#[test]
fn a_port_that_was_not_passed_to_the_container_is_left_out() {
    let machine = Machine::new();
    fs::remove_file(machine.path("dev/ttyUSB0")).unwrap();
    let ports = machine.ports().list();
    assert_eq!(ports.len(), 1, "{ports:?}");
    assert_eq!(ports[0].path, machine.path("dev/ttyAMA0"));
}

#[test]
fn a_port_may_be_passed_to_a_container_under_the_name_that_stays() {
    let machine = Machine::new();
    machine.file("dev/serial/by-id/usb-Other", "");
    let other = machine.path("dev/serial/by-id/usb-Other");
    let ports = machine.ports().list();
    let port = ports.iter().find(|port| port.path == other).unwrap();
    assert_eq!(port.name(), other.display().to_string());
}

#[test]
fn a_machine_without_ports_has_none() {
    let empty = tempfile::tempdir().unwrap();
    assert!(Ports::below(empty.path()).list().is_empty());
}

#[tokio::test(start_paused = true)]
async fn tells_of_ports_that_come_and_go() {
    let machine = Machine::new();
    let mut watch = PortWatch::new(machine.ports());
    assert_eq!(watch.known(), machine.ports().list());
    let nothing = tokio::time::timeout(LOOK_SELDOM * 3, watch.next()).await;
    assert!(nothing.is_err(), "{nothing:?}");

    machine.plug("ttyACM0", "1-2", None);
    machine.unplug("ttyUSB0");
    let PortChange::Vanished(gone) = watch.next().await else {
        panic!("nothing vanished");
    };
    assert_eq!(gone.path, machine.path("dev/ttyUSB0"));
    let PortChange::Appeared(new) = watch.next().await else {
        panic!("nothing appeared");
    };
    assert_eq!(new.path, machine.path("dev/ttyACM0"));
    assert_eq!(watch.known(), machine.ports().list());
}

/// What is told without any waiting.
async fn at_once(watch: &mut PortWatch) -> Option<PortChange> {
    let told = tokio::time::timeout(Duration::ZERO, watch.next()).await;
    told.ok()
}

#[tokio::test(start_paused = true)]
async fn looks_no_more_often_for_being_asked_more_often() {
    let machine = Machine::new();
    let mut watch = PortWatch::new(machine.ports());
    machine.unplug("ttyUSB0");
    let gone = watch.known()[1].clone();
    for _ in 0..10 {
        // As often as a line reports something.
        assert_eq!(at_once(&mut watch).await, None);
    }
    assert_eq!(watch.next().await, PortChange::Vanished(gone));
}

#[tokio::test(start_paused = true)]
async fn rests_while_nothing_changes() {
    let machine = Machine::new();
    let mut watch = PortWatch::new(machine.ports());
    let begun = watch.next_look;
    assert!(at_once(&mut watch).await.is_none());
    tokio::time::advance(LOOK_EVERY * 10).await;
    assert!(at_once(&mut watch).await.is_none());
    assert_eq!(watch.next_look, begun, "it has looked");
}

#[tokio::test]
async fn the_kernel_says_when_to_look_also_in_folders_that_come_later() {
    let machine = Machine::new();
    fs::remove_dir_all(machine.path("dev/serial")).unwrap();
    let hints = Hints::new(machine.0.path()).unwrap();
    machine.folder("dev/serial/by-id");
    hints.changed().await;
    assert!(hints.watch());
    machine.file("dev/serial/by-id/usb-Other", "");
    hints.changed().await;
    assert!(Hints::new(&machine.path("nowhere")).is_none());
}

#[tokio::test(start_paused = true)]
async fn one_look_tells_all_it_found_before_the_next() {
    let machine = Machine::new();
    let mut watch = PortWatch::new(machine.ports());
    let gone = watch.known()[1].clone();
    machine.unplug("ttyUSB0");
    machine.plug("ttyUSB1", "1-2", Some("usb-Acme_Cable_A2-if00-port0"));
    machine.plug("ttyUSB2", "1-3", Some("usb-Acme_Cable_A3-if00-port0"));
    assert_eq!(watch.next().await, PortChange::Vanished(gone.clone()));
    assert!(!watch.known().contains(&gone));
    // What happens meanwhile is for the next look.
    machine.unplug("ttyUSB2");
    for name in ["dev/ttyUSB1", "dev/ttyUSB2"] {
        let Some(PortChange::Appeared(port)) = at_once(&mut watch).await else {
            panic!("{name} did not appear");
        };
        assert_eq!(port.path, machine.path(name));
        assert!(watch.known().contains(&port));
    }
    assert_eq!(at_once(&mut watch).await, None);
    let PortChange::Vanished(port) = watch.next().await else {
        panic!("nothing vanished");
    };
    assert_eq!(port.path, machine.path("dev/ttyUSB2"));
    assert_eq!(watch.known(), machine.ports().list());
}

#[tokio::test(start_paused = true)]
async fn a_port_waits_one_look_for_the_name_that_stays() {
    let machine = Machine::new();
    let mut watch = PortWatch::new(machine.ports());
    machine.plug("ttyUSB1", "1-2", None);
    watch.look();
    watch.rest();
    assert_eq!(at_once(&mut watch).await, None);
    let link = machine.path("dev/serial/by-id/usb-Acme_Cable_A2-if00-port0");
    symlink("../../ttyUSB1", &link).unwrap();
    let PortChange::Appeared(port) = watch.next().await else {
        panic!("it vanished before it was told of");
    };
    assert_eq!(port.by_id, Some(link));
    let more = tokio::time::timeout(LOOK_SELDOM * 3, watch.next()).await;
    assert!(more.is_err(), "{more:?}");

    // Where nobody makes such names, it is told of without.
    machine.plug("ttyUSB2", "1-3", None);
    let told = tokio::time::timeout(LOOK_SELDOM * 3, watch.next()).await;
    let Ok(PortChange::Appeared(port)) = told else {
        panic!("{told:?}");
    };
    assert_eq!(port.path, machine.path("dev/ttyUSB2"));
    assert_eq!(port.by_id, None);
}
