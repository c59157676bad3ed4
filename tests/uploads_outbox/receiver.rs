//! What stands in for InfluxDB: it keeps what comes, by device, field and time.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::emoncms::serve;

/// By device and field: each time, and what was said of it.
pub(crate) type Points = BTreeMap<(String, String), BTreeMap<i64, String>>;

/// Status and text, or nothing; whether it keeps what came all the same.
pub(crate) type Said = (Option<(u16, String)>, bool);

type Hook = Box<dyn FnMut(&str) -> Option<Said> + Send>;

#[derive(Default)]
pub(crate) struct Kept {
    pub(crate) points: Points,
    pub(crate) bodies: Vec<String>,
    /// What is answered instead of 204, one after the other.
    pub(crate) next: VecDeque<Said>,
    /// Is shown each body, and may answer.
    pub(crate) hook: Option<Hook>,
}

pub(crate) struct Receiver {
    pub(crate) url: String,
    kept: Arc<Mutex<Kept>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Receiver {
    pub(crate) async fn start() -> Self {
        let kept: Arc<Mutex<Kept>> = Arc::default();
        let own = Arc::clone(&kept);
        let (url, task) = serve(move |_, body| {
            let mut kept = own.lock().unwrap_or_else(PoisonError::into_inner);
            kept.bodies.push(body.to_owned());
            let mut said = kept.next.pop_front();
            if said.is_none()
                && let Some(hook) = &mut kept.hook
            {
                said = hook(body);
            }
            let (answer, keeps) = said.unwrap_or((Some((204, String::new())), true));
            if keeps {
                keep(&mut kept.points, body);
            }
            answer
        })
        .await;
        Self { url, kept, task }
    }

    pub(crate) fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn toml(&self, more: &str) -> String {
        format!(
            "[[influxdb]]\nurl = \"{}\"\ndatabase = \"wattbridge\"\n{more}\n",
            self.url
        )
    }
}

/// Lines without anything that is escaped.
fn keep(points: &mut Points, body: &str) {
    for line in body.lines() {
        let parts: Vec<&str> = line.split(' ').collect();
        let [name, fields, time] = parts[..] else {
            panic!("no line: {line}");
        };
        let device = name.strip_prefix("wattbridge,device=").unwrap();
        for field in fields.split(',') {
            let (key, value) = field.split_once('=').unwrap();
            let of_field = points.entry((device.to_owned(), key.to_owned()));
            let time = time.parse().unwrap();
            of_field.or_default().insert(time, value.to_owned());
        }
    }
}
