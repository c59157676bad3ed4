//! A recorded stream instead of a device.

use std::collections::VecDeque;

use super::config::Config;
use super::reception::{Moment, Reception};
use super::wire::annotate::event_lines;
use super::wire::text::Event;
use crate::adapters::{Decoded, Decoder, Undecoded};
use crate::config::{Problems, Section};
use crate::model::Report;

/// Reads the same stream in the same way as the adapter.
#[derive(Debug)]
pub(super) struct StreamDecoder {
    reception: Reception,
    annotates: bool,
    results: VecDeque<Result<Decoded, Undecoded>>,
    /// What was labelled and belongs to the next result.
    annotation: String,
}

impl StreamDecoder {
    pub(super) fn new(section: &Section) -> Result<Self, Problems> {
        let config: Config = section.read_without(&["port"])?;
        Ok(Self {
            reception: Reception::of_file(&config),
            annotates: false,
            results: VecDeque::new(),
            annotation: String::new(),
        })
    }

    fn read(
        &mut self,
        read: impl FnOnce(&mut Reception, &mut dyn FnMut(&Event<'_>)) -> Vec<Report>,
    ) {
        let Self {
            reception,
            annotates,
            results,
            annotation,
        } = self;
        let mut see = |event: &Event<'_>| {
            if *annotates {
                event_lines(annotation, event);
            }
            if let Event::Refused(refused) = event {
                results.push_back(Err(Undecoded {
                    reason: format!("at byte {}: {}", refused.offset, refused.reason),
                    annotation: std::mem::take(annotation),
                }));
            }
        };
        let reports = read(reception, &mut see);
        let is_value = |report: &Report| matches!(report, Report::Device(_) | Report::Readings(_));
        let reports: Vec<Report> = reports.into_iter().filter(is_value).collect();
        // One result for each round of values.
        let mut round = Vec::new();
        for report in reports {
            let ends = matches!(report, Report::Readings(_));
            round.push(report);
            if ends {
                self.results.push_back(Ok(Decoded {
                    reports: std::mem::take(&mut round),
                    notes: Vec::new(),
                    annotation: std::mem::take(&mut self.annotation),
                }));
            }
        }
    }
}

impl Decoder for StreamDecoder {
    fn annotate(&mut self) {
        self.annotates = true;
    }

    fn push(&mut self, bytes: &[u8]) {
        self.read(|reception, see| reception.push(bytes, Moment::OF_FILE, see));
    }

    fn next(&mut self) -> Option<Result<Decoded, Undecoded>> {
        self.results.pop_front()
    }

    fn finish(&mut self) -> Option<String> {
        self.read(|reception, see| reception.finish(Moment::OF_FILE, see));
        // What was labelled and belongs to no value, such as frames alone.
        if !self.annotation.is_empty() {
            self.results.push_back(Ok(Decoded {
                reports: Vec::new(),
                notes: Vec::new(),
                annotation: std::mem::take(&mut self.annotation),
            }));
        }
        None
    }
}
