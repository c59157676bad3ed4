//! Asking a web server, with or without TLS: no redirect is followed, and no answer takes longer or is larger than a
//! bound.
//!
//! | file | what |
//! |---|---|
//! | `server` | where it is: `https://nas:8086/base` |
//! | `request` | what is asked, with what may be shown of it |
//! | `client` | the connection, the bounds, the answer |
//! | `bounded` | no more is read than was agreed on |
//! | `error` | why there is none |
//! | `form` | `application/x-www-form-urlencoded`, `Authorization: Basic` |

mod bounded;
mod client;
mod error;
mod form;
mod request;
mod server;
#[cfg(test)]
mod tests;

pub use client::{HttpAnswer, HttpClient};
pub use error::HttpError;
pub use form::{basic, form};
pub use request::{HttpHeader, HttpRequest};
pub use server::HttpServer;
