//! One question, one answer, one TCP connection: newer ECUs never answer a second question on the
//! same connection, and every connection left open brings all of them closer to hanging.

use std::time::Duration;

use super::wire::{Answer, DecodeError, FrameError, Framer, MAX_FRAME, Request, Status};
use crate::device::exchange::{Exchange, Reader};
use crate::links::{Endpoint, LinkError, Links};
use crate::model::Sentence;
use crate::say;

/// Who has sent so much without an answer in it will not send one any more.
const MOST: usize = 4 * MAX_FRAME;
/// Some firmware leaves out the last byte, a newline: it is not waited for much longer.
const LAST_BYTE: Duration = Duration::from_millis(500);

/// How long each step may take.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// Opening the connection.
    pub connect: Duration,
    /// The whole answer.
    pub answer: Duration,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.says())]
pub enum AskError {
    /// There is no connection.
    Link(LinkError),
    /// Connected, but nothing came.
    Silent(Endpoint),
    /// The answer broke off.
    Cut {
        /// Who.
        endpoint: Endpoint,
        /// Bytes that came.
        have: usize,
    },
    /// What came is no answer.
    Frame(Endpoint, FrameError),
    /// It does not stop to send, and none of it is an answer.
    Endless(Endpoint),
    /// The answer cannot be understood.
    Decode(Endpoint, DecodeError),
    /// The ECU answers with a status instead of data.
    Status(Endpoint, Status),
    /// The answer belongs to another question.
    OtherQuestion {
        /// Who.
        endpoint: Endpoint,
        /// The command that was asked.
        asked: u16,
        /// The command that was answered.
        got: u16,
    },
}

impl AskError {
    /// For people.
    pub fn says(&self) -> Sentence {
        match self {
            Self::Link(error) => error.says(),
            Self::Silent(ecu) => {
                let ecu = ecu.to_string();
                say!("{ecu} accepts the connection but does not answer", ecu)
            }
            Self::Cut { endpoint, have } => {
                let ecu = endpoint.to_string();
                say!(
                    "{ecu} broke off its answer after {have} bytes",
                    ecu,
                    have = *have
                )
            }
            Self::Frame(ecu, why) => say!(
                "{ecu} sent something that is no answer: {why}",
                ecu = ecu.to_string(),
                why = why.says()
            ),
            Self::Endless(ecu) => {
                let ecu = ecu.to_string();
                say!("{ecu} sends without end, and no answer", ecu)
            }
            Self::Decode(ecu, why) => say!(
                "the answer of {ecu} cannot be understood: {why}",
                ecu = ecu.to_string(),
                why = why.says()
            ),
            Self::Status(ecu, status) => say!(
                "{ecu} answers: {status}",
                ecu = ecu.to_string(),
                status = status.says()
            ),
            Self::OtherQuestion {
                endpoint,
                asked,
                got,
            } => say!(
                "{ecu} answered question {got} instead of {asked}",
                ecu = endpoint.to_string(),
                got = format_args!("{got:04}"),
                asked = format_args!("{asked:04}")
            ),
        }
    }
}

/// Asks one question and closes the connection, whatever happens.
pub async fn ask(
    links: &Links,
    endpoint: &Endpoint,
    request: &Request,
    patience: Patience,
) -> Result<Answer, AskError> {
    let exchange = Exchange {
        links,
        endpoint,
        connect: patience.connect,
        answer: patience.answer,
    };
    let reader = AnswerReader {
        endpoint,
        request,
        framer: Framer::new(),
        have: 0,
    };
    let answer = exchange.ask(&request.encode(), reader).await;
    answer.map_err(AskError::Link)?
}

/// Finds the answer to a request among the bytes that come.
struct AnswerReader<'a> {
    endpoint: &'a Endpoint,
    request: &'a Request,
    framer: Framer,
    /// Bytes so far.
    have: usize,
}

impl AnswerReader<'_> {
    fn next(&mut self) -> Option<Result<Answer, AskError>> {
        // Bytes before the answer do not matter as long as an answer follows.
        let garbage =
            |found: &Result<_, FrameError>| matches!(found, Err(FrameError::BadHeader { .. }));
        let framer = &mut self.framer;
        match std::iter::from_fn(|| framer.next_frame()).find(|found| !garbage(found))? {
            Ok(frame) => Some(understand(
                self.endpoint,
                self.request,
                Answer::decode(&frame),
            )),
            Err(error) => Some(Err(AskError::Frame(self.endpoint.clone(), error))),
        }
    }
}

impl Reader for AnswerReader<'_> {
    type Answer = Result<Answer, AskError>;

    fn push(&mut self, bytes: &[u8]) -> Option<Self::Answer> {
        self.have += bytes.len();
        self.framer.push(bytes);
        let is_endless = self.have > MOST;
        let endless = || is_endless.then(|| Err(AskError::Endless(self.endpoint.clone())));
        self.next().or_else(endless)
    }

    fn end(&mut self, error: Option<LinkError>) -> Self::Answer {
        match error {
            None | Some(LinkError::TimedOut { .. }) => {}
            Some(error) => return Err(AskError::Link(error)),
        }
        if self.have == 0 {
            return Err(AskError::Silent(self.endpoint.clone()));
        }
        // Perhaps the newline was all that was missing.
        let answer = self.framer.take_unended().then(|| self.next()).flatten();
        answer.unwrap_or_else(|| Err(broken_off(self.endpoint, &mut self.framer, self.have)))
    }

    fn patience(&self) -> Duration {
        if self.framer.missing() == Some(1) {
            LAST_BYTE
        } else {
            Duration::MAX
        }
    }
}

/// What is wrong with bytes after which no more come.
fn broken_off(endpoint: &Endpoint, framer: &mut Framer, have: usize) -> AskError {
    let endpoint = endpoint.clone();
    match framer.finish() {
        Some(error @ FrameError::BadHeader { .. }) => AskError::Frame(endpoint, error),
        _ => AskError::Cut { endpoint, have },
    }
}

fn understand(
    endpoint: &Endpoint,
    request: &Request,
    answer: Result<Answer, DecodeError>,
) -> Result<Answer, AskError> {
    let answer = answer.map_err(|error| AskError::Decode(endpoint.clone(), error))?;
    if answer.command() != request.command() {
        return Err(AskError::OtherQuestion {
            endpoint: endpoint.clone(),
            asked: request.command(),
            got: answer.command(),
        });
    }
    match answer {
        Answer::Status { status, .. } => Err(AskError::Status(endpoint.clone(), status)),
        answer => Ok(answer),
    }
}

impl AskError {
    /// Whether asking once more may help.
    pub fn is_passing(&self) -> bool {
        !matches!(
            self,
            Self::Status(..)
                | Self::Decode(_, DecodeError::UnsupportedModel { .. })
                | Self::Link(LinkError::RecordingEnded)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::health;
    use super::*;
    use crate::model::HealthCode;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    const PATIENCE: Patience = Patience {
        connect: Duration::from_secs(5),
        answer: Duration::from_secs(5),
    };

    /// Asks somebody who answers so.
    async fn asked<F>(answer: impl FnOnce(TcpStream) -> F) -> Result<Answer, AskError>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = Endpoint {
            host: "127.0.0.1".into(),
            port: listener.local_addr().unwrap().port(),
        };
        let links = Links::new();
        let ecu = "216000000001".parse().unwrap();
        let request = Request::Clock { ecu };
        let asking = ask(&links, &endpoint, &request, PATIENCE);
        let served = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut question = [0; 64];
            let _ = stream.read(&mut question).await.unwrap();
            tokio::spawn(answer(stream));
        };
        tokio::join!(asking, served).0
    }

    const CLOCK: &[u8] = b"APS11003200120020260621120000END";

    #[tokio::test]
    async fn a_missing_newline_costs_no_answer_whether_the_connection_is_closed_or_not() {
        let closing = |mut stream: TcpStream| async move {
            stream.write_all(CLOCK).await.unwrap();
        };
        let holding = |mut stream: TcpStream| async move {
            stream.write_all(CLOCK).await.unwrap();
            // Until the other side has gone.
            let _ = stream.read(&mut [0; 8]).await;
        };
        let right = |answer| matches!(answer, Ok(Answer::Clock(_)));
        assert!(right(asked(closing).await));
        assert!(right(asked(holding).await));
    }

    #[tokio::test]
    async fn a_cut_answer_is_none() {
        let cut = |mut stream: TcpStream| async move {
            stream.write_all(&CLOCK[..CLOCK.len() - 1]).await.unwrap();
        };
        let error = asked(cut).await.unwrap_err();
        assert!(matches!(error, AskError::Cut { have: 31, .. }), "{error}");
        assert!(
            health::unanswered(&error)
                .advice
                .contains("timeout = \"15s\"")
        );
    }

    #[tokio::test]
    async fn who_sends_without_end_is_not_listened_to_for_long() {
        let endless = |mut stream: TcpStream| async move {
            while stream.write_all(&b"APS11".repeat(500)).await.is_ok() {}
        };
        let error = asked(endless).await.unwrap_err();
        assert!(matches!(error, AskError::Endless(_)), "{error}");
        assert_eq!(health::unanswered(&error).code, HealthCode::Garbled);
    }
}
