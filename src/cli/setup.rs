//! From the configuration file to everything that runs.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::Args;

use super::logging::LogSettings;
use crate::adapters::ADAPTERS;
use crate::addon::{HomeAssistantApp, HousePlace};
use crate::bridge::sums::{self, SumSettings};
use crate::config::{File, HomeSettings, Problem, Problems, Section};
use crate::device::{Adapter, ConfiguredSource, Reserved, Source};
use crate::http::HttpServer;
use crate::links::{Address, GpioLines, Links, Ports};
use crate::model::DeviceId;
use crate::outputs::Outputs;
use crate::store::StoreSettings;

/// The variable in which systemd names the folder of `StateDirectory=`; a container image does the same.
const STATE_DIRECTORY: &str = "STATE_DIRECTORY";

/// Where the configuration is.
#[derive(Debug, Clone, Args)]
pub struct ConfigArgs {
    /// The configuration file
    #[arg(
        short,
        long,
        value_name = "FILE",
        default_value = "wattbridge.toml",
        env = "WATTBRIDGE_CONFIG"
    )]
    pub config: PathBuf,
    /// Looks for serial ports in the /dev and /sys below this folder
    #[arg(long, value_name = "FOLDER", hide = true, default_value = "/")]
    root: PathBuf,
    /// Where Home Assistant's Supervisor answers, if this is an app of Home Assistant
    #[arg(
        long,
        value_name = "URL",
        hide = true,
        default_value = "http://supervisor"
    )]
    supervisor: HttpServer,
}

/// What the configuration says.
#[derive(Debug)]
pub struct Configured {
    pub log: LogSettings,
    pub store: StoreSettings,
    pub outputs: Outputs,
    /// The sources of all sections that can be used.
    pub sources: Vec<ConfiguredSource>,
    /// All sums that can be used.
    pub sums: Vec<SumSettings>,
    /// Adapters with a section that cannot be used, or perhaps with one whose name is mistyped.
    pub incomplete: Vec<&'static str>,
    /// How many sections cannot be used, or have a name that nobody knows.
    pub refused: usize,
    /// What is wrong with those sections, and names that nobody knows.
    pub problems: Problems,
    /// What is wrong with the rights of files that hold secrets.
    pub exposed: Vec<String>,
}

impl ConfigArgs {
    /// Reads the file. An error means that nothing can run; problems with single device sections
    /// are kept aside.
    pub fn read(&self) -> Result<Configured, Problems> {
        self.configured(&self.file()?)
    }

    /// The same, where a file without any device is of no use.
    pub fn usable(&self) -> Result<Configured, Problems> {
        let configured = self.read()?;
        if configured.sources.is_empty() {
            return Err(configured.no_devices(self));
        }
        Ok(configured)
    }

    /// How to log before the whole file can be used.
    pub fn log_settings(&self) -> LogSettings {
        let file = self.file().ok();
        file.and_then(|file| file.settings("log").ok())
            .unwrap_or_default()
    }

    /// The file itself, with the environment laid over it.
    pub fn file(&self) -> Result<File, Problems> {
        let mut file = File::load(&self.config)?;
        file.override_from(std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        }));
        if let Some(app) = self.app() {
            app.lay_options_over(&mut file)?;
        }
        Ok(file)
    }

    /// The app of Home Assistant that this is, if so.
    pub fn app(&self) -> Option<HomeAssistantApp> {
        // The name before it was called a Supervisor is still given, and by old ones alone.
        let tokens = ["SUPERVISOR_TOKEN", "HASSIO_TOKEN"];
        let token = tokens.iter().find_map(|name| std::env::var(name).ok());
        HomeAssistantApp::detect(&self.root, &self.supervisor, token)
    }

    /// What the file says, as [`Self::read`].
    pub fn configured(&self, file: &File) -> Result<Configured, Problems> {
        let app = self.app();
        let place = app.as_ref().and_then(HomeAssistantApp::place);
        let mut configured = Configured::from_file(file, place.as_ref())?;
        configured.outputs.mqtt.lookup = app.map(|app| app.broker());
        match self.unfit_store(&configured.store) {
            Some(problem) => Err(configured.problems.merge(problem.into())),
            None => Ok(configured),
        }
    }

    /// What is wrong with the place of the store: a file that is something else would be moved out
    /// of the way as a damaged store.
    fn unfit_store(&self, store: &StoreSettings) -> Option<Problem> {
        const HEAD: &[u8] = b"SQLite format 3\0";
        let path = store.path.as_ref()?;
        let problem = |what: &str| {
            let name = self.config.display().to_string();
            let what = format!("[store] path: {} {what}", path.display());
            Problem::new(
                name,
                what,
                "name a file that is not there yet, such as wattbridge.db",
            )
        };
        let about = std::fs::metadata(path).ok()?;
        if !about.is_file() {
            return Some(problem("is no ordinary file"));
        }
        let is_configuration = path.canonicalize().ok()? == self.config.canonicalize().ok()?;
        let is_other = about.len() > 0
            && path.extension().is_none_or(|ending| ending != "db")
            && std::fs::File::open(path)
                .and_then(|mut file| {
                    let mut head = [0; HEAD.len()];
                    file.read_exact(&mut head).map(|()| head)
                })
                .is_ok_and(|head| head != HEAD);
        (is_configuration || is_other).then(|| problem("is something else than a store"))
    }

    /// The serial ports of this computer.
    pub fn ports(&self) -> Ports {
        Ports::below(&self.root)
    }

    /// Opens real connections.
    pub fn links(&self) -> Links {
        Links::new()
            .with_ports(self.ports())
            .with_gpio(GpioLines::below(self.root.join("dev")))
    }

    /// The store's file: as configured, else named after the configuration, so that two of them have
    /// two; beside it, or in the folder that the system gives its services for what they keep.
    pub fn store_path(&self, store: &StoreSettings) -> PathBuf {
        let given = std::env::var_os(STATE_DIRECTORY).map(PathBuf::from);
        let folder = given.or_else(|| state_folder(&self.config).filter(|folder| folder.is_dir()));
        self.store_path_within(store, folder)
    }

    fn store_path_within(&self, store: &StoreSettings, folder: Option<PathBuf>) -> PathBuf {
        if let Some(path) = &store.path {
            return path.clone();
        }
        let own = self.config.with_extension("db");
        // All configurations in a folder once had this one, and who is alone there still has.
        let first = self.config.with_file_name("wattbridge.db");
        let is_alone = !self.config.with_file_name("wattbridge.toml").exists();
        if own.exists() {
            own
        } else if first.exists() && is_alone {
            first
        } else {
            match (folder, own.file_name()) {
                (Some(folder), Some(name)) if folder.is_absolute() => folder.join(name),
                _ => own,
            }
        }
    }
}

/// Where a service whose configuration is in `/etc/NAME` keeps things, so that a command that is given by hand
/// finds what the service has.
fn state_folder(config: &Path) -> Option<PathBuf> {
    let config = std::path::absolute(config).ok()?;
    let name = config.parent()?.strip_prefix("/etc").ok()?;
    let is_folder = name.components().next().is_some();
    is_folder.then(|| Path::new("/var/lib").join(name))
}

impl Configured {
    /// What a file says; `place` is where the house is, if it does not say that.
    pub fn from_file(file: &File, place: Option<&HousePlace>) -> Result<Self, Problems> {
        let mut fatal = Problems::new();
        let home: Option<HomeSettings> = keep(file.settings("home"), &mut fatal);
        let log = keep(file.settings("log"), &mut fatal);
        let store = keep(file.settings("store"), &mut fatal);
        let outputs = keep(Outputs::read(file), &mut fatal);
        if let Some(outputs) = &outputs {
            fatal.extend(outputs.missing_secrets(file));
        }
        let mut configured = Self {
            log: log.unwrap_or_default(),
            store: store.unwrap_or_default(),
            outputs: outputs.unwrap_or_default(),
            sources: Vec::new(),
            sums: Vec::new(),
            incomplete: Vec::new(),
            refused: 0,
            problems: file.unknown_sections(&known_sections()),
            exposed: file.exposed(),
        };
        // Whose devices stand below a name that nobody knows, nobody knows either.
        let is_in_file = |problem: &&Problem| problem.line > 0;
        configured.refused = configured.problems.iter().filter(is_in_file).count();
        if configured.refused > 0 {
            configured.incomplete = kinds().collect();
        }
        configured.read_sections(file, Home::of(home.as_ref(), place).as_ref());
        configured.read_sums(file);
        // Whoever has to mend the file wants to hear of everything at once.
        if fatal.is_empty() {
            Ok(configured)
        } else {
            Err(fatal.merge(configured.problems))
        }
    }

    /// Why nothing can run, where no section makes a device.
    pub fn no_devices(self, args: &ConfigArgs) -> Problems {
        let name = args.config.display().to_string();
        let what = if self.problems.is_empty() {
            "no device is configured"
        } else {
            "no device section can be used"
        };
        let hint = "take the # away from a section such as [[aps_ecu]], or add one, with the address of your device; \
                    `wattbridge init -` shows how";
        self.problems
            .merge(Problems::from(Problem::new(name, what, hint)))
    }

    fn read_sections(&mut self, file: &File, home: Option<&Home>) {
        let mut owned = OwnedThings::default();
        for adapter in ADAPTERS {
            for section in adapter.sections(file) {
                let section = Home::complete(home, *adapter, section);
                let problems = match adapter.configure(&section) {
                    Ok(it) => match owned.clash(file, &section, &*it.source) {
                        None => {
                            self.sources.push(it);
                            continue;
                        }
                        Some(problem) => Problems::from(problem),
                    },
                    Err(problems) => problems,
                };
                self.refuse(adapter.kind(), problems);
            }
        }
    }

    fn read_sums(&mut self, file: &File) {
        let mut read: Vec<(Section, SumSettings)> = Vec::new();
        for section in file.sections(sums::KIND) {
            let problems = match section.read::<SumSettings>() {
                Ok(sum) => match read.iter().find(|(_, other)| other.id == sum.id) {
                    None => {
                        read.push((section, sum));
                        continue;
                    }
                    Some((first, _)) => {
                        let label = format!("sum \"{}\"", sum.id);
                        Problems::from(twice(file, &section, &label, first.line()))
                    }
                },
                Err(problems) => problems,
            };
            self.refuse(sums::KIND, problems);
        }
        let all: Vec<SumSettings> = read.iter().map(|(_, sum)| sum.clone()).collect();
        for (section, sum) in read {
            match sums::circle(&all, &sum) {
                None => self.sums.push(sum),
                Some(way) => {
                    let what = format!("the sum leads back to itself: {}", way.join(", "));
                    let hint = "take one of these sums out of the members of the one before it";
                    let problem = section.problem::<SumSettings>("id", &what, hint);
                    self.refuse(sums::KIND, problem.into());
                }
            }
        }
    }

    /// Leaves a section out.
    fn refuse(&mut self, kind: &'static str, problems: Problems) {
        self.problems.extend(problems);
        self.refused += 1;
        if !self.incomplete.contains(&kind) {
            self.incomplete.push(kind);
        }
    }
}

/// Where the house is, and who says so.
struct Home {
    keys: [(&'static str, f64); 2],
    from: &'static str,
}

impl Home {
    fn of(settings: Option<&HomeSettings>, place: Option<&HousePlace>) -> Option<Self> {
        let own = settings.and_then(HomeSettings::keys);
        let own = own.map(|keys| Self {
            keys,
            from: "[home]",
        });
        own.or_else(|| {
            let place = place?;
            Some(Self {
                keys: [("latitude", place.latitude), ("longitude", place.longitude)],
                from: "the settings of Home Assistant:",
            })
        })
    }

    /// A section with the place, if its devices want to know it and it says none itself.
    fn complete(home: Option<&Self>, adapter: &dyn Adapter, section: Section) -> Section {
        match home {
            Some(home) => section.completed(&adapter.page().schema, &home.keys, home.from),
            None => section,
        }
    }
}

/// What belongs to one section only, and in which line that begins.
#[derive(Default)]
struct OwnedThings {
    keys: BTreeMap<String, usize>,
    ports: BTreeMap<String, usize>,
    devices: BTreeMap<DeviceId, usize>,
    reserved: BTreeMap<String, usize>,
}

impl OwnedThings {
    /// What a section has in common with one before it; nothing, and it has all of its own from now on.
    fn clash(&mut self, file: &File, section: &Section, source: &dyn Source) -> Option<Problem> {
        let here = section.line();
        let (key, port) = (source.key(), port_of(source));
        if let Some(line) = self.keys.get(&key) {
            return Some(twice(file, section, &source.label(), *line));
        }
        if let Some((port, line)) = port.as_ref().and_then(|it| self.ports.get_key_value(it)) {
            let port = source
                .port()
                .map_or_else(|| port.clone(), ToString::to_string);
            let what = format!("{port} is the port of the section in line {line} as well");
            let hint = "a port serves one section: write another port in one of them, or make one section of both";
            return Some(problem_at(file, section, what, hint));
        }
        let listed = source.listed();
        let shared =
            |device: &DeviceId| self.devices.get(device).map(|line| (device.clone(), *line));
        if let Some((device, line)) = listed.iter().find_map(shared) {
            let kind = format!("{}_", source.adapter());
            let number = device.to_string();
            let number = number.strip_prefix(&kind).unwrap_or(&number);
            let what = format!("{number} is listed in the section in line {line} as well");
            let hint = "take it out of one of the two: a device belongs to one section";
            return Some(problem_at(file, section, what, hint));
        }
        let reserved = source.reserved();
        let taken = |it: &Reserved| self.reserved.get(&it.key).copied();
        if let Some((it, line)) = reserved.iter().find_map(|it| Some((it, taken(it)?))) {
            let what = format!("{} is that of the section in line {line} as well", it.words);
            return Some(problem_at(file, section, what, &it.advice));
        }
        self.keys.insert(key, here);
        self.ports.extend(port.map(|port| (port, here)));
        self.devices
            .extend(listed.into_iter().map(|device| (device, here)));
        self.reserved
            .extend(reserved.into_iter().map(|it| (it.key, here)));
        None
    }
}

/// The port that nothing else may open, however it is written. A server may serve several, but not two of a kind.
fn port_of(source: &dyn Source) -> Option<String> {
    match source.port()? {
        Address::Serial(path) => {
            let path = path.canonicalize().unwrap_or_else(|_| path.clone());
            Some(path.display().to_string())
        }
        Address::Tcp(endpoint) => Some(format!("{} {endpoint}", source.adapter())),
        Address::Capture(_) => None,
    }
}

fn problem_at(file: &File, section: &Section, what: String, hint: &str) -> Problem {
    let mut problem = Problem::new(file.name(), what, hint);
    problem.line = section.line();
    problem.column = 1;
    problem
}

fn twice(file: &File, section: &Section, label: &str, line: usize) -> Problem {
    let what = format!("{label} is configured twice, first in line {line}");
    problem_at(file, section, what, "remove one of the two sections")
}

/// Every name that may stand at the top of the file.
pub fn known_sections() -> Vec<&'static str> {
    ["home", "log", "store"]
        .into_iter()
        .chain(Outputs::sections())
        .chain(kinds())
        .collect()
}

/// Every name of a section that brings devices along.
fn kinds() -> impl Iterator<Item = &'static str> {
    let names = |adapter: &&dyn Adapter| [&[adapter.kind()], adapter.also_called()].concat();
    ADAPTERS.iter().flat_map(names).chain([sums::KIND])
}

fn keep<T>(read: Result<T, Problems>, problems: &mut Problems) -> Option<T> {
    read.map_err(|more| problems.extend(more)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Configured, Problems> {
        Configured::from_file(&File::parse(text, "wattbridge.toml")?, None)
    }

    fn args(config: PathBuf, root: PathBuf) -> ConfigArgs {
        ConfigArgs {
            config,
            root,
            supervisor: "http://supervisor".parse().unwrap(),
        }
    }

    #[test]
    fn the_store_is_named_after_the_configuration_unless_there_is_one_from_before() {
        let folder = tempfile::tempdir().unwrap();
        let (root, store) = (PathBuf::from("/"), StoreSettings::default());
        let path = |name: &str| {
            let config = folder.path().join(name);
            let root = root.clone();
            let path = args(config, root).store_path_within(&store, None);
            path.file_name().unwrap().to_owned().into_string().unwrap()
        };
        assert_eq!(path("wattbridge.toml"), "wattbridge.db");
        assert_eq!(path("roof.toml"), "roof.db");
        let touch = |name: &str| std::fs::write(folder.path().join(name), "").unwrap();
        touch("wattbridge.db");
        assert_eq!(
            path("roof.toml"),
            "wattbridge.db",
            "it was its store so far"
        );
        touch("wattbridge.toml");
        assert_eq!(path("roof.toml"), "roof.db", "it is the other one's");
        assert_eq!(path("wattbridge.toml"), "wattbridge.db");
    }

    #[test]
    fn the_store_is_in_the_folder_of_the_service_unless_there_is_one_from_before() {
        let folder = tempfile::tempdir().unwrap();
        let state = tempfile::tempdir().unwrap();
        let config = folder.path().join("roof.toml");
        let args = args(config.clone(), PathBuf::from("/"));
        let path = |store: &StoreSettings, state: &Path| {
            args.store_path_within(store, Some(state.to_owned()))
        };
        let none = StoreSettings::default();
        assert_eq!(path(&none, state.path()), state.path().join("roof.db"));
        let beside = config.with_extension("db");
        assert_eq!(path(&none, Path::new("")), beside);
        let service = |config: &str| state_folder(Path::new(config));
        assert_eq!(
            service("/etc/wattbridge/roof.toml").as_deref(),
            Some(Path::new("/var/lib/wattbridge"))
        );
        for other in ["/etc/wattbridge.toml", "/home/etc/a/roof.toml", "roof.toml"] {
            assert_eq!(service(other), None, "{other}");
        }
        let named = StoreSettings {
            path: Some("named.db".into()),
            ..StoreSettings::default()
        };
        assert_eq!(path(&named, state.path()), Path::new("named.db"));
        std::fs::write(&beside, "").unwrap();
        assert_eq!(path(&none, state.path()), beside);
    }

    /// What is of interest of a section that wants the place.
    #[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
    struct Placed {
        port: String,
        inverters: Vec<String>,
        latitude: Option<f64>,
        longitude: Option<f64>,
    }

    impl crate::config::Settings for Placed {
        fn check(&self) -> Vec<crate::config::Complaint> {
            Vec::new()
        }
    }

    #[test]
    fn sections_that_want_the_place_of_the_house_get_it_where_they_say_none() {
        let stick = "[[aps_zigbee]]\nport = \"/dev/ttyUSB0\"\ninverters = [\"408000990001\"]\n";
        let place = HousePlace {
            latitude: 47.25,
            longitude: 11.5,
            time_zone: None,
        };
        let home = "[home]\nlatitude = 52.75\nlongitude = 13.25\n";
        let own = format!("{stick}latitude = -33.5\nlongitude = 151.25\n");
        let seen = |text: &str, place: Option<&HousePlace>| {
            let file = File::parse(text, "wattbridge.toml").unwrap();
            let home = Home::of(file.settings("home").ok().as_ref(), place);
            let adapter = crate::adapters::find("aps_zigbee").unwrap();
            let section = adapter.sections(&file).remove(0);
            let section = Home::complete(home.as_ref(), adapter, section);
            section.read::<Placed>().unwrap().latitude
        };
        assert_eq!(seen(stick, None), None);
        assert_eq!(seen(stick, Some(&place)), Some(47.25));
        assert_eq!(seen(&format!("{home}{stick}"), Some(&place)), Some(52.75));
        assert_eq!(seen(&format!("{home}{own}"), Some(&place)), Some(-33.5));
        // Half a place stays the mistake that it is, and other adapters want none.
        let half = File::parse(&format!("{stick}latitude = 48.2\n"), "wattbridge.toml").unwrap();
        assert_eq!(
            Configured::from_file(&half, Some(&place)).unwrap().refused,
            1
        );
        let ecu = File::parse("[[aps_ecu]]\nhost = \"192.0.2.1\"\n", "wattbridge.toml").unwrap();
        assert_eq!(
            Configured::from_file(&ecu, Some(&place))
                .unwrap()
                .sources
                .len(),
            1
        );
    }

    #[test]
    fn a_mistyped_section_may_be_of_any_adapter() {
        let all: Vec<_> = kinds().collect();
        let right = "[[aps_ecu]]\nhost = \"192.0.2.1\"\n";
        assert!(read(right).unwrap().incomplete.is_empty());
        let wrong = read(&format!("{right}[[aps_euc]]\nhost = \"192.0.2.2\"\n")).unwrap();
        assert_eq!(wrong.incomplete, all);
        assert_eq!(wrong.sources.len(), 1);
        assert_eq!((wrong.problems.len(), wrong.refused), (1, 1));
    }

    #[cfg(unix)]
    #[test]
    fn a_port_is_the_same_by_another_name() {
        let section = |port: &std::path::Path, serial: &str| {
            let port = port.display();
            format!("[[aps_zigbee]]\nport = \"{port}\"\ninverters = [\"{serial}\"]\n")
        };
        let folder = tempfile::tempdir().unwrap();
        let (port, link) = (folder.path().join("ttyUSB0"), folder.path().join("by-id"));
        std::fs::write(&port, "").unwrap();
        std::os::unix::fs::symlink(&port, &link).unwrap();
        let both = section(&port, "408000990001") + &section(&link, "408000990002");
        let told = read(&both).unwrap().problems.to_string();
        assert!(
            told.contains("by-id is the port of the section in line 1"),
            "{told}"
        );
    }

    #[test]
    fn two_sections_share_neither_port_nor_device() {
        let section = |port: &str, id: &str, serial: &str| {
            format!(
                "[[aps_zigbee]]\nport = \"{port}\"\necu_id = \"{id}\"\ninverters = [\"{serial}\"]\n"
            )
        };
        let first = section("/dev/ttyUSB0", "A1B2011B9780", "408000990001");
        for (second, words) in [
            (
                section("/dev/ttyUSB1", "C3D4011B9780", "408000990002"),
                None,
            ),
            (
                section("/dev/ttyUSB0", "C3D4011B9780", "408000990002"),
                Some("/dev/ttyUSB0 is the port of the section in line 1 as well"),
            ),
            (
                section("/dev/ttyUSB1", "A1B2011B9780", "408000990002"),
                Some("A1B2011B9780 is configured twice, first in line 1"),
            ),
            (
                section("/dev/ttyUSB1", "C3D4011B9780", "408000-990-001"),
                Some("408000990001 is listed in the section in line 1 as well"),
            ),
            (
                "[[smart_meter]]\nport = \"/dev/ttyUSB0\"\n".to_owned(),
                Some("the port of the section in line"),
            ),
        ] {
            let both = read(&format!("{first}{second}")).unwrap();
            let told = both.problems.to_string();
            let (count, refused) = (both.sources.len(), both.refused);
            match words {
                None => assert_eq!((count, refused), (2, 0), "{told}"),
                Some(words) => {
                    assert_eq!((count, refused), (1, 1), "{told}");
                    assert!(told.contains(words), "{told}");
                }
            }
        }
        // A server may serve several kinds.
        let tcp = section("tcp://192.0.2.1:1", "A1B2011B9780", "408000990001");
        let other = "[[smart_meter]]\nport = \"tcp://192.0.2.1:1\"\n";
        assert_eq!(read(&format!("{tcp}{other}")).unwrap().refused, 0);
        let again = section("tcp://192.0.2.1:1", "C3D4011B9780", "408000990002");
        assert_eq!(read(&format!("{tcp}{again}")).unwrap().refused, 1);
    }

    #[test]
    fn two_sticks_share_neither_network_nor_reset_line() {
        let section = |number: u8, more: &str| {
            format!(
                "[[aps_zigbee]]\nport = \"/dev/ttyUSB{number}\"\ninverters = [\"40800099000{number}\"]\n{more}\n"
            )
        };
        let told = |first: &str, second: &str| {
            let both = read(&(section(1, first) + &section(2, second))).unwrap();
            let told = both.problems.to_string();
            assert_eq!(both.sources.len() + both.refused, 2, "{told}");
            assert_eq!(both.refused == 0, told.is_empty(), "{told}");
            told
        };
        // That of a section without an id is made of its first serial number.
        let made = Section::from_pairs(
            "aps_zigbee",
            &[
                ("port".to_owned(), "/dev/ttyUSB1".to_owned()),
                ("inverters".to_owned(), "[\"408000990001\"]".to_owned()),
            ],
        )
        .unwrap();
        let made = crate::adapters::find("aps_zigbee")
            .unwrap()
            .configure(&made);
        let made = made.unwrap().source.label();
        let id = |head: &str| format!("ecu_id = \"{head}011B9781\"");
        let ours = id(made.get(..4).unwrap());
        for (first, second) in [(&id("A1B2")[..], "ecu_id = \"A1B2011B9780\""), ("", &ours)] {
            let told = told(first, second);
            assert!(told.contains("four digits"), "{told}");
            assert!(
                told.contains("is that of the section in line 1 as well"),
                "{told}"
            );
            assert!(told.contains("listen_only"), "{told}");
        }
        let listening = "ecu_id = \"A1B2011B9780\"\nlisten_only = true";
        assert_eq!(told(&id("A1B2"), listening), "");
        assert_eq!(told(listening, &id("A1B2")), "");
        assert_eq!(told(&id("A1B2"), &id("A1B3")), "");

        let line = |line: &str| format!("reset_line = \"{line}\"");
        let gpio = line("gpio:GPIO18");
        let same = told(&gpio, &line("GPIO18"));
        assert!(
            same.contains("the line gpio:GPIO18 is that of the section in line 1 as well"),
            "{same}"
        );
        assert_eq!(told(&gpio, &line("gpio:GPIO17")), "");
        // Each serial adapter has its own.
        assert_eq!(told(&line("dtr"), &line("dtr")), "");
    }

    #[test]
    fn one_bad_sum_stops_no_other() {
        let text = "[[sum]]\nid = \"pv\"\nplus = [\"smart_meter_*/power_import\"]\n\n\
                    [[sum]]\nid = \"a\"\nplus = [\"sum_b/power\"]\n\n\
                    [[sum]]\nid = \"b\"\nplus = [\"sum_a/power\"]\n\n\
                    [[sum]]\nid = \"pv\"\nplus = [\"smart_meter_1/power_import\"]\n\n\
                    [[sum]]\nid = \"c\"\nplus = [\"smart_meter_1\"]\n";
        let read = read(text).unwrap();
        let ids: Vec<&str> = read.sums.iter().map(|sum| sum.id.as_str()).collect();
        assert_eq!((ids, read.refused), (vec!["pv"], 4));
        assert_eq!(read.incomplete, [sums::KIND]);
        let told = read.problems.to_string();
        for (line, words) in [
            (6, "leads back to itself: a, b, a"),
            (10, "leads back to itself: b, a, b"),
            (13, "sum \"pv\" is configured twice, first in line 1"),
            (19, "smart_meter_1"),
        ] {
            assert!(
                told.contains(&format!("wattbridge.toml:{line}")),
                "{line}: {told}"
            );
            assert!(told.contains(words), "{told}");
        }
    }

    #[test]
    fn each_section_that_cannot_be_used_counts_once() {
        let right = "[[aps_ecu]]\nhost = \"192.0.2.1\"\n";
        assert_eq!(read(right).unwrap().refused, 0);
        // One mistake in a section, three in another, and one section twice.
        let wrong = "[[aps_ecu]]\nhost = \"a b\"\n[[smart_meter]]\nbaud = 1\nmax_power = 0\n";
        let wrong = read(&format!("{right}{wrong}{right}")).unwrap();
        assert_eq!(wrong.refused, 3);
        assert_eq!(wrong.sources.len(), 1);
        assert!(wrong.problems.len() > 3);
    }
}
