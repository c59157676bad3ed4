//! A section whose devices are at the end of one line.

use std::fmt;
use std::sync::Arc;

use jiff::tz::TimeZone;

use super::line;
use super::protocol::Protocol;
use super::{Adapter, BoxFuture, Context, Probed, Reserved, Source, SourceError};
use crate::links::{Address, CaptureFilter, ControlLine, Links};
use crate::model::{DeviceId, Metric};
use crate::store::Memory;

/// What a conversation begins with.
#[derive(Debug, Clone)]
pub struct Start {
    /// What was remembered over a restart, and what is to be.
    pub memory: Memory,
    /// The time zone of the host.
    pub zone: TimeZone,
    /// Whether the device is only tried once: the first message counts, though nothing confirms it.
    pub is_trial: bool,
}

impl Start {
    /// What a source begins with.
    pub fn of(context: &Context) -> Self {
        Self {
            memory: context.memory.clone(),
            zone: context.clock.zone().clone(),
            is_trial: false,
        }
    }

    /// With nothing remembered: to try a device once, or to read a file.
    pub fn afresh() -> Self {
        Self {
            memory: Memory::passing(),
            zone: TimeZone::system(),
            is_trial: true,
        }
    }
}

/// A section that is a port and the protocol spoken there.
pub struct LineSource {
    adapter: &'static dyn Adapter,
    label: String,
    address: Address,
    own_metrics: Vec<Metric>,
    filter: CaptureFilter,
    control_line: Option<ControlLine>,
    listed: Vec<DeviceId>,
    reserved: Vec<Reserved>,
    begin: Box<dyn Fn(Start) -> Box<dyn Protocol> + Send + Sync>,
}

impl LineSource {
    /// Speaks the protocol that `begin` makes, at this address.
    pub fn new<P: Protocol + 'static>(
        adapter: &'static dyn Adapter,
        address: Address,
        begin: impl Fn(Start) -> P + Send + Sync + 'static,
    ) -> Self {
        Self {
            adapter,
            label: address.to_string(),
            address,
            own_metrics: Vec::new(),
            filter: CaptureFilter::default(),
            control_line: None,
            listed: Vec::new(),
            reserved: Vec::new(),
            begin: Box::new(move |start| Box::new(begin(start))),
        }
    }

    /// With another name for people, and in the store, than its address.
    #[must_use]
    pub fn labelled(self, label: &str) -> Self {
        let label = label.to_owned();
        Self { label, ..self }
    }

    /// With metrics that the tables of the adapter do not have.
    #[must_use]
    pub fn with_metrics(self, own_metrics: Vec<Metric>) -> Self {
        Self {
            own_metrics,
            ..self
        }
    }

    /// Of the packets of a network interface, with only those that this filter wants.
    #[must_use]
    pub fn filtered(self, filter: CaptureFilter) -> Self {
        Self { filter, ..self }
    }

    /// With a line that is wired to the device. It is claimed at the start; one that cannot be had keeps nobody from
    /// the device. One of the computer itself is no other section's.
    #[must_use]
    pub fn wired_to(self, control_line: Option<ControlLine>) -> Self {
        let own = control_line.as_ref().and_then(|line| match line {
            ControlLine::Gpio(_) => Some(Reserved {
                key: line.to_string(),
                words: format!("the line {line}"),
                advice:
                    "one line resets one device: write the line that is wired to it in each of them"
                        .to_owned(),
            }),
            ControlLine::Dtr | ControlLine::Rts => None,
        });
        Self {
            control_line,
            ..self
        }
        .reserving(own)
    }

    /// With something that no other section may have.
    #[must_use]
    pub fn reserving(mut self, more: impl IntoIterator<Item = Reserved>) -> Self {
        self.reserved.extend(more);
        self
    }

    /// With devices that its section lists.
    #[must_use]
    pub fn listing(self, listed: Vec<DeviceId>) -> Self {
        Self { listed, ..self }
    }

    /// Claims the line that is wired to the device; why it cannot be had.
    fn claim_line(&self, links: &Links) -> Option<String> {
        let line = self.control_line.as_ref()?;
        let error = links.claim(line).err()?;
        Some(format!(
            "the device cannot be reset by {line}, and is used without: {}",
            error.sentence()
        ))
    }
}

impl fmt::Debug for LineSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LineSource")
            .field("adapter", &self.adapter.kind())
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl Source for LineSource {
    fn adapter(&self) -> &'static str {
        self.adapter.kind()
    }

    fn spoken(&self) -> &'static str {
        self.adapter.spoken()
    }

    fn label(&self) -> String {
        self.label.clone()
    }

    fn port(&self) -> Option<&Address> {
        Some(&self.address)
    }

    fn listed(&self) -> Vec<DeviceId> {
        self.listed.clone()
    }

    fn reserved(&self) -> Vec<Reserved> {
        self.reserved.clone()
    }

    fn own_metrics(&self) -> Vec<Metric> {
        self.own_metrics.clone()
    }

    fn run(self: Arc<Self>, mut context: Context) -> BoxFuture<Result<(), SourceError>> {
        Box::pin(async move {
            let mut protocol = (self.begin)(Start::of(&context));
            if let Some(trouble) = self.claim_line(&context.links) {
                tracing::warn!("{} {}: {trouble}", self.spoken(), self.label);
            }
            context.links = context.links.with_filter(self.filter);
            line::run(&mut *protocol, &self.address, &mut context).await
        })
    }

    fn probe(self: Arc<Self>, links: Links) -> BoxFuture<Result<Probed, String>> {
        Box::pin(async move {
            let mut protocol = (self.begin)(Start::afresh());
            let trouble = self.claim_line(&links);
            let links = links.with_filter(self.filter);
            let found = line::probe(&mut *protocol, &self.address, &links).await;
            let told = |words: String| match &trouble {
                Some(trouble) => format!("{}; {trouble}", words.trim_end_matches('.')),
                None => words,
            };
            match found {
                Ok(Probed { words, devices }) => Ok(Probed {
                    words: told(words),
                    devices,
                }),
                Err(why) => Err(told(why.sentence())),
            }
        })
    }
}
