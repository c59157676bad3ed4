//! The other end of an adapter's wire: a command, and a part of the demo.

use std::fmt;

use clap::{ArgMatches, Args};
use tokio_util::sync::CancellationToken;

use super::{BoxFuture, Keys, Tool, ToolError};
use crate::simulation::House;

/// The other end of an adapter's wire.
pub trait Simulates: Tool {
    /// Starts devices in a house for the demo, until `stop`, and returns the keys of a section for each
    /// of them.
    fn demonstrate(&self, house: House, stop: CancellationToken) -> Demonstrated;
}

/// Keys of a section for each device of the demo.
pub type Demonstrated = BoxFuture<Result<Vec<Keys>, ToolError>>;

/// `wattbridge simulate NAME`, with the options of `A`.
pub struct Simulate<A> {
    name: &'static str,
    run: fn(A, CancellationToken) -> BoxFuture<Result<(), ToolError>>,
    demonstrate: fn(House, CancellationToken) -> Demonstrated,
}

impl<A> Simulate<A> {
    /// The command of this name, and what it does. The demo has no such device.
    pub const fn new(
        name: &'static str,
        run: fn(A, CancellationToken) -> BoxFuture<Result<(), ToolError>>,
    ) -> Self {
        Self {
            name,
            run,
            demonstrate: |_, _| Box::pin(async { Ok(Vec::new()) }),
        }
    }

    /// The same, and what stands in the house of the demo.
    #[must_use]
    pub const fn with_demo(
        self,
        demonstrate: fn(House, CancellationToken) -> Demonstrated,
    ) -> Self {
        Self {
            demonstrate,
            ..self
        }
    }
}

impl<A> fmt::Debug for Simulate<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Simulate").field(&self.name).finish()
    }
}

impl<A: Args> Tool for Simulate<A> {
    fn command(&self) -> clap::Command {
        A::augment_args(clap::Command::new(self.name))
    }

    fn run(
        &self,
        matches: &ArgMatches,
        stop: CancellationToken,
    ) -> BoxFuture<Result<(), ToolError>> {
        match A::from_arg_matches(matches) {
            Ok(args) => (self.run)(args, stop),
            Err(error) => Box::pin(async move { Err(error.into()) }),
        }
    }
}

impl<A: Args> Simulates for Simulate<A> {
    fn demonstrate(&self, house: House, stop: CancellationToken) -> Demonstrated {
        (self.demonstrate)(house, stop)
    }
}
