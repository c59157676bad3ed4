//! Lines that bring no values, each in its own way: what `check` and `run` say of them.

use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use wattbridge::adapters::smart_meter::simulator::{Model, Series};

use super::KEY;
use crate::home::Home;
use crate::support::mosquitto::{Mosquitto, Setup};
use crate::wire::Wire;

/// What a server does with each connection.
#[derive(Clone, Copy)]
enum Manner {
    Closes,
    SaysItIsTaken,
    Silent,
    Noise,
    HeatMeter,
    /// A meter whose messages have no frames.
    Bare,
}

/// A server on a port of its own.
async fn serve(manner: Manner) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(behave(client, manner));
        }
    });
    port
}

async fn behave(mut client: TcpStream, manner: Manner) {
    let model = Model::named("evn").unwrap();
    let mut meter = Series::new(model, KEY.parse().unwrap(), None, Duration::from_secs(10));
    let heat = [
        0x68, 0x0b, 0x0b, 0x68, 0x08, 0x01, 0x72, 1, 2, 3, 4, 5, 6, 7, 8, 0x9f, 0x16,
    ];
    loop {
        let bytes = match manner {
            Manner::Closes => return,
            Manner::SaysItIsTaken => b"Port already in use\r\n".to_vec(),
            Manner::Silent => Vec::new(),
            Manner::Noise => (0..90_u8).map(|n| n.wrapping_mul(37) | 0x81).collect(),
            Manner::HeatMeter => heat.to_vec(),
            Manner::Bare => meter.telegram().unwrap().message,
        };
        if client.write_all(&bytes).await.is_err() || matches!(manner, Manner::SaysItIsTaken) {
            return;
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
}

fn section(port: u16) -> String {
    format!(
        "[[smart_meter]]\nport = \"tcp://127.0.0.1:{port}\"\nkey = \"{KEY}\"\nsilent_after = \"5s\"\n"
    )
}

#[tokio::test]
async fn check_says_what_is_on_the_line() {
    let mut checks = Vec::new();
    for (manner, words) in [
        (Manner::Closes, "closed the connection"),
        (Manner::Silent, "nothing has arrived within 12 seconds"),
        (Manner::Noise, "no telegram among them"),
        (Manner::HeatMeter, "another kind of M-Bus"),
        (Manner::Bare, "Kaifa MA309, number 181290654323"),
    ] {
        let port = serve(manner).await;
        checks.push(tokio::spawn(async move {
            // Nobody is the broker, which is another failure.
            let home = Home::new(1, &[section(port)]);
            let done = home.done(&["check", "--connect"]).await;
            let line = done.out.lines().find(|line| line.contains("smart_meter"));
            assert!(
                line.is_some_and(|line| line.contains(words)),
                "{words}: {done:?}"
            );
        }));
    }
    for check in checks {
        check.await.unwrap();
    }
}

#[tokio::test]
async fn what_check_says_is_in_home_assistant_as_well() {
    let Some(broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let wire = Wire::tap(broker.port()).await;
    let mut sections = Vec::new();
    let mut expected = Vec::new();
    for (manner, words) in [
        (Manner::Closes, "closed the connection"),
        (Manner::SaysItIsTaken, "closed the connection"),
        (Manner::Silent, "nothing has arrived since"),
        (Manner::Noise, "no telegram among them"),
        (Manner::HeatMeter, "another kind of M-Bus"),
    ] {
        let port = serve(manner).await;
        sections.push(section(port));
        expected.push((format!("smart_meter@tcp://127.0.0.1:{port}"), words));
    }
    let home = Home::new(broker.port(), &sections);
    let mut program = home.run();
    for (line, words) in &expected {
        wire.until(words, 0, |_| program.count(&[line, words]) > 0)
            .await;
    }
    assert!(program.end().await.success());
    // Said once, and not with each try.
    for (line, words) in &expected {
        assert_eq!(program.count(&[line, words]), 1, "{}", program.said());
    }
}
