//! A simulator as a command.

use std::fmt;

use clap::{ArgMatches, Args};
use tokio_util::sync::CancellationToken;

use crate::device::{BoxFuture, Tool, ToolError};

/// `wattbridge simulate NAME`, with the options of `A`.
pub struct Simulate<A> {
    name: &'static str,
    run: fn(A, CancellationToken) -> BoxFuture<Result<(), ToolError>>,
}

impl<A> Simulate<A> {
    pub(crate) const fn new(
        name: &'static str,
        run: fn(A, CancellationToken) -> BoxFuture<Result<(), ToolError>>,
    ) -> Self {
        Self { name, run }
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
