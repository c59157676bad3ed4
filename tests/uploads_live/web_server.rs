//! A web server that remembers the head of each request and gives one answer to all.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::DEADLINE;

pub(crate) struct WebServer {
    pub(crate) url: String,
    heads: Arc<Mutex<Vec<String>>>,
    count: watch::Receiver<usize>,
}

impl WebServer {
    pub(crate) async fn start(status: u64, body: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let heads = Arc::new(Mutex::new(Vec::new()));
        let (sender, count) = watch::channel(0);
        let answer = format!(
            "HTTP/1.1 {status} Word\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let book = Arc::clone(&heads);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    if stream.read_buf(&mut head).await.unwrap_or(0) == 0 {
                        break;
                    }
                }
                let head = String::from_utf8_lossy(&head).into_owned();
                book.lock().unwrap().push(head);
                let _ = stream.write_all(answer.as_bytes()).await;
                sender.send_modify(|count| *count += 1);
            }
        });
        Self { url, heads, count }
    }

    /// The first request.
    pub(crate) async fn first(&self) -> String {
        let mut count = self.count.clone();
        let asked = timeout(DEADLINE, count.wait_for(|count| *count > 0)).await;
        assert!(asked.is_ok_and(|it| it.is_ok()), "nobody asked");
        self.heads.lock().unwrap()[0].clone()
    }
}
