//! A real Redis.

use std::{
    net::{SocketAddr, TcpStream},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;

/// A real Redis on a free port of loopback, until it is dropped.
#[derive(Debug)]
pub struct RealRedis {
    /// Where it listens.
    pub address: SocketAddr,
    process: Child,
    _folder: TempDir,
}

impl RealRedis {
    /// Starts one, or says why there is none.
    pub fn start() -> Result<Self, String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let port = super::free_port();
        let process = Command::new("redis-server")
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", ""])
            .arg("--dir")
            .arg(folder.path())
            .stdout(Stdio::null())
            .spawn()
            .map_err(|error| format!("redis-server: {error}"))?;
        let redis = Self { address: ([127, 0, 0, 1], port).into(), process, _folder: folder };
        let start = Instant::now();
        while TcpStream::connect(redis.address).is_err() {
            assert!(start.elapsed() < Duration::from_secs(30), "redis-server does not listen");
            std::thread::yield_now();
        }
        Ok(redis)
    }

    /// `redis://HOST:PORT`.
    pub fn url(&self) -> String {
        format!("redis://{}", self.address)
    }
}

impl Drop for RealRedis {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
