//! Drives a [`Protocol`] over a link: opens the port, feeds it, sends what it wants to be sent, and opens
//! the port again whenever it goes away.
//!
//! This is the one place that waits for bytes of a line. Whoever is served by it need not know of links,
//! clocks and channels.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::oneshot;

use super::protocol::{Heard, Input, Output, Protocol};
use super::{Context, PendingCommand, Probed, SourceError};
use crate::clock::Clock;
use crate::links::{Address, Connection, LinkError, Links, Reopening};
use crate::model::{CommandOutcome, Health, HealthCode, Refusal, Report, Value};

/// How long opening the port may take.
const OPEN: Duration = Duration::from_secs(10);
/// How long the line may take what is sent.
const SEND: Duration = Duration::from_secs(2);
/// Waits are never shorter, whatever a protocol says.
const SHORTEST: Duration = Duration::from_millis(10);
/// How often is looked whether who gave a command still waits for it.
const ASKERS: Duration = Duration::from_millis(500);
/// How often a trial is looked at.
const TRIAL: Duration = Duration::from_millis(100);

/// The device cannot be reached, for people.
pub fn unreachable(error: &LinkError) -> Health {
    Health::new(HealthCode::Unreachable)
        .seen(error.says())
        .advise(error.advice())
}

/// Drives a protocol until the context is told to stop, or its recording has ended.
pub async fn run(
    protocol: &mut dyn Protocol,
    address: &Address,
    context: &mut Context,
) -> Result<(), SourceError> {
    let line = Line {
        protocol,
        address,
        context,
        replies: BTreeMap::new(),
        commands: 0,
        reopening: Reopening::default(),
        is_alive: false,
        is_attended: false,
    };
    line.run().await
}

/// A protocol and the port it is spoken on.
struct Line<'a> {
    protocol: &'a mut dyn Protocol,
    address: &'a Address,
    context: &'a mut Context,
    /// Who waits for which command.
    replies: BTreeMap<u64, oneshot::Sender<CommandOutcome>>,
    /// Commands so far.
    commands: u64,
    reopening: Reopening,
    /// Whether anything good has come since the port was opened.
    is_alive: bool,
    is_attended: bool,
}

/// Why listening ended.
enum End {
    Stopped,
    /// It is to be opened again at once.
    Reopen,
    /// It went away, or could not be opened.
    Gone(LinkError),
}

/// What a protocol is left with when it has said all.
enum Settled {
    Wait(Duration),
    End(End),
}

impl Line<'_> {
    async fn run(mut self) -> Result<(), SourceError> {
        self.settle(None).await?;
        loop {
            let error = match self.listen().await? {
                End::Stopped => return Ok(()),
                End::Reopen => {
                    self.handle(Input::Closed);
                    self.is_alive = false;
                    self.settle(None).await?;
                    continue;
                }
                End::Gone(error) => error,
            };
            self.handle(Input::Closed);
            // Servers are restarted; it is trouble only if nothing else comes of it.
            if !self.is_alive {
                self.context.traffic.count_bad();
                self.handle(Input::Unreachable(&error));
            }
            self.is_alive = false;
            self.settle(None).await?;
            let pause = self.reopening.after(&error);
            tracing::debug!("{error}; opening it again in {pause:?}");
            let clock = self.context.clock.clone();
            if self.while_away(clock.sleep(pause)).await.is_none() {
                return Ok(());
            }
        }
    }

    /// Opens the port and listens until it is closed.
    async fn listen(&mut self) -> Result<End, SourceError> {
        let (links, settings) = (self.context.links.clone(), self.protocol.settings());
        let address = self.address;
        let opening = links.open(address, &settings, OPEN);
        let mut connection = match self.while_away(opening).await {
            None => return Ok(End::Stopped),
            Some(Ok(connection)) => connection,
            Some(Err(LinkError::RecordingEnded)) => return Err(SourceError::RecordingEnded),
            Some(Err(error)) => return Ok(End::Gone(error)),
        };
        tracing::debug!("{address} is open");
        self.handle(Input::Opened);
        let (stop, mut buffer) = (self.context.stop.clone(), Vec::with_capacity(512));
        loop {
            self.look_at_askers();
            let wake = match self.settle(Some(&mut connection)).await? {
                Settled::Wait(wake) => wake,
                Settled::End(end) => {
                    connection.close().await;
                    return Ok(end);
                }
            };
            let pause = self.pause(wake);
            tokio::select! {
                () = stop.cancelled() => return Ok(End::Stopped),
                Some(pending) = self.context.commands.recv() => self.begin(pending),
                Some(id) = self.context.forgotten.recv() => self.handle(Input::Forgotten(&id)),
                received = connection.receive_within(&mut buffer, pause) => match received {
                    Ok(0) => return Ok(End::Gone(connection.ended())),
                    Ok(_) => {
                        self.handle(Input::Bytes(&buffer));
                        buffer.clear();
                    }
                    Err(LinkError::TimedOut { .. }) => self.handle(Input::Time),
                    Err(error) => return Ok(End::Gone(error)),
                }
            }
        }
    }

    fn handle(&mut self, input: Input<'_>) {
        self.protocol.handle(input, self.context.clock.moment());
    }

    /// Does all that the protocol wants done.
    async fn settle(
        &mut self,
        mut connection: Option<&mut Connection>,
    ) -> Result<Settled, SourceError> {
        loop {
            match self.protocol.poll() {
                Output::Send(bytes) => {
                    let Some(connection) = &mut connection else {
                        continue;
                    };
                    if let Err(error) = connection.send(&bytes, SEND).await {
                        return Ok(Settled::End(End::Gone(error)));
                    }
                }
                Output::Report(report) => self.context.reports.send(report).await?,
                Output::Answer(id, result) => {
                    if let Some(reply) = self.replies.remove(&id) {
                        answer(reply, result);
                    }
                }
                Output::Heard(heard) => self.heard(heard),
                Output::SetLine(line, is_on) => {
                    if let Some(connection) = &mut connection {
                        connection.set_line(&line, is_on);
                    }
                }
                Output::Reopen => {
                    tracing::debug!("{}: opening it again", self.address);
                    return Ok(Settled::End(End::Reopen));
                }
                Output::Wait(wake) => return Ok(Settled::Wait(wake)),
                // Who reads no file has no use for these.
                Output::Message(_) | Output::Refused(_) | Output::Rest(_) => {}
            }
        }
    }

    /// How long nothing needs to be looked at, unless something comes.
    fn pause(&self, wake: Duration) -> Duration {
        let pause = wake.saturating_sub(self.context.clock.monotonic());
        let pause = pause.max(SHORTEST);
        if self.replies.is_empty() {
            pause
        } else {
            pause.min(ASKERS)
        }
    }

    fn heard(&mut self, heard: Heard) {
        match heard {
            Heard::Good => self.context.traffic.count_good(),
            Heard::Useless | Heard::Bad => self.context.traffic.count_bad(),
            Heard::Again => {}
        }
        if heard != Heard::Bad {
            self.is_alive = true;
            self.reopening.reset();
        }
    }

    /// Whether anybody is there who could give commands, and who waits for one.
    fn look_at_askers(&mut self) {
        let is_attended = *self.context.operators.borrow() > 0;
        if std::mem::replace(&mut self.is_attended, is_attended) != is_attended {
            self.handle(Input::Attended(is_attended));
        }
        let gone = |(id, reply): (&u64, &oneshot::Sender<_>)| reply.is_closed().then_some(*id);
        let gone: Vec<u64> = self.replies.iter().filter_map(gone).collect();
        for id in gone {
            self.replies.remove(&id);
            self.handle(Input::Withdrawn(id));
        }
    }

    /// Begins to carry out a command.
    fn begin(&mut self, PendingCommand { command, reply }: PendingCommand) {
        self.commands += 1;
        let id = self.commands;
        self.replies.insert(id, reply);
        self.handle(Input::Command {
            id,
            command: &command,
        });
    }

    /// Waits for something, refusing commands meanwhile. Nothing when told to stop.
    async fn while_away<T>(&mut self, something: impl Future<Output = T>) -> Option<T> {
        let stop = self.context.stop.clone();
        let mut something = std::pin::pin!(something);
        loop {
            tokio::select! {
                () = stop.cancelled() => return None,
                done = &mut something => return Some(done),
                Some(PendingCommand { reply, .. }) = self.context.commands.recv() => {
                    answer(reply, Err(Refusal::NotConnected.to_string()));
                }
                Some(id) = self.context.forgotten.recv() => self.handle(Input::Forgotten(&id)),
            }
        }
    }
}

fn answer(reply: oneshot::Sender<CommandOutcome>, result: Result<Value, String>) {
    // The asker may have stopped waiting.
    let _ = reply.send(CommandOutcome { result });
}

/// Drives a protocol until it has found something, or knows why there is nothing.
pub async fn probe(
    protocol: &mut dyn Protocol,
    address: &Address,
    links: &Links,
) -> Result<Probed, Health> {
    let mut reports = Vec::new();
    let conversed = converse(protocol, address, links, |protocol, news, listened| {
        reports.extend(news);
        protocol.verdict(&reports, listened)
    });
    let error = match conversed.await {
        Ok(verdict) => return verdict,
        Err(error) => error,
    };
    // What came before may be enough to say what is wrong.
    match protocol.verdict(&reports, Duration::MAX) {
        Some(Err(why)) if why.code == HealthCode::Silent => Err(unreachable(&error)),
        Some(verdict) => verdict,
        None => Err(unreachable(&error)),
    }
}

/// Drives a protocol on a port that nobody else reads, until `look` says that it is over. That is
/// asked whenever something has happened, with what was reported since and how long it has been
/// listened.
pub async fn converse<P: Protocol + ?Sized, T>(
    protocol: &mut P,
    address: &Address,
    links: &Links,
    mut look: impl FnMut(&P, Vec<Report>, Duration) -> Option<T>,
) -> Result<T, LinkError> {
    let clock = Clock::system();
    let (mut buffer, mut begun) = (Vec::new(), None);
    loop {
        let mut connection = links.open(address, &protocol.settings(), OPEN).await?;
        let begun = *begun.get_or_insert_with(|| clock.monotonic());
        protocol.handle(Input::Opened, clock.moment());
        loop {
            let mut news = Vec::new();
            // Nothing if it is to be opened again.
            let wake = loop {
                match protocol.poll() {
                    Output::Send(bytes) => connection.send(&bytes, SEND).await?,
                    Output::Report(report) => news.push(report),
                    Output::SetLine(line, is_on) => connection.set_line(&line, is_on),
                    Output::Reopen => break None,
                    Output::Wait(wake) => break Some(wake),
                    _ => {}
                }
            };
            let listened = clock.monotonic().saturating_sub(begun);
            if let Some(end) = look(protocol, news, listened) {
                connection.close().await;
                return Ok(end);
            }
            let Some(wake) = wake else {
                break;
            };
            let pause = wake.saturating_sub(clock.monotonic());
            let pause = pause.clamp(SHORTEST, TRIAL);
            let received = connection.receive_within(&mut buffer, pause).await;
            let now = clock.moment();
            match received {
                Ok(0) => return Err(connection.ended()),
                Ok(_) => {
                    protocol.handle(Input::Bytes(&buffer), now);
                    buffer.clear();
                }
                Err(LinkError::TimedOut { .. }) => protocol.handle(Input::Time, now),
                Err(error) => return Err(error),
            }
        }
        connection.close().await;
        protocol.handle(Input::Closed, clock.moment());
    }
}

#[cfg(test)]
mod tests;
