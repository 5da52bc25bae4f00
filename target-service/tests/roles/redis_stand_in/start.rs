//! Starts the stand-in in this process.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    sync::{
        Once,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread::JoinHandle,
    time::Duration,
};

use loadlab_clock::{Seed, Speed};
use target_service::{
    profile::{Profile, RedisProfile},
    role::{self, Ready, RoleConfig},
};
use tokio_util::sync::CancellationToken;

/// What the server's threads are called.
const THREADS: &str = "stand-in";
/// Panics on them: one that ends only a connection's task would not be seen otherwise.
static PANICS: AtomicUsize = AtomicUsize::new(0);
static HOOK: Once = Once::new();

fn count_panics() {
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if std::thread::current().name() == Some(THREADS) {
                PANICS.fetch_add(1, Ordering::SeqCst);
            }
            before(panic);
        }));
    });
}

/// The role, until it is dropped. No task of it may have panicked then.
pub(crate) struct StandIn {
    pub(crate) address: SocketAddr,
    pub(crate) admin: SocketAddr,
    stop: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

impl StandIn {
    pub(crate) fn start() -> Self {
        Self::with(Speed::REAL, |_| {})
    }

    pub(crate) fn with(speed: Speed, change: impl FnOnce(&mut RedisProfile)) -> Self {
        let mut profile = Profile::named("baseline").expect("it is shipped");
        change(&mut profile.redis);
        let config = RoleConfig {
            name: "redis".to_owned(),
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            edges: std::collections::BTreeMap::new(),
            speed,
            seed: Seed::new(7),
            profile,
        };
        count_panics();
        let (stop, (sender, receiver)) = (CancellationToken::new(), mpsc::channel::<Ready>());
        let until = stop.clone();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .thread_name(THREADS)
                .enable_all()
                .build()
                .expect("a runtime");
            let ready = move |ready: &Ready| sender.send(ready.clone()).expect("the test waits for it");
            runtime.block_on(role::run("redis", config, until, ready)).expect("it ends when it is told to");
        });
        let ready = receiver.recv_timeout(Duration::from_secs(30)).expect("it is ready");
        let admin = ready.admin.expect("a second port");
        Self { address: ready.listen, admin, stop, thread: Some(thread) }
    }

    /// The body of the admin port's answer, which must be of this status.
    pub(crate) fn admin(&self, status: u16, request: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(self.admin).expect("it listens");
        let length = body.len();
        let head = format!(
            "{request} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\n\
             content-length: {length}\r\n\r\n"
        );
        stream.write_all((head + body).as_bytes()).expect("it takes the request");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
        answer.split_once("\r\n\r\n").expect("a body").1.to_owned()
    }

    /// The value of a metric, written with its labels.
    pub(crate) fn metric(&self, name: &str) -> u64 {
        let text = self.admin(200, "GET /metrics", "");
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no {name} in {text}")).parse().expect("a number")
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.stop.cancel();
        let ended = self.thread.take().map(JoinHandle::join);
        if !std::thread::panicking() {
            ended.expect("one thread").expect("it did not panic");
            assert_eq!(PANICS.load(Ordering::SeqCst), 0, "a task has panicked");
        }
    }
}
