//! A simulator at work, and the hand on it.

use std::io;
use std::ops::Deref;
use std::sync::Arc;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{Cable, FaultRule, Faulty, SimPlace, SimPort};

/// A simulator at work. What can be done with it and learnt from it is that of every simulator, and
/// what `H` offers, the hand on this kind of device. Dropping it ends it.
#[derive(Debug)]
pub struct Simulator<H> {
    address: String,
    hand: Arc<H>,
    plugged: watch::Sender<bool>,
    tasks: Tasks,
}

/// The tasks of a simulator, which end together.
#[derive(Debug, Clone, Default)]
pub struct Tasks {
    stop: CancellationToken,
    running: TaskTracker,
}

impl Tasks {
    /// Lets one more run until it ends or all of them do.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let task = self.stop.clone().run_until_cancelled_owned(task);
        self.running.spawn(task);
    }
}

impl<H> Simulator<H> {
    /// Sets a device to work that has opened a port of its own. It is told whether its cable is
    /// plugged in.
    pub fn begin<W>(address: String, hand: H, work: impl FnOnce(Arc<H>, Cable, Tasks) -> W) -> Self
    where
        W: Future<Output = ()> + Send + 'static,
    {
        let (plugged, cable) = Cable::new();
        Self::set_to_work(address, hand, plugged, |hand, tasks| {
            work(hand, cable, tasks)
        })
    }

    /// Opens the port of a device, and sets it to work there.
    ///
    /// # Errors
    /// The port cannot be made or opened.
    pub async fn at<W>(
        place: &SimPlace,
        hand: H,
        work: impl FnOnce(Arc<H>, SimPort) -> W,
    ) -> io::Result<Self>
    where
        W: Future<Output = ()> + Send + 'static,
    {
        let (plugged, cable) = Cable::new();
        let port = SimPort::open(place, cable).await?;
        let address = port.address();
        let work = |hand, _| work(hand, port);
        Ok(Self::set_to_work(address, hand, plugged, work))
    }

    fn set_to_work<W>(
        address: String,
        hand: H,
        plugged: watch::Sender<bool>,
        work: impl FnOnce(Arc<H>, Tasks) -> W,
    ) -> Self
    where
        W: Future<Output = ()> + Send + 'static,
    {
        let (hand, tasks) = (Arc::new(hand), Tasks::default());
        tasks.spawn(work(Arc::clone(&hand), tasks.clone()));
        Self {
            address,
            hand,
            plugged,
            tasks,
        }
    }

    /// Where it is, as a configuration says it: a path, `tcp://` and an address, or host and port.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Plugs the cable in again.
    pub fn plug(&self) {
        self.plugged.send_replace(true);
    }

    /// Pulls the cable. Over TCP all connections are closed.
    pub fn unplug(&self) {
        self.plugged.send_replace(false);
    }

    /// Ends the device and takes its port away.
    pub async fn stop(self) {
        self.tasks.stop.cancel();
        self.tasks.running.close();
        self.tasks.running.wait().await;
    }
}

impl<H: Faulty> Simulator<H> {
    /// Lets something go wrong from now on, instead of an earlier fault of the same name.
    pub fn set_fault(&self, rule: FaultRule<H::Fault>) {
        self.hand.change_faults(|faults| faults.set(rule));
    }

    /// Lets these go wrong from now on, and nothing else.
    pub fn set_faults(&self, rules: &[FaultRule<H::Fault>]) {
        self.hand.change_faults(|faults| faults.replace(rules));
    }

    /// Ends a fault, by its name.
    pub fn clear_fault(&self, name: &str) {
        self.hand.change_faults(|faults| faults.remove(name));
    }

    /// Ends all faults.
    pub fn clear_faults(&self) {
        self.set_faults(&[]);
    }
}

impl<H: Send + Sync + 'static> Simulator<H> {
    /// Lets it run until `stop`.
    pub fn run_until(self, stop: CancellationToken) {
        tokio::spawn(async move {
            stop.cancelled().await;
            self.stop().await;
        });
    }
}

impl<H> Deref for Simulator<H> {
    type Target = H;

    fn deref(&self) -> &H {
        &self.hand
    }
}

impl<H> Drop for Simulator<H> {
    fn drop(&mut self) {
        self.tasks.stop.cancel();
    }
}
