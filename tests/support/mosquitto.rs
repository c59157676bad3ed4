//! A real Mosquitto on a free port of the loopback interface, killed when dropped.
//!
//! ```text
//! let Some(mut broker) = Mosquitto::prepare(&Setup::default()) else { return };
//! broker.start();           // returns when it accepts connections
//! broker.kill();            // as in a power cut
//! broker.start();           // the same port, the same persistence file, if there is one
//! broker.stop();            // in order: retained messages are saved, if persistent
//! ```

use std::fmt::Write as _;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use tempfile::TempDir;

use super::ports::free_port;

/// A broker is local and small: what takes longer than this does not happen any more.
const DEADLINE: Duration = Duration::from_secs(20);

/// How the broker shall be configured. The default lets everybody in over plain TCP.
#[derive(Default)]
pub(crate) struct Setup {
    /// Retained messages survive `stop` (not `kill`).
    pub(crate) persistent: bool,
    /// The only user and the password, if not everybody may come.
    pub(crate) user: Option<(&'static str, &'static str)>,
    /// TLS instead of plain TCP.
    pub(crate) tls: Option<TlsFiles>,
    /// Further lines of the configuration file.
    pub(crate) extra: Vec<String>,
}

/// PEM files for the broker's side.
pub(crate) struct TlsFiles {
    /// Authority for client certificates.
    pub(crate) ca: PathBuf,
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
    pub(crate) require_client_certificate: bool,
}

/// A broker, running or not.
pub(crate) struct Mosquitto {
    binary: PathBuf,
    dir: TempDir,
    port: u16,
    running: Option<Running>,
}

struct Running {
    child: Child,
    log: Receiver<String>,
    seen: Vec<String>,
}

impl Mosquitto {
    /// Writes the configuration and chooses a port. `None`, with a word on why, if there is no
    /// Mosquitto on this computer.
    pub(crate) fn prepare(setup: &Setup) -> Option<Self> {
        let Some(binary) = find("mosquitto") else {
            eprintln!("passed over: no mosquitto in PATH or /usr/sbin");
            return None;
        };
        let dir = tempfile::tempdir().unwrap();
        let port = free_port();
        // Started by root, it would become a user who cannot read the files here.
        let mut config = format!(
            "user root\nlistener {port} 127.0.0.1\nlog_dest stderr\nlog_type all\n\
             connection_messages true\n"
        );
        match setup.user {
            None => config.push_str("allow_anonymous true\n"),
            Some((user, password)) => {
                let file = dir.path().join("passwords");
                let made = Command::new(find("mosquitto_passwd").expect("mosquitto_passwd"))
                    .args(["-b", "-c"])
                    .arg(&file)
                    .args([user, password])
                    .status();
                assert!(made.unwrap().success());
                writeln!(
                    config,
                    "allow_anonymous false\npassword_file {}",
                    file.display()
                )
                .unwrap();
            }
        }
        if setup.persistent {
            writeln!(
                config,
                "persistence true\npersistence_location {}/",
                dir.path().display()
            )
            .unwrap();
        }
        if let Some(tls) = &setup.tls {
            writeln!(
                config,
                "cafile {}\ncertfile {}\nkeyfile {}\nrequire_certificate {}",
                tls.ca.display(),
                tls.certificate.display(),
                tls.key.display(),
                tls.require_client_certificate
            )
            .unwrap();
        }
        for line in &setup.extra {
            writeln!(config, "{line}").unwrap();
        }
        fs::write(dir.path().join("mosquitto.conf"), config).unwrap();
        Some(Self {
            binary,
            dir,
            port,
            running: None,
        })
    }

    /// Prepares and starts.
    pub(crate) fn launch(setup: &Setup) -> Option<Self> {
        let mut broker = Self::prepare(setup)?;
        broker.start();
        Some(broker)
    }

    /// The port, also before the start.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Starts it and waits until it accepts connections.
    pub(crate) fn start(&mut self) {
        assert!(self.running.is_none(), "it runs already");
        let mut child = Command::new(&self.binary)
            .arg("-c")
            .arg(self.dir.path().join("mosquitto.conf"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (sender, log) = channel();
        // Reads to the end, or the broker would block on a full pipe.
        thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        self.running = Some(Running {
            child,
            log,
            seen: Vec::new(),
        });
        self.wait_for_log(" running");
    }

    /// Waits until a line of the log since the last start contains `needle`.
    pub(crate) fn wait_for_log(&mut self, needle: &str) {
        let running = self.running.as_mut().expect("it does not run");
        let deadline = Instant::now() + DEADLINE;
        if running.seen.iter().any(|line| line.contains(needle)) {
            return;
        }
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match running.log.recv_timeout(left) {
                Ok(line) => {
                    let found = line.contains(needle);
                    running.seen.push(line);
                    if found {
                        return;
                    }
                }
                Err(RecvTimeoutError::Timeout) => {
                    panic!("no `{needle}` in the log:\n{}", running.seen.join("\n"))
                }
                Err(RecvTimeoutError::Disconnected) => {
                    panic!("mosquitto ended:\n{}", running.seen.join("\n"))
                }
            }
        }
    }

    /// Ends it in order and waits for the end.
    pub(crate) fn stop(&mut self) {
        let mut running = self.running.take().expect("it does not run");
        let pid = running.child.id().to_string();
        let asked = Command::new("kill").args(["-TERM", &pid]).status();
        assert!(asked.unwrap().success());
        running.child.wait().unwrap();
    }

    /// Ends it without warning, so that clients get no farewell and nothing is saved.
    pub(crate) fn kill(&mut self) {
        let mut running = self.running.take().expect("it does not run");
        running.child.kill().unwrap();
        running.child.wait().unwrap();
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        if let Some(mut running) = self.running.take() {
            let _ = running.child.kill();
            let _ = running.child.wait();
        }
    }
}

fn find(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain([PathBuf::from("/usr/sbin"), PathBuf::from("/usr/local/sbin")])
        .map(|dir| Path::join(&dir, program))
        .find(|file| file.is_file())
}
