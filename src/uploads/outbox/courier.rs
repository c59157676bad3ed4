//! Carries errands out.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;
use tokio::time::timeout;
use zeroize::Zeroizing;

use crate::config::SecretError;
use crate::http::HttpClient;
use crate::uploads::target::ProgramAnswer;
use crate::uploads::{Errand, ErrandAnswer, Plan};

/// A program is not waited for any longer.
const PROGRAM_TIME: Duration = Duration::from_secs(60);
/// No more is read of an answer: a node of emoncms may have thousands of inputs.
const LARGEST: usize = 1024 * 1024;
/// Shorter secrets would take words away.
const SHORTEST: usize = 6;
/// No more is read of what a program says.
const MOST_OUTPUT: u64 = 64 * 1024;

/// Carries errands out. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Courier {
    client: HttpClient,
    secrets: Vec<Zeroizing<String>>,
}

impl Courier {
    /// For a section: trusts the public authorities, or those of its file alone. Whatever comes back is read without
    /// its secrets: some services repeat what they were shown, and what they say is told to everybody.
    ///
    /// # Errors
    ///
    /// If a secret is not there.
    pub fn of(plan: &dyn Plan) -> Result<Self, SecretError> {
        let mut secrets = Vec::new();
        for (_, secret) in plan.secrets() {
            let secret = secret.reveal()?;
            if secret.trim().len() >= SHORTEST {
                secrets.push(Zeroizing::new(secret.trim().to_owned()));
            }
        }
        let client = HttpClient::trusting(plan.ca_file()).reading(LARGEST);
        Ok(Self { client, secrets })
    }

    fn without_secrets(&self, text: &str) -> Option<String> {
        let mut found = None;
        for secret in &self.secrets {
            let secret = secret.as_str();
            let so_far = found.as_deref().unwrap_or(text);
            if so_far.contains(secret) {
                found = Some(so_far.replace(secret, "***"));
            }
        }
        found
    }

    /// What comes of an errand.
    pub async fn carry(&self, errand: &Errand) -> ErrandAnswer {
        match errand {
            Errand::Http(request) => {
                let mut answer = self.client.send(request).await;
                if let Ok(answer) = &mut answer
                    && let Some(text) = self.without_secrets(&answer.text())
                {
                    answer.body = text.into();
                }
                ErrandAnswer::Http(answer)
            }
            Errand::Program { command, input } => {
                let ran = timeout(PROGRAM_TIME, run(command, input)).await;
                let late = |_| Err(format!("it took longer than {} s", PROGRAM_TIME.as_secs()));
                let mut ran = ran.unwrap_or_else(late);
                if let Ok(answer) = &mut ran {
                    for text in [&mut answer.output, &mut answer.errors] {
                        if let Some(clean) = self.without_secrets(text) {
                            *text = clean;
                        }
                    }
                }
                ErrandAnswer::Program(ran)
            }
            Errand::HomeAssistant(commands) => {
                ErrandAnswer::HomeAssistant(commands.carry_out().await)
            }
        }
    }
}

async fn run(command: &[String], input: &str) -> Result<ProgramAnswer, String> {
    let Some((program, arguments)) = command.split_first() else {
        return Err("no program is named".to_owned());
    };
    let mut start = Command::new(program);
    // What belongs to this program alone, such as the password of the broker.
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("WATTBRIDGE_") {
            start.env_remove(name);
        }
    }
    #[cfg(unix)]
    start.process_group(0);
    let mut child = start
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| format!("{program} cannot be run: {error}"))?;
    let mut group = Group(child.id());
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let feed = async {
        if let Some(mut stdin) = stdin {
            // Who ends early says why in another place.
            let _ = stdin.write_all(input.as_bytes()).await;
        }
    };
    let (_, output, errors) = tokio::join!(feed, read(stdout), read(stderr));
    let status = child.wait().await.map_err(|error| error.to_string())?;
    // The number may be that of another program by now.
    group.0 = None;
    Ok(ProgramAnswer {
        is_success: status.success(),
        output,
        errors,
    })
}

/// A program with all that it has started: nothing of it goes on when nobody waits for it any more.
struct Group(Option<u32>);

impl Drop for Group {
    fn drop(&mut self) {
        #[cfg(unix)]
        if let Some(group) = self.0
            && let Some(group) = i32::try_from(group)
                .ok()
                .and_then(rustix::process::Pid::from_raw)
        {
            // Nothing of it may be there any more.
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
    }
}

async fn read(stream: Option<impl tokio::io::AsyncRead + Unpin>) -> String {
    let Some(mut stream) = stream else {
        return String::new();
    };
    let mut bytes = Vec::new();
    let mut first = (&mut stream).take(MOST_OUTPUT);
    let _ = first.read_to_end(&mut bytes).await;
    // What is too much is read all the same, so that nobody waits for a full pipe.
    let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn courier(secret: &str) -> Courier {
        Courier {
            secrets: vec![Zeroizing::new(secret.to_owned())],
            ..Courier::default()
        }
    }

    fn shell(script: &str) -> Errand {
        Errand::Program {
            command: ["sh", "-c", script].map(str::to_owned).to_vec(),
            input: String::new(),
        }
    }

    #[tokio::test]
    async fn what_comes_back_has_no_secrets() {
        let errand = shell("echo 'bad key swordfish, swordfish'; echo swordfish >&2");
        let ErrandAnswer::Program(Ok(answer)) = courier("swordfish").carry(&errand).await else {
            panic!();
        };
        assert_eq!(answer.output, "bad key ***, ***\n");
        assert_eq!(answer.errors, "***\n");
    }

    /// Nobody waits for it any more; what it has started goes with it.
    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn nothing_of_a_program_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pid");
        let script = format!("sleep 600 & echo $! > '{}'; wait", file.display());
        let errand = shell(&script);
        let number = async {
            loop {
                let text = std::fs::read_to_string(&file).unwrap_or_default();
                if text.ends_with('\n') {
                    return text.trim().to_owned();
                }
                tokio::task::yield_now().await;
            }
        };
        let courier = Courier::default();
        let child = tokio::select! {
            number = number => number,
            _ = courier.carry(&errand) => panic!("it ended"),
        };
        let is_there = || {
            let status = std::fs::read_to_string(format!("/proc/{child}/status"));
            // One that nobody waits for is there, and does nothing.
            status.is_ok_and(|status| !status.contains("State:\tZ"))
        };
        let begun = std::time::Instant::now();
        while is_there() {
            assert!(begun.elapsed() < Duration::from_secs(20), "{child} goes on");
            tokio::task::yield_now().await;
        }
    }
}
