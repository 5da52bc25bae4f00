//! The thread of the control plane. It shares no scheduler with the links: however busy these keep
//! the workers of their runtime, calls are answered, and toxics end when their time is over.

use std::{fmt, thread};

use tokio::{
    runtime::{Builder, Handle},
    sync::oneshot,
};

/// A thread with a runtime of its own, until this is dropped.
pub(crate) struct ControlThread {
    handle: Handle,
    /// Dropping it ends the thread; nobody waits for that, since it may be this very thread that
    /// drops.
    _stop: oneshot::Sender<()>,
}

impl fmt::Debug for ControlThread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ControlThread").finish_non_exhaustive()
    }
}

impl ControlThread {
    pub(crate) fn start() -> Self {
        let (stop, stopped) = oneshot::channel::<()>();
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime can be made");
        let handle = runtime.handle().clone();
        thread::Builder::new()
            .name("chaos-control".to_owned())
            .spawn(move || {
                // Either way it is over: the sender only ever goes.
                let _ = runtime.block_on(stopped);
                // A look-up that hangs is not waited for.
                runtime.shutdown_background();
            })
            .expect("a thread can be started");
        Self { handle, _stop: stop }
    }

    pub(crate) fn handle(&self) -> &Handle {
        &self.handle
    }
}
