//! Slots that change after they were closed.

use jiff::SignedDuration;
use jiff::civil::{Date, date};
use wattbridge::config::File;
use wattbridge::history::{Cursors, SeriesKey};
use wattbridge::model::Decimal;
use wattbridge::uploads::{NextRound, Uploads};

use crate::emoncms::{StandIn, WRITE_KEY};
use crate::pvoutput::{KEY, SYSTEM, StandIn as PvOutput};
use crate::receiver::Receiver;
use crate::sender::{House, PATIENCE, START, moment};

const SINCE: &str = "since = \"2026-06-15\"";

#[tokio::test]
async fn a_device_that_tells_two_days_once_more_is_sent_once_more() {
    let folder = tempfile::tempdir().unwrap();
    let (receiver, emoncms) = (Receiver::start().await, StandIn::start().await);
    let mut house = House::new(folder.path());
    house.live(700);
    let toml = receiver.toml(SINCE);
    let of_emoncms = format!(
        "[emoncms]\nurl = \"{}\"\nkey = \"{WRITE_KEY}\"\n{SINCE}\n",
        emoncms.url
    );
    let mut influx = house.sender(&toml).await;
    let mut counting = house.sender(&of_emoncms).await;
    influx.work_on().await;
    counting.work_on().await;
    let (before, asked) = (
        receiver.kept().bodies.len(),
        emoncms.account().requests.len(),
    );
    for slot in 50..626 {
        house.say_again(slot, 300);
    }
    house.live(1);
    assert_eq!(house.dirty(&influx.named.id).await, 576);
    assert_eq!(house.dirty(&counting.named.id).await, 0);
    influx.work_on().await;
    counting.work_on().await;
    assert_eq!(house.dirty(&influx.named.id).await, 0);
    assert_eq!(influx.rounds.state().pending, 0);
    let kept = receiver.kept();
    assert_eq!(kept.points, house.truth());
    let lines: usize = kept.bodies[before..]
        .iter()
        .map(|body| body.lines().count())
        .sum();
    assert_eq!(lines, 577, "once, and only these");
    let account = emoncms.account();
    assert_eq!(account.wrongs, [""; 0]);
    let posts = account.requests[asked..].iter();
    assert_eq!(posts.filter(|line| line.starts_with("POST")).count(), 1);
}

/// The rows are on the wire when one of them changes.
#[tokio::test]
async fn what_changes_on_its_way_is_sent_once_more() {
    for is_again in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let receiver = Receiver::start().await;
        let mut house = House::new(folder.path());
        house.live(20);
        let toml = receiver.toml(SINCE);
        if is_again {
            house.sender(&toml).await.work_on().await;
            house.say_again(7, 100);
            house.live(1);
        }
        let (history, device) = (house.history.clone(), house.device.id.clone());
        let mut left = if is_again { 2 } else { 1 };
        receiver.kept().hook = Some(Box::new(move |_| {
            if left > 0 {
                left -= 1;
                let at = crate::sender::moment(START + 7 * 300 - 10);
                let value = wattbridge::model::Decimal::new(9000 + left, 2).into();
                history.record(&device, at, None, [("battery_voltage", value)]);
                history.flush(PATIENCE);
            }
            None
        }));
        house.sender(&toml).await.work_on().await;
        assert_eq!(receiver.kept().points, house.truth(), "{is_again}");
    }
}

/// What somebody says in another process while a request is on its way stands.
#[tokio::test]
async fn a_skip_and_a_retry_are_not_lost_to_an_answer() {
    let folder = tempfile::tempdir().unwrap();
    let receiver = Receiver::start().await;
    let mut house = House::new(folder.path());
    house.live(20);
    // Only the past waits when the rows go out; more comes, and is passed over.
    let toml = receiver.toml(SINCE);
    let mut sender = house.sender(&toml).await;
    let (path, key) = (house.path.clone(), sender.named.id.clone());
    let through = START + 100 * 300;
    receiver.kept().hook = Some(Box::new(move |_| {
        let (path, key) = (path.clone(), key.clone());
        let done = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().build();
            runtime.unwrap().block_on(async {
                let cursors = Cursors::beside(&path).unwrap();
                assert!(cursors.skip(&key, through).await.unwrap());
                cursors.hurry(&key).await.unwrap();
            });
        });
        done.join().unwrap();
        None
    }));
    assert_eq!(sender.rounds.round().await, NextRound::Now);
    receiver.kept().hook = None;
    let cursor = house.history.cursors().load(&sender.named.id).await;
    let cursor = cursor.unwrap().unwrap();
    assert_eq!(cursor.done, through);
    assert!(cursor.hurry);
    house.live(79);
    sender.work_on().await;
    house.live(20);
    sender.work_on().await;
    let series = ("victron_hq2123abcde".to_owned(), "energy_total".to_owned());
    let times = receiver.kept().points[&series].clone();
    let expected = (1..=20).chain(101..=119).map(|slot| START + slot * 300);
    assert!(times.keys().copied().eq(expected), "{:?}", times.keys());
    let cursor = house.history.cursors().load(&sender.named.id).await;
    assert!(!cursor.unwrap().unwrap().hurry);
}

/// A new section begins with now, and not with what is over and not yet closed.
#[tokio::test]
async fn a_new_target_begins_with_now() {
    let folder = tempfile::tempdir().unwrap();
    let receiver = Receiver::start().await;
    let mut house = House::new(folder.path());
    house.live(20);
    house
        .clock
        .move_to(crate::sender::moment(START + 21 * 300 + 30));
    let mut sender = house.sender(&receiver.toml("")).await;
    assert_eq!(sender.work().await, NextRound::Slot);
    let cursor = house.history.cursors().load(&sender.named.id).await;
    assert_eq!(cursor.unwrap().unwrap().done, START + 21 * 300);
    house.live(3);
    sender.work_on().await;
    let kept = receiver.kept();
    let times = &kept.points[&("victron_hq2123abcde".to_owned(), "energy_total".to_owned())];
    let expected = [22, 23].map(|slot| START + slot * 300);
    assert!(times.keys().copied().eq(expected), "{:?}", times.keys());
}

/// Who is in no section any more gets nothing noted; who is switched off only, does.
#[tokio::test]
async fn what_has_changed_is_forgotten_with_the_section() {
    let folder = tempfile::tempdir().unwrap();
    let receiver = Receiver::start().await;
    let mut house = House::new(folder.path());
    house.live(50);
    let section = receiver.toml(SINCE);
    let mut sender = house.sender(&section).await;
    sender.work_on().await;
    let key = sender.named.id.clone();
    house.say_again(7, 100);
    house.live(1);
    let begins = |toml: &str| {
        let file = File::parse(toml, "test.toml").unwrap();
        let (uploads, _) = Uploads::read(&file);
        uploads.sources(&house.history).len()
    };
    assert_eq!(begins(&section), 1);
    assert_eq!(house.dirty(&key).await, 1);
    assert_eq!(begins(&receiver.toml("enabled = false")), 0);
    assert_eq!(house.dirty(&key).await, 1);
    // What cannot be read may be this section.
    assert_eq!(begins("[[influxdb]]\nurl = 7\n"), 0);
    assert_eq!(house.dirty(&key).await, 1);
    assert_eq!(begins(""), 0);
    assert_eq!(house.dirty(&key).await, 0);
    house.say_again(8, 100);
    house.live(1);
    assert_eq!(house.dirty(&key).await, 0);
    // It comes back, and goes on where it was.
    let mut sender = house.sender(&section).await;
    sender.work_on().await;
    house.say_again(9, 100);
    house.live(1);
    assert_eq!(house.dirty(&key).await, 1);
    sender.work_on().await;
    let (kept, mut truth) = (receiver.kept(), house.truth());
    for (series, values) in &mut truth {
        for slot in [7, 8] {
            let end = START + slot * 300;
            values.insert(end, kept.points[series][&end].clone());
        }
    }
    assert_eq!(kept.points, truth);
}

/// A charger of which PVOutput has two days, and what it says of the generation at a time.
struct Corrected {
    house: House,
    pvoutput: PvOutput,
    toml: String,
    _folder: tempfile::TempDir,
}

impl Corrected {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let pvoutput = PvOutput::start("UTC").await;
        pvoutput.with(|books| {
            books.now = moment(START) + SignedDuration::from_hours(47);
            books.limit = 300;
        });
        let mut house = House::new(folder.path());
        house.live(400);
        let url = pvoutput.url();
        let toml = format!(
            "[pvoutput]\nsystem_id = \"{SYSTEM}\"\nkey = \"{KEY}\"\nurl = \"{url}\"\ngeneration = \"victron_hq2123abcde\"\n{SINCE}\n"
        );
        Self {
            house,
            pvoutput,
            toml,
            _folder: folder,
        }
    }

    async fn send(&self) {
        let mut sender = self.house.sender(&self.toml).await;
        sender.work_on().await;
        assert_eq!(sender.rounds.state().given_up, 0);
    }

    /// Puts in another energy of the first day, in Wh, and sends what follows from it.
    async fn correct(&self, watt_hours: Option<i64>) {
        let series = SeriesKey::new(&self.house.device.id, "energy_total");
        let value = watt_hours.map(|wh| Decimal::new(wh, 3));
        let first: Date = date(2026, 6, 15);
        self.house.history.correct(&series, first, value).unwrap();
        self.send().await;
    }

    fn generated(&self, date: &str, times: [&str; 3]) -> [Option<i64>; 3] {
        self.pvoutput.with(|books| {
            times.map(|time| books.statuses[&(date.to_owned(), time.to_owned())].generated)
        })
    }
}

/// 10 Wh in each slot, from the second on.
#[tokio::test]
async fn a_day_that_is_put_right_is_put_right_at_pvoutput() {
    let it = Corrected::new().await;
    let day = || it.generated("20260615", ["01:00", "12:00", "23:55"]);
    let next = || it.generated("20260616", ["00:05", "01:00", "06:00"]);
    it.send().await;
    let measured = [Some(110), Some(1430), Some(2870)];
    let of_next = [Some(10), Some(120), Some(720)];
    assert_eq!((day(), next()), (measured, of_next));
    it.correct(Some(1000)).await;
    assert_eq!(
        (day(), next()),
        ([Some(110), Some(1000), Some(1000)], of_next)
    );
    it.correct(Some(5000)).await;
    assert_eq!(
        (day(), next()),
        ([Some(110), Some(1430), Some(5000)], of_next)
    );
    it.correct(None).await;
    assert_eq!((day(), next()), (measured, of_next));
}
