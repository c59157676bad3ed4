//! One question, one answer, one connection: for devices that want to be asked so.
//!
//! Beside [`line`](super::line) this is the one place that waits for bytes of a device. What an answer is made
//! of is the business of a [`Reader`], which knows of no connection.

use std::time::Duration;

use tokio::time::Instant;

use crate::links::{Endpoint, LinkError, Links};

/// Makes an answer of bytes.
pub trait Reader {
    /// What becomes of them.
    type Answer;

    /// Takes bytes, cut anywhere. The answer, once it is there.
    fn push(&mut self, bytes: &[u8]) -> Option<Self::Answer>;

    /// The other side has closed the connection, or else this happened. What was made of the bytes by
    /// then.
    fn end(&mut self, error: Option<LinkError>) -> Self::Answer;

    /// How long to wait for more bytes at most, where that is less than for the whole answer.
    fn patience(&self) -> Duration {
        Duration::MAX
    }
}

/// Who is asked, and how long each step may take.
#[derive(Debug, Clone, Copy)]
pub struct Exchange<'a> {
    /// Opens the connection.
    pub links: &'a Links,
    /// Where to.
    pub endpoint: &'a Endpoint,
    /// How long opening it may take.
    pub connect: Duration,
    /// How long the whole answer may take.
    pub answer: Duration,
}

impl Exchange<'_> {
    /// Asks, and closes the connection whatever happens.
    pub async fn ask<R: Reader>(self, question: &[u8], reader: R) -> Result<R::Answer, LinkError> {
        self.exchange(question, false, reader).await
    }

    /// The same with a question that must not end up in a recording, because a secret is in it.
    pub async fn ask_secretly<R: Reader>(
        self,
        question: &[u8],
        reader: R,
    ) -> Result<R::Answer, LinkError> {
        self.exchange(question, true, reader).await
    }

    async fn exchange<R: Reader>(
        self,
        question: &[u8],
        is_secret: bool,
        mut reader: R,
    ) -> Result<R::Answer, LinkError> {
        let mut connection = self.links.connect(self.endpoint, self.connect).await?;
        let deadline = Instant::now() + self.answer;
        if is_secret {
            connection.send_unrecorded(question, self.answer).await?;
        } else {
            connection.send(question, self.answer).await?;
        }
        let mut buffer = Vec::with_capacity(2048);
        let answer = loop {
            buffer.clear();
            let soonest = Instant::now().checked_add(reader.patience());
            let until = soonest.map_or(deadline, |soonest| deadline.min(soonest));
            match connection.receive(&mut buffer, until).await {
                Ok(0) => break reader.end(None),
                Ok(_) => {}
                Err(error) => break reader.end(Some(error)),
            }
            if let Some(answer) = reader.push(&buffer) {
                break answer;
            }
        };
        connection.close().await;
        Ok(answer)
    }
}
