//! The section `[web]` of the configuration file.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::{Complaint, File, Problem, Problems, Secret, SectionDoc, Settings};

/// The section's name.
pub const SECTION: &str = "web";
/// The port where nobody says otherwise, and the one in Home Assistant.
pub const PORT: u16 = 8099;

const LONGEST_TITLE: usize = 60;

/// The page that wattbridge serves, for web browsers. As an app of Home Assistant it is in the sidebar there, and
/// only there.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct WebSettings {
    /// Whether it is served.
    pub enabled: bool,
    /// Address and port it is reached at. `127.0.0.1:8099` is for this computer only; `0.0.0.0:8099` is for the
    /// whole network, and needs a password.
    pub listen: String,
    /// Who knows it may see and do everything. Without one, whoever sits at this computer may.
    pub password: Option<Secret>,
    /// Whether everybody else may look: the values and the history, without serial numbers, settings, log and
    /// controls.
    pub guest: bool,
    /// Further names that the page is reached by, as they stand in the browser, without port: `solar.home`. Addresses,
    /// `localhost`, the name of this computer and names that end in `.local` need not be here.
    pub hosts: Vec<String>,
    /// Who may show the page in a frame of theirs: `http://homeassistant.local:8123`.
    pub frames: Vec<String>,
    /// What stands above the page: the name of the house.
    pub title: Option<String>,
    /// Whether `/metrics` is there, for Prometheus.
    pub metrics: bool,
    /// Whether the page may also change what reaches beyond wattbridge: programs that are run, files and variables
    /// that secrets are read from, paths that are written to, and this section. It has to be set in the file itself.
    pub trusted_editor: bool,
}

impl Default for WebSettings {
    fn default() -> Self {
        Self {
            enabled: true,
            listen: format!("127.0.0.1:{PORT}"),
            password: None,
            guest: false,
            hosts: Vec::new(),
            frames: Vec::new(),
            title: None,
            metrics: false,
            trusted_editor: false,
        }
    }
}

impl Settings for WebSettings {
    fn check(&self) -> Vec<Complaint> {
        let mut complaints = Vec::new();
        if self.listen.parse::<SocketAddr>().is_err() {
            complaints.push(Complaint::new(
                "listen",
                "it is not an address with a port",
                "write it like \"127.0.0.1:8099\", or \"0.0.0.0:8099\" for the whole network",
            ));
        }
        if let Some(host) = self.hosts.iter().find(|host| !is_host(host)) {
            complaints.push(Complaint::new(
                "hosts",
                format!("{host:?} is not the name of a computer"),
                "write names only, without http:// and without a port: [\"solar.home\"]",
            ));
        }
        if let Some(frame) = self.frames.iter().find(|frame| !is_origin(frame)) {
            complaints.push(Complaint::new(
                "frames",
                format!("{frame:?} is not the beginning of a web address"),
                "write them like [\"http://homeassistant.local:8123\"], with nothing behind the port",
            ));
        }
        let title = self.title.as_deref().unwrap_or_default();
        if title.chars().count() > LONGEST_TITLE || title.chars().any(char::is_control) {
            complaints.push(Complaint::new(
                "title",
                format!("it is longer than {LONGEST_TITLE} characters, or has invisible ones"),
                "write a few words, such as \"Our roof\"",
            ));
        }
        complaints
    }
}

impl WebSettings {
    /// What the file says, and what is wrong with it. Without a section that can be used there is no page: it might
    /// have a password.
    pub fn configure(file: &File) -> (Option<Self>, Problems) {
        let mut settings: Self = match file.settings(SECTION) {
            Ok(settings) => settings,
            Err(problems) => return (None, problems),
        };
        let mut problems = Problems::new();
        if !settings.enabled {
            return (Some(settings), problems);
        }
        if let Some(Err(error)) = settings.password.as_ref().map(Secret::reveal) {
            let what = format!("{error}, so nobody can log in to the page");
            problems.push(settings.problem(file, "password", &what, ""));
        }
        let address = settings.address();
        if settings.password.is_none() && !address.ip().to_canonical().is_loopback() {
            problems.push(settings.problem(
                file,
                "listen",
                "the page would be open to the whole network, so it stays on this computer",
                "set a password beside it: password = \"...\", or { file = \"/etc/wattbridge/web-password\" }",
            ));
            settings.listen = SocketAddr::new(NEAR, address.port()).to_string();
        }
        (Some(settings), problems)
    }

    fn problem(&self, file: &File, key: &str, what: &str, hint: &str) -> Problem {
        let sections = file.sections(SECTION);
        match sections.first() {
            Some(section) => section.problem::<Self>(key, what, hint),
            None => Problem::new(file.name(), format!("[{SECTION}] {key}: {what}"), hint),
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        // It was checked when it was read.
        let usual = SocketAddr::new(NEAR, PORT);
        self.listen.parse().unwrap_or(usual)
    }
}

/// This computer itself.
const NEAR: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

fn is_host(text: &str) -> bool {
    let is_usual = |c: char| c.is_alphanumeric() || ".-_".contains(c);
    !text.is_empty() && text.len() <= 253 && text.chars().all(is_usual)
}

/// What may stand in a header without ending it or beginning another directive.
fn is_origin(text: &str) -> bool {
    let rest = text.strip_prefix("http://");
    let Some(rest) = rest.or_else(|| text.strip_prefix("https://")) else {
        return false;
    };
    let is_usual = |c: char| c.is_ascii_alphanumeric() || "*.-_:[]".contains(c);
    !rest.is_empty() && rest.len() <= 253 && rest.chars().all(is_usual)
}

/// The section of the configuration, for the documentation.
pub fn page() -> SectionDoc<'static> {
    SectionDoc {
        heading: "[web]",
        about: "The page that wattbridge serves, for web browsers: see [The web page](web-page.md). It is on, for this computer only, unless this says otherwise. As an app of Home Assistant it is in the sidebar there, and only there.",
        schema: schemars::schema_for!(WebSettings),
        defaults: serde_json::to_value(WebSettings::default()).unwrap_or_default(),
        example: "[web]\nlisten = \"0.0.0.0:8099\"\npassword = { file = \"/etc/wattbridge/web-password\" }\nguest = true\ntitle = \"Our roof\"\n",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Option<WebSettings>, Problems) {
        WebSettings::configure(&File::parse(text, "wattbridge.toml").unwrap())
    }

    #[test]
    fn it_is_on_for_this_computer_only() {
        let (settings, problems) = read("");
        let settings = settings.unwrap();
        assert!(settings.enabled && problems.is_empty());
        assert!(settings.address().ip().is_loopback());
    }

    #[test]
    fn the_network_needs_a_password_and_the_page_stays_where_it_is() {
        for open in ["0.0.0.0:80", "[::]:80", "192.0.2.1:80"] {
            let (settings, problems) = read(&format!("[mqtt]\n\n[web]\nlisten = \"{open}\"\n"));
            assert_eq!(settings.unwrap().listen, "127.0.0.1:80");
            let [problem] = &problems.iter().collect::<Vec<_>>()[..] else {
                panic!("{problems}");
            };
            assert_eq!((problem.line, problem.key.as_str()), (4, "web.listen"));
            assert!(problem.hint.contains("password"), "{problem}");
            let (settings, problems) = read(&format!(
                "[web]\nlisten = \"{open}\"\npassword = \"swordfish\"\n"
            ));
            assert_eq!(settings.unwrap().listen, open);
            assert!(problems.is_empty());
        }
        for near in ["127.0.0.1:80", "[::1]:80", "127.3.2.1:80"] {
            assert!(read(&format!("[web]\nlisten = \"{near}\"\n")).1.is_empty());
        }
    }

    #[test]
    fn a_password_that_is_not_there_opens_nothing() {
        let (settings, problems) = read(
            "[web]\nlisten = \"0.0.0.0:80\"\npassword = { env = \"WATTBRIDGE_NO_SUCH_WORD\" }\n",
        );
        let settings = settings.unwrap();
        assert!(settings.password.is_some());
        assert_eq!(problems.len(), 1);
        assert!(
            problems.to_string().contains("nobody can log in"),
            "{problems}"
        );
    }

    #[test]
    fn a_section_that_cannot_be_used_serves_no_page() {
        for (wrong, words) in [
            ("listen = \"8099\"", "address with a port"),
            ("listne = \"127.0.0.1:1\"", "listen"),
            ("hosts = [\"http://a\"]", "without http://"),
            (
                "frames = [\"http://a; script-src *\"]",
                "beginning of a web address",
            ),
            (
                "frames = [\"homeassistant.local\"]",
                "beginning of a web address",
            ),
            ("title = \"a\\nb\"", "invisible"),
        ] {
            let (settings, problems) = read(&format!("[web]\npassword = \"swordfish\"\n{wrong}\n"));
            assert!(settings.is_none(), "{wrong}");
            let told = problems.to_string();
            assert!(
                told.contains(words) && !told.contains("swordfish"),
                "{told}"
            );
        }
    }
}
