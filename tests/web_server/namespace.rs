//! A network of its own for one test, in which this computer has the addresses of everybody.

use std::process::{Command, Stdio};

/// Set inside of it.
const INSIDE: &str = "WATTBRIDGE_TEST_NAMESPACE";

/// Home Assistant's Supervisor, somebody in the home network, and this computer there.
pub(crate) const SUPERVISOR: &str = "172.30.32.2";
pub(crate) const NEIGHBOUR: &str = "192.0.2.7";
pub(crate) const HERE: &str = "192.0.2.1";

struct Namespace(String);

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = ip(&["netns", "delete", &self.0]);
    }
}

/// Runs a test in there; `name` is the test's own. It is passed over where no such network can be made.
pub(crate) fn run_in_namespace(name: &str, test: impl AsyncFnOnce()) {
    if std::env::var_os(INSIDE).is_some() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        return runtime.block_on(test());
    }
    let namespace = Namespace(format!("wb{}web", std::process::id()));
    if let Err(words) = build(&namespace.0) {
        eprintln!("passed over: no network of its own can be made: {words}");
        return;
    }
    let mut again = Command::new("ip");
    again.args(["netns", "exec", &namespace.0]);
    again.arg(std::env::current_exe().unwrap());
    again
        .args(["--exact", "--nocapture", name])
        .env(INSIDE, "1");
    let done = again.stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&done.stdout);
    let words = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{said}\n{words}");
    // A name that is misspelt would run nothing at all.
    assert!(said.contains("1 passed"), "{said}");
}

fn build(name: &str) -> Result<(), String> {
    ip(&["netns", "add", name])?;
    ip(&["-n", name, "link", "set", "lo", "up"])?;
    for address in [SUPERVISOR, NEIGHBOUR, HERE] {
        ip(&[
            "-n",
            name,
            "addr",
            "add",
            &format!("{address}/32"),
            "dev",
            "lo",
        ])?;
    }
    Ok(())
}

fn ip(words: &[&str]) -> Result<(), String> {
    let done = Command::new("ip").args(words).output();
    let done = done.map_err(|error| format!("ip: {error}"))?;
    if done.status.success() {
        return Ok(());
    }
    Err(String::from_utf8_lossy(&done.stderr).trim().to_owned())
}
