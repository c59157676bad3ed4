//! Where packets come from, opened: they come as the bytes of a capture file, whatever it is.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Mutex as Turn;
use tokio::time::timeout;

use super::super::address::Address;
use super::super::error::LinkError;
use super::address::CaptureAddress;
use super::filter::CaptureFilter;
#[cfg(target_os = "linux")]
use super::live::LiveCapture;
use super::pipe::{self, OpenPipe, Pipe};
use super::proxy::{OpenProxy, Proxy};

/// What goes on whether somebody listens or not. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct CaptureSources {
    pipes: Arc<Mutex<BTreeMap<CaptureAddress, Arc<Turn<Pipe>>>>>,
    proxies: Arc<Turn<BTreeMap<CaptureAddress, Arc<Turn<Proxy>>>>>,
}

/// A place where packets can be seen.
#[derive(Debug)]
pub enum OpenCapture {
    #[cfg(target_os = "linux")]
    /// An interface.
    Live(Box<LiveCapture>),
    /// Files, or standard input.
    Pipe(OpenPipe),
    /// A proxy.
    Proxy(OpenProxy),
}

impl OpenCapture {
    /// Appends what has come; 0 bytes are the end. Nothing is lost if it is dropped while it waits.
    pub async fn receive(&mut self, out: &mut Vec<u8>) -> Result<usize, LinkError> {
        match self {
            #[cfg(target_os = "linux")]
            Self::Live(live) => live.receive(out).await,
            Self::Pipe(pipe) => pipe.receive(out).await,
            Self::Proxy(proxy) => Ok(proxy.receive(out).await),
        }
    }
}

impl CaptureSources {
    /// Opens it, waiting at most `within`.
    pub async fn open(
        &self,
        address: &CaptureAddress,
        filter: &CaptureFilter,
        within: Duration,
    ) -> Result<OpenCapture, LinkError> {
        match address {
            CaptureAddress::Interface {
                name,
                host,
                is_promiscuous,
            } => live(name, *host, *is_promiscuous, filter),
            CaptureAddress::Files(_) | CaptureAddress::Stdin => {
                let looked = address.clone();
                let look = tokio::task::spawn_blocking(move || pipe::look(&looked));
                match timeout(within, look).await {
                    Ok(Ok(looked)) => looked?,
                    Ok(Err(error)) => return Err(broken(address, &error.to_string())),
                    Err(_) => {
                        let address = Address::Capture(address.clone());
                        let after = within;
                        return Err(LinkError::TimedOut { address, after });
                    }
                }
                self.pipe(address).map(OpenCapture::Pipe)
            }
            CaptureAddress::Proxy { .. } => self.proxy(address).await.map(OpenCapture::Proxy),
        }
    }

    fn pipe(&self, address: &CaptureAddress) -> Result<OpenPipe, LinkError> {
        let mut pipes = self.pipes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = pipes.get(address) {
            let mut open = OpenPipe::new(known).ok_or_else(|| in_use(address))?;
            let looked = open.look();
            if !(open.is_ended() && pipe::may_begin_again(address)) {
                return looked.map(|()| open);
            }
        }
        let pipe = Arc::new(Turn::new(Pipe::begin(address)?));
        pipes.insert(address.clone(), Arc::clone(&pipe));
        OpenPipe::new(&pipe).ok_or_else(|| in_use(address))
    }

    async fn proxy(&self, address: &CaptureAddress) -> Result<OpenProxy, LinkError> {
        let CaptureAddress::Proxy { listen, server } = address else {
            return Err(broken(address, "it is no proxy"));
        };
        let mut proxies = self.proxies.lock().await;
        let proxy = match proxies.get(address) {
            Some(proxy) => Arc::clone(proxy),
            None => {
                let proxy = Proxy::begin(*listen, server.clone()).await?;
                let proxy = Arc::new(Turn::new(proxy));
                proxies.insert(address.clone(), Arc::clone(&proxy));
                proxy
            }
        };
        OpenProxy::new(&proxy).ok_or_else(|| in_use(address))
    }
}

#[cfg(target_os = "linux")]
fn live(
    name: &str,
    host: Option<super::address::Host>,
    is_promiscuous: bool,
    filter: &CaptureFilter,
) -> Result<OpenCapture, LinkError> {
    let live = LiveCapture::open(name, host, is_promiscuous, filter)?;
    Ok(OpenCapture::Live(Box::new(live)))
}

#[cfg(not(target_os = "linux"))]
fn live(
    _: &str,
    _: Option<super::address::Host>,
    _: bool,
    _: &CaptureFilter,
) -> Result<OpenCapture, LinkError> {
    Err(LinkError::CaptureUnsupported)
}

fn in_use(address: &CaptureAddress) -> LinkError {
    broken(
        address,
        "another section of the configuration reads it already",
    )
}

fn broken(address: &CaptureAddress, words: &str) -> LinkError {
    LinkError::Broken(Address::Capture(address.clone()), words.to_owned())
}
