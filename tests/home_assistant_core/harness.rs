//! A real Home Assistant Core, run by a harness that is no part of the project.
//!
//! | Variable | Meaning |
//! |---|---|
//! | `WATTBRIDGE_HA_HARNESS` | path of the harness; left out, `../shared/tools/ha-harness/ha-harness` beside the project |
//! | `HA_HARNESS_HOME` | where Home Assistant is installed; left out, `wattbridge/ha` in the user's cache |
//! | `WATTBRIDGE_HA_INSTALL` | `0`: never install it. `1`: a failure to install it fails the test. Left out, it is installed if possible |
//!
//! The installation takes about a minute and 1.5 GB, once, and outlives the checkout.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Instant;

use serde_json::Value as Json;
use tempfile::TempDir;

use crate::support::ports::free_port;

/// Loads the harness, which is a program and not a module, and asks Home Assistant's WebSocket API
/// for something that it has no command for.
const ASK: &str = "
import importlib.machinery, importlib.util, json, sys
program, folder, command, details = sys.argv[1:]
loader = importlib.machinery.SourceFileLoader('harness', program)
harness = importlib.util.module_from_spec(importlib.util.spec_from_loader('harness', loader))
sys.dont_write_bytecode = True
loader.exec_module(harness)
print(json.dumps(harness.Instance(folder).ask(command, **json.loads(details))))
";

/// One instance with a folder of its own. It ends when this is dropped.
pub(crate) struct Harness {
    program: PathBuf,
    home: PathBuf,
    folder: TempDir,
}

impl Harness {
    /// `None`, with a word on why, if there is no harness or nothing it could run.
    pub(crate) fn find() -> Option<Self> {
        let program = match env::var_os("WATTBRIDGE_HA_HARNESS") {
            Some(path) => PathBuf::from(path),
            None => {
                Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/tools/ha-harness/ha-harness")
            }
        };
        if !program.is_file() {
            eprintln!(
                "passed over: no Home Assistant harness at {}; WATTBRIDGE_HA_HARNESS may name it",
                program.display()
            );
            return None;
        }
        let harness = Self {
            program,
            home: home()?,
            folder: tempfile::tempdir().unwrap(),
        };
        harness.is_installed().then_some(harness)
    }

    /// Whether there is a Home Assistant to run, by now.
    fn is_installed(&self) -> bool {
        let wish = env::var("WATTBRIDGE_HA_INSTALL").unwrap_or_default();
        let installed = self.home.join("installed.json");
        if installed.is_file() {
            return true;
        }
        if wish == "0" {
            eprintln!(
                "passed over: Home Assistant is not installed in {}, and WATTBRIDGE_HA_INSTALL is 0",
                self.home.display()
            );
            return false;
        }
        fs::create_dir_all(&self.home).unwrap();
        // Tests of two checkouts may come to this at the same time.
        let lock = File::create(self.home.join("install.lock")).unwrap();
        lock.lock().unwrap();
        if installed.is_file() {
            return true;
        }
        eprintln!(
            "installing Home Assistant in {}; this takes a minute, once",
            self.home.display()
        );
        let output = self.command("install", &["--no-browser"]).output().unwrap();
        let done = output.status.success();
        assert!(
            done || wish != "1",
            "Home Assistant was not installed:\n{}",
            told(&output)
        );
        if !done {
            eprintln!(
                "passed over: Home Assistant cannot be installed:\n{}",
                told(&output)
            );
        }
        done
    }

    /// Starts it, connected to the broker on this port.
    pub(crate) fn start(&self, broker: u16) {
        let (broker, port) = (format!("127.0.0.1:{broker}"), free_port().to_string());
        self.run("start", &["--broker", &broker, "--port", &port]);
    }

    /// Where its WebSocket is, and a token for it.
    pub(crate) fn socket(&self) -> (String, String) {
        let known = fs::read(self.folder.path().join("harness.json")).unwrap();
        let known: Json = serde_json::from_slice(&known).unwrap();
        let url = format!("ws://127.0.0.1:{}/api/websocket", known["port"]);
        (url, known["token"].as_str().unwrap().to_owned())
    }

    /// Ends it and starts it again. What it knows of devices is on its disk then.
    pub(crate) fn restart(&self) {
        self.run("restart", &[]);
    }

    /// From here on [`Self::complaints`] are counted anew.
    pub(crate) fn mark(&self) {
        self.run("mark", &[]);
    }

    /// Warnings and errors since the start, the restart or the mark.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let output = self
            .command("validate", &["--since-mark", "--settle", "0.5"])
            .output()
            .unwrap();
        // 1 means complaints, anything else that the harness itself failed.
        let lines = String::from_utf8_lossy(&output.stdout);
        let found: Vec<_> = lines.lines().map(str::to_owned).collect();
        let expected = if found.is_empty() { 0 } else { 1 };
        assert_eq!(output.status.code(), Some(expected), "{}", told(&output));
        // On a machine that is busy with something else Home Assistant finds itself slow.
        let is_slowness = |line: &String| {
            line.contains("[homeassistant.helpers.entity] Updating state for")
                && line.contains(" took ")
        };
        found
            .into_iter()
            .filter(|line| !is_slowness(line))
            .collect()
    }

    /// Entities that are switched on.
    pub(crate) fn states(&self) -> Vec<Json> {
        self.list("states")
    }

    /// Devices, each with all its entities.
    pub(crate) fn devices(&self) -> Vec<Json> {
        self.list("devices")
    }

    /// Calls an action.
    pub(crate) fn call(&self, action: &str, entity: &str, data: &Json) {
        self.run("call", &[action, entity, "--data", &data.to_string()]);
    }

    /// Puts these sources on the energy dashboard: what Home Assistant says to that, and whether it is
    /// content.
    pub(crate) fn energy(&self, preferences: &Json) -> (String, bool) {
        let file = self.folder.path().join("energy.json");
        fs::write(&file, preferences.to_string()).unwrap();
        let mut command = self.command("energy-check", &[]);
        command.arg("--prefs").arg(file);
        let output = command.output().unwrap();
        (told(&output), output.status.success())
    }

    /// What the WebSocket API answers.
    pub(crate) fn ask(&self, command: &str, details: &Json) -> Json {
        let output = Command::new("python3")
            .args(["-c", ASK])
            .arg(&self.program)
            .arg(self.folder.path())
            .args([command, &details.to_string()])
            .env("HA_HARNESS_HOME", &self.home)
            .output()
            .unwrap();
        assert!(output.status.success(), "{command}: {}", told(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// All that Home Assistant wrote down about entities, also those that are switched off. It does
    /// so when it ends, at the latest.
    pub(crate) fn written_entities(&self) -> Vec<Json> {
        let file = self.folder.path().join(".storage/core.entity_registry");
        let written: Json = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
        written["data"]["entities"].as_array().unwrap().clone()
    }

    fn list(&self, what: &str) -> Vec<Json> {
        serde_json::from_str(&self.run(what, &["--json"])).unwrap()
    }

    fn run(&self, name: &str, arguments: &[&str]) -> String {
        let output = self.command(name, arguments).output().unwrap();
        assert!(output.status.success(), "{name}: {}", told(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    fn command(&self, name: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.arg(name).args(arguments).stdin(Stdio::null());
        command.env("HA_HARNESS_HOME", &self.home);
        command.env("HA_HARNESS_DIR", self.folder.path());
        command
    }
}

impl Drop for Harness {
    fn drop(&mut self) {
        if self.folder.path().join("harness.json").is_file() {
            // Whether it ended by itself does not matter any more.
            let since = Instant::now();
            let _ = self.command("stop", &[]).output();
            eprintln!("  {:4.1} s for its end", since.elapsed().as_secs_f64());
        }
    }
}

fn home() -> Option<PathBuf> {
    let of = |variable: &str| env::var_os(variable).filter(|value| !value.is_empty());
    let cache = || {
        let own = of("HOME").map(|home| Path::new(&home).join(".cache"));
        let cache = of("XDG_CACHE_HOME").map(PathBuf::from).or(own)?;
        Some(cache.join("wattbridge/ha"))
    };
    let home = of("HA_HARNESS_HOME").map(PathBuf::from).or_else(cache);
    if home.is_none() {
        eprintln!("passed over: neither HA_HARNESS_HOME nor HOME is set");
    }
    home
}

fn told(output: &Output) -> String {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}
