//! The threads that offer loads, one after another: neither the journal nor a scrape takes a turn on them.
//!
//! The workers of a load stay for the next one, so that a search of fifty trials launches its Goose users
//! once, or once more where a load needs more of them.

use loadlab_engine::{Crew, EngineError, LoadEnd, LoadRun, offer_with, workers};
use tokio::sync::{mpsc, oneshot};

/// What a load came to.
pub(crate) type Ended = Result<LoadEnd, EngineError>;

/// Where loads are given in order.
#[derive(Debug)]
pub(crate) struct Generator {
    orders: mpsc::UnboundedSender<Order>,
}

/// One load, and who waits for its end.
#[derive(Debug)]
struct Order {
    load: LoadRun,
    ended: oneshot::Sender<Ended>,
}

impl Generator {
    /// Starts the threads. They end with this value, after the load that they are at.
    pub(crate) fn start() -> std::io::Result<Self> {
        let (orders, taken) = mpsc::unbounded_channel();
        let runtime =
            tokio::runtime::Builder::new_multi_thread().thread_name("engine").enable_all().build()?;
        std::thread::Builder::new().name("engine-main".to_owned()).spawn(move || {
            runtime.block_on(work(taken));
            runtime.shutdown_background();
        })?;
        Ok(Self { orders })
    }

    /// Offers a load after those before it. Nothing is heard of a load whose threads panicked.
    pub(crate) fn offer(&self, load: LoadRun) -> oneshot::Receiver<Ended> {
        let (ended, heard) = oneshot::channel();
        // Without threads the sender is dropped, which says so.
        drop(self.orders.send(Order { load, ended }));
        heard
    }
}

async fn work(mut orders: mpsc::UnboundedReceiver<Order>) {
    let mut crew = None;
    while let Some(Order { load, ended }) = orders.recv().await {
        // The conductor is gone only when the program is.
        drop(ended.send(one(&mut crew, load).await));
    }
}

/// With the crew that is there, if it is large enough; otherwise it is replaced.
async fn one(crew: &mut Option<Crew>, load: LoadRun) -> Ended {
    let wanted = workers(&load.plan, &load.options);
    let there = match crew.take() {
        Some(there) if there.workers() >= wanted => there,
        _ => tokio::select! {
            biased;
            () = load.stop.cancelled() => return Err(EngineError::StoppedBeforeStart),
            started = Crew::start(wanted, &load.base) => started.map_err(EngineError::Pool)?,
        },
    };
    offer_with(crew.insert(there), load).await
}
