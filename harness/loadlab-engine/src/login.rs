//! Logins, once for each identity, before the clock starts. They are counted nowhere.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::Instant,
};

use loadlab_record::Outcome;
use parking_lot::Mutex;
use tokio::task::JoinSet;

use crate::{
    answer::Scratch,
    attempt::{Attempt, Conduct},
    connection::{ByArm, Connections},
    engine::Engine,
    kept::Kept,
    program::StepProgram,
    render::Scope,
};

/// A login that did not work: the run cannot begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoginFailure {
    /// Which identity.
    pub user: u32,
    /// How it ended.
    pub outcome: Outcome,
}

impl fmt::Display for LoginFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the login of user {} failed: {}", self.user, self.outcome.description())
    }
}

type Kepts = Vec<(usize, Kept)>;

/// Logs the first `users` identities in, at most `at_once` at a time.
pub(crate) async fn perform(engine: &Arc<Engine>, users: u32, at_once: usize) -> Result<(), LoginFailure> {
    if engine.program.login.is_none() {
        return Ok(());
    }
    let next = Arc::new(AtomicU32::new(0));
    let all: Arc<Mutex<Vec<Kepts>>> = Arc::new(Mutex::new(vec![Vec::new(); users as usize]));
    let mut lanes = JoinSet::new();
    for _ in 0..at_once.clamp(1, users.max(1) as usize) {
        let (engine, next, all) = (Arc::clone(engine), Arc::clone(&next), Arc::clone(&all));
        lanes.spawn(async move {
            let Some(step) = &engine.program.login else { return Ok(()) };
            let connections = ByArm::new(1, true);
            let mut scratch = Scratch::default();
            loop {
                let user = next.fetch_add(1, Relaxed);
                if user >= users {
                    return Ok(());
                }
                let connections = connections.of(engine.program.cohort(user));
                let kept = one(&engine, step, user, connections, &mut scratch).await?;
                all.lock()[user as usize] = kept;
            }
        });
    }
    // The first failure ends all of them: dropping the set aborts its tasks.
    while let Some(lane) = lanes.join_next().await {
        // A task that panicked left its logins out; requests will show it.
        lane.unwrap_or(Ok(()))?;
    }
    engine.set_logins(std::mem::take(&mut *all.lock()));
    Ok(())
}

async fn one(
    engine: &Engine,
    step: &StepProgram,
    user: u32,
    connections: &Connections,
    scratch: &mut Scratch,
) -> Result<Kepts, LoginFailure> {
    // Each identity has a row of its own, so that a feed may hold its name and password.
    let row = |rows: usize| user % u32::try_from(rows.max(1)).unwrap_or(u32::MAX);
    let rows: Vec<u32> = engine.program.feeds.iter().map(|feed| row(feed.rows.len())).collect();
    let scope = Scope {
        seed: engine.program.seed,
        feeds: &engine.program.feeds,
        user,
        seq: u64::from(user),
        iteration: None,
        attempt: 0,
        rows: &rows,
        kept: &[],
        item: None,
    };
    let attempt = Attempt { step, scope, due: Instant::now(), conduct: Conduct::default() };
    let attempted = attempt.perform(engine, connections, scratch).await;
    match attempted.outcome {
        Some(Outcome::Ok) => Ok(attempted.kept),
        outcome => Err(LoginFailure { user, outcome: outcome.unwrap_or(Outcome::Reset) }),
    }
}
