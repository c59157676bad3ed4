use std::time::Duration;

use rustix::termios::{InputModes, LocalModes, OutputModes, Termios};

use super::super::{Address, Connection, ControlLine, DataBits, Links, Parity, SerialSettings};
use super::*;

const PATIENCE: Duration = Duration::from_secs(20);

fn terminal(folder: &tempfile::TempDir) -> PseudoTerminal {
    PseudoTerminal::new(folder.path().join("meter")).unwrap()
}

async fn open(terminal: &PseudoTerminal, parity: Parity) -> Connection {
    let settings = SerialSettings::new(2400, parity);
    let address = Address::Serial(terminal.path().to_owned());
    let opened = Links::new().open(&address, &settings, PATIENCE).await;
    opened.unwrap()
}

/// What is set on the port, as seen from our end.
fn modes(terminal: &PseudoTerminal) -> Termios {
    tcgetattr(&terminal.pair.as_ref().unwrap().master).unwrap()
}

#[tokio::test]
async fn a_port_is_raw_and_passes_bytes_whose_parity_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let terminal = terminal(&folder);
    let changing = InputModes::INPCK
        | InputModes::IGNPAR
        | InputModes::PARMRK
        | InputModes::ISTRIP
        | InputModes::BRKINT
        | InputModes::INLCR
        | InputModes::IGNCR
        | InputModes::ICRNL
        | InputModes::IXON
        | InputModes::IXOFF;
    for parity in [Parity::None, Parity::Even, Parity::Odd] {
        let connection = open(&terminal, parity).await;
        let modes = modes(&terminal);
        let set = modes.input_modes & changing;
        assert!(set.is_empty(), "{parity:?}: {set:?}");
        assert!(!modes.output_modes.contains(OutputModes::OPOST));
        let cooked = LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG | LocalModes::IEXTEN;
        assert!(!modes.local_modes.intersects(cooked));
        assert_eq!((modes.input_speed(), modes.output_speed()), (2400, 2400));
        drop(connection);
    }
}

/// A pseudo-terminal has neither seven bits nor such lines.
#[tokio::test]
async fn seven_data_bits_and_lines_that_are_not_there_are_no_trouble() {
    let folder = tempfile::tempdir().unwrap();
    let mut terminal = terminal(&folder);
    let settings = SerialSettings {
        data_bits: DataBits::Seven,
        ..SerialSettings::new(9600, Parity::None)
    };
    let address = Address::Serial(terminal.path().to_owned());
    let opened = Links::new().open(&address, &settings, PATIENCE).await;
    let mut connection = opened.unwrap();
    for is_on in [false, true] {
        connection.set_line(&ControlLine::Rts, is_on);
        connection.set_line(&ControlLine::Dtr, is_on);
    }
    terminal.send(b"/ABC5").await.unwrap();
    let mut received = Vec::new();
    while received.len() < 5 {
        let more = connection.receive_within(&mut received, PATIENCE).await;
        more.unwrap();
    }
    assert_eq!(received, b"/ABC5");
}

#[tokio::test]
async fn who_opens_and_closes_it_is_told_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let mut terminal = terminal(&folder);
    assert!(!terminal.is_open());
    let mut connection = open(&terminal, Parity::None).await;
    assert!(terminal.is_open());
    connection.send(b"hello", PATIENCE).await.unwrap();
    assert_eq!(terminal.next().await.unwrap(), Happening::Opened);
    assert_eq!(
        terminal.next().await.unwrap(),
        Happening::Received(b"hello".to_vec())
    );
    drop(connection);
    assert_eq!(terminal.next().await.unwrap(), Happening::Closed);
    assert!(!terminal.is_open());
    assert_eq!(terminal.openings(), 1);
}

#[tokio::test]
async fn closing_and_opening_again_at_once_counts() {
    let folder = tempfile::tempdir().unwrap();
    let mut terminal = terminal(&folder);
    for parity in [Parity::None, Parity::Even, Parity::None] {
        drop(open(&terminal, parity).await);
    }
    let _connection = open(&terminal, Parity::Even).await;
    assert_eq!(terminal.openings(), 4);
    let mut told = Vec::new();
    for _ in 0..7 {
        told.push(terminal.next().await.unwrap() == Happening::Opened);
    }
    assert_eq!(told, [true, false, true, false, true, false, true]);
}

#[tokio::test]
async fn what_nobody_reads_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let mut terminal = terminal(&folder);
    let much = vec![0x55; 4096];
    for _ in 0..1000 {
        terminal.send(&much).await.unwrap();
    }
    let mut connection = open(&terminal, Parity::None).await;
    terminal.send(b"hello").await.unwrap();
    let mut received = Vec::new();
    while received.len() < 5 {
        connection
            .receive_within(&mut received, PATIENCE)
            .await
            .unwrap();
    }
    assert_eq!(received, b"hello");
}

#[tokio::test(start_paused = true)]
async fn whoever_has_it_open_and_does_not_read_holds_up_nobody_for_ever() {
    let folder = tempfile::tempdir().unwrap();
    let mut terminal = terminal(&folder);
    let _connection = open(&terminal, Parity::None).await;
    let much = vec![0x55; 1024 * 1024];
    terminal.send(&much).await.unwrap();
    assert!(terminal.is_open());
}

#[tokio::test]
async fn a_link_left_over_is_replaced_and_anything_else_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("meter");
    std::os::unix::fs::symlink("/dev/pts/no-more", &path).unwrap();
    let mut terminal = PseudoTerminal::new(&path).unwrap();
    assert!(path.exists() && terminal.is_plugged());
    terminal.unplug();
    terminal.unplug();
    assert!(!path.is_symlink() && !terminal.is_plugged() && !terminal.is_open());
    // Into the void, which is no error.
    terminal.send(b"hello").await.unwrap();
    terminal.plug().unwrap();
    terminal.plug().unwrap();
    assert!(path.exists());
    drop(terminal);
    assert!(!path.is_symlink());

    std::fs::write(&path, "precious").unwrap();
    let error = PseudoTerminal::new(&path).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
    assert_eq!(std::fs::read(&path).unwrap(), b"precious");
}
