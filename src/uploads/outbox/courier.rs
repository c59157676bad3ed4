//! Carries errands out.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;
use tokio::time::timeout;

use crate::http::HttpClient;
use crate::uploads::target::ProgramAnswer;
use crate::uploads::{Errand, ErrandAnswer};

/// A program is not waited for any longer.
const PROGRAM_TIME: Duration = Duration::from_secs(60);
/// No more is read of what a program says.
const MOST_OUTPUT: u64 = 64 * 1024;

/// Carries errands out. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Courier {
    client: HttpClient,
}

impl Courier {
    /// Trusts the public authorities, or those of a file alone.
    pub fn trusting(ca_file: Option<&std::path::Path>) -> Self {
        Self {
            client: HttpClient::trusting(ca_file),
        }
    }

    /// What comes of an errand.
    pub async fn carry(&self, errand: &Errand) -> ErrandAnswer {
        match errand {
            Errand::Http(request) => ErrandAnswer::Http(self.client.send(request).await),
            Errand::Program { command, input } => {
                let ran = timeout(PROGRAM_TIME, run(command, input)).await;
                let late = |_| Err(format!("it took longer than {} s", PROGRAM_TIME.as_secs()));
                ErrandAnswer::Program(ran.unwrap_or_else(late))
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
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| format!("{program} cannot be run: {error}"))?;
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let feed = async {
        if let Some(mut stdin) = stdin {
            // Who ends early says why in another place.
            let _ = stdin.write_all(input.as_bytes()).await;
        }
    };
    let (_, output, errors) = tokio::join!(feed, read(stdout), read(stderr));
    let status = child.wait().await.map_err(|error| error.to_string())?;
    Ok(ProgramAnswer {
        is_success: status.success(),
        output,
        errors,
    })
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
