//! Running the program that prints the values.
//!
//! It is started as it is written, without a shell, in a process group of its own; what is still
//! running of it when it has ended, or when its time is over, is killed as a whole. Of our environment it gets only what
//! programs cannot do without, for passwords of ours may be in there.

use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};

use super::lines::shown;
use crate::model::Sentence;
use crate::say;

/// Bytes that are read of what a program prints.
const LARGEST: u64 = 64 * 1024;
/// Bytes kept of what it complains about: the end says most.
const COMPLAINT: usize = 2048;
/// How long a killed program may take to be gone.
const GONE: Duration = Duration::from_secs(1);
/// What a program sees of our environment.
const PASSED: &[&str] = &[
    "PATH",
    "HOME",
    "USER",
    "LANG",
    "LC_ALL",
    "TZ",
    "TMPDIR",
    "SYSTEMROOT",
];

/// Why a program did not do its work. Names the program, never its arguments: one may be secret.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.says())]
pub enum CommandError {
    /// There is none of that name.
    Missing(String),
    /// It belongs to others, or is not a program.
    NotPermitted(String),
    /// Anything else that keeps it from starting.
    NotStarted(String, io::Error),
    /// It was killed.
    TimedOut {
        /// Its name.
        program: String,
        /// Whether it had ended itself, and something else still held what it prints.
        has_ended: bool,
        /// How long it was given.
        after: Duration,
    },
    /// It was killed, too.
    TooMuch(String),
    /// It says itself that it failed.
    Failed {
        /// Its name.
        program: String,
        /// Exit code or signal.
        how: String,
        /// The last line of its complaints, if there is one.
        complaint: Option<String>,
    },
    /// The system could not tell what it prints.
    Lost(String, io::Error),
}

impl CommandError {
    /// For people.
    pub fn says(&self) -> Sentence {
        match self {
            Self::Missing(program) => say!("there is no program {program}", program),
            Self::NotPermitted(program) => {
                say!("{program} may not be run by this user", program)
            }
            Self::NotStarted(program, error) => {
                let error = error.to_string();
                say!("{program} cannot be started: {error}", program, error)
            }
            Self::TimedOut {
                program,
                has_ended: true,
                after,
            } => say!(
                "{program} has ended, but something it started was still running after {after} and was killed",
                program,
                after = *after
            ),
            Self::TimedOut { program, after, .. } => say!(
                "{program} was still running after {after} and was killed",
                program,
                after = *after
            ),
            Self::TooMuch(program) => {
                say!("{program} printed more than 64 KiB and was killed", program)
            }
            Self::Failed {
                program,
                how,
                complaint: None,
            } => say!("{program} ended with {how}", program, how),
            Self::Failed {
                program,
                how,
                complaint: Some(complaint),
            } => say!(
                "{program} ended with {how}: {complaint}",
                program,
                how,
                complaint
            ),
            Self::Lost(program, error) => {
                let error = error.to_string();
                say!(
                    "what {program} prints cannot be read: {error}",
                    program,
                    error
                )
            }
        }
    }

    /// What the user can do about it, in whole sentences.
    pub const fn advice(&self) -> Sentence {
        match self {
            Self::Missing(_) => say!(
                "Write its whole path in `command`, and check that it is installed; in a container, inside of it. A script \
                 also needs the program named in its first line."
            ),
            Self::NotPermitted(_) => {
                say!("Make it executable (chmod +x), for the user that runs wattbridge as well.")
            }
            Self::NotStarted(..) => {
                say!("Try it in a terminal, as the user that runs wattbridge.")
            }
            Self::TimedOut { .. } => say!(
                "Try it in a terminal; if it just takes long, write a longer `timeout`. It must end by itself, with all that \
                 it starts."
            ),
            Self::TooMuch(_) => {
                say!("It must print its values once and end: look at its options.")
            }
            Self::Failed { .. } => say!(
                "Try it in a terminal, as the user that runs wattbridge; a USB device often needs a udev rule for that user."
            ),
            Self::Lost(..) => {
                say!("It is tried again by itself. If it lasts, restart wattbridge.")
            }
        }
    }
}

/// Runs a program and returns what it printed, waiting at most so long. Nothing of it is left
/// running, also when this is dropped while it waits.
pub async fn run(command: &[String], within: Duration) -> Result<Vec<u8>, CommandError> {
    let (program, arguments) = match command.split_first() {
        Some((program, arguments)) => (program.clone(), arguments),
        None => return Err(CommandError::Missing(String::new())),
    };
    let passed = PASSED
        .iter()
        .filter_map(|name| Some((name, std::env::var_os(name)?)));
    let mut start = Command::new(&program);
    start
        .args(arguments)
        .env_clear()
        .envs(passed)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    #[cfg(unix)]
    start.process_group(0);
    let child = start.spawn().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => CommandError::Missing(program.clone()),
        io::ErrorKind::PermissionDenied => CommandError::NotPermitted(program.clone()),
        _ => CommandError::NotStarted(program.clone(), error),
    })?;
    let mut running = Running(child);
    let finished = tokio::time::timeout(within, running.finish()).await;
    match finished {
        Ok(Ok(finished)) => finished.result(program),
        Ok(Err(error)) if error.kind() == io::ErrorKind::FileTooLarge => {
            Err(CommandError::TooMuch(program))
        }
        Ok(Err(error)) => Err(CommandError::Lost(program, error)),
        Err(_) => {
            let has_ended = running.has_ended().unwrap_or(false);
            running.kill();
            // One that the system itself holds up goes when it can.
            let _ = tokio::time::timeout(GONE, running.0.wait()).await;
            Err(CommandError::TimedOut {
                program,
                has_ended,
                after: within,
            })
        }
    }
}

/// A program that is killed with all it has started unless it ends before.
struct Running(Child);

struct Finished {
    status: ExitStatus,
    out: Vec<u8>,
    complaints: Vec<u8>,
}

impl Running {
    async fn finish(&mut self) -> io::Result<Finished> {
        let (out, complaints) = (self.0.stdout.take(), self.0.stderr.take());
        let (out, complaints) = tokio::try_join!(read_all(out), read_tail(complaints))?;
        // What it has left behind, for the next run starts more of it; not where the number may be
        // that of another program by now.
        #[cfg(unix)]
        if self.ends().await.is_ok() {
            self.kill();
        }
        Ok(Finished {
            status: self.0.wait().await?,
            out,
            complaints,
        })
    }

    /// Its number, which no other program has until it was waited for.
    #[cfg(unix)]
    fn id(&self) -> Option<rustix::process::Pid> {
        let id = i32::try_from(self.0.id()?).ok()?;
        rustix::process::Pid::from_raw(id)
    }

    /// Whether it has ended. It is not waited for, and keeps its number.
    #[cfg(unix)]
    fn has_ended(&self) -> io::Result<bool> {
        use rustix::process::{WaitId, WaitIdOptions, waitid};
        let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        let Some(id) = self.id() else { return Ok(true) };
        Ok(waitid(WaitId::Pid(id), look)?.is_some())
    }

    #[cfg(not(unix))]
    const fn has_ended(&self) -> io::Result<bool> {
        Ok(false)
    }

    /// Waits until it has ended, without taking away its number.
    #[cfg(unix)]
    async fn ends(&self) -> io::Result<()> {
        use tokio::signal::unix::{SignalKind, signal};
        let mut news = signal(SignalKind::child())?;
        while !self.has_ended()? {
            news.recv().await;
        }
        Ok(())
    }

    fn kill(&mut self) {
        // Without an id it was waited for, and the number may be that of another program by now.
        #[cfg(unix)]
        if let Some(group) = self.id() {
            // Nothing of it may be there any more.
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
        #[cfg(not(unix))]
        let _ = self.0.start_kill();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Finished {
    fn result(self, program: String) -> Result<Vec<u8>, CommandError> {
        if self.status.success() {
            return Ok(self.out);
        }
        let lines = self.complaints.split(|byte| matches!(byte, b'\n' | b'\r'));
        let last = lines.map(<[u8]>::trim_ascii).rfind(|line| !line.is_empty());
        Err(CommandError::Failed {
            program,
            how: match self.status.code() {
                Some(code) => format!("exit code {code}"),
                // As the system words it: "signal: 9 (SIGKILL)".
                None => self.status.to_string(),
            },
            complaint: last.map(shown),
        })
    }
}

/// Reads to the end, which has to come soon enough.
async fn read_all(from: Option<impl AsyncRead + Unpin>) -> io::Result<Vec<u8>> {
    let mut all = Vec::new();
    if let Some(from) = from {
        from.take(LARGEST + 1).read_to_end(&mut all).await?;
    }
    if all.len() as u64 > LARGEST {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(all)
}

/// Reads to the end and keeps the last bytes.
async fn read_tail(from: Option<impl AsyncRead + Unpin>) -> io::Result<Vec<u8>> {
    let mut tail = Vec::new();
    let Some(mut from) = from else {
        return Ok(tail);
    };
    let mut chunk = [0; 1024];
    loop {
        let count = from.read(&mut chunk).await?;
        if count == 0 {
            return Ok(tail);
        }
        tail.extend_from_slice(chunk.get(..count).unwrap_or_default());
        let old = tail.len().saturating_sub(COMPLAINT);
        tail.drain(..old);
    }
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    async fn shell(script: &str, within: Duration) -> Result<Vec<u8>, CommandError> {
        let command = ["/bin/sh", "-c", script].map(str::to_owned);
        run(&command, within).await
    }

    async fn told(script: &str, within: Duration) -> String {
        let error = shell(script, within).await.unwrap_err();
        assert!(error.advice().ends_with('.'));
        error.to_string()
    }

    #[tokio::test]
    async fn what_is_printed_is_had() {
        let printed = shell("echo 18.50; echo warning >&2", LONG).await.unwrap();
        assert_eq!(printed, b"18.50\n");
    }

    #[tokio::test]
    async fn each_way_to_fail_has_its_words() {
        let failed = told(
            "echo 18.50; echo first >&2; printf 'no device\n\n' >&2; exit 3",
            LONG,
        )
        .await;
        assert_eq!(failed, "/bin/sh ended with exit code 3: no device");
        assert_eq!(told("exit 1", LONG).await, "/bin/sh ended with exit code 1");
        assert!(told("kill -9 $$", LONG).await.contains("signal"));
        assert!(
            told("while :; do echo 18.50; done", LONG)
                .await
                .contains("64 KiB")
        );
        let run = async |path: &str| run(&[path.to_owned()], LONG).await.unwrap_err().to_string();
        assert_eq!(
            run("/no/such/program").await,
            "there is no program /no/such/program"
        );
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "1").unwrap();
        assert!(run(file.to_str().unwrap()).await.contains("may not be run"));
    }

    #[tokio::test]
    async fn arguments_are_no_script_and_passwords_stay_here() {
        let command = ["/bin/echo", "$HOME; `id` *"].map(str::to_owned);
        assert_eq!(run(&command, LONG).await.unwrap(), b"$HOME; `id` *\n");
        let command = ["/usr/bin/env".to_owned()];
        let seen = String::from_utf8(run(&command, LONG).await.unwrap()).unwrap();
        let names = seen.lines().filter_map(|line| line.split_once('='));
        assert!(seen.contains("PATH="));
        for (name, _) in names {
            assert!(PASSED.contains(&name), "{name}");
        }
    }

    #[tokio::test]
    async fn a_program_that_hangs_is_killed_with_all_it_has_started() {
        let folder = tempfile::tempdir().unwrap();
        let pids = folder.path().join("pids");
        let script = format!(
            "sleep 1000 & echo $$ $! > {0}.new; mv {0}.new {0}; wait",
            pids.display()
        );
        let hung = shell(&script, Duration::from_millis(300)).await;
        assert!(matches!(hung, Err(CommandError::TimedOut { .. })));
        // One that was dropped while it waits, too.
        let second = folder.path().join("second");
        let script = script.replace(pids.to_str().unwrap(), second.to_str().unwrap());
        tokio::select! {
            _ = shell(&script, LONG) => panic!("it ended"),
            () = appears(&second) => {}
        }
        for file in [pids, second] {
            for pid in std::fs::read_to_string(file)
                .unwrap_or_default()
                .split_whitespace()
            {
                ends(pid).await;
            }
        }
    }

    #[tokio::test]
    async fn what_a_program_leaves_behind_is_killed_and_told_where_it_holds_things_up() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pid");
        let script = |more: &str| {
            let file = file.display();
            format!("sleep 1000 {more} & echo $! > {file}; echo 18.50")
        };
        let printed = shell(&script(">/dev/null 2>&1"), LONG).await.unwrap();
        assert_eq!(printed, b"18.50\n");
        ends(std::fs::read_to_string(&file).unwrap().trim()).await;
        let told = told(&script(""), Duration::from_secs(2)).await;
        assert_eq!(
            told,
            "/bin/sh has ended, but something it started was still running after 2s and was killed"
        );
        ends(std::fs::read_to_string(&file).unwrap().trim()).await;
    }

    async fn appears(path: &std::path::Path) {
        while !path.exists() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits until a process is gone, or nothing but its number is left.
    async fn ends(pid: &str) {
        let stat = format!("/proc/{pid}/stat");
        let lives = || std::fs::read_to_string(&stat).is_ok_and(|stat| !stat.contains(") Z "));
        let gone = async {
            while lives() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        assert!(
            tokio::time::timeout(LONG, gone).await.is_ok(),
            "{pid} lives"
        );
    }
}
