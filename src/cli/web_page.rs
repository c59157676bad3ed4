//! The page of a bridge that runs.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::desk::desk;
use super::logging;
use super::nearby::ThisPlace;
use super::page_orders::{
    FinishedRestore, PUTTING_BACK, PageOrders, finish_beside_configuration, tell, tidy,
};
use super::setup::ConfigArgs;
use crate::backup::BackupParts;
use crate::history::Departing;
#[cfg(feature = "demo")]
use crate::web::WebError;
use crate::web::{Backstage, Entrance, Inside, Nearby, Web, WebSettings, WebStart};

/// The page of a program that runs, through all changes of its configuration.
#[derive(Debug)]
pub struct LastingPage {
    entrance: Entrance,
    inside: watch::Sender<Option<Inside>>,
    why: watch::Sender<&'static str>,
    backstage: Backstage,
    args: ConfigArgs,
    orders: Arc<PageOrders>,
    reload: watch::Receiver<u64>,
    is_tidy: bool,
    /// The history of the round before, which may not have ended yet.
    past: Option<Departing>,
    /// What is to be said of before, when it is known where to.
    finished: Option<FinishedRestore>,
    stop: CancellationToken,
    served: Option<ServedPage>,
}

#[derive(Debug)]
struct ServedPage {
    web: Web,
    /// Where it was told to be.
    listen: SocketAddr,
    stop: CancellationToken,
}

impl LastingPage {
    /// One that is not served yet.
    pub fn new(args: &ConfigArgs, stop: &CancellationToken) -> Self {
        let (orders, reload) = PageOrders::new();
        let orders = Arc::new(orders);
        let why = watch::Sender::new("");
        Self {
            entrance: match args.app() {
                Some(_) => Entrance::Ingress,
                None => Entrance::Direct,
            },
            inside: watch::Sender::new(None),
            backstage: Backstage {
                desk: Some(desk(args, Arc::clone(&orders))),
                log: Some(logging::book()),
                core: args.app().and_then(|app| app.core()),
                nearby: Some(Nearby::new(Arc::new(ThisPlace::new(args)))),
                why: Some(why.subscribe()),
            },
            why,
            args: args.clone(),
            orders,
            reload,
            is_tidy: false,
            past: None,
            finished: None,
            stop: stop.clone(),
            served: None,
        }
    }

    /// What runs behind it from now on.
    pub fn show(&self, inside: Inside) {
        self.inside.send_replace(Some(inside));
    }

    /// Nothing runs behind it, for this reason.
    pub fn show_nothing(&self, why: &'static str) {
        self.why.send_replace(why);
        if self.inside.borrow().is_some() {
            self.inside.send_replace(None);
        }
    }

    /// Whether somebody can see it.
    pub const fn is_served(&self) -> bool {
        self.served.is_some()
    }

    /// Serves it as its section says, from now on. What is against it is said, and stops nothing else. Where the
    /// section cannot be used, it stays as it is.
    pub async fn serve(&mut self, settings: Option<WebSettings>) {
        // Why it is none was said with all that is wrong in the file.
        let Some(settings) = settings else { return };
        let listen = settings.address();
        let stays = settings.enabled
            && (self.entrance == Entrance::Ingress
                || self
                    .served
                    .as_ref()
                    .is_some_and(|served| served.listen == listen));
        match self.served.take() {
            Some(served) if stays => {
                served.web.set_settings(settings);
                self.served = Some(served);
                return;
            }
            Some(served) => {
                served.stop.cancel();
                served.web.ended().await;
            }
            None => {}
        }
        logging::book().keep(settings.enabled);
        if !settings.enabled {
            return;
        }
        let stop = self.stop.child_token();
        let start = WebStart {
            entrance: self.entrance,
            settings,
            inside: self.inside.subscribe(),
            backstage: self.backstage.clone(),
            stop: stop.clone(),
        };
        match Web::start(start).await {
            Ok(web) => {
                match self.entrance {
                    Entrance::Ingress => {
                        tracing::info!("The page is in the sidebar of Home Assistant.");
                    }
                    Entrance::Direct => {
                        tracing::info!("The page is at {}.", address_of(web.address()));
                    }
                }
                self.served = Some(ServedPage { web, listen, stop });
            }
            Err(error) => tracing::warn!("{error}"),
        }
    }

    /// The configuration is read now: what was wanted before is done with that. A backup is put back first, since nobody
    /// has its files open.
    pub async fn begin_reading(&mut self) {
        self.reload.mark_unchanged();
        let (args, orders) = (self.args.clone(), Arc::clone(&self.orders));
        let mut wanted = None;
        if orders.is_restore_wanted() {
            self.show_nothing(PUTTING_BACK);
            // Its file gets another name, so that nothing of it may go into the one that comes.
            let is_free = match &mut self.past {
                Some(past) => past.lets_go().await,
                None => true,
            };
            wanted = orders.take();
            if !is_free && let Some(wanted) = wanted.take() {
                wanted.refuse("what runs takes long to stop, so that all was left as it was");
                orders.done();
            }
        }
        let work = tokio::task::spawn_blocking(move || {
            let finished = finish_beside_configuration(&args);
            let is_moved = wanted.is_some_and(|wanted| wanted.put_back(&args));
            orders.done();
            orders.note_used(&args.config);
            (finished, is_moved)
        });
        match work.await {
            Ok((finished, is_moved)) => {
                self.finished = finished.or(self.finished.take());
                if is_moved {
                    self.past = None;
                }
            }
            Err(error) => tracing::error!("what the page has ordered cannot be done: {error}"),
        }
    }

    /// Brings to its end what an earlier program was killed in the middle of, once. Only for whoever has the lock of the
    /// store.
    pub fn tidy(&mut self, store: PathBuf, history: PathBuf) {
        if let Some(finished) = self.finished.take() {
            tell(&finished);
        }
        if std::mem::replace(&mut self.is_tidy, true) {
            return;
        }
        let parts = BackupParts {
            store,
            history,
            config: self.args.config.clone(),
        };
        let finished = tidy(&parts, self.orders.has_unpacked());
        if let Some(finished) = finished {
            tell(&finished);
        }
    }

    /// A history has been told to end: what it could not write goes to the one that follows.
    pub fn leave_behind(&mut self, past: Departing) {
        self.past = Some(past);
    }

    /// The history of the round before.
    pub const fn take_past(&mut self) -> Option<Departing> {
        self.past.take()
    }

    /// What it has ordered.
    pub fn orders(&self) -> Arc<PageOrders> {
        Arc::clone(&self.orders)
    }

    /// When the configuration is to be read anew.
    pub fn reload_wanted(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut reload = self.reload.clone();
        async move {
            if reload.changed().await.is_err() {
                // Nobody is there any more who could want it.
                std::future::pending::<()>().await;
            }
        }
    }

    /// Whether it has been wanted since.
    pub fn is_to_reload(&self) -> bool {
        self.reload.has_changed().unwrap_or(false)
    }

    /// Waits until all have their answers, after it was told to stop.
    pub async fn ended(self) {
        if let Some(served) = self.served {
            served.web.ended().await;
        }
    }
}

#[cfg(feature = "demo")]
/// The same for a demonstration, which takes any port before it has no page.
pub async fn serve_anywhere(
    inside: watch::Receiver<Option<Inside>>,
    stop: &CancellationToken,
) -> Result<Web, WebError> {
    let mut settings = WebSettings {
        metrics: true,
        ..WebSettings::default()
    };
    let start = |settings: &WebSettings| WebStart {
        entrance: Entrance::Direct,
        settings: settings.clone(),
        inside: inside.clone(),
        backstage: Backstage::default(),
        stop: stop.clone(),
    };
    match Web::start(start(&settings)).await {
        Err(WebError::Taken { address }) => {
            settings.listen = SocketAddr::new(address.ip(), 0).to_string();
            Web::start(start(&settings)).await
        }
        started => started,
    }
}

/// What is written into a browser.
pub fn address_of(listens: SocketAddr) -> String {
    // All addresses are no address.
    let ip = match listens.ip() {
        ip if !ip.is_unspecified() => ip,
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
    };
    format!("http://{}/", SocketAddr::new(ip, listens.port()))
}
