//! `loadlab doctor`: what this machine can and cannot do, and what a killed run left.

use std::path::Path;

use rustix::process::{Resource, getrlimit};

use crate::{cli::DoctorArgs, conductor::environment, exit::Exit, output};

/// Programs that take the place of something built in, and what for.
const PROGRAMS: [(&str, &str); 5] = [
    ("redis-server", "a real Redis, by --redis URL"),
    ("postgres", "a real PostgreSQL, by --database URL"),
    ("docker", "containers"),
    ("wrk", "a peer in `cargo xtask bench generator`"),
    ("oha", "a peer in `cargo xtask bench generator`"),
];
/// A machine that is busier than this before a run measures itself.
const BUSY: f64 = 0.5;

/// Prints the findings, and cleans where asked to.
pub(crate) fn execute(arguments: &DoctorArgs) -> Exit {
    output::result(&machine());
    output::result(&programs());
    if arguments.clean { clean() } else { left_overs() }
}

fn machine() -> String {
    let environment = environment::read();
    let limit = getrlimit(Resource::Nofile);
    let number = |value: Option<u64>| value.map_or("unlimited".to_owned(), |value| value.to_string());
    let busy = environment.load_average > BUSY * f64::from(environment.cores);
    let lines = [
        ("CPU", format!("{} × {}", environment.cores, environment.cpu_model)),
        ("memory", format!("{:.1} GiB", environment.memory_bytes as f64 / f64::from(1 << 30))),
        ("system", format!("{}, Linux {}", environment.os, environment.kernel)),
        (
            "load",
            format!("{:.2}{}", environment.load_average, if busy { " (busy: measure later)" } else { "" }),
        ),
        ("descriptors", format!("{}, at most {}", number(limit.current), number(limit.maximum))),
    ];
    lines.map(|(name, value)| format!("{name:14}{value}")).join("\n")
}

fn programs() -> String {
    let line = |(program, purpose): (&str, &str)| match found(program) {
        Some(path) => format!("{program:14}{path} ({purpose})"),
        None => format!("{program:14}not found; only needed for {purpose}"),
    };
    PROGRAMS.map(line).join("\n")
}

/// Where a program is on the search path.
fn found(program: &str) -> Option<String> {
    let path = std::env::var_os("PATH")?;
    let file = std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| is_program(file));
    file.map(|file| file.display().to_string())
}

fn is_program(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    file.metadata().is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}

fn left_overs() -> Exit {
    let (left, groups) = (loadlab_stack::left_overs(), loadlab_stack::left_over_groups());
    if left.is_empty() && groups.is_empty() {
        output::result("left over     nothing");
        return Exit::Pass;
    }
    let groups = groups.iter().map(|group| format!("left over     control group {}", group.display()));
    output::result(&left.iter().map(line).chain(groups).collect::<Vec<_>>().join("\n"));
    output::result("              `loadlab doctor --clean` ends them, if no run is going on");
    Exit::Pass
}

fn clean() -> Exit {
    let report = loadlab_stack::clean(&loadlab_stack::left_overs());
    // Their processes had to end first.
    let groups = loadlab_stack::left_over_groups();
    let kept = loadlab_stack::remove_groups(&groups);
    let removed = match groups.len() - kept.len() {
        0 => String::new(),
        count => format!(", {count} control groups removed"),
    };
    output::result(&format!("left over     {} ended{removed}", report.killed.len()));
    let mut remaining: Vec<String> = report.remaining.iter().map(line).collect();
    remaining.extend(kept.iter().map(|group| format!("left over     control group {}", group.display())));
    if remaining.is_empty() {
        return Exit::Pass;
    }
    output::fail(Exit::Internal, &format!("these did not end:\n{}", remaining.join("\n")), None)
}

fn line(process: &loadlab_stack::LeftOver) -> String {
    format!("left over     {} of run {} (process {})", process.role, process.run, process.pid)
}
