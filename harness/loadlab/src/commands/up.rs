//! `loadlab up`: the reference target alone, until Ctrl-C.

use std::{collections::BTreeMap, path::PathBuf};

use loadlab_clock::{Seed, Speed};
use loadlab_stack::{Proxying, StackEvent};
use tokio_util::sync::CancellationToken;

use crate::{
    cli::UpArgs,
    conductor::{
        external::{External, without_password},
        target::{self, Recipe, Target, TargetError},
    },
    exit::Exit,
    output,
    signals::Signals,
};

/// Brings the target up, says where everything is, and waits.
pub(crate) fn execute(arguments: &UpArgs) -> Exit {
    let recipe = match settle(arguments) {
        Ok(recipe) => recipe,
        Err(problem) => return output::fail(Exit::Invalid, &problem, None),
    };
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(hold(&recipe)),
        Err(error) => output::fail(Exit::Internal, &format!("no runtime: {error}"), None),
    }
}

/// What the arguments mean.
struct Settled {
    profile: target_service::profile::Profile,
    name: String,
    speed: Speed,
    seed: Seed,
    external: External,
}

fn settle(arguments: &UpArgs) -> Result<Settled, String> {
    let mut set = BTreeMap::new();
    for text in &arguments.set {
        let (path, value) = text
            .split_once('=')
            .ok_or_else(|| format!("--set {text}: PATH=VALUE is expected, as in service.pool.max=40"))?;
        set.insert(path.trim().to_owned(), value.trim().to_owned());
    }
    let number: f64 =
        arguments.speed.parse().map_err(|_| format!("--speed {}: a number is expected", arguments.speed))?;
    Ok(Settled {
        profile: target::profile(&arguments.profile, &arguments.with, &set)
            .map_err(|error| error.to_string())?,
        name: arguments.profile.clone(),
        speed: Speed::try_new(number).map_err(|error| error.to_string())?,
        seed: Seed::new(arguments.seed),
        external: arguments.stores.external(),
    })
}

async fn hold(settled: &Settled) -> Exit {
    let mut signals = match Signals::listen() {
        Ok(signals) => signals,
        Err(error) => return output::fail(Exit::Internal, &format!("signals: {error}"), None),
    };
    let logs = log_folder();
    let stop = CancellationToken::new();
    output::say("bringing the target up");
    let recipe = Recipe {
        profile: &settled.profile,
        name: &settled.name,
        speed: settled.speed,
        seed: settled.seed,
        external: &settled.external,
        proxying: Proxying::default(),
        faults: &[],
        experiment: None,
    };
    let up = target::reference(&recipe, &logs, &stop);
    tokio::pin!(up);
    let target = tokio::select! {
        target = &mut up => target,
        signal = signals.next() => {
            stop.cancel();
            drop(up.await);
            return Exit::Signal(signal);
        }
    };
    match target {
        Ok(target) => wait(target, &mut signals).await,
        Err(error) => failed(&error),
    }
}

fn failed(error: &TargetError) -> Exit {
    output::fail(Exit::Target, &error.to_string(), error.hint().as_deref())
}

async fn wait(target: Target, signals: &mut Signals) -> Exit {
    let Target { info, endpoints, stack, .. } = target;
    let Some(mut stack) = stack else { return Exit::Internal };
    output::result(&format!("target       {}", info.base));
    for edge in stack.edges().iter() {
        let (from, to, upstream) = (&edge.from, &edge.to, without_password(&edge.upstream));
        output::result(&format!(
            "edge         {from}/{to} at {}, leads to {upstream}",
            without_password(&edge.address)
        ));
    }
    for endpoint in &endpoints {
        output::result(&format!("metrics      {} at {}", endpoint.role, endpoint.url));
    }
    output::result(&format!("faults       Toxiproxy's interface at http://{}", stack.control()));
    output::say("Ctrl-C takes it down");
    let exit = loop {
        tokio::select! {
            signal = signals.next() => break Exit::Signal(signal),
            event = stack.next_event() => match event {
                StackEvent::Back { role } => output::say(&format!("{role} is back")),
                StackEvent::Died { role, how } => output::say(&format!("{role} died: {how}")),
                // Nobody asks for a limit here.
                StackEvent::Limit(_) => {}
                StackEvent::KeeperLost => break output::fail(Exit::Target, "the keeper is gone", None),
            },
        }
    };
    drop(stack.down().await);
    exit
}

/// Where the processes' logs go: a folder of this process, among the temporary ones.
fn log_folder() -> PathBuf {
    std::env::temp_dir().join(format!("loadlab-up-{}", std::process::id()))
}
