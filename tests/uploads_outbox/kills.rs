//! Killed between any two steps nothing is lost, and the cursor never runs ahead of what has arrived.

use crate::receiver::Receiver;
use crate::sender::{House, killed_after};

const SINCE: &str = "since = \"2026-06-15\"";

#[tokio::test]
async fn the_cursor_is_written_after_the_answer() {
    let folder = tempfile::tempdir().unwrap();
    let receiver = Receiver::start().await;
    let mut house = House::new(folder.path());
    house.live(30);
    let path = house.path.clone();
    let mut seen = Vec::new();
    receiver.kept().hook = Some(Box::new(move |body| {
        let first = body.lines().next().unwrap().rsplit_once(' ').unwrap().1;
        let file = rusqlite::Connection::open(&path).unwrap();
        let sql = "SELECT done FROM export_cursor";
        let done: i64 = file.query_row(sql, [], |row| row.get(0)).unwrap();
        seen.push((done, first.parse::<i64>().unwrap()));
        let (done, first) = seen.last().unwrap();
        assert!(done < first, "{seen:?}");
        None
    }));
    let toml = receiver.toml(SINCE);
    house.sender(&toml).await.work_on().await;
    house.live(1);
    house.sender(&toml).await.work_on().await;
    let kept = receiver.kept();
    assert_eq!(kept.bodies.len(), 2);
    assert_eq!(kept.points, house.truth());
}

#[tokio::test]
async fn dropped_at_each_wait_it_loses_nothing() {
    let mut finished = 0;
    for waits in 0.. {
        let folder = tempfile::tempdir().unwrap();
        let receiver = Receiver::start().await;
        let mut house = House::new(folder.path());
        house.live(5);
        let toml = receiver.toml(SINCE);
        // Late values are on their way too.
        house.sender(&toml).await.work_on().await;
        house.say_again(2, 700);
        house.live(4);
        let mut sender = house.sender(&toml).await;
        let ended = killed_after(sender.work_on(), waits).await;
        drop(sender);
        house.live(1);
        house.sender(&toml).await.work_on().await;
        assert_eq!(receiver.kept().points, house.truth(), "{waits}");
        let key = crate::sender::named(&toml).id;
        assert_eq!(house.dirty(&key).await, 0);
        if ended.is_some() {
            finished += 1;
            if finished == 3 {
                assert!(waits > 15, "{waits}");
                break;
            }
        }
    }
}

#[tokio::test]
async fn an_answer_that_is_lost_brings_the_same_rows_again() {
    let folder = tempfile::tempdir().unwrap();
    let receiver = Receiver::start().await;
    let mut house = House::new(folder.path());
    house.live(30);
    let toml = receiver.toml(SINCE);
    receiver.kept().next.push_back((None, true));
    house.sender(&toml).await.work_on().await;
    let kept = receiver.kept();
    assert_eq!(kept.bodies.len(), 2);
    assert_eq!(kept.bodies[0], kept.bodies[1]);
    assert_eq!(kept.points, house.truth());
}
