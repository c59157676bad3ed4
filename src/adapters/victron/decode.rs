//! A recorded stream instead of a device.

use std::collections::VecDeque;

use super::config::Config;
use super::reception::Reception;
use super::wire::annotate::event_lines;
use super::wire::text::Event;
use crate::clock::Moment;
use crate::config::{Problems, Section};
use crate::device::{Decoded, Decoder, Undecoded};
use crate::model::Report;

/// Reads the same stream in the same way as the adapter.
#[derive(Debug)]
pub struct StreamDecoder {
    reception: Reception,
    annotates: bool,
    results: VecDeque<Result<Decoded, Undecoded>>,
    /// What was labelled and belongs to the next result.
    annotation: String,
    /// Frames of HEX, and whether any values came of the stream.
    frames: u64,
    has_values: bool,
}

impl StreamDecoder {
    pub fn new(section: &Section) -> Result<Self, Problems> {
        let config: Config = section.read_without(&["port"])?;
        Ok(Self {
            reception: Reception::of_file(&config),
            annotates: false,
            results: VecDeque::new(),
            annotation: String::new(),
            frames: 0,
            has_values: false,
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
            frames,
            has_values,
        } = self;
        let mut see = |event: &Event<'_>| {
            if *annotates {
                event_lines(annotation, event);
            }
            *frames += u64::from(matches!(event, Event::Hex(_)));
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
                *has_values = true;
                results.push_back(Ok(Decoded {
                    reports: std::mem::take(&mut round),
                    notes: Vec::new(),
                    annotation: std::mem::take(annotation),
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
        self.read(|reception, see| reception.push(bytes, Moment::NONE, see));
    }

    fn next(&mut self) -> Option<Result<Decoded, Undecoded>> {
        self.results.pop_front()
    }

    fn finish(&mut self) -> Option<String> {
        self.read(|reception, see| reception.finish(Moment::NONE, see));
        // What was labelled and belongs to no value, such as frames alone.
        if !self.annotation.is_empty() {
            self.results.push_back(Ok(Decoded {
                reports: Vec::new(),
                notes: Vec::new(),
                annotation: std::mem::take(&mut self.annotation),
            }));
        }
        // Said once.
        let frames = std::mem::take(&mut self.frames);
        (frames > 0 && !self.has_values && !self.annotates).then(|| {
            format!(
                "no text, and frames of HEX alone do not say what device they are of; --annotate labels each of the {frames}"
            )
        })
    }
}
