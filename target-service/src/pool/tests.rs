//! The pool over real sockets, against a server whose script is: greet with a number, answer lines.

use std::{
    collections::BTreeSet,
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use loadlab_clock::{Sleeper, Speed};
use parking_lot::Mutex;
use prometheus_client::registry::Registry;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    runtime::Handle,
};

use super::{
    Connector, GetMode, Lease, Pool, PoolError, PoolFamilies, PoolSettings, PoolSettingsError, PoolStatus,
    Want,
};

/// A server and what it has seen.
#[derive(Debug, Default)]
struct Server {
    open: AtomicUsize,
    most_open: AtomicUsize,
    greeted: AtomicUsize,
    /// Whether it closes connections instead of greeting.
    refuses: AtomicBool,
    /// The sessions whose lines it leaves unanswered.
    deaf_to: Mutex<BTreeSet<usize>>,
    lines: Mutex<Vec<String>>,
}

impl Server {
    async fn start() -> (Arc<Self>, SocketAddr) {
        let server = Arc::new(Self::default());
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let here = Arc::clone(&server);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(Arc::clone(&here).converse(stream));
            }
        });
        (server, address)
    }

    async fn converse(self: Arc<Self>, stream: TcpStream) {
        if self.refuses.load(Ordering::SeqCst) {
            return;
        }
        let open = self.open.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_open.fetch_max(open, Ordering::SeqCst);
        let _ = self.script(BufReader::new(stream)).await;
        self.open.fetch_sub(1, Ordering::SeqCst);
    }

    async fn script(&self, mut stream: BufReader<TcpStream>) -> io::Result<()> {
        let number = self.greeted.fetch_add(1, Ordering::SeqCst);
        stream.write_all(format!("{number}\n").as_bytes()).await?;
        let mut line = String::new();
        while stream.read_line(&mut line).await? > 0 {
            let said = line.trim().to_owned();
            self.lines.lock().push(format!("{number} {said}"));
            line.clear();
            if !self.deaf_to.lock().contains(&number) {
                stream.write_all(b"ok\n").await?;
            }
        }
        Ok(())
    }

    fn seen(&self) -> Vec<String> {
        self.lines.lock().clone()
    }
}

#[derive(Debug)]
struct Lines(SocketAddr);

#[derive(Debug)]
struct Line {
    number: usize,
    stream: BufReader<TcpStream>,
    under_way: bool,
}

impl Line {
    async fn say(&mut self, line: &str) -> io::Result<()> {
        self.under_way = true;
        self.stream.write_all(format!("{line}\n").as_bytes()).await?;
        let mut answer = String::new();
        let read = self.stream.read_line(&mut answer).await?;
        self.under_way = false;
        if read > 0 { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }
}

impl Connector for Lines {
    type Session = Line;
    type Error = io::Error;

    async fn open(&self) -> io::Result<Line> {
        let mut stream = BufReader::new(TcpStream::connect(self.0).await?);
        let mut greeting = String::new();
        stream.read_line(&mut greeting).await?;
        let number =
            greeting.trim().parse().map_err(|_| io::Error::from(io::ErrorKind::ConnectionRefused))?;
        Ok(Line { number, stream, under_way: false })
    }

    async fn ping(&self, session: &mut Line) -> bool {
        session.say("ping").await.is_ok()
    }

    async fn set_state(&self, session: &mut Line, state: &str) -> io::Result<()> {
        session.say(&format!("state {state}")).await
    }

    fn is_clean(&self, session: &Line) -> bool {
        !session.under_way
    }
}

/// A pool that waits for ever and closes nothing by itself.
fn settings(min: usize, max: usize) -> PoolSettings {
    PoolSettings {
        min,
        max,
        increment: 1,
        getmode: GetMode::Wait,
        wait_timeout: Duration::ZERO,
        idle_timeout: Duration::ZERO,
        max_lifetime_session: Duration::ZERO,
        ping_interval: None,
        ping_timeout: Duration::from_secs(5),
    }
}

async fn pool(settings: PoolSettings) -> (Pool<Lines>, Arc<Server>) {
    let (server, address) = Server::start().await;
    let metrics = PoolFamilies::register(&mut Registry::default()).of("main");
    let pool = Pool::start(Lines(address), &settings, Speed::REAL, Handle::current(), metrics);
    (pool.expect("settings that make a pool"), server)
}

async fn get(pool: &Pool<Lines>) -> Lease<Lines> {
    pool.acquire("plain").await.expect("a session")
}

async fn get_as(pool: &Pool<Lines>, getmode: GetMode) -> Result<Lease<Lines>, PoolError<io::Error>> {
    pool.acquire_as(Want { getmode: Some(getmode), state: "plain" }).await
}

/// Waits until `holds`, for as long as a busy machine may take.
async fn eventually(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..5_000 {
        if holds() {
            return;
        }
        Sleeper::shared().sleep(Duration::from_millis(2)).await;
    }
    panic!("never: {what}");
}

fn status(open: usize, busy: usize, waiting: usize) -> PoolStatus {
    PoolStatus { open, busy, waiting }
}

#[tokio::test]
async fn it_holds_exactly_max_sessions_and_serves_its_queue_in_order() {
    let (pool, server) = pool(settings(0, 2)).await;
    let held = (get(&pool).await, get(&pool).await);
    let order = Arc::new(Mutex::new(Vec::new()));
    let mut tasks = Vec::new();
    for n in 0..20 {
        let (here, order) = (pool.clone(), Arc::clone(&order));
        tasks.push(tokio::spawn(async move {
            let lease = get(&here).await;
            order.lock().push(n);
            tokio::task::yield_now().await;
            drop(lease);
        }));
        // The next one lines up behind it.
        eventually("it waits", || pool.status().waiting == n + 1).await;
    }
    assert_eq!(pool.status(), status(2, 2, 20));
    drop(held);
    for task in tasks {
        task.await.expect("no panic");
    }
    assert_eq!(*order.lock(), (0..20).collect::<Vec<_>>());
    assert_eq!(server.most_open.load(Ordering::SeqCst), 2);
    assert_eq!(pool.status(), status(2, 0, 0));
}

#[tokio::test]
async fn min_are_opened_at_the_start_and_increment_at_a_time_up_to_max() {
    let (pool, _server) = pool(PoolSettings { increment: 3, ..settings(2, 6) }).await;
    eventually("min are open", || pool.status().open == 2).await;
    let first = (get(&pool).await, get(&pool).await);
    assert_eq!(pool.status().open, 2);
    let third = get(&pool).await;
    eventually("three more are open", || pool.status() == status(5, 3, 0)).await;
    let rest = (get(&pool).await, get(&pool).await, get(&pool).await);
    eventually("no more than max", || pool.status() == status(6, 6, 0)).await;
    drop((first, third, rest));
}

#[tokio::test]
async fn nowait_refuses_when_all_are_busy_but_opens_while_it_may_grow() {
    let (pool, _server) = pool(settings(0, 1)).await;
    let only = get_as(&pool, GetMode::Nowait).await.expect("the pool may grow");
    let refused = get_as(&pool, GetMode::Nowait).await.expect_err("all are busy");
    assert!(matches!(refused, PoolError::Exhausted { max: 1 }), "{refused}");
    drop(only);
    assert!(get_as(&pool, GetMode::Nowait).await.is_ok());
}

#[tokio::test]
async fn forceget_goes_beyond_max_and_its_session_is_closed_when_it_comes_back() {
    let (pool, server) = pool(settings(0, 1)).await;
    let only = get(&pool).await;
    let forced = get_as(&pool, GetMode::Forceget).await.expect("it is forced");
    assert_ne!(only.number, forced.number);
    assert_eq!(pool.status(), status(2, 2, 0));
    drop(forced);
    assert_eq!(pool.status(), status(1, 1, 0));
    eventually("the server has one", || server.open.load(Ordering::SeqCst) == 1).await;
    drop(only);
    assert_eq!(pool.status(), status(1, 0, 0));
}

#[tokio::test]
async fn timedwait_gives_up_after_its_time_and_leaves_the_queue() {
    let patience = Duration::from_millis(30);
    let (pool, _server) =
        pool(PoolSettings { getmode: GetMode::Timedwait, wait_timeout: patience, ..settings(0, 1) }).await;
    let only = get(&pool).await;
    match pool.acquire("plain").await.expect_err("all are busy") {
        PoolError::WaitedTooLong { waited } => assert!(waited >= patience, "{waited:?}"),
        other => panic!("{other}"),
    }
    assert_eq!(pool.status(), status(1, 1, 0));
    // `wait` does not read the time-out.
    let waits = tokio::spawn({
        let pool = pool.clone();
        async move { get_as(&pool, GetMode::Wait).await.is_ok() }
    });
    eventually("it waits", || pool.status().waiting == 1).await;
    Sleeper::shared().sleep(2 * patience).await;
    drop(only);
    assert!(waits.await.expect("no panic"));
}

#[tokio::test]
async fn who_leaves_the_queue_takes_nothing_along() {
    let (pool, server) = pool(settings(0, 1)).await;
    let only = get(&pool).await;
    let waiter = |pool: &Pool<Lines>| {
        let pool = pool.clone();
        tokio::spawn(async move { get(&pool).await.number })
    };
    let first = waiter(&pool);
    eventually("one waits", || pool.status().waiting == 1).await;
    let second = waiter(&pool);
    eventually("two wait", || pool.status().waiting == 2).await;
    first.abort();
    eventually("one has left", || pool.status().waiting == 1).await;
    drop(only);
    assert_eq!(second.await.expect("no panic"), 0);
    assert_eq!(server.greeted.load(Ordering::SeqCst), 1);
    assert_eq!(pool.status(), status(1, 0, 0));
}

#[tokio::test]
async fn a_session_that_comes_back_in_the_middle_of_a_query_is_closed_and_replaced() {
    let (pool, server) = pool(settings(0, 1)).await;
    let mut lease = get(&pool).await;
    server.deaf_to.lock().insert(0);
    let cancelled = Sleeper::shared().timeout(std::time::Instant::now(), lease.say("query")).await;
    assert!(cancelled.is_err());
    let next = tokio::spawn({
        let pool = pool.clone();
        async move { pool.acquire("plain").await.map(|lease| lease.number) }
    });
    eventually("one waits", || pool.status().waiting == 1).await;
    drop(lease);
    assert_eq!(next.await.expect("no panic").expect("a session"), 1);
    eventually("the first is closed", || server.open.load(Ordering::SeqCst) == 1).await;
}

#[tokio::test]
async fn idle_sessions_are_closed_down_to_min() {
    let (pool, server) =
        pool(PoolSettings { idle_timeout: Duration::from_millis(20), ..settings(1, 4) }).await;
    let held = [get(&pool).await, get(&pool).await, get(&pool).await];
    assert_eq!(pool.status().open, 3);
    drop(held);
    eventually("min are left", || pool.status() == status(1, 0, 0)).await;
    eventually("the server has one", || server.open.load(Ordering::SeqCst) == 1).await;
}

#[tokio::test]
async fn a_session_that_is_too_old_is_replaced_when_it_comes_back_and_not_before() {
    let lifetime = Duration::from_millis(20);
    let (pool, server) = pool(PoolSettings { max_lifetime_session: lifetime, ..settings(1, 1) }).await;
    let mut lease = get(&pool).await;
    Sleeper::shared().sleep(2 * lifetime).await;
    lease.say("still open").await.expect("a busy session is not closed");
    drop(lease);
    eventually("another one is open", || server.greeted.load(Ordering::SeqCst) >= 2).await;
    assert!(get(&pool).await.number >= 1);
}

#[tokio::test]
async fn a_session_is_pinged_after_its_idle_time_and_replaced_if_it_is_dead() {
    let always = PoolSettings {
        ping_interval: Some(Duration::ZERO),
        ping_timeout: Duration::from_millis(20),
        ..settings(1, 1)
    };
    let (always, server) = pool(always).await;
    drop(get(&always).await);
    drop(get(&always).await);
    assert_eq!(server.seen(), ["0 state plain", "0 ping"]);
    server.deaf_to.lock().insert(0);
    assert_eq!(get(&always).await.number, 1);
    eventually("the dead one is closed", || server.open.load(Ordering::SeqCst) == 1).await;

    for interval in [None, Some(Duration::from_secs(3600))] {
        let (seldom, server) = pool(PoolSettings { ping_interval: interval, ..settings(1, 1) }).await;
        drop(get(&seldom).await);
        drop(get(&seldom).await);
        assert_eq!(server.seen(), ["0 state plain"], "{interval:?}");
    }
}

#[tokio::test]
async fn a_session_is_brought_into_the_wanted_state_and_one_that_is_in_it_is_preferred() {
    let (pool, server) = pool(settings(2, 2)).await;
    eventually("both are open", || pool.status().open == 2).await;
    let (one, other) = (pool.acquire("a").await.expect("one"), pool.acquire("b").await.expect("another"));
    let (in_a, in_b) = (one.number, other.number);
    drop(one);
    drop(other);
    for _ in 0..3 {
        assert_eq!(pool.acquire("a").await.expect("a session").number, in_a);
        assert_eq!(pool.acquire("b").await.expect("a session").number, in_b);
    }
    assert_eq!(server.seen().len(), 2, "{:?}", server.seen());
    let _held = pool.acquire("a").await.expect("a session");
    drop(pool.acquire("a").await.expect("the other, brought into another state"));
    assert_eq!(server.seen().last(), Some(&format!("{in_b} state a")));
}

#[tokio::test]
async fn a_failed_opening_fails_one_caller_and_the_next_tries_anew() {
    let (pool, server) = pool(settings(0, 1)).await;
    server.refuses.store(true, Ordering::SeqCst);
    let failed = pool.acquire("plain").await.expect_err("it cannot be opened");
    assert!(matches!(failed, PoolError::Open { .. }), "{failed}");
    assert_eq!(pool.status(), status(0, 0, 0));
    server.refuses.store(false, Ordering::SeqCst);
    assert_eq!(get(&pool).await.number, 0);
}

#[tokio::test]
async fn a_closed_pool_turns_its_waiters_away_and_closes_what_comes_back() {
    let (pool, server) = pool(settings(1, 1)).await;
    let lease = get(&pool).await;
    let waiter = tokio::spawn({
        let pool = pool.clone();
        async move { pool.acquire("plain").await.map(drop) }
    });
    eventually("one waits", || pool.status().waiting == 1).await;
    pool.close();
    assert!(matches!(waiter.await.expect("no panic"), Err(PoolError::Closed)));
    drop(lease);
    assert_eq!(pool.status(), status(0, 0, 0));
    eventually("the server has none", || server.open.load(Ordering::SeqCst) == 0).await;
    assert!(matches!(pool.acquire("plain").await, Err(PoolError::Closed)));
}

/// Threads with event loops of their own share the pool, and many of their callers leave half-way.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn threads_share_it_and_nothing_is_lost_when_callers_leave() {
    let (pool, server) = pool(PoolSettings { increment: 2, ..settings(1, 5) }).await;
    let threads: Vec<_> = (0..4_u64)
        .map(|thread| {
            let pool = pool.clone();
            std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                runtime.expect("an event loop").block_on(async {
                    let calls = (0..100_u64).map(|n| {
                        let pool = pool.clone();
                        async move {
                            let patience = Duration::from_micros((thread * 100 + n) * 7919 % 9_000);
                            let deadline = std::time::Instant::now() + patience;
                            let call = async {
                                let mut lease = get(&pool).await;
                                lease.say("query").await.expect("the server answers");
                            };
                            let _ = Sleeper::shared().timeout(deadline, call).await;
                        }
                    });
                    futures::future::join_all(calls).await;
                });
            })
        })
        .collect();
    for thread in threads {
        tokio::task::spawn_blocking(move || thread.join()).await.expect("no panic").expect("no panic");
    }
    eventually("all is quiet", || pool.status().busy == 0 && pool.status().waiting == 0).await;
    let all = [get(&pool).await, get(&pool).await, get(&pool).await, get(&pool).await, get(&pool).await];
    let numbers: BTreeSet<usize> = all.iter().map(|lease| lease.number).collect();
    assert_eq!(numbers.len(), 5);
    assert_eq!(pool.status(), status(5, 5, 0));
    drop(all);
    // A closed connection is known to the server a moment later, so it may count a few more.
    eventually("the server has no more than max", || server.open.load(Ordering::SeqCst) <= 5).await;
}

#[test]
fn settings_that_make_no_pool_say_why() {
    let cases = [
        (settings(0, 0), PoolSettingsError::NoSessions),
        (settings(3, 2), PoolSettingsError::MinAboveMax { min: 3, max: 2 }),
        (PoolSettings { increment: 0, ..settings(1, 2) }, PoolSettingsError::NoIncrement),
    ];
    for (settings, expected) in cases {
        assert_eq!(settings.check(), Err(expected), "{expected}");
    }
    assert_eq!(PoolSettings { increment: 0, ..settings(2, 2) }.check(), Ok(()));
}
