//! The run loop: ask, report, wait.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use jiff::civil::DateTime;
use tokio_util::sync::CancellationToken;

use super::config::EcuConfig;
use super::exchange::{AskError, Patience, ask};
use super::health;
use super::installation::{Answers, Installation, Remembered};
use super::recovery::{self, Restarts};
use super::schedule::{Cycle, Pace, Round, Schedule, Wait};
use super::waking::Sky;
use super::wire::{Answer, EcuId, Gateway, Request, Signal};
use super::{ADAPTER, KIND};
use crate::clock::Moment;
use crate::device::{Adapter as _, BoxFuture, Context, Probed, Source, SourceError};
use crate::links::{Endpoint, LinkError, Links};
use crate::model::{DeviceId, Health, HealthCode, Report};

/// Cycles of the ECU without new values, while inverters work, that make the values stale.
const STALE_CYCLES: u32 = 3;
/// Rounds without radio levels after which the last ones count no more.
const SIGNAL_ROUNDS: u32 = 3;
/// How often the ECU's clock is looked at.
const CLOCK_EVERY: Duration = Duration::from_secs(6 * 3600);
/// How often is written down what is remembered, unless there is news: spares SD cards.
const REMEMBER_EVERY: Duration = Duration::from_secs(3600);
/// A clock that drifts is not one that is set: more than this between two rounds is.
const STEP: SignedDuration = SignedDuration::from_secs(60);
/// A real ECU hangs when it is asked more often than this.
const LEAST_INTERVAL: Duration = Duration::from_secs(60);
/// The port of the ECU's web page.
const WEB_PAGE: u16 = 80;

/// One configured ECU.
#[derive(Debug)]
pub struct Ecu {
    config: EcuConfig,
    endpoint: Endpoint,
}

impl Ecu {
    pub fn new(config: EcuConfig) -> Self {
        let endpoint = Endpoint {
            host: config.host.clone(),
            port: config.port,
        };
        Self { config, endpoint }
    }

    /// What is wrong with an interval that only a simulator bears: an address of this host may also
    /// be the end of a tunnel.
    fn hasty(&self) -> Option<String> {
        let interval = self.config.interval;
        (interval.get() < LEAST_INTERVAL).then(|| {
            format!("asked every {interval}, which only a simulator bears; for an ECU write interval = \"5m\"")
        })
    }

    fn patience(&self) -> Patience {
        Patience {
            connect: self.config.timeout.get(),
            answer: self.config.timeout.get(),
        }
    }
}

impl Source for Ecu {
    fn adapter(&self) -> &'static str {
        KIND
    }

    fn spoken(&self) -> &'static str {
        ADAPTER.spoken()
    }

    fn label(&self) -> String {
        self.endpoint.to_string()
    }

    fn run(self: Arc<Self>, context: Context) -> BoxFuture<Result<(), SourceError>> {
        Box::pin(async move { Run::new(&self, context).run().await })
    }

    fn probe(self: Arc<Self>, links: Links) -> BoxFuture<Result<Probed, String>> {
        Box::pin(async move {
            match ask(&links, &self.endpoint, &Request::EcuInfo, self.patience()).await {
                Ok(Answer::EcuInfo(info)) => {
                    let product = Gateway::of(&info.ecu).map_or("ECU", |gateway| gateway.name);
                    let hasty = self
                        .hasty()
                        .map_or_else(String::new, |words| format!("; {words}"));
                    Ok(Probed {
                        words: format!(
                            "{product} {}, firmware {}, {} inverters, {} of them online{hasty}",
                            info.ecu, info.firmware, info.registered, info.online
                        ),
                        devices: vec![DeviceId::new(KIND, info.ecu.as_str())],
                    })
                }
                Ok(_) => Err("the answer is of another kind than asked for".to_owned()),
                Err(error) => Err(health::unanswered(&error).sentence()),
            }
        })
    }
}

/// A run of the loop.
struct Run<'a> {
    source: &'a Ecu,
    context: Context,
    pace: Pace,
    schedule: Schedule,
    installation: Installation,
    restarts: Restarts,
    last_data: Option<DateTime>,
    /// When the last values were first seen.
    data_since: Option<Duration>,
    /// Rounds in a row without an answer about radio signals.
    no_signal: u32,
    clock: ClockWatch,
    outage: Option<Duration>,
    answered: bool,
    /// Since when, and for how many rounds, the ECU has not told of its inverters.
    blind: Option<(Duration, u32)>,
    /// Whether this round is only to show whether the list before it was right.
    confirms: bool,
    /// The latest round, which shows whether our own clock has been set since.
    latest: Option<Moment>,
    remembered: Option<Duration>,
}

/// Whether and when to ask for the ECU's clock, which not every firmware tells.
enum ClockWatch {
    Due,
    At(Duration),
    Unsupported,
}

impl<'a> Run<'a> {
    fn new(source: &'a Ecu, context: Context) -> Self {
        let pace = Pace::new(&source.config);
        let cycle: Cycle = context.memory.get("cycle").unwrap_or_default();
        let known: Remembered = context.memory.get("installation").unwrap_or_default();
        let zone = context.clock.zone().clone();
        Self {
            source,
            pace,
            schedule: Schedule::new(pace, cycle),
            installation: Installation::new(source.config.clone(), known, zone),
            restarts: context.memory.get("restarts").unwrap_or_default(),
            last_data: None,
            data_since: None,
            no_signal: 0,
            clock: ClockWatch::Due,
            outage: None,
            answered: false,
            blind: None,
            confirms: false,
            latest: None,
            remembered: None,
            context,
        }
    }

    async fn run(mut self) -> Result<(), SourceError> {
        let stop = self.context.stop.clone();
        if !self.wait_out_quiet(&stop).await? {
            return Ok(());
        }
        loop {
            let round = tokio::select! {
                // A question that is under way is dropped with its connection.
                () = stop.cancelled() => break,
                round = self.round() => round?,
            };
            let now = self.now();
            let local = self.installation.time().local(now).time();
            let wait = match self.schedule.after(round, local) {
                Wait::Round(wait) => self.hasten(wait),
                Wait::Quiet(wait) => {
                    tracing::debug!("{}: quiet for {wait:?}", self.source.endpoint);
                    // What it did not answer while it maintained itself is no outage.
                    self.outage = None;
                    wait
                }
            };
            let recent = |at: Duration| now.since(at) < REMEMBER_EVERY;
            if !self.remembered.is_some_and(recent) {
                self.remember();
            }
            if !self.wait(wait, &stop).await {
                break;
            }
        }
        self.remember();
        Ok(())
    }

    fn now(&self) -> Moment {
        self.context.clock.moment()
    }

    /// A list with ids that were not there before is followed by another one soon, once.
    fn hasten(&mut self, wait: Duration) -> Duration {
        let wants = self.installation.wants_another_list();
        let soon = wants && !self.confirms;
        self.confirms = wants;
        if soon {
            wait.min(self.pace.second_list)
        } else {
            wait
        }
    }

    /// Notices that our own clock was set: what was learned from it is learned anew.
    fn look_for_step(&mut self) {
        let now = self.now();
        if let Some(before) = self.latest.replace(now) {
            let shown = now.wall.duration_since(before.wall);
            let passed = SignedDuration::try_from(now.since(before.steady)).unwrap_or_default();
            if (shown - passed).abs() > STEP {
                self.installation.time().forget();
                if let ClockWatch::At(_) = self.clock {
                    self.clock = ClockWatch::Due;
                }
            }
        }
    }

    /// Waits. False when told to stop.
    async fn wait(&mut self, wait: Duration, stop: &CancellationToken) -> bool {
        let clock = self.context.clock.clone();
        let mut sleep = std::pin::pin!(clock.sleep(wait));
        loop {
            tokio::select! {
                () = stop.cancelled() => return false,
                () = &mut sleep => return true,
                Some(device) = self.context.forgotten.recv() => {
                    self.installation.forget(&device);
                    self.remember();
                }
            }
        }
    }

    /// At the start: the ECU may just be maintaining itself, if it is known what its clock shows.
    /// False when told to stop.
    async fn wait_out_quiet(&mut self, stop: &CancellationToken) -> Result<bool, SourceError> {
        let now = self.now();
        let time = self.installation.time();
        let local = time.is_certain().then(|| time.local(now).time());
        let quiet = self.source.config.quiet;
        let Some(rest) = local.and_then(|local| quiet.remaining(local)) else {
            return Ok(true);
        };
        self.report_health(&health::maintains_itself()).await?;
        Ok(self.wait(rest, stop).await)
    }

    fn remember(&mut self) {
        self.remembered = Some(self.context.clock.monotonic());
        self.context.memory.put("cycle", self.schedule.cycle());
        self.context
            .memory
            .put("installation", self.installation.remembered());
    }

    /// One round: all questions, and the reports that follow from the answers.
    async fn round(&mut self) -> Result<Round, SourceError> {
        self.look_for_step();
        let info = match self.ask(&Request::EcuInfo).await? {
            Ok(Answer::EcuInfo(info)) => info,
            Ok(_) => return self.failed(&health::garbled()).await,
            Err(error) => return self.failed(&health::unanswered(&error)).await,
        };
        self.recovered().await?;
        let ecu = info.ecu;
        if !self.installation.meet(ecu.as_str()) {
            self.report_health(&health::another_answers(ecu)).await?;
            return Ok(Round::Unchanged);
        }
        self.installation
            .time()
            .named(&info.time_zone, self.context.clock.zone());
        let mut answers = Answers {
            info: Some(info),
            ..Answers::default()
        };
        self.look_at_clock(ecu).await?;
        self.pause().await;
        match self.ask(&Request::Telemetry { ecu }).await? {
            Ok(Answer::Telemetry(telemetry)) => {
                answers.telemetry = Some(telemetry);
                self.blind = None;
            }
            Ok(_) => answers.no_telemetry = Some(health::garbled()),
            Err(error) => answers.no_telemetry = Some(self.missed_telemetry(&error)),
        }
        // Without telemetry the ECU is in trouble, and signal levels alone say nothing.
        if answers.telemetry.is_some() {
            self.pause().await;
            answers.signal = match self.ask(&Request::Signal { ecu }).await? {
                Ok(Answer::Signal(signal)) => Some(signal),
                _ => None,
            };
            self.no_signal = answers.signal.as_ref().map_or(self.no_signal + 1, |_| 0);
            // For a while the last levels will do; then they are not known any more.
            if self.no_signal >= SIGNAL_ROUNDS {
                answers.signal.get_or_insert_with(Signal::default);
            }
        }
        let now = self.now();
        let changed = self.look_at_time(&mut answers, now);
        for report in self.installation.reports(&answers, now) {
            if matches!(report, Report::Device(_) | Report::Gone(_)) {
                self.remembered = None;
            }
            self.context.reports.send(report).await?;
        }
        Ok(self.judge(&answers, changed, now))
    }

    /// Learns from the time of the values, and says whether they are new.
    fn look_at_time(&mut self, answers: &mut Answers, now: Moment) -> bool {
        let Some(at) = answers.telemetry.as_ref().and_then(|it| it.at) else {
            return false;
        };
        if self.last_data != Some(at) {
            let time = self.installation.time();
            // The first values may be of any age; only a change tells that they are new.
            if self.last_data.is_some() && !matches!(self.clock, ClockWatch::At(_)) {
                time.learn(at, now.wall);
            }
            time.note(at, now);
            self.schedule.learn(at);
            self.last_data = Some(at);
            self.data_since = Some(now.steady);
            return true;
        }
        let since = self.data_since.unwrap_or(now.steady);
        let cycles = self.schedule.cycle_length() * STALE_CYCLES;
        answers.repeated =
            now.since(since) >= cycles && self.schedule.unchanged() + 1 >= STALE_CYCLES;
        false
    }

    /// What the answers mean for the schedule.
    fn judge(&mut self, answers: &Answers, changed: bool, now: Moment) -> Round {
        let telemetry = answers.telemetry.as_ref();
        let Some((telemetry, at)) = telemetry.and_then(|it| Some((it, it.at?))) else {
            return Round::Unchanged;
        };
        let lists_none = telemetry.records.is_empty();
        if self.installation.sky() == Sky::Asleep && !lists_none {
            Round::Asleep
        } else if changed || self.confirms {
            Round::Fresh {
                age: self.installation.time().age(at, now.wall),
            }
        } else {
            Round::Unchanged
        }
    }

    /// The ECU's clock tells exactly how its times are to be read.
    async fn look_at_clock(&mut self, ecu: EcuId) -> Result<(), SourceError> {
        let due = match self.clock {
            ClockWatch::Due => true,
            ClockWatch::At(moment) => self.now().steady >= moment,
            ClockWatch::Unsupported => false,
        };
        if !due {
            return Ok(());
        }
        self.pause().await;
        // Asked once only: most firmware that does not know the question never answers it.
        let answer = self.ask_once(&Request::Clock { ecu }).await?;
        let now = self.now();
        self.clock = match answer {
            Ok(Answer::Clock(clock)) => {
                self.installation.time().learn_clock(clock.at, now.wall);
                ClockWatch::At(now.steady + CLOCK_EVERY)
            }
            _ => ClockWatch::Unsupported,
        };
        Ok(())
    }

    /// Asks, and asks again after growing pauses where that may help.
    async fn ask(&mut self, request: &Request) -> Result<Result<Answer, AskError>, SourceError> {
        for pause in self.pace.retries {
            match self.ask_once(request).await? {
                Err(error) if error.is_passing() => {
                    tracing::debug!("{error}; asking again in {pause:?}");
                    self.context.clock.sleep(pause).await;
                }
                answer => return Ok(answer),
            }
        }
        self.ask_once(request).await
    }

    async fn ask_once(&self, request: &Request) -> Result<Result<Answer, AskError>, SourceError> {
        let patience = self.source.patience();
        let answer = ask(
            &self.context.links,
            &self.source.endpoint,
            request,
            patience,
        )
        .await;
        match &answer {
            Ok(_) => self.context.traffic.count_good(),
            Err(AskError::Link(LinkError::RecordingEnded)) => {
                return Err(SourceError::RecordingEnded);
            }
            Err(_) => self.context.traffic.count_bad(),
        }
        Ok(answer)
    }

    async fn pause(&self) {
        self.context.clock.sleep(self.pace.pause).await;
    }

    /// What it means for the inverters that the ECU answered, but did not tell of them: a single
    /// missed answer is no outage as long as there were values before it.
    fn missed_telemetry(&mut self, error: &AskError) -> Health {
        let now = self.now();
        let (since, rounds) = self.blind.unwrap_or((now.steady, 0));
        self.blind = Some((since, rounds.saturating_add(1)));
        let health = health::unanswered(error);
        let outage = rounds >= 2 && now.since(since) >= self.pace.outage;
        if error.is_passing() && self.last_data.is_some() && !outage {
            return health::retrying(health.detail);
        }
        health
    }

    /// The ECU did not answer its first question.
    async fn failed(&mut self, health: &Health) -> Result<Round, SourceError> {
        let now = self.now();
        let since = *self.outage.get_or_insert(now.steady);
        let lasting = now.since(since);
        let failures = self.schedule.failures() + 1;
        // A single missed round is no outage as long as there were values before it.
        let outage = failures >= 3 && lasting >= self.pace.outage;
        if self.answered && !outage {
            let retrying = health::retrying(health.detail.clone());
            self.report_health(&retrying).await?;
        } else {
            self.report_health(health).await?;
        }
        let hangs = matches!(health.code, HealthCode::Unreachable | HealthCode::Silent);
        if outage && hangs {
            self.restart(now).await;
        }
        if let Some(report) = self.installation.set_restart_needed(outage && hangs, now) {
            self.context.reports.send(report).await?;
        }
        Ok(Round::Failed)
    }

    /// Restarts an ECU that hangs, where that is possible, allowed and not done too often.
    async fn restart(&mut self, now: Moment) {
        // Without leave to write to the ECU there are none.
        let Some(settings) = &self.source.config.restart else {
            return;
        };
        if !self.installation.has_web_page() || !self.restarts.take(now) {
            return;
        }
        self.context.memory.put("restarts", &self.restarts);
        let page = Endpoint {
            port: WEB_PAGE,
            ..self.source.endpoint.clone()
        };
        match recovery::restart(&self.context.links, &page, settings).await {
            Ok(()) => tracing::warn!(
                "{}: the ECU hung and has been restarted; values come again in about 10 minutes. \
                 If this happens often, look at its power supply and its Wi-Fi.",
                self.source.endpoint
            ),
            Err(error) => tracing::warn!(
                "{}: the ECU hangs and cannot be restarted from here ({error}). Switch it off and on.",
                self.source.endpoint
            ),
        }
    }

    async fn recovered(&mut self) -> Result<(), SourceError> {
        self.answered = true;
        self.outage = None;
        let now = self.now();
        if let Some(report) = self.installation.set_restart_needed(false, now) {
            self.context.reports.send(report).await?;
        }
        Ok(())
    }

    async fn report_health(&self, health: &Health) -> Result<(), SourceError> {
        if !self.installation.is_identified() {
            return self
                .context
                .reports
                .send(Report::Source(health.clone()))
                .await;
        }
        for report in self.installation.health_of_all(health) {
            self.context.reports.send(report).await?;
        }
        Ok(())
    }
}
