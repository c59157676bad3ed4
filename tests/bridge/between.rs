//! Somebody between the program and an ECU, who can keep back the answers to single questions.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::DEADLINE;

pub(crate) struct Between {
    port: u16,
    blocked: Arc<Mutex<BTreeSet<String>>>,
    refused: watch::Receiver<usize>,
    task: JoinHandle<()>,
}

impl Between {
    pub(crate) async fn start(ecu: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let blocked = Arc::new(Mutex::new(BTreeSet::new()));
        let (count, refused) = watch::channel(0);
        let list = Arc::clone(&blocked);
        let task = tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let mut question = Vec::new();
                while !question.ends_with(b"\n") {
                    if client.read_buf(&mut question).await.unwrap_or(0) == 0 {
                        break;
                    }
                }
                let command = question.get(9..13).unwrap_or_default();
                let command = String::from_utf8_lossy(command).into_owned();
                if list.lock().unwrap().contains(&command) {
                    count.send_modify(|count| *count += 1);
                    continue;
                }
                let mut answer = Vec::new();
                if let Ok(mut ecu) = TcpStream::connect(ecu).await {
                    let _ = ecu.write_all(&question).await;
                    let _ = ecu.shutdown().await;
                    let _ = ecu.read_to_end(&mut answer).await;
                }
                let _ = client.write_all(&answer).await;
            }
        });
        Self {
            port,
            blocked,
            refused,
            task,
        }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Hangs up on this question until told otherwise.
    pub(crate) fn block(&self, command: &str) {
        self.blocked.lock().unwrap().insert(command.to_owned());
    }

    pub(crate) fn unblock(&self) {
        self.blocked.lock().unwrap().clear();
    }

    /// Waits until so many questions were hung up on.
    pub(crate) async fn refused(&mut self, count: usize) {
        let wanted = self.refused.wait_for(|have| *have >= count);
        timeout(DEADLINE, wanted).await.expect("in time").unwrap();
    }
}

impl Drop for Between {
    fn drop(&mut self) {
        self.task.abort();
    }
}
