//! One role from the keeper's side: its command, its configuration, its first line, its log.

use std::{
    fs::{self, File},
    io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _},
    os::unix::process::CommandExt as _,
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
    sync::mpsc::Sender,
    thread,
};

use serde_json::{Value, json};

use super::{Event, log_path};
use crate::{
    Edge, RoleReady, RoleSpec, StackSpec,
    spec::{KEEPER_VARIABLE, ROLE_VARIABLE, RUN_VARIABLE},
};

/// Longest first line that is read.
const LINE_MAX: u64 = 4 * 1024;
/// How much of a first line that is none is shown, in characters.
const SHOWN_MAX: usize = 120;
/// How many of the last lines of a log a failure shows.
const TAIL_LINES: usize = 20;
/// From at most how many of its last bytes; less than a pipe holds.
const TAIL_BYTES: u64 = 8 * 1024;

/// What a role said first.
pub(super) enum FirstLine {
    Ready(RoleReady),
    /// Something else, shortened.
    Garbage(String),
    /// It closed its standard output.
    Nothing,
}

/// `<program> <role_args…> <role>` in a process group of its own. Standard error is left to the caller.
pub(super) fn command(spec: &StackSpec, role: &RoleSpec, temporary: &Path) -> Command {
    let mut command = Command::new(&spec.program);
    command
        .args(&spec.role_args)
        .arg(&role.role)
        .env(RUN_VARIABLE, &spec.run)
        .env(ROLE_VARIABLE, &role.name)
        .env(KEEPER_VARIABLE, std::process::id().to_string())
        .env("TMPDIR", temporary)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .process_group(0);
    command
}

/// Its configuration with its name, its edges and, if it has none, an address to listen on.
pub(super) fn config(role: &RoleSpec, edges: &[Edge]) -> Value {
    let mut config = role.config.clone();
    if let Value::Object(fields) = &mut config {
        let edges: serde_json::Map<String, Value> =
            edges.iter().map(|edge| (edge.to.clone(), json!(edge.address))).collect();
        fields.insert("name".to_owned(), json!(role.name));
        fields.insert("edges".to_owned(), Value::Object(edges));
        fields.entry("listen").or_insert_with(|| json!("127.0.0.1:0"));
    }
    config
}

/// The log a role's standard error goes to: a role that is started again adds to it. Run folders are
/// new, so it begins empty.
pub(super) fn log_file(log_dir: &Path, name: &str) -> io::Result<File> {
    File::options().create(true).append(true).open(log_path(log_dir, name))
}

/// The last lines of a role's log; empty if there are none.
pub(super) fn log_tail(log_dir: &Path, name: &str) -> String {
    let tail = || -> io::Result<String> {
        let mut file = File::open(log_path(log_dir, name))?;
        let length = fs::metadata(log_path(log_dir, name))?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES)))?;
        let mut bytes = Vec::new();
        file.take(TAIL_BYTES).read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    let text = tail().unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
}

/// Gives the role its configuration and waits for its first line, on a thread of its own: neither may
/// hold up the keeper. Whatever the role prints later is read and dropped, or it would block.
pub(super) fn converse(
    mut child: Child,
    config: Value,
    name: &str,
    outbox: &Sender<Event>,
) -> io::Result<()> {
    let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
    let (name, outbox) = (name.to_owned(), outbox.clone());
    thread::Builder::new().name(name.clone()).spawn(move || {
        if let Some(mut stdin) = stdin {
            // A role that does not read it ends or is late, and is reported as that.
            drop(stdin.write_all(config.to_string().as_bytes()));
        }
        let Some(stdout) = stdout else { return };
        let mut stdout = BufReader::new(stdout);
        let line = first_line(&mut stdout);
        drop(outbox.send(Event::Spoke { name, line }));
        drop(io::copy(&mut stdout, &mut io::sink()));
    })?;
    Ok(())
}

fn first_line(stdout: &mut BufReader<ChildStdout>) -> FirstLine {
    let mut bytes = Vec::new();
    if !matches!(stdout.take(LINE_MAX).read_until(b'\n', &mut bytes), Ok(1..)) {
        return FirstLine::Nothing;
    }
    serde_json::from_slice(&bytes).map_or_else(
        |_| FirstLine::Garbage(String::from_utf8_lossy(&bytes).trim_end().chars().take(SHOWN_MAX).collect()),
        FirstLine::Ready,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Via;

    #[test]
    fn a_role_is_told_its_name_its_edges_and_where_to_listen() {
        let role = RoleSpec {
            name: "service-0".to_owned(),
            role: "service".to_owned(),
            depends_on: vec!["redis".to_owned()],
            config: json!({"name": "?", "seed": 1}),
        };
        let edge = Edge {
            from: "service-0".to_owned(),
            to: "redis".to_owned(),
            protocol: None,
            upstream: "127.0.0.1:1".to_owned(),
            address: "127.0.0.1:2".to_owned(),
            via: Via::Direct,
        };
        let told = config(&role, &[edge]);
        let expected = json!({"name": "service-0", "seed": 1, "edges": {"redis": "127.0.0.1:2"}, "listen": "127.0.0.1:0"});
        assert_eq!(told, expected);
        let fixed = RoleSpec { config: json!({"listen": "127.0.0.1:80"}), ..role };
        assert_eq!(config(&fixed, &[])["listen"], "127.0.0.1:80");
    }

    #[test]
    fn the_tail_of_a_log_is_its_last_whole_lines() {
        let dir = tempfile::tempdir().expect("a directory");
        let lines: Vec<String> = (0..5_000).map(|n| format!("line {n}")).collect();
        fs::write(log_path(dir.path(), "redis"), lines.join("\n")).expect("it is written");
        let tail = log_tail(dir.path(), "redis");
        assert_eq!(tail.lines().collect::<Vec<_>>(), lines[4_980..]);
        assert_eq!(log_tail(dir.path(), "no-such-role"), "");
    }
}
