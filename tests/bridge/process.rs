//! The program as a process, killed by its id when dropped.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use tokio::sync::watch;
use tokio::time::timeout;

use crate::DEADLINE;

/// A command of the program in a folder, with nothing of our own environment that it reads.
pub(crate) fn wattbridge(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wattbridge"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("WATTBRIDGE") {
            command.env_remove(name);
        }
    }
    command
        .args(args)
        .current_dir(folder)
        // What is left over after the end is seen in this folder.
        .env("TMPDIR", folder)
        .env("RUST_BACKTRACE", "0")
        // The page would want one port for all of them; it has tests of its own.
        .env("WATTBRIDGE_WEB_ENABLED", "false")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// A finished command.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl From<Output> for Done {
    fn from(output: Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let done = Self {
            code: output.status.code(),
            out: text(&output.stdout),
            err: text(&output.stderr),
        };
        assert!(!done.err.contains("panicked"), "{done:?}");
        done
    }
}

/// Runs a command to its end.
pub(crate) async fn done(folder: &Path, args: &[&str]) -> Done {
    fed(folder, args, &[]).await
}

/// Runs a command to its end with something on its standard input.
pub(crate) async fn fed(folder: &Path, args: &[&str], input: &[u8]) -> Done {
    let mut command = wattbridge(folder, args);
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let (mut stdin, input) = (child.stdin.take().unwrap(), input.to_vec());
    thread::spawn(move || {
        // Who has seen enough closes the pipe.
        let _ = stdin.write_all(&input);
    });
    let mut guard = Killed(child);
    let output = tokio::task::spawn_blocking(move || {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut stderr = guard.0.stderr.take().unwrap();
        let reader = thread::spawn(move || {
            let _ = stderr.read_to_end(&mut err);
            err
        });
        let _ = guard.0.stdout.take().unwrap().read_to_end(&mut out);
        Output {
            status: guard.0.wait().unwrap(),
            stdout: out,
            stderr: reader.join().unwrap(),
        }
    });
    let output = timeout(DEADLINE, output).await;
    output
        .unwrap_or_else(|_| panic!("{args:?} does not end"))
        .unwrap()
        .into()
}

struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A command that runs until it is told to end.
pub(crate) struct Process {
    child: Child,
    /// Lines of both outputs, in the order they came.
    lines: Arc<Mutex<Vec<String>>>,
    count: watch::Receiver<usize>,
}

impl Process {
    pub(crate) fn start(folder: &Path, args: &[&str]) -> Self {
        Self::of(wattbridge(folder, args))
    }

    pub(crate) fn of(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let lines = Arc::new(Mutex::new(Vec::new()));
        let (sender, count) = watch::channel(0);
        let sender = Arc::new(sender);
        let read = |pipe: Box<dyn Read + Send>| {
            let (lines, sender) = (Arc::clone(&lines), Arc::clone(&sender));
            thread::spawn(move || {
                for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                    lines.lock().unwrap().push(line);
                    // Whoever waits looks at the lines while it holds this channel, so the lines
                    // must be free by now.
                    sender.send_modify(|count| *count += 1);
                }
            });
        };
        if let Some(pipe) = child.stdout.take() {
            read(Box::new(pipe));
        }
        if let Some(pipe) = child.stderr.take() {
            read(Box::new(pipe));
        }
        Self {
            child,
            lines,
            count,
        }
    }

    /// All it has said so far.
    pub(crate) fn said(&self) -> String {
        self.lines.lock().unwrap().join("\n")
    }

    /// How many of its lines contain all of these.
    pub(crate) fn count(&self, needles: &[&str]) -> usize {
        let lines = self.lines.lock().unwrap();
        let all = |line: &&String| needles.iter().all(|needle| line.contains(needle));
        lines.iter().filter(all).count()
    }

    /// Waits until it has said something.
    pub(crate) async fn until_said(&self, needle: &str) {
        let mut count = self.count.clone();
        let said = count.wait_for(|_| self.said().contains(needle));
        let found = timeout(DEADLINE, said)
            .await
            .is_ok_and(|found| found.is_ok());
        assert!(
            found || self.said().contains(needle),
            "\"{needle}\" is not in\n{}",
            self.said()
        );
    }

    /// Its number.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal, such as `-HUP`.
    pub(crate) fn signal(&self, name: &str) {
        let asked = Command::new("kill")
            .args([name, &self.id().to_string()])
            .status();
        assert!(asked.unwrap().success());
    }

    /// Asks it to end and waits until it has.
    pub(crate) async fn end(&mut self) -> ExitStatus {
        self.signal("-TERM");
        self.ended().await
    }

    /// Ends it as a power cut would.
    pub(crate) async fn kill(&mut self) {
        self.child.kill().unwrap();
        self.ended().await;
    }

    /// Waits for its end and the last of its words.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        let mut turns = 0;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            turns += 1;
            assert!(turns < 4000, "it does not end:\n{}", self.said());
            // There is no event to wait for without another thread.
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        };
        // Both readers end with the pipes, and with them the channel.
        let closed = async { while self.count.changed().await.is_ok() {} };
        timeout(DEADLINE, closed)
            .await
            .expect("its outputs stay open");
        assert!(!self.said().contains("panicked"), "{}", self.said());
        status
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!("--- the program said\n{}\n---", self.said());
        }
    }
}
