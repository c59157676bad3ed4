//! The serial ports of this machine, without asking udev: containers have none.
//!
//! | where | what |
//! |---|---|
//! | `/sys/class/tty/NAME/device` | leads to the device, if the terminal is of hardware at all |
//! | `/sys/class/tty/NAME/type` | of ports on the board: 0 if there is no chip behind them |
//! | `idVendor`, `manufacturer`, `product`, `serial` | of USB devices: one or two folders above `device` |
//! | `/dev/NAME` | the port itself; in a container only if it was passed |
//! | `/dev/serial/by-id/...` | a link to it, under a name that stays, or in a container the port itself |

#[cfg(target_os = "linux")]
mod hints;

use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

#[cfg(target_os = "linux")]
use self::hints::Hints;

/// How often is looked for ports that came or went where nobody says so, or where the name of one is
/// waited for.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// How soon after a hint: a port, its link and its name come one after the other.
const LOOK_AFTER: Duration = Duration::from_millis(500);
/// How often all the same.
const LOOK_SELDOM: Duration = Duration::from_secs(5 * 60);
/// How many folders, from the port's own upwards, may be that of its USB device.
const LEVELS: usize = 4;

/// A serial port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortInfo {
    /// The port: `/dev/ttyUSB0`.
    pub path: PathBuf,
    /// Its name that stays whatever is plugged in beside it, if it has one.
    pub by_id: Option<PathBuf>,
    /// What the device calls itself, if it does: `FTDI USB-RS232 Cable`.
    pub description: Option<String>,
    /// Its serial number, if it says one.
    pub serial: Option<String>,
}

impl PortInfo {
    /// The name to configure: the one that stays, if there is one.
    pub fn name(&self) -> String {
        let path = self.by_id.as_ref().unwrap_or(&self.path);
        path.display().to_string()
    }
}

impl std::fmt::Display for PortInfo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name())?;
        match &self.description {
            Some(description) => write!(f, " ({description})"),
            None => Ok(()),
        }
    }
}

/// The serial ports of this machine, sorted by their path.
pub fn ports() -> Vec<PortInfo> {
    Ports::of_this_machine().list()
}

/// Where serial ports are listed.
#[derive(Debug, Clone)]
pub struct Ports(List);

#[derive(Debug, Clone)]
enum List {
    /// In the `dev` and `sys` folders below this one.
    Below(PathBuf),
    /// Here: they never come nor go.
    Fixed(Vec<PortInfo>),
}

/// Those of this machine.
impl Default for Ports {
    fn default() -> Self {
        Self::of_this_machine()
    }
}

impl Ports {
    /// Those of this machine.
    pub fn of_this_machine() -> Self {
        Self::below("/")
    }

    /// Those of a tree with a `dev` and a `sys` folder.
    pub fn below(root: impl Into<PathBuf>) -> Self {
        Self(List::Below(root.into()))
    }

    /// These and no others, such as those of a recording.
    pub const fn fixed(ports: Vec<PortInfo>) -> Self {
        Self(List::Fixed(ports))
    }

    /// The ports there are now, sorted by their path. What cannot be read is left out.
    pub fn list(&self) -> Vec<PortInfo> {
        let root = match &self.0 {
            List::Below(root) => root,
            List::Fixed(ports) => return ports.clone(),
        };
        let dev = root.join("dev");
        let mut ports: BTreeMap<PathBuf, PortInfo> = BTreeMap::new();
        for entry in names(&root.join("sys/class/tty")) {
            let path = dev.join(&entry.1);
            if is_hardware(&entry.0) && path.exists() {
                let usb = usb_device(&entry.0.join("device"));
                let port = PortInfo {
                    path: path.clone(),
                    by_id: None,
                    description: usb.as_deref().and_then(description),
                    serial: usb.as_deref().and_then(|usb| word(usb, "serial")),
                };
                ports.insert(path, port);
            }
        }
        for (link, _) in names(&dev.join("serial/by-id")) {
            if !link.exists() {
                continue;
            }
            let path = match fs::read_link(&link) {
                Ok(target) => match target.file_name() {
                    Some(name) => dev.join(name),
                    None => continue,
                },
                // A container may have got the port under this name.
                Err(_) => link.clone(),
            };
            let port = ports.entry(path.clone()).or_insert(PortInfo {
                path,
                by_id: None,
                description: None,
                serial: None,
            });
            port.by_id.get_or_insert(link);
        }
        ports.into_values().collect()
    }
}

/// The entries of a folder with their paths, sorted.
fn names(folder: &Path) -> Vec<(PathBuf, std::ffi::OsString)> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<_> = entries
        .map(|entry| (entry.path(), entry.file_name()))
        .collect();
    names.sort();
    names
}

/// Whether there is more behind a terminal than software.
fn is_hardware(class: &Path) -> bool {
    let chip = fs::read_to_string(class.join("type"));
    class.join("device").exists() && !chip.is_ok_and(|chip| chip.trim() == "0")
}

/// The folder of the USB device that a port belongs to.
fn usb_device(device: &Path) -> Option<PathBuf> {
    let device = device.canonicalize().ok()?;
    // The port itself, its interface, its device; the hub above that has a name, too.
    let mut folders = device.ancestors().take(LEVELS);
    let usb = folders.find(|folder| folder.join("idVendor").exists())?;
    Some(usb.to_owned())
}

fn description(usb: &Path) -> Option<String> {
    let product = word(usb, "product")?;
    Some(match word(usb, "manufacturer") {
        Some(maker) if !product.starts_with(&maker) => format!("{maker} {product}"),
        _ => product,
    })
}

/// What a USB device says of itself.
fn word(usb: &Path, name: &str) -> Option<String> {
    let text = fs::read_to_string(usb.join(name)).ok()?;
    // It may say anything, and what it says stands in lists and files.
    let is_unseen = |c: char| c.is_control() || c == '\u{2028}' || c == '\u{2029}';
    let text = text.trim().replace(is_unseen, " ");
    (!text.is_empty()).then_some(text)
}

/// A port came or went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PortChange {
    /// It was plugged in.
    Appeared(PortInfo),
    /// It was unplugged.
    Vanished(PortInfo),
}

/// Tells of ports that come and go. Where the kernel says that one may have, it is looked for then;
/// elsewhere every two seconds.
#[derive(Debug)]
pub struct PortWatch {
    ports: Ports,
    known: Vec<PortInfo>,
    /// What the last look found and was not told of yet.
    found: VecDeque<PortChange>,
    /// Ports that were new at the last look and had no name that stays.
    unnamed: Vec<PathBuf>,
    #[cfg(target_os = "linux")]
    hints: Option<Hints>,
    next_look: Instant,
}

impl PortWatch {
    /// Begins with the ports there are now, which are not told of; see [`PortWatch::known`].
    pub fn new(ports: Ports) -> Self {
        // Before they are listed, so that none that comes meanwhile is missed.
        #[cfg(target_os = "linux")]
        let hints = match &ports.0 {
            List::Below(root) => Hints::new(root),
            List::Fixed(_) => None,
        };
        let mut watch = Self {
            known: ports.list(),
            ports,
            found: VecDeque::new(),
            unnamed: Vec::new(),
            #[cfg(target_os = "linux")]
            hints,
            next_look: Instant::now(),
        };
        watch.rest();
        watch
    }

    /// The ports there were at the last look, as far as [`PortWatch::next`] has told of them.
    pub fn known(&self) -> &[PortInfo] {
        &self.known
    }

    /// Waits for the next port that comes or goes. Nothing is lost if it is dropped while it waits,
    /// and asking more often does not make it look more often.
    ///
    /// A port that comes without a name that stays is told of one look later, under that name if
    /// it has got one by then: udev makes it a moment after the kernel makes the port.
    pub async fn next(&mut self) -> PortChange {
        loop {
            if let Some(change) = self.found.pop_front() {
                match &change {
                    PortChange::Vanished(port) => self.known.retain(|known| known != port),
                    PortChange::Appeared(port) => {
                        self.known.push(port.clone());
                        self.known.sort_by(|a, b| a.path.cmp(&b.path));
                    }
                }
                return change;
            }
            tokio::select! {
                () = sleep_until(self.next_look) => {
                    self.look();
                    self.rest();
                }
                () = self.hinted() => {
                    self.next_look = self.next_look.min(Instant::now() + LOOK_AFTER);
                }
            }
        }
    }

    /// Waits until the kernel says that a port may have come or gone.
    async fn hinted(&self) {
        #[cfg(target_os = "linux")]
        if let Some(hints) = &self.hints {
            return hints.changed().await;
        }
        std::future::pending::<()>().await;
    }

    /// Rests until the next look.
    fn rest(&mut self) {
        #[cfg(target_os = "linux")]
        let is_hinted = self.hints.as_ref().is_some_and(Hints::watch);
        #[cfg(not(target_os = "linux"))]
        let is_hinted = false;
        let never_changes = matches!(self.ports.0, List::Fixed(_));
        let rest = if (is_hinted || never_changes) && self.unnamed.is_empty() {
            LOOK_SELDOM
        } else {
            LOOK_EVERY
        };
        self.next_look = Instant::now() + rest;
    }

    /// Finds all differences between what is known and what is there.
    fn look(&mut self) {
        let mut now = self.ports.list();
        // One that got another name is told of as if it had been unplugged in between, which may be.
        let gone = self.known.iter().filter(|port| !now.contains(port));
        self.found.extend(gone.cloned().map(PortChange::Vanished));
        now.retain(|port| !self.known.contains(port));
        let (new, unnamed): (Vec<_>, Vec<_>) = now
            .into_iter()
            .partition(|port| port.by_id.is_some() || self.unnamed.contains(&port.path));
        self.found.extend(new.into_iter().map(PortChange::Appeared));
        self.unnamed = unnamed.into_iter().map(|port| port.path).collect();
    }
}

#[cfg(test)]
mod tests;
