//! Limits of real processes, kept by a real keeper: they bind while they are set, and not afterwards.
//!
//! By what they are kept depends on the machine; that they are does not.

use std::{
    collections::BTreeMap,
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    time::{Duration, Instant},
};

use loadlab_stack::{
    Exit, LimitSaid, Limited, RoleLimit, RoleSignal, RoleSpec, Stack, StackEvent, StackRequest,
    left_over_groups,
};
use serde_json::json;
use tokio_util::sync::CancellationToken;

/// What is waited for, on a busy machine.
const PATIENT: Duration = Duration::from_secs(30);
/// A megabyte.
const MB: u64 = 1_000_000;

struct Lab {
    stack: Stack,
    _dir: tempfile::TempDir,
}

impl Lab {
    async fn up(test: &str) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let config = json!({ "habit": "serve" });
        let role =
            RoleSpec { name: "greedy".to_owned(), role: "test".to_owned(), depends_on: vec![], config };
        let request = StackRequest {
            run: format!("limits-{}-{test}", std::process::id()),
            program: env!("CARGO_BIN_EXE_stack-test-role").into(),
            keeper_args: vec!["keeper".to_owned()],
            role_args: vec!["role".to_owned()],
            roles: vec![role],
            external: BTreeMap::new(),
            log_dir: dir.path().join("logs"),
            start_timeout: PATIENT,
            speed: loadlab_clock::Speed::REAL,
            seed: loadlab_clock::Seed::new(1),
            proxying: loadlab_stack::Proxying::default(),
            aware: BTreeMap::new(),
        };
        let stack = Stack::up(request, CancellationToken::new()).await.expect("it comes up");
        Self { stack, _dir: dir }
    }

    /// Asks the role to do something, and gives its answer.
    fn ask(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(&self.stack.roles()[0].listen).expect("it serves");
        write!(stream, "GET {path} HTTP/1.1\r\n\r\n").expect("it is sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        answer
    }

    async fn limit(&mut self, limit: RoleLimit) -> LimitSaid {
        self.stack.limit("greedy", limit).await.expect("the keeper hears");
        self.said().await
    }

    async fn unlimit(&mut self, what: Limited) -> LimitSaid {
        self.stack.unlimit("greedy", what).await.expect("the keeper hears");
        self.said().await
    }

    async fn said(&mut self) -> LimitSaid {
        match self.event().await {
            StackEvent::Limit(said) => said,
            other => panic!("{other:?}"),
        }
    }

    async fn event(&mut self) -> StackEvent {
        tokio::time::timeout(PATIENT, self.stack.next_event()).await.expect("something happens")
    }

    fn pid(&self) -> u32 {
        self.stack.roles()[0].pid
    }

    async fn end(self) {
        self.stack.down().await.expect("it goes down");
        let own = format!("limits-{}", std::process::id());
        let left: Vec<_> = left_over_groups();
        assert!(!left.iter().any(|group| group.to_string_lossy().contains(&own)), "{left:?}");
    }
}

/// Seconds of processor time that a process has used.
fn used(pid: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("it lives");
    let fields: Vec<&str> = stat.rsplit_once(')').expect("a name").1.split_whitespace().collect();
    let ticks: f64 = fields[11..13].iter().map(|ticks| ticks.parse::<f64>().expect("a number")).sum();
    ticks / 100.0
}

#[tokio::test]
async fn a_process_that_grows_above_its_limit_is_killed_and_started_again_afterwards() {
    let mut lab = Lab::up("memory").await;
    let set = lab.limit(RoleLimit::MemoryAbove(100 * MB)).await;
    assert!(set.outcome.as_ref().is_ok_and(|how| how.starts_with("may hold ")), "{set:?}");
    lab.ask("/grow");
    lab.ask("/");
    let mut stream = TcpStream::connect(&lab.stack.roles()[0].listen).expect("it still serves");
    write!(stream, "GET /grow HTTP/1.1\r\n\r\n").expect("it is sent");
    let died = StackEvent::Died { role: "greedy".to_owned(), how: Exit::Signal(9) };
    assert_eq!(lab.event().await, died);
    let lifted = lab.unlimit(Limited::Memory).await;
    assert!(lifted.met, "{lifted:?}");
    assert!(lifted.outcome.as_ref().is_ok_and(|text| text.starts_with("was killed by the ")), "{lifted:?}");
    assert_eq!(lab.event().await, StackEvent::Back { role: "greedy".to_owned() });
    // Nobody limits the new one.
    lab.ask("/grow");
    lab.ask("/grow");
    assert!(lab.ask("/").contains("up 1"));
    lab.end().await;
}

#[tokio::test]
async fn a_limit_that_is_not_met_says_so() {
    let mut lab = Lab::up("unmet").await;
    lab.limit(RoleLimit::Memory(10_000 * MB)).await;
    let lifted = lab.unlimit(Limited::Memory).await;
    assert!(!lifted.met);
    let text = lifted.outcome.expect("it was set");
    assert!(text.ends_with("at most, and did not meet its limit"), "{text}");
    let again = lab.unlimit(Limited::Memory).await;
    assert_eq!(again.outcome, Err("has no such limit".to_owned()));
    lab.end().await;
}

#[tokio::test]
async fn a_busy_process_gets_its_share_of_a_core_and_all_of_it_afterwards() {
    let mut lab = Lab::up("cpu").await;
    lab.ask("/burn");
    let set = lab.limit(RoleLimit::CpuMillicores(250)).await;
    assert!(set.outcome.as_ref().is_ok_and(|how| how.starts_with("has 0.25 cores: by ")), "{set:?}");
    let (began, before) = (Instant::now(), used(lab.pid()));
    tokio::time::sleep(Duration::from_secs(2)).await;
    let share = (used(lab.pid()) - before) / began.elapsed().as_secs_f64();
    // On a busy machine it may get less than its due, and never half as much again.
    assert!(share < 0.375, "{share} of a core");
    let lifted = lab.unlimit(Limited::Cpu).await;
    assert!(lifted.met, "{lifted:?}");
    let before = used(lab.pid());
    let give_up = Instant::now() + PATIENT;
    // A process that is limited or stands still would need four times as long, or for ever.
    while used(lab.pid()) < before + 1.0 {
        assert!(Instant::now() < give_up, "it does not run freely again");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    lab.end().await;
}

#[tokio::test]
async fn a_paused_process_is_not_let_go_on_by_its_limit() {
    let mut lab = Lab::up("paused").await;
    lab.ask("/burn");
    lab.limit(RoleLimit::CpuMillicores(100)).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    lab.stack.signal("greedy", RoleSignal::Pause).await.expect("the keeper hears");
    let pid = lab.pid();
    let stands_still = || {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("it lives");
        stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('T'))
    };
    let give_up = Instant::now() + PATIENT;
    while !stands_still() {
        assert!(Instant::now() < give_up, "it is not paused");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let before = used(lab.pid());
    tokio::time::sleep(Duration::from_millis(500)).await;
    // It may have been in its last slice when it was seen.
    assert!(used(lab.pid()) - before < 0.03, "it went on");
    lab.unlimit(Limited::Cpu).await;
    assert!(stands_still(), "the end of the limit is not the end of the pause");
    lab.end().await;
}

#[tokio::test]
async fn a_process_opens_no_more_descriptors_than_it_may_until_the_limit_is_lifted() {
    let mut lab = Lab::up("descriptors").await;
    let set = lab.limit(RoleLimit::Descriptors(32)).await;
    assert!(set.outcome.as_ref().is_ok_and(|how| how.starts_with("may have 32 descriptors")), "{set:?}");
    // One of them is the connection on which it is asked; at the limit no other is accepted.
    let opened = lab.ask("/open");
    let count: u32 = opened.rsplit_once("opened ").expect("a count").1.trim().parse().expect("a number");
    assert!((1..32).contains(&count), "{opened}");
    let lifted = lab.unlimit(Limited::Descriptors).await;
    assert!(lifted.met, "{lifted:?}");
    assert!(lab.ask("/open").contains("opened 64"));
    lab.end().await;
}

#[tokio::test]
async fn nobody_is_limited_who_is_not_there() {
    let mut lab = Lab::up("nobody").await;
    lab.stack.limit("nobody", RoleLimit::Descriptors(32)).await.expect("the keeper hears");
    assert_eq!(lab.said().await.outcome, Err("does not live".to_owned()));
    lab.end().await;
}
