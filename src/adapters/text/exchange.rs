//! One question to a sensor on a port, and the lines that answer it.

use std::time::Duration;

use tokio::time::Instant;

use super::health;
use super::lines::LineSplitter;
use super::sensor::Sensor;
use crate::clock::Clock;
use crate::links::{Connection, LinkError, SerialSettings};
use crate::model::Health;

/// How long opening the port may take.
pub const OPEN: Duration = Duration::from_secs(10);
/// A pause that ends a line, and an answer of several lines: 15 bytes at 300 baud.
pub const QUIET: Duration = Duration::from_millis(500);

/// Why nothing was read.
#[derive(Debug)]
pub enum Failure {
    /// The port has gone.
    Lost(LinkError),
    /// Nothing came, or nothing that can be read.
    Nothing(Health),
}

/// How the port of a section is spoken to.
pub const fn settings(config: &super::config::Config) -> SerialSettings {
    SerialSettings {
        baud: config.baud,
        parity: config.parity,
    }
}

/// Asks once. What came before the question is not looked at; `lines` are those of the connection.
///
/// Of several lines that fit, the last counts, until there is a value for all: what comes after
/// that may come now or later, and is left out.
pub async fn ask(
    connection: &mut Connection,
    question: &[u8],
    within: Duration,
    lines: &mut LineSplitter,
    sensor: &mut Sensor,
) -> Result<(), Failure> {
    sensor.begin();
    lines.begin(false);
    let sent = connection.send(question, within).await;
    sent.map_err(Failure::Lost)?;
    let deadline = Instant::now() + within;
    let mut buffer = Vec::new();
    loop {
        let received = if lines.is_open() || sensor.has_values() {
            connection.receive_within(&mut buffer, QUIET).await
        } else {
            connection.receive(&mut buffer, deadline).await
        };
        match received {
            Ok(0) => return Err(Failure::Lost(connection.ended())),
            Ok(_) => {
                lines.push(&buffer);
                buffer.clear();
            }
            Err(LinkError::TimedOut { .. }) if lines.is_open() => lines.quiet(),
            Err(LinkError::TimedOut { .. }) => break,
            Err(error) => return Err(Failure::Lost(error)),
        }
        while !sensor.is_complete()
            && let Some(line) = lines.next()
        {
            sensor.take(&line);
        }
        if sensor.is_complete() || Instant::now() >= deadline {
            break;
        }
    }
    if sensor.has_values() {
        return Ok(());
    }
    Err(Failure::Nothing(match sensor.unfit() {
        Some(why) => why.clone(),
        None if lines.unended().is_empty() => health::no_answer(within),
        None => health::no_end(lines.unended(), within),
    }))
}

/// Lets time pass, throwing away what comes unasked, so that the end of the port is noticed. `lines`
/// are those of the connection: what comes may end within one.
pub async fn idle(
    connection: &mut Connection,
    pause: Duration,
    lines: &mut LineSplitter,
    clock: &Clock,
) -> Result<(), LinkError> {
    let deadline = Instant::now() + pause;
    let (mut unasked, mut last) = (Vec::new(), None);
    loop {
        match connection.receive(&mut unasked, deadline).await {
            Ok(0) => return Err(connection.ended()),
            Ok(_) => {
                last = Some(clock.monotonic());
                lines.push(&unasked);
                lines.begin(false);
                unasked.clear();
            }
            Err(LinkError::TimedOut { .. }) => {
                let since = |last| clock.monotonic().saturating_sub(last);
                lines.begin(last.map_or(pause, since) >= QUIET);
                return Ok(());
            }
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use jiff::tz::TimeZone;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::super::config::{Config, Group, ValueConfig};
    use super::super::values::Rules;
    use super::*;
    use crate::clock::Moment;
    use crate::links::Links;
    use crate::model::{Report, Value};

    const WITHIN: Duration = Duration::from_secs(5);

    /// A sensor that says something unasked and then answers each question with these pieces, with
    /// pauses of so many milliseconds between them.
    async fn sensor(unasked: &'static str, answers: &[&[&'static str]], pause: u64) -> Connection {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("tcp://{}", listener.local_addr().unwrap());
        let answers: Vec<Vec<&str>> = answers.iter().map(|answer| answer.to_vec()).collect();
        tokio::spawn(async move {
            let (mut client, _) = listener.accept().await.unwrap();
            client.set_nodelay(true).unwrap();
            client.write_all(unasked.as_bytes()).await.unwrap();
            for answer in answers {
                client.read_u8().await.unwrap();
                for piece in answer {
                    client.write_all(piece.as_bytes()).await.unwrap();
                    tokio::time::sleep(Duration::from_millis(pause)).await;
                }
            }
            std::future::pending::<()>().await;
        });
        let (address, settings) = (address.parse().unwrap(), settings(&Config::default()));
        let links = Links::new();
        links.open(&address, &settings, OPEN).await.unwrap()
    }

    fn of(pattern: Option<&str>, keys: &[&str]) -> Sensor {
        let value = |(index, key): (usize, &&str)| ValueConfig {
            id: (*key).to_owned(),
            group: Some(Group::Number(index + 1)),
            ..ValueConfig::default()
        };
        let config = Config {
            pattern: pattern.map(str::to_owned),
            values: keys.iter().enumerate().map(value).collect(),
            ..Config::default()
        };
        let rules = Rules::new(&config).unwrap();
        Sensor::new(&config, Arc::new(rules))
    }

    /// What an answer said of these values.
    async fn asked(
        connection: &mut Connection,
        lines: &mut LineSplitter,
        sensor: &mut Sensor,
        keys: &[&str],
    ) -> Vec<String> {
        ask(connection, b"?", WITHIN, lines, sensor).await.unwrap();
        let reports = sensor.reading(Moment::NONE);
        let Some(Report::Readings(readings)) = reports.first() else {
            panic!("{reports:?}")
        };
        let value = |key: &&str| readings.get(key).and_then(Value::as_number);
        let values = keys.iter().map(value);
        values
            .map(|value| value.map_or_else(String::new, |value| value.to_string()))
            .collect()
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_within_a_line_makes_no_smaller_number_of_it() {
        let mut connection = sensor("", &[&["10\r\n"], &["12", "34\r\n"]], 800).await;
        let (mut lines, mut sensor) = (LineSplitter::default(), of(None, &["x"]));
        for value in ["10", "1234"] {
            let found = asked(&mut connection, &mut lines, &mut sensor, &["x"]).await;
            assert_eq!(found, [value]);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn lines_that_never_end_are_ended_by_a_pause() {
        let mut connection = sensor("", &[&["10"], &["12"]], 2000).await;
        let (mut lines, mut sensor) = (LineSplitter::default(), of(None, &["x"]));
        for value in ["10", "12"] {
            let found = asked(&mut connection, &mut lines, &mut sensor, &["x"]).await;
            assert_eq!(found, [value]);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_end_that_never_comes_is_said() {
        let mut connection = sensor("", &[&["10\n"], &["12"]], 1).await;
        let (mut lines, mut sensor) = (LineSplitter::default(), of(None, &["x"]));
        asked(&mut connection, &mut lines, &mut sensor, &["x"]).await;
        let failed = ask(&mut connection, b"?", WITHIN, &mut lines, &mut sensor).await;
        let Err(Failure::Nothing(health)) = failed else {
            panic!("{failed:?}")
        };
        assert!(health.detail.starts_with("\"12\" came back, but"));
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_means_the_same_however_it_is_cut() {
        let keys = ["a", "b"];
        for answer in [
            &["A=1\nA=2\nB=3\nA=9\n"][..],
            &["A=1\nA=", "2\nB=3", "\n", "A=9\n"],
        ] {
            let mut connection = sensor("", &[answer], 10).await;
            let mut sensor = of(Some(r"A=(\d)|B=(\d)"), &keys);
            let found = asked(
                &mut connection,
                &mut LineSplitter::default(),
                &mut sensor,
                &keys,
            )
            .await;
            assert_eq!(found, ["2", "3"], "{answer:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_rest_of_a_line_that_began_unasked_is_no_answer() {
        let clock = Clock::following_tokio(jiff::Timestamp::UNIX_EPOCH, TimeZone::UTC);
        for (pause, value) in [(100, "12"), (2000, "34")] {
            let mut connection = sensor("9\n99", &[&["34\n12\n"]], 0).await;
            let (mut lines, mut sensor) = (LineSplitter::default(), of(None, &["x"]));
            let pause = Duration::from_millis(pause);
            let passed = idle(&mut connection, pause, &mut lines, &clock).await;
            passed.unwrap();
            let found = asked(&mut connection, &mut lines, &mut sensor, &["x"]).await;
            assert_eq!(found, [value]);
        }
    }
}
