//! The program itself, with its page.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tokio::time::timeout;

use crate::DEADLINE;
use crate::http::{Ask, log_in};

pub(crate) struct Program {
    child: Child,
    log: std::path::PathBuf,
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Program {
    fn run(folder: &Path, web: &str) -> Self {
        let text = format!(
            "[home_assistant]\nenabled = false\n\n{web}\n\n[[text]]\nid = \"pump\"\ncommand = [\"echo\", \"42\"]\n\
             interval = \"1s\"\nvalues = [{{ id = \"power\", quantity = \"power\" }}]\n"
        );
        Self::with(folder, &text, &[])
    }

    /// With this file, and these options.
    pub(crate) fn with(folder: &Path, text: &str, options: &[&str]) -> Self {
        fs::write(folder.join("wattbridge.toml"), text).unwrap();
        Self::started(folder, options)
    }

    /// With the file that is there.
    pub(crate) fn with_file_as_it_is(folder: &Path) -> Self {
        Self::started(folder, &[])
    }

    fn started(folder: &Path, options: &[&str]) -> Self {
        let log = folder.join("log");
        let output = fs::File::create(&log).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_wattbridge"));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("WATTBRIDGE") {
                command.env_remove(name);
            }
        }
        let child = command
            .arg("run")
            .args(options)
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(output)
            .spawn()
            .unwrap();
        Self { child, log }
    }

    pub(crate) fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// Waits until it has said something.
    pub(crate) async fn until_said(&mut self, words: &str) -> String {
        awaited(words, async || {
            let said = self.said();
            if said.contains(words) {
                return Some(said);
            }
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none(), "{words}: {said}");
            None
        })
        .await
    }

    /// How it has ended by itself.
    pub(crate) async fn ended(&mut self) -> Option<i32> {
        let ended = awaited("its end", async || self.child.try_wait().unwrap());
        ended.await.code()
    }

    pub(crate) async fn end(&mut self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        self.ended().await;
        assert!(!self.said().contains("panicked"), "{}", self.said());
    }
}

/// Looks again and again until it is there.
pub(crate) async fn awaited<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let looking = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let found = timeout(DEADLINE, looking).await;
    found.unwrap_or_else(|_| panic!("{what} is never there"))
}

/// The address in a line of the log.
pub(crate) fn address(said: &str) -> SocketAddr {
    let (_, rest) = said.split_once("The page is at http://").unwrap();
    rest.split_once('/').unwrap().0.parse().unwrap()
}

/// Waits until the device is there with its value.
pub(crate) async fn power(to: SocketAddr, cookie: &str) -> serde_json::Value {
    let ask = Ask::get(to, "/api/v1/state").header("Cookie", cookie);
    awaited("the power of the pump", async || {
        let state = ask.send().await.json();
        let mut devices = state["devices"].as_array().unwrap().iter();
        let pump = devices.find(|it| it["values"]["power"] == 42)?;
        Some(pump["ref"].clone())
    })
    .await
}

#[tokio::test]
async fn it_serves_its_page_and_names_devices_alike_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let web = "[web]\nlisten = \"127.0.0.1:0\"\npassword = \"correct-horse\"\n";
    let mut program = Program::run(folder.path(), web);
    let to = address(&program.until_said("The page is at").await);
    let cookie = log_in(to, "correct-horse").await;
    let before = power(to, &cookie).await;
    // A stream that is open holds nobody up.
    let mut stream = Ask::get(to, "/api/v1/events")
        .header("Cookie", &cookie)
        .open()
        .await;
    stream.until("event: hello").await;
    program.end().await;
    let mut again = Program::run(folder.path(), web);
    let to = address(&again.until_said("The page is at").await);
    assert_eq!(
        power(to, &cookie).await,
        before,
        "the session and the names are kept"
    );
    again.end().await;
    assert!(!again.said().contains("correct-horse"));
}

#[tokio::test]
async fn a_port_that_is_taken_is_said_and_stops_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let other = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let taken = other.local_addr().unwrap();
    let web = format!("[web]\nlisten = \"{taken}\"\n\n[jsonl]\nenabled = true\npath = \"lines\"\n");
    let mut program = Program::run(folder.path(), &web);
    let said = program.until_said("another program is there").await;
    assert!(said.contains("[web] listen"), "{said}");
    let lines = || fs::read_to_string(folder.path().join("lines")).unwrap_or_default();
    awaited("a line", async || lines().contains("42").then_some(())).await;
    program.end().await;
}

#[tokio::test]
async fn a_page_for_the_whole_network_without_password_stays_at_home() {
    let folder = tempfile::tempdir().unwrap();
    let mut program = Program::run(folder.path(), "[web]\nlisten = \"0.0.0.0:0\"\n");
    let said = program.until_said("The page is at").await;
    assert!(address(&said).ip().is_loopback(), "{said}");
    assert!(
        said.contains("wattbridge.toml:5:") && said.contains("set a password"),
        "{said}"
    );
    program.end().await;
}
