//! The driver with a protocol that writes down what it hears, over real sockets in virtual time.

use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::clock::Moment;
use crate::device::protocol::Outbox;
use crate::device::{Reports, Traffic};
use crate::links::{ControlLine, FakeChip, GpioError, Parity, SerialSettings};
use crate::model::{Command, DeviceId, Report};
use crate::store::Memory;

/// Says back what it hears, in words that the tests understand.
#[derive(Default)]
struct Parrot {
    out: Outbox,
    heard: Arc<Mutex<Vec<String>>>,
    commands: Vec<u64>,
}

impl Protocol for Parrot {
    fn settings(&self) -> SerialSettings {
        SerialSettings::new(9600, Parity::None)
    }

    fn handle(&mut self, input: Input<'_>, _: Moment) {
        let word = match input {
            Input::Opened => "opened".to_owned(),
            Input::Bytes(bytes) => {
                let text = String::from_utf8_lossy(bytes).into_owned();
                match text.as_str() {
                    "good" => self.out.push(Output::Heard(Heard::Good)),
                    "bad" => self.out.push(Output::Heard(Heard::Bad)),
                    "ask" => self.out.push(Output::Send(b"?".to_vec())),
                    "low" => self.out.push(Output::SetLine(reset_line(), true)),
                    "high" => self.out.push(Output::SetLine(reset_line(), false)),
                    "again" => self.out.push(Output::Reopen),
                    "done" => {
                        let done = self.commands.drain(..);
                        done.for_each(|id| self.out.push(Output::Answer(id, Ok(Value::Unknown))));
                    }
                    "report" => self.out.report([Report::Complete(true)]),
                    // From now on it wants to be woken in the past.
                    "hurry" => self.out.wake = Duration::ZERO,
                    _ => {}
                }
                text
            }
            Input::Command { id, command } => {
                self.commands.push(id);
                format!("command {}", command.key)
            }
            Input::Forgotten(device) => format!("forgotten {device}"),
            Input::Withdrawn(id) => format!("withdrawn {id}"),
            Input::Attended(is_attended) => format!("attended {is_attended}"),
            Input::Closed => "closed".to_owned(),
            Input::Unreachable(_) => "unreachable".to_owned(),
            Input::Time => "time".to_owned(),
            Input::End => "end".to_owned(),
        };
        self.heard.lock().unwrap().push(word);
    }

    fn poll(&mut self) -> Output {
        self.out.poll()
    }
}

fn reset_line() -> ControlLine {
    "gpio:GPIO18".parse().unwrap()
}

/// A line with the parrot at this end, and a server at the other.
struct Bench {
    listener: Option<TcpListener>,
    chip: FakeChip,
    heard: Arc<Mutex<Vec<String>>>,
    reports: mpsc::Receiver<(usize, Report)>,
    commands: mpsc::Sender<PendingCommand>,
    forgotten: mpsc::UnboundedSender<DeviceId>,
    operators: watch::Sender<usize>,
    traffic: Arc<Traffic>,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<Result<(), SourceError>>,
}

impl Bench {
    async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address: Address = format!("tcp://{}", listener.local_addr().unwrap())
            .parse()
            .unwrap();
        let chip = FakeChip::default();
        let (reports, bridge) = mpsc::channel(64);
        let (commands, inbox) = mpsc::channel(8);
        let (forgotten, gone) = mpsc::unbounded_channel();
        let (operators, traffic) = (watch::Sender::new(0), Arc::new(Traffic::default()));
        let stop = CancellationToken::new();
        let mut context = Context {
            reports: Reports::new(0, reports),
            commands: inbox,
            forgotten: gone,
            stop: stop.clone(),
            clock: Clock::following_tokio(Timestamp::UNIX_EPOCH, TimeZone::UTC),
            links: Links::new().with_gpio(chip.lines()),
            reserved: Arc::new([]),
            operators: operators.subscribe(),
            memory: Memory::passing(),
            traffic: Arc::clone(&traffic),
        };
        let mut parrot = Parrot::default();
        let heard = Arc::clone(&parrot.heard);
        let task = tokio::spawn(async move { run(&mut parrot, &address, &mut context).await });
        Self {
            listener: Some(listener),
            chip,
            heard,
            reports: bridge,
            commands,
            forgotten,
            operators,
            traffic,
            stop,
            task,
        }
    }

    async fn accept(&self) -> TcpStream {
        let (stream, _) = self.listener.as_ref().unwrap().accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        stream
    }

    /// Says something, and waits until it was heard.
    async fn say(&self, stream: &mut TcpStream, word: &str) {
        stream.write_all(word.as_bytes()).await.unwrap();
        self.until(word).await;
    }

    async fn until(&self, word: &str) {
        while !self.heard.lock().unwrap().iter().any(|heard| heard == word) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// What was heard since, but for the time.
    fn take(&self) -> Vec<String> {
        let heard = std::mem::take(&mut *self.heard.lock().unwrap());
        heard.into_iter().filter(|word| word != "time").collect()
    }

    async fn command(&self, key: &'static str) -> oneshot::Receiver<CommandOutcome> {
        let (reply, answer) = oneshot::channel();
        let command = Command {
            device: DeviceId::new("parrot", "1"),
            key: key.to_owned(),
            value: Value::Unknown,
        };
        let pending = PendingCommand { command, reply };
        self.commands.send(pending).await.unwrap();
        answer
    }
}

#[tokio::test(start_paused = true)]
async fn what_comes_is_handed_over_and_what_is_wanted_is_done() {
    let mut bench = Bench::new().await;
    let mut device = bench.accept().await;
    bench.say(&mut device, "ask").await;
    assert_eq!(device.read_u8().await.unwrap(), b'?');
    bench.say(&mut device, "report").await;
    let (_, report) = bench.reports.recv().await.unwrap();
    assert_eq!(report, Report::Complete(true));
    bench.say(&mut device, "good").await;
    bench.say(&mut device, "bad").await;
    assert_eq!(bench.take(), ["opened", "ask", "report", "good", "bad"]);
    assert_eq!((bench.traffic.good(), bench.traffic.bad()), (1, 1));
    bench.stop.cancel();
    assert!(bench.task.await.unwrap().is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_port_that_worked_is_no_trouble_until_it_does_not_work_again() {
    let bench = Bench::new().await;
    let mut device = bench.accept().await;
    bench.say(&mut device, "good").await;
    drop(device);
    let begun = tokio::time::Instant::now();
    let device = bench.accept().await;
    assert_eq!(begun.elapsed().as_secs(), 1);
    assert_eq!(bench.take(), ["opened", "good", "closed"]);
    // Now nothing comes of it, again and again: it is said each time, and the pauses grow.
    drop(device);
    for pause in [2, 5, 10, 30, 30] {
        let begun = tokio::time::Instant::now();
        drop(bench.accept().await);
        assert_eq!(begun.elapsed().as_secs(), pause);
        assert_eq!(bench.take(), ["opened", "closed", "unreachable"]);
    }
    assert_eq!(bench.traffic.bad(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_port_is_opened_again_at_once_if_that_is_wanted() {
    let bench = Bench::new().await;
    let mut device = bench.accept().await;
    bench.say(&mut device, "again").await;
    let begun = tokio::time::Instant::now();
    let mut rest = Vec::new();
    device.read_to_end(&mut rest).await.unwrap();
    drop(device);
    let mut device = bench.accept().await;
    bench.say(&mut device, "good").await;
    assert!(
        begun.elapsed() < Duration::from_millis(100),
        "{:?}",
        begun.elapsed()
    );
    assert_eq!(
        bench.take(),
        ["opened", "again", "closed", "opened", "good"]
    );
}

#[tokio::test(start_paused = true)]
async fn commands_are_answered_refused_while_nobody_is_there_and_withdrawn() {
    let mut bench = Bench::new().await;
    let mut device = bench.accept().await;
    bench.until("opened").await;
    bench.operators.send_replace(1);
    let answer = bench.command("light").await;
    bench.until("command light").await;
    bench.until("attended true").await;
    bench.say(&mut device, "done").await;
    assert_eq!(answer.await.unwrap().result, Ok(Value::Unknown));

    let impatient = bench.command("heat").await;
    bench.until("command heat").await;
    drop(impatient);
    bench.until("withdrawn 2").await;
    bench.take();

    // From now on nobody is there.
    bench.listener = None;
    drop(device);
    bench.until("closed").await;
    let refused = bench.command("light").await.await.unwrap().result;
    assert!(refused.unwrap_err().contains("not connected at the moment"));
    assert!(!bench.take().contains(&"command light".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn that_a_device_was_forgotten_is_handed_over_also_while_nobody_is_there() {
    let bench = Bench::new().await;
    let device = bench.accept().await;
    bench.forgotten.send(DeviceId::new("parrot", "1")).unwrap();
    bench.until("forgotten parrot_1").await;
    drop(device);
    bench.until("closed").await;
    bench.forgotten.send(DeviceId::new("parrot", "2")).unwrap();
    bench.until("forgotten parrot_2").await;
}

#[tokio::test(start_paused = true)]
async fn whoever_wants_to_be_woken_in_the_past_is_not_woken_without_end() {
    let bench = Bench::new().await;
    let mut device = bench.accept().await;
    bench.say(&mut device, "hurry").await;
    bench.heard.lock().unwrap().clear();
    tokio::time::sleep(Duration::from_secs(10)).await;
    let wakes = bench.heard.lock().unwrap().len();
    assert!((500..=1001).contains(&wakes), "{wakes}");
}

#[tokio::test(start_paused = true)]
async fn a_line_is_switched_and_never_left_low() {
    let bench = Bench::new().await;
    let mut device = bench.accept().await;
    bench.say(&mut device, "low").await;
    bench.say(&mut device, "high").await;
    bench.say(&mut device, "good").await;
    assert_eq!(bench.chip.news(), ["claim GPIO18", "low", "high"]);
    // The port goes away while it is low.
    bench.take();
    bench.say(&mut device, "low").await;
    drop(device);
    bench.until("closed").await;
    assert_eq!(bench.chip.news(), ["low", "high"]);
    // Or everything ends.
    let mut device = bench.accept().await;
    bench.take();
    bench.say(&mut device, "low").await;
    bench.say(&mut device, "good").await;
    bench.stop.cancel();
    assert!(bench.task.await.unwrap().is_ok());
    assert_eq!(bench.chip.news(), ["low", "high", "gone"]);
}

#[tokio::test(start_paused = true)]
async fn a_line_that_cannot_be_had_holds_nothing_up() {
    let bench = Bench::new().await;
    *bench.chip.trouble.lock().unwrap() = Some(GpioError::NoChips);
    let mut device = bench.accept().await;
    bench.say(&mut device, "low").await;
    bench.say(&mut device, "high").await;
    bench.say(&mut device, "ask").await;
    assert_eq!(device.read_u8().await.unwrap(), b'?');
    assert_eq!(bench.chip.news(), [""; 0]);
}

#[tokio::test]
async fn a_trial_switches_lines_too() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("tcp://{}", listener.local_addr().unwrap());
    let address: Address = address.parse().unwrap();
    let chip = FakeChip::default();
    let links = Links::new().with_gpio(chip.lines());
    let mut parrot = Parrot::default();
    let heard = Arc::clone(&parrot.heard);
    let trial = converse(&mut parrot, &address, &links, |_, _, _| {
        let heard = heard.lock().unwrap();
        heard.iter().any(|word| word == "high").then_some(())
    });
    let device = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        for word in ["low", "high"] {
            stream.write_all(word.as_bytes()).await.unwrap();
            while !heard.lock().unwrap().iter().any(|heard| heard == word) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
        stream
    };
    let (trial, _stream) = tokio::join!(trial, device);
    assert_eq!(trial, Ok(()));
    assert_eq!(chip.news(), ["claim GPIO18", "low", "high"]);
}
