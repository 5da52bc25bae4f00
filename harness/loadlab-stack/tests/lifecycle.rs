//! Whatever ends a stack, nothing of it stays behind. Every test drives the real keeper with real
//! processes, and waits with a deadline for what it claims.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{BufRead as _, BufReader},
    net::{TcpListener, TcpStream},
    os::unix::process::ExitStatusExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};

use loadlab_e2e::{Bound, Control, Siege};
use loadlab_stack::{
    Exit, Ledger, Proxying, RUN_VARIABLE, RoleSignal, RoleSpec, Stack, StackError, StackEvent, StackRequest,
    clean, left_overs,
};
use rustix::process::{Pid, Signal, getpgid, kill_process};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

const PROGRAM: &str = env!("CARGO_BIN_EXE_stack-test-role");
/// Within this nothing may be left of a stack, however it ended.
const GONE: Bound = Bound::new("no process is left after the harness has ended", Duration::from_secs(3));
/// What is waited for otherwise, on a busy machine.
const PATIENT: Duration = Duration::from_secs(30);

/// A run of its own: a name and a folder.
struct Run {
    name: String,
    dir: tempfile::TempDir,
}

impl Run {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("lifecycle-{}-{number}", std::process::id());
        Self { name, dir: tempfile::tempdir().expect("a folder") }
    }

    fn log_dir(&self) -> PathBuf {
        self.dir.path().join("logs")
    }

    fn request(&self, roles: Vec<RoleSpec>) -> StackRequest {
        StackRequest {
            run: self.name.clone(),
            program: PROGRAM.into(),
            keeper_args: vec!["keeper".to_owned()],
            role_args: vec!["role".to_owned()],
            roles,
            external: BTreeMap::new(),
            log_dir: self.log_dir(),
            start_timeout: PATIENT,
            speed: loadlab_clock::Speed::REAL,
            seed: loadlab_clock::Seed::new(1),
            proxying: Proxying::default(),
            aware: BTreeMap::new(),
        }
    }

    async fn up(&self, roles: Vec<RoleSpec>) -> Stack {
        Stack::up(self.request(roles), CancellationToken::new()).await.expect("it comes up")
    }

    async fn fails(&self, request: StackRequest) -> StackError {
        Stack::up(request, CancellationToken::new()).await.expect_err("it does not come up")
    }

    /// A process that holds the lease until it is killed, and its keeper.
    fn harness(&self, roles: &[RoleSpec]) -> (Child, u32) {
        self.harness_of_kind("harness", roles)
    }

    fn harness_of_kind(&self, kind: &str, roles: &[RoleSpec]) -> (Child, u32) {
        let request = json!({"run": self.name, "log_dir": self.log_dir(), "roles": roles}).to_string();
        let mut command = Command::new(PROGRAM);
        command.args([kind, &request]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut harness = command.spawn().expect("it starts");
        let mut line = String::new();
        BufReader::new(harness.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
        (harness, line.trim().parse().expect("the keeper's process id"))
    }

    /// The living processes that carry the run's name: keeper, roles, and what they started.
    fn processes(&self) -> Vec<i32> {
        let marker = format!("{RUN_VARIABLE}={}", self.name);
        let carries = |pid: &i32| {
            let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            environment.split(|&byte| byte == 0).any(|entry| entry == marker.as_bytes())
        };
        pids().into_iter().filter(carries).collect()
    }

    fn nothing_is_left(&self, addresses: &[String]) {
        GONE.wait_for(|| self.processes().is_empty().then_some(()));
        for address in addresses {
            assert!(TcpStream::connect(address).is_err(), "{address} is still open");
        }
    }

    fn ledger(&self) -> Ledger {
        Ledger::read(&self.log_dir()).expect("the keeper wrote its ledger")
    }
}

fn role(name: &str, depends_on: &[&str]) -> RoleSpec {
    with_habit(name, depends_on, "serve")
}

fn with_habit(name: &str, depends_on: &[&str], habit: &str) -> RoleSpec {
    RoleSpec {
        name: name.to_owned(),
        role: "test".to_owned(),
        depends_on: depends_on.iter().map(|&name| name.to_owned()).collect(),
        config: json!({"habit": habit}),
    }
}

/// Polls until it holds.
#[track_caller]
fn eventually(within: Duration, what: &str, mut holds: impl FnMut() -> bool) {
    let give_up = Instant::now() + within;
    while !holds() {
        assert!(Instant::now() < give_up, "not within {within:?}: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

fn pids() -> Vec<i32> {
    let entries = fs::read_dir("/proc").expect("Linux").flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

fn signal(pid: u32, signal: Signal) {
    let pid = Pid::from_raw(pid.cast_signed()).expect("a process id");
    kill_process(pid, signal).expect("it is there");
}

/// The state of a process as the kernel gives it: `S`, `T` for paused, `Z` …
fn state(pid: u32) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}

fn addresses(stack: &Stack) -> Vec<String> {
    stack.edges().iter().map(|edge| edge.address.clone()).collect()
}

#[tokio::test]
async fn roles_start_after_what_they_depend_on_and_side_by_side_otherwise() {
    let run = Run::new();
    let services = ["service-0", "service-1"];
    let mut roles = vec![role("gateway", &services)];
    roles.extend(services.map(|name| with_habit(name, &["redis"], "slow")));
    roles.push(role("redis", &[]));
    // Each connects to what it depends on before it is ready, so that coming up is half of the claim.
    let stack = run.up(roles).await;

    let edges: Vec<_> = stack.edges().iter().map(|edge| (edge.from.as_str(), edge.to.as_str())).collect();
    let expected = [
        ("load", "gateway"),
        ("gateway", "service-0"),
        ("gateway", "service-1"),
        ("service-0", "redis"),
        ("service-1", "redis"),
    ];
    assert_eq!(edges, expected);
    assert!(stack.edges().iter().all(|edge| edge.address != edge.upstream), "each runs through a proxy");
    let gateway = stack.address("gateway").expect("it has an address").to_owned();
    assert!(TcpStream::connect(&gateway).is_ok());
    let endpoints: Vec<_> = stack.endpoints().into_iter().map(|it| (it.role, it.url)).collect();
    // What is measured must not be disturbed: metrics do not run through proxies.
    let upstream = &stack.edges().iter().next().expect("an edge").upstream;
    assert_eq!(endpoints[0], ("gateway".to_owned(), format!("http://{upstream}/metrics")));
    assert_eq!(endpoints.len(), 4);

    let addresses = addresses(&stack);
    let report = stack.down().await.expect("it goes down");
    assert!(!report.forced && report.swept.is_empty(), "{report:?}");
    run.nothing_is_left(&addresses);

    let ledger = report.ledger.expect("the keeper wrote it");
    assert_eq!(ledger.why.as_deref(), Some("down"));
    let entry = |name: &str| ledger.roles.iter().find(|entry| entry.name == name).expect("it is booked");
    let ready = |name: &str| entry(name).ready_ms.expect("it was ready");
    for service in services {
        assert!(entry(service).started_ms >= ready("redis"));
        assert!(entry("gateway").started_ms >= ready(service));
    }
    assert!(entry("service-1").started_ms < ready("service-0"));
    // The test's role leaves SIGTERM to the system.
    assert!(ledger.roles.iter().all(|entry| entry.how == Some(Exit::Signal(15))), "{ledger:?}");
    assert!(!run.log_dir().join("keeper-tmp").exists());
}

#[tokio::test]
async fn a_role_that_exits_early_is_named_with_the_end_of_its_log() {
    let run = Run::new();
    let roles = vec![role("redis", &[]), with_habit("sql", &["redis"], "exit_early")];
    let StackError::RoleFailed { role, reason, log } = run.fails(run.request(roles)).await else {
        panic!("the role failed")
    };
    assert_eq!((role.as_str(), reason.as_str()), ("sql", "ended before it was ready: exit code 3"));
    let expected: Vec<String> = (80..100).map(|line| format!("line {line}")).collect();
    assert_eq!(log.lines().collect::<Vec<_>>(), expected);
    run.nothing_is_left(&[]);
    assert_eq!(run.ledger().roles[0].how, Some(Exit::Signal(9)));
}

#[tokio::test]
async fn a_role_that_hangs_or_talks_nonsense_fails_the_start() {
    let cases = [
        ("hang", "was not ready within 300ms"),
        ("garbage", "printed `hello, world` instead of its ready line"),
    ];
    for (habit, expected) in cases {
        let run = Run::new();
        let mut request = run.request(vec![with_habit("llm", &[], habit)]);
        if habit == "hang" {
            request.start_timeout = Duration::from_millis(300);
        }
        let error = run.fails(request).await;
        assert_eq!(error.to_string(), format!("`llm` {expected}"));
        run.nothing_is_left(&[]);
    }
}

#[tokio::test]
async fn a_port_that_is_taken_is_told_by_the_log() {
    let run = Run::new();
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let mut role = role("gateway", &[]);
    role.config["listen"] = json!(taken.local_addr().expect("it is bound"));
    let StackError::RoleFailed { role, reason, log } = run.fails(run.request(vec![role])).await else {
        panic!("the role failed")
    };
    assert_eq!((role.as_str(), reason.as_str()), ("gateway", "ended before it was ready: exit code 5"));
    assert!(log.contains("Address already in use"), "{log}");
}

#[tokio::test]
async fn a_program_that_is_no_keeper_is_an_error_and_not_a_wait() {
    let run = Run::new();
    let request = |program: &str, argument: &str| StackRequest {
        program: program.into(),
        keeper_args: vec![argument.to_owned()],
        ..run.request(vec![role("redis", &[])])
    };
    let error = run.fails(request("/no/such/program", "keeper")).await;
    assert!(matches!(error, StackError::Spawn { .. }), "{error:?}");
    let error = run.fails(request(PROGRAM, "no-such-argument")).await;
    assert!(matches!(error, StackError::KeeperLost { how: Some(Exit::Code(2)), .. }), "{error:?}");
    let error = run.fails(run.request(vec![role("redis", &["sql"])])).await;
    assert!(matches!(error, StackError::Request { .. }), "{error:?}");
}

#[tokio::test]
async fn an_external_service_is_an_edge_and_no_process() {
    let run = Run::new();
    let external = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = external.local_addr().expect("it is bound").to_string();
    let mut request = run.request(vec![role("redis", &[]), role("service-0", &["redis"])]);
    request.external.insert("redis".to_owned(), address.clone());
    let stack = Stack::up(request, CancellationToken::new()).await.expect("it comes up");
    let edge = stack.edges().get("service-0", "redis").expect("an edge");
    assert_eq!(edge.upstream, address);
    assert_eq!(stack.pids().into_keys().collect::<Vec<_>>(), ["service-0"]);
    assert_eq!(stack.endpoints().len(), 1);
    // The role connected to it.
    assert!(external.accept().is_ok());
    stack.down().await.expect("it goes down");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn stopping_while_it_comes_up_leaves_nothing() {
    let run = Run::new();
    let stop = CancellationToken::new();
    let roles = vec![role("redis", &[]), with_habit("sql", &["redis"], "hang")];
    let up = tokio::spawn(Stack::up(run.request(roles), stop.clone()));
    // Keeper and both roles.
    eventually(PATIENT, "both roles run", || run.processes().len() == 3);
    stop.cancel();
    let result = up.await.expect("no panic");
    assert!(matches!(result, Err(StackError::Stopped)), "{result:?}");
    run.nothing_is_left(&[]);
    assert_eq!(run.ledger().why.as_deref(), Some("the lease ended"));
}

#[tokio::test]
async fn dropping_the_stack_ends_it() {
    let run = Run::new();
    let stack = run.up(vec![role("redis", &[]), with_habit("sql", &[], "ignore_term")]).await;
    let addresses = addresses(&stack);
    drop(stack);
    run.nothing_is_left(&addresses);
}

#[tokio::test]
async fn a_role_that_dies_is_reported_and_the_others_live_on() {
    let run = Run::new();
    let mut stack = run.up(vec![role("redis", &[]), role("sql", &[]), role("llm", &[])]).await;
    signal(stack.pids()["sql"], Signal::KILL);
    let died = |role: &str, how| StackEvent::Died { role: role.to_owned(), how };
    assert_eq!(stack.next_event().await, died("sql", Exit::Signal(9)));
    let redis = stack.address("redis").expect("an address");
    let mut request = TcpStream::connect(redis).expect("it serves");
    std::io::Write::write_all(&mut request, b"GET /exit HTTP/1.1\r\n\r\n").expect("it is sent");
    assert_eq!(stack.next_event().await, died("redis", Exit::Code(6)));
    assert!(TcpStream::connect(stack.address("llm").expect("an address")).is_ok());
    let ledger = stack.down().await.expect("it goes down").ledger.expect("the keeper wrote it");
    let ends: BTreeMap<_, _> = ledger.roles.iter().map(|entry| (entry.name.as_str(), entry.how)).collect();
    let expected = [("llm", Exit::Signal(15)), ("redis", Exit::Code(6)), ("sql", Exit::Signal(9))];
    assert_eq!(ends, expected.map(|(name, how)| (name, Some(how))).into());
    run.nothing_is_left(&[]);
}

/// What a role answers through an edge; none if there is nobody.
fn answer_through(address: &str) -> Option<String> {
    use std::io::{Read as _, Write as _};
    let mut stream = TcpStream::connect(address).ok()?;
    stream.write_all(b"GET /metrics HTTP/1.1\r\n\r\n").ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    (!text.is_empty()).then_some(text)
}

#[tokio::test]
async fn a_role_that_ends_to_be_started_again_is_started_again_and_both_is_reported() {
    let run = Run::new();
    let mut stack = run.up(vec![role("service-0", &[])]).await;
    let address = stack.address("service-0").expect("it has an address").to_owned();
    let mut request = TcpStream::connect(&address).expect("it serves");
    std::io::Write::write_all(&mut request, b"GET /again HTTP/1.1\r\n\r\n").expect("it is sent");
    let died = StackEvent::Died { role: "service-0".to_owned(), how: Exit::RESTART };
    assert_eq!(stack.next_event().await, died);
    assert_eq!(stack.next_event().await, StackEvent::Back { role: "service-0".to_owned() });
    assert!(answer_through(&address).is_some());
    let addresses = addresses(&stack);
    stack.down().await.expect("it goes down");
    run.nothing_is_left(&addresses);
}

#[tokio::test]
async fn a_killed_role_is_started_again_behind_the_same_edge() {
    let run = Run::new();
    let mut stack = run.up(vec![role("service-0", &[])]).await;
    let address = stack.address("service-0").expect("it has an address").to_owned();
    assert!(answer_through(&address).is_some());
    stack.signal("service-0", RoleSignal::Kill).await.expect("the keeper hears");
    let died = StackEvent::Died { role: "service-0".to_owned(), how: Exit::Signal(9) };
    assert_eq!(stack.next_event().await, died);
    assert_eq!(answer_through(&address), None, "nobody is behind the edge");
    stack.start("service-0").await.expect("the keeper hears");
    assert_eq!(stack.next_event().await, StackEvent::Back { role: "service-0".to_owned() });
    assert!(answer_through(&address).is_some());
    let addresses = addresses(&stack);
    stack.down().await.expect("it goes down");
    run.nothing_is_left(&addresses);
    let pids: BTreeSet<u32> = run.ledger().roles.iter().map(|entry| entry.pid).collect();
    assert_eq!(pids.len(), 2, "both processes are booked");
}

#[tokio::test]
async fn a_paused_role_answers_when_it_goes_on() {
    let run = Run::new();
    let mut stack = run.up(vec![role("service-0", &[])]).await;
    let pid = stack.pids()["service-0"];
    stack.signal("service-0", RoleSignal::Pause).await.expect("the keeper hears");
    eventually(PATIENT, "it is paused", || state(pid) == Some('T'));
    stack.signal("service-0", RoleSignal::Resume).await.expect("the keeper hears");
    let address = stack.address("service-0").expect("it has an address").to_owned();
    assert!(answer_through(&address).is_some());
    stack.down().await.expect("it goes down");
    run.nothing_is_left(&[address]);
}

#[tokio::test]
async fn whoever_ignores_sigterm_is_paused_or_has_left_the_group_ends_all_the_same() {
    let run = Run::new();
    let habits = ["ignore_term", "pause", "grandchild", "serve"];
    let stack = run.up(habits.iter().map(|habit| with_habit(habit, &[], habit)).collect()).await;
    let pids: BTreeMap<String, u32> =
        stack.pids().into_iter().map(|(name, pid)| (name.to_owned(), pid)).collect();
    eventually(PATIENT, "one has paused itself", || state(pids["pause"]) == Some('T'));
    signal(pids["serve"], Signal::STOP);
    // Keeper, four roles, one grandchild.
    assert_eq!(run.processes().len(), 6);
    let addresses = addresses(&stack);
    let report = stack.down().await.expect("it goes down");
    assert!(!report.forced && report.swept.is_empty(), "{report:?}");
    run.nothing_is_left(&addresses);
    let ledger = report.ledger.expect("the keeper wrote it");
    assert_eq!(ledger.adopted, 1, "the grandchild was adopted and reaped");
    let how = |name: &str| ledger.roles.iter().find(|entry| entry.name == name).and_then(|entry| entry.how);
    assert_eq!(how("ignore_term"), Some(Exit::Signal(9)));
    assert_eq!(how("serve"), Some(Exit::Signal(15)), "SIGTERM reaches a paused role");
}

/// All habits that make an end hard.
fn stubborn_roles() -> Vec<RoleSpec> {
    ["ignore_term", "pause", "grandchild"].iter().map(|habit| with_habit(habit, &[], habit)).collect()
}

#[test]
fn sigkill_of_the_harness_leaves_nothing() {
    let run = Run::new();
    let (mut harness, _) = run.harness(&stubborn_roles());
    assert_eq!(run.processes().len(), 5);
    harness.kill().expect("it is killed");
    run.nothing_is_left(&[]);
    let status = harness.wait().expect("it is reaped");
    assert_eq!(status.signal(), Some(9));
    let ledger = run.ledger();
    assert_eq!(ledger.why.as_deref(), Some("the lease ended"));
    assert!(ledger.roles.iter().all(|entry| entry.how == Some(Exit::Signal(9))), "{ledger:?}");
    let toxics: Vec<_> = ledger.toxics.iter().map(|it| (it.name.as_str(), it.how.as_deref())).collect();
    assert_eq!(toxics, [("slow", Some("removed"))], "what was on is removed and booked");
    assert!(!run.log_dir().join("keeper-tmp").exists());
}

#[test]
fn a_harness_that_panics_under_siege_leaves_nothing() {
    let run = Run::new();
    let (mut harness, _) = run.harness_of_kind("panicking-harness", &stubborn_roles());
    assert_eq!(run.processes().len(), 5);
    let control = Control::in_logs(&run.log_dir()).expect("it is up");
    let edges = control.proxies().expect("it is there");
    let _siege = Siege::lay(&control, edges.first().expect("an edge"));
    assert_eq!(control.toxics().map(|toxics| toxics.len()), Some(3));
    drop(harness.stdin.take());
    assert_eq!(harness.wait().expect("it is reaped").code(), Some(101));
    run.nothing_is_left(&[]);
    assert_eq!(control.toxics(), None, "the control port is closed");
    let toxics = run.ledger().toxics;
    assert_eq!(toxics.iter().map(|it| it.how.as_deref()).collect::<Vec<_>>(), [Some("removed"); 3]);
}

#[test]
fn sigterm_and_sigint_of_the_keeper_leave_nothing() {
    for number in [Signal::TERM, Signal::INT] {
        let run = Run::new();
        let (mut harness, keeper) = run.harness(&stubborn_roles());
        signal(keeper, number);
        run.nothing_is_left(&[]);
        assert_eq!(run.ledger().why.as_deref(), Some("a signal"));
        harness.kill().expect("it is killed");
        harness.wait().expect("it is reaped");
    }
}

#[tokio::test]
async fn sigkill_of_the_keeper_is_reported_and_leaves_nothing() {
    let run = Run::new();
    let mut stack = run.up(stubborn_roles()).await;
    let addresses = addresses(&stack);
    signal(stack.keeper_pid(), Signal::KILL);
    assert_eq!(stack.next_event().await, StackEvent::KeeperLost);
    // The kernel killed the roles; the harness swept the grandchild.
    run.nothing_is_left(&addresses);
    assert_eq!(stack.next_event().await, StackEvent::KeeperLost);
    let error = stack.down().await.expect_err("there is no keeper");
    assert!(matches!(error, StackError::KeeperLost { how: Some(Exit::Signal(9)), .. }), "{error:?}");
}

#[tokio::test]
async fn a_keeper_that_does_not_obey_is_killed_with_everything() {
    let run = Run::new();
    let stack = run.up(stubborn_roles()).await;
    let addresses = addresses(&stack);
    signal(stack.keeper_pid(), Signal::STOP);
    let report = stack.down().await.expect("it goes down");
    assert!(report.forced);
    run.nothing_is_left(&addresses);
}

#[test]
fn sigkill_of_keeper_and_harness_leaves_only_what_doctor_finds() {
    let run = Run::new();
    let (mut harness, keeper) = run.harness(&stubborn_roles());
    let ours = || left_overs().into_iter().filter(|it| it.run == run.name).collect::<Vec<_>>();
    assert_eq!(ours(), [], "a living run is not left over");
    // A harness that runs would sweep.
    signal(harness.id(), Signal::STOP);
    signal(keeper, Signal::KILL);
    harness.kill().expect("it is killed");
    harness.wait().expect("it is reaped");
    // The kernel kills the roles, not what they started.
    GONE.wait_for(|| (run.processes().len() == 1).then_some(()));
    let found = ours();
    assert_eq!(found.iter().map(|it| it.role.as_str()).collect::<Vec<_>>(), ["grandchild"]);
    assert_eq!(found[0].command, format!("{PROGRAM} grandchild"));
    let report = clean(&found);
    assert_eq!((report.killed, report.remaining), (found, vec![]));
    run.nothing_is_left(&[]);
}

#[test]
fn what_a_paused_keeper_keeps_after_its_harness_is_found_by_doctor_too() {
    let run = Run::new();
    let (mut harness, keeper) = run.harness(&stubborn_roles());
    signal(keeper, Signal::STOP);
    harness.kill().expect("it is killed");
    harness.wait().expect("it is reaped");
    // Some systems wake a paused process when its parent goes; then it cleans up by itself.
    GONE.wait_for(|| {
        clean(&left_overs().into_iter().filter(|it| it.run == run.name).collect::<Vec<_>>());
        run.processes().is_empty().then_some(())
    });
}

#[tokio::test]
async fn nobody_but_the_harness_holds_the_lease() {
    let run = Run::new();
    let stack = run.up(vec![role("redis", &[]), with_habit("sql", &[], "grandchild")]).await;
    let keeper = stack.keeper_pid().cast_signed();
    let pipe = fs::read_link(format!("/proc/{keeper}/fd/0")).expect("its standard input");
    let own = std::process::id().cast_signed();
    // Children of other tests hold everything between fork and exec, so it is looked at again.
    let mut holders = BTreeSet::new();
    eventually(PATIENT, "only harness and keeper have the pipe", || {
        holders = pids().into_iter().filter(|&pid| holds(pid, &pipe)).collect();
        holders == BTreeSet::from([own, keeper])
    });
    stack.down().await.expect("it goes down");
}

/// Whether a process has the file open.
fn holds(pid: i32, file: &Path) -> bool {
    let Ok(open) = fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
    open.flatten().any(|entry| fs::read_link(entry.path()).is_ok_and(|target| target == file))
}

#[tokio::test]
async fn ctrl_c_at_the_terminal_reaches_neither_keeper_nor_roles() {
    let run = Run::new();
    let stack = run.up(vec![role("redis", &[])]).await;
    let group = |pid: u32| getpgid(Pid::from_raw(pid.cast_signed())).expect("it runs").as_raw_pid();
    let own = getpgid(None).expect("it runs").as_raw_pid();
    let (keeper, redis) = (stack.keeper_pid(), stack.pids()["redis"]);
    assert_eq!(group(keeper), keeper.cast_signed());
    assert_eq!(group(redis), redis.cast_signed());
    assert!(own != group(keeper) && group(keeper) != group(redis));
    stack.down().await.expect("it goes down");
}

#[tokio::test]
async fn a_long_configuration_reaches_a_role_that_reads_it() {
    let run = Run::new();
    let mut long = with_habit("sql", &[], "serve");
    // More than a pipe holds; blanks in front of JSON mean nothing to the role.
    long.config["habit"] = Value::from("serve");
    long.config["padding"] = json!("x".repeat(200_000));
    let error = run.fails(run.request(vec![long])).await;
    // The role refuses the field, which it has only seen if it read everything.
    let StackError::RoleFailed { log, .. } = error else { panic!("the role failed") };
    assert!(log.contains("unknown field `padding`"), "{log}");
}
