//! Keeps the board as the bridge says: one task for all who look.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::board::event;
use super::describe::Describer;
use super::discretion::Rank;
use super::site::{Inside, Site};
use crate::bridge::{Feed, Known, News};
use crate::flow::FlowTracker;
use crate::model::{Device, DeviceId, Update};

/// How often is looked where the energy goes, also when nothing is heard: values grow old.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// How often changes are told at most.
const TELL_EVERY: Duration = Duration::from_secs(1);

/// Follows what runs, whatever that is at the moment, until all has ended.
pub async fn follow(site: Arc<Site>) {
    let mut watch = site.watch();
    loop {
        let inside = watch.borrow_and_update().clone();
        let following = async {
            match &inside {
                Some(inside) => follow_one(&site, inside).await,
                None => site.board.begin(Vec::new(), &site.front().key, site.now()),
            }
            // It has ended, and something else will begin.
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = following => {}
            changed = watch.changed() => if changed.is_err() { return },
            () = site.stop.cancelled() => return,
        }
    }
}

async fn follow_one(site: &Site, inside: &Inside) {
    site.set_key(inside.key.clone());
    let (key, clock) = (&inside.key, &inside.clock);
    let mut feed = inside.hub.feed();
    let mut flow = FlowTracker::new(inside.flow.clone());
    let mut look = |known: &[Known]| {
        let now = flow.at(known, clock.now(), clock.monotonic());
        site.board.put_flow(&now);
    };
    site.board.speak(inside.language);
    let known = feed.catch_up();
    site.board.begin(known.clone(), key, clock.now());
    look(&known);
    let mut told = Instant::now();
    let mut due: Option<Instant> = None;
    loop {
        let again = told + LOOK_EVERY;
        let telling = async {
            match due {
                Some(due) => sleep_until(due).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            news = feed.next() => match news {
                None => return,
                Some(News::Missed) => {
                    site.board.begin(feed.catch_up(), key, clock.now());
                    due = None;
                }
                Some(News::Update(Update::State(state))) => {
                    site.board.put_state(&state, clock.now());
                    due = due.or(Some((told + TELL_EVERY).max(Instant::now())));
                }
                Some(News::Update(Update::Device(device))) => {
                    put_device(site, inside, &feed, &device.id);
                    due = due.or(Some((told + TELL_EVERY).max(Instant::now())));
                }
                Some(News::Update(Update::Removed(id))) => site.board.remove(&id),
            },
            () = telling => {
                due = None;
                told = Instant::now();
                look(&feed.snapshot());
                site.board.tell_changes(clock.now());
            }
            () = sleep_until(again), if due.is_none() => {
                told = Instant::now();
                look(&feed.snapshot());
            }
        }
    }
}

fn put_device(site: &Site, inside: &Inside, feed: &Feed, id: &DeviceId) {
    // It may be gone again by now, and that is told next.
    let Some(known) = feed.get(id) else {
        return;
    };
    let is_new = site
        .board
        .put_device(&known, &inside.key, inside.clock.now());
    tell_device(site, inside, &known.device);
    // What is seen first of a device is another thing when others are behind it.
    let parent = known.device.via.as_ref().filter(|_| is_new);
    if let Some(parent) = parent.and_then(|id| feed.get(id)) {
        tell_device(site, inside, &parent.device);
    }
}

fn tell_device(site: &Site, inside: &Inside, device: &Device) {
    let event = |rank| {
        site.board.look(|board| {
            let all: Vec<Arc<Device>> = board
                .rows
                .iter()
                .map(|row| Arc::clone(&row.device))
                .collect();
            let describer = Describer {
                all: &all,
                key: &inside.key,
                discretion: &board.discretion,
                base_topic: inside.base_topic.as_deref(),
                rank,
            };
            event("device", Some(board.rev), &describer.describe(device))
        })
    };
    site.board
        .tell(Some(event(Rank::Admin)), Some(event(Rank::Guest)));
}
