//! Where lines go: to a thread that writes them to standard error, so that nobody who does not read
//! there ever stops the program. What is too much meanwhile is dropped and counted.

use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use super::calm::Calm;

/// Lines that may wait.
const MOST_LINES: usize = 4096;
/// Bytes that may wait.
const MOST_BYTES: usize = 1024 * 1024;

/// How long a reader may take at the end.
pub const PATIENCE: Duration = Duration::from_secs(1);

/// The sink of this process, for its end.
static STARTED: OnceLock<Sink> = OnceLock::new();

enum Post {
    Line(Vec<u8>),
    /// There is something to tell of when its minute is over.
    Owed,
    /// Everything before has to be written, and then this answered.
    Flush(SyncSender<()>),
}

/// Takes lines without ever waiting; cheap to clone.
#[derive(Clone)]
pub struct Sink {
    posts: SyncSender<Post>,
    waiting: Arc<Waiting>,
}

#[derive(Default)]
struct Waiting {
    bytes: AtomicUsize,
    lost: AtomicU64,
}

impl Sink {
    /// Starts the thread that writes. It ends with the last clone.
    pub fn start(out: impl Write + Send + 'static, calm: Calm) -> Self {
        let (posts, receiver) = mpsc::sync_channel(MOST_LINES);
        let waiting = Arc::new(Waiting::default());
        let writer = Writer {
            out,
            waiting: Arc::clone(&waiting),
            calm,
        };
        // Without the thread there is no log; the rest runs.
        let _ = thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || writer.write(&receiver));
        Self { posts, waiting }
    }

    /// From now on this is the one that [`finish`] is about.
    pub fn keep(&self) {
        let _ = STARTED.set(self.clone());
    }

    /// Says that there will be something to tell of.
    pub fn owe(&self) {
        let _ = self.posts.try_send(Post::Owed);
    }

    /// Waits until what it has is written, but not for a reader that does not read.
    pub fn flush(&self, patience: Duration) {
        let deadline = Instant::now() + patience;
        let (done, is_done) = mpsc::sync_channel(1);
        let mut post = Post::Flush(done);
        while let Err(mpsc::TrySendError::Full(again)) = self.posts.try_send(post) {
            if Instant::now() >= deadline {
                return;
            }
            post = again;
            thread::sleep(Duration::from_millis(5));
        }
        let _ = is_done.recv_timeout(deadline.saturating_duration_since(Instant::now()));
    }
}

/// Waits until what was logged is written, but not for a reader that does not read.
pub fn finish() {
    if let Some(sink) = STARTED.get() {
        sink.flush(PATIENCE);
    }
}

impl Write for Sink {
    /// A line.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let waiting = self.waiting.bytes.fetch_add(line.len(), Ordering::Relaxed);
        let is_taken =
            waiting < MOST_BYTES && self.posts.try_send(Post::Line(line.to_vec())).is_ok();
        if !is_taken {
            self.waiting.bytes.fetch_sub(line.len(), Ordering::Relaxed);
            self.waiting.lost.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Writer<W> {
    out: W,
    waiting: Arc<Waiting>,
    calm: Calm,
}

impl<W: Write> Writer<W> {
    fn write(mut self, posts: &Receiver<Post>) {
        loop {
            let now = Instant::now();
            let due = self.calm.due();
            if due.is_some_and(|due| due <= now) {
                self.calm.tell(Some(now));
            }
            let post = match due {
                Some(due) => posts.recv_timeout(due.saturating_duration_since(now)),
                None => posts.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            match post {
                Ok(Post::Line(line)) => self.line(&line),
                Ok(Post::Flush(done)) => {
                    self.calm.tell(None);
                    // What that has added, and what others add meanwhile.
                    while let Ok(Post::Line(line)) = posts.try_recv() {
                        self.line(&line);
                    }
                    let _ = self.out.flush();
                    let _ = done.send(());
                }
                Ok(Post::Owed) | Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// Whoever read this may have gone, which is no trouble.
    fn line(&mut self, line: &[u8]) {
        let _ = self.out.write_all(line);
        self.waiting.bytes.fetch_sub(line.len(), Ordering::Relaxed);
        let lost = self.waiting.lost.swap(0, Ordering::Relaxed);
        if lost > 0 {
            tracing::warn!("{lost} lines of the log were lost because nobody read them in time.");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Condvar, Mutex};

    /// Takes nothing until it is opened.
    #[derive(Clone, Default)]
    struct Gate(Arc<(Mutex<Taken>, Condvar)>);

    #[derive(Default)]
    struct Taken {
        is_open: bool,
        bytes: Vec<u8>,
    }

    impl Gate {
        fn open(&self) {
            self.0.0.lock().unwrap().is_open = true;
            self.0.1.notify_all();
        }

        fn taken(&self) -> String {
            String::from_utf8(self.0.0.lock().unwrap().bytes.clone()).unwrap()
        }
    }

    impl Write for Gate {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let inner = self.0.0.lock().unwrap();
            let mut inner = self.0.1.wait_while(inner, |inner| !inner.is_open).unwrap();
            inner.bytes.extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn nobody_waits_for_a_reader_who_does_not_read() {
        let gate = Gate::default();
        let mut sink = Sink::start(gate.clone(), Calm::default());
        let line = [&[b'x'; 999][..], b"\n"].concat();
        for _ in 0..100_000 {
            sink.write_all(&line).unwrap();
        }
        assert!(sink.waiting.bytes.load(Ordering::Relaxed) <= MOST_BYTES + line.len());
        let lost = sink.waiting.lost.load(Ordering::Relaxed);
        assert!(lost >= 98_000, "{lost}");
        sink.flush(Duration::ZERO);
        assert_eq!(gate.taken(), "");
        gate.open();
        sink.flush(Duration::from_secs(60));
        let taken = gate.taken();
        assert_eq!(taken.lines().count() as u64, 100_000 - lost);
        assert_eq!(sink.waiting.bytes.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn what_is_flushed_is_written_in_order() {
        let gate = Gate::default();
        gate.open();
        let mut sink = Sink::start(gate.clone(), Calm::default());
        for number in 0..100 {
            writeln!(sink, "{number}").unwrap();
        }
        Sink::flush(&sink, Duration::from_secs(60));
        let expected: String = (0..100).map(|number| format!("{number}\n")).collect();
        assert_eq!(gate.taken(), expected);
    }
}
