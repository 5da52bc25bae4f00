//! A real PostgreSQL.

use std::{
    fs,
    net::TcpStream,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;

/// A real PostgreSQL with an empty database on a free port of loopback, until it is dropped.
#[derive(Debug)]
pub struct RealPostgres {
    port: u16,
    server: Child,
    _folder: TempDir,
}

impl RealPostgres {
    /// Starts one, or says why it cannot. It refuses to run as root, so for root it runs as `postgres`.
    pub fn start() -> Result<Self, String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let data = folder.path().join("data");
        fs::create_dir(&data).map_err(|error| error.to_string())?;
        let root = rustix::process::getuid().is_root();
        if root {
            let owned = Command::new("chown").arg("-R").arg("postgres").arg(folder.path()).status();
            if !owned.is_ok_and(|status| status.success()) {
                return Err("there is no user `postgres`".to_owned());
            }
        }
        let initdb = format!("initdb -D {} -U loadlab --auth=trust --no-sync", data.display());
        let initialised = as_user(root, &initdb).output().map_err(|error| error.to_string())?;
        if !initialised.status.success() {
            return Err(String::from_utf8_lossy(&initialised.stderr).trim().to_owned());
        }
        let port = super::free_port();
        let postgres = Self { server: spawned(root, &data, port)?, port, _folder: folder };
        postgres.wait_until_it_listens();
        Ok(postgres)
    }

    /// `postgres://USER@HOST:PORT/DB`. It may still be starting up, and refuse sessions, for a moment.
    pub fn url(&self) -> String {
        format!("postgres://loadlab@127.0.0.1:{}/postgres", self.port)
    }

    fn wait_until_it_listens(&self) {
        let start = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(start.elapsed() < Duration::from_secs(60), "PostgreSQL does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for RealPostgres {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn spawned(root: bool, data: &Path, port: u16) -> Result<Child, String> {
    let options = "-c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off";
    as_user(root, &format!("exec postgres -D {} -p {port} {options}", data.display()))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| error.to_string())
}

fn as_user(root: bool, script: &str) -> Command {
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = if root {
        let mut set = Command::new("setpriv");
        set.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "sh", "-c"]);
        set
    } else {
        let mut shell = Command::new("sh");
        shell.arg("-c");
        shell
    };
    command.arg(script).env("PATH", path).current_dir("/");
    command
}
