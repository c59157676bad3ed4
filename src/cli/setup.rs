//! From the configuration file to everything that runs.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::Args;

use super::known_place::KnownPlace;
use super::logging::LogSettings;
use super::owned::{OwnedThings, twice};
use super::page::section_kinds;
use crate::adapters::ADAPTERS;
use crate::addon::{HomeAssistantApp, HousePlace};
use crate::bridge::sums::{self, SumSettings};
use crate::config::editing::part_of;
use crate::config::{File, Language, PlaceSettings, Problem, Problems, Section};
use crate::device::{Adapter, ConfiguredSource};
use crate::flow::{FlowSettings, PriceSettings};
use crate::history::HistorySettings;
use crate::http::HttpServer;
use crate::links::{GpioLines, Links, Ports};
use crate::outputs::Outputs;
use crate::store::StoreSettings;
use crate::uploads::{self, Uploads};
use crate::web::{self, WebSettings};

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
    pub history: HistorySettings,
    pub outputs: Outputs,
    /// Where the history is sent.
    pub uploads: Uploads,
    /// Which values are the sun, the grid and the battery.
    pub flow: FlowSettings,
    /// What energy costs and brings.
    pub prices: PriceSettings,
    /// The language of the house.
    pub language: Language,
    /// The page; none if what is said of it cannot be used.
    pub web: Option<WebSettings>,
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
    /// How many sections took the place of the house from Home Assistant.
    pub placed: usize,
}

impl ConfigArgs {
    /// Reads the file. An error means that nothing can run; problems with single device sections
    /// are kept aside.
    pub fn read(&self) -> Result<Configured, Problems> {
        self.configured(&self.file()?)
    }

    /// The file itself, with the environment laid over it.
    pub fn file(&self) -> Result<File, Problems> {
        self.laid_over(File::load(&self.config)?)
    }

    /// The same of a text that is not the file yet.
    pub fn file_of(&self, text: &str) -> Result<File, Problems> {
        self.laid_over(File::parse(text, &self.config.display().to_string())?)
    }

    /// What is said of the page, if that can be used, whatever else is in the file.
    pub fn page(&self) -> Option<WebSettings> {
        let read = self.file().ok().or_else(|| {
            let text = std::fs::read_to_string(&self.config).ok()?;
            let text = part_of(&text, web::SECTION, &section_kinds())?;
            self.file_of(&text).ok()
        });
        let read = read.and_then(|file| WebSettings::configure(&file).0);
        // Home Assistant lets its own users in, and nobody else, whatever is in the file.
        read.or_else(|| self.app().map(|_| WebSettings::default()))
    }

    fn laid_over(&self, mut file: File) -> Result<File, Problems> {
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
        let given = tokens.iter().filter_map(|name| std::env::var(name).ok());
        let token = given.into_iter().find(|token| !token.is_empty());
        HomeAssistantApp::detect(&self.root, &self.supervisor, token)
    }

    /// What the file says, as [`Self::read`].
    pub fn configured(&self, file: &File) -> Result<Configured, Problems> {
        let app = self.app();
        let place = app.as_ref().and_then(HomeAssistantApp::place);
        let mut configured = Configured::from_file(file, place.as_ref())?;
        if let Some(core) = app.as_ref().and_then(HomeAssistantApp::core) {
            configured.uploads.meet_core(&core);
        }
        let mqtt = &mut configured.outputs.mqtt;
        mqtt.lookup = app.map(|app| app.broker());
        if let (Some(_), None, Some(port)) = (&mqtt.lookup, &mqtt.host, mqtt.port) {
            return Err(Problem::new(
                file.name(),
                format!("the MQTT broker has a port, {port}, and no host"),
                "write the host of your broker too, or leave the port out: Home Assistant knows both",
            )
            .into());
        }
        let history = configured.history.path.as_ref();
        let is_same = |path: &PathBuf| *path == self.store_path(&configured.store);
        let unfit = self
            .unfit_file("store", "wattbridge.db", configured.store.path.as_ref())
            .or_else(|| self.unfit_file("history", "wattbridge-history.db", history))
            .or_else(|| {
                let path = history.filter(|path| is_same(path))?;
                Some(Problem::new(
                    self.config.display().to_string(),
                    format!("[history] path: {} is the store already", path.display()),
                    "name another file, or leave the path out",
                ))
            });
        match unfit {
            Some(problem) => Err(configured.problems.merge(problem.into())),
            None => Ok(configured),
        }
    }

    /// What is wrong with the place of the store or the history: a file that is something else would be moved out
    /// of the way as a damaged one.
    fn unfit_file(&self, what: &str, example: &str, path: Option<&PathBuf>) -> Option<Problem> {
        const HEAD: &[u8] = b"SQLite format 3\0";
        let path = path?;
        let problem = |words: &str| {
            let name = self.config.display().to_string();
            let words = format!("[{what}] path: {} {words}", path.display());
            let hint = format!("name a file that is not there yet, such as {example}");
            Problem::new(name, words, hint)
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
        (is_configuration || is_other)
            .then(|| problem("is something else than a database of wattbridge"))
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
        // systemd names several with colons between them.
        let given = std::env::var(STATE_DIRECTORY).ok();
        let given = given.and_then(|all| all.split(':').next().map(PathBuf::from));
        let folder = given.or_else(|| state_folder(&self.config).filter(|folder| folder.is_dir()));
        self.store_path_within(store, folder)
    }

    /// The file of the history: as configured, else beside the store and named after it.
    pub fn history_path(&self, history: &HistorySettings, store: &StoreSettings) -> PathBuf {
        if let Some(path) = &history.path {
            return path.clone();
        }
        let store = self.store_path(store);
        let mut name = store.file_stem().unwrap_or_default().to_owned();
        name.push("-history.db");
        store.with_file_name(name)
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
    /// What a file says; `known` is where the house is, if it does not say that.
    pub fn from_file(file: &File, known: Option<&HousePlace>) -> Result<Self, Problems> {
        let mut fatal = Problems::new();
        let place: Option<PlaceSettings> = keep(file.settings("place"), &mut fatal);
        let log = keep(file.settings("log"), &mut fatal);
        let store = keep(file.settings("store"), &mut fatal);
        let flow = keep(file.settings("flow"), &mut fatal);
        let prices = keep(file.settings("prices"), &mut fatal);
        let history = keep(file.settings("history"), &mut fatal);
        let outputs = keep(Outputs::read(file), &mut fatal);
        if let Some(outputs) = &outputs {
            fatal.extend(outputs.missing_secrets(file));
        }
        let mut configured = Self {
            log: log.unwrap_or_default(),
            store: store.unwrap_or_default(),
            history: history.unwrap_or_default(),
            outputs: outputs.unwrap_or_default(),
            flow: flow.unwrap_or_default(),
            prices: prices.unwrap_or_default(),
            language: place
                .as_ref()
                .map(|place| place.language)
                .unwrap_or_default(),
            web: None,
            sources: Vec::new(),
            sums: Vec::new(),
            uploads: Uploads::default(),
            incomplete: Vec::new(),
            refused: 0,
            problems: file.unknown_sections(&known_sections()),
            exposed: file.exposed(),
            placed: 0,
        };
        // Whose devices stand below a name that nobody knows, nobody knows either.
        let is_in_file = |problem: &&Problem| problem.line > 0;
        configured.refused = configured.problems.iter().filter(is_in_file).count();
        if configured.refused > 0 {
            configured.incomplete = kinds().collect();
        }
        configured.read_web(file);
        configured.read_sections(file, KnownPlace::of(place.as_ref(), known).as_ref());
        configured.read_sums(file);
        let (uploads, problems) = Uploads::read(file);
        configured.uploads = uploads;
        if !problems.is_empty() {
            configured.refuse(uploads::KIND, problems);
        }
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
                    `wattbridge init -` shows a whole file";
        self.problems
            .merge(Problems::from(Problem::new(name, what, hint)))
    }

    /// What is wrong with the page stops nothing else.
    fn read_web(&mut self, file: &File) {
        let (web, problems) = WebSettings::configure(file);
        self.web = web;
        self.problems.extend(problems);
    }

    fn read_sections(&mut self, file: &File, place: Option<&KnownPlace>) {
        let mut owned = OwnedThings::default();
        for adapter in ADAPTERS {
            for section in adapter.sections(file) {
                let section = match place.and_then(|place| place.complete(*adapter, &section)) {
                    Some((completed, is_of_home_assistant)) => {
                        self.placed += usize::from(is_of_home_assistant);
                        completed
                    }
                    None => section,
                };
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

/// Every name that may stand at the top of the file.
pub fn known_sections() -> Vec<&'static str> {
    [
        "place",
        "log",
        "store",
        "history",
        "flow",
        "prices",
        web::SECTION,
    ]
    .into_iter()
    .chain(Outputs::sections())
    .chain(Uploads::sections())
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

    /// `WATTBRIDGE_A_B` would be a key `b` of `[a]` and one of `[a_b]`.
    #[test]
    fn no_section_takes_the_variables_of_another() {
        let names = known_sections();
        for one in &names {
            let begins = format!("{one}_");
            let others: Vec<_> = names.iter().filter(|it| it.starts_with(&begins)).collect();
            assert!(others.is_empty(), "{one} begins {others:?}");
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
