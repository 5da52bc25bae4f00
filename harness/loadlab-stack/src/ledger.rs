//! The keeper's ledger: what it started, when, and how that ended. Written into the run's folder when
//! something changes, so that it can be read after any end.

use std::{
    fs, io,
    path::Path,
    time::{Instant, SystemTime},
};

use serde::{Deserialize, Serialize};

use crate::Exit;

/// The ledger's name in the run's folder.
pub const LEDGER_FILE: &str = "keeper-ledger.json";

/// What a keeper did. All times are real; offsets count from the keeper's start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    /// The run's name.
    pub run: String,
    /// The keeper's process id.
    pub keeper: u32,
    /// When the keeper started, in milliseconds since 1970, UTC.
    pub started_unix_ms: u64,
    /// Why it ended; `None` while it runs, and for ever if it was killed.
    pub why: Option<String>,
    /// When everything had ended.
    pub ended_ms: Option<u64>,
    /// Descendants of roles that outlived their parents and that the keeper reaped.
    pub adopted: u64,
    /// The processes, in the order of their start.
    pub roles: Vec<LedgerEntry>,
    /// Where the edges' proxies are controlled: `host:port`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control: Option<String>,
    /// The toxics that were on the edges, in the order of their beginnings; written at the end.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub toxics: Vec<LedgerToxic>,
    #[serde(skip, default = "Instant::now")]
    origin: Instant,
}

/// One process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerEntry {
    /// Its name in the stack.
    pub name: String,
    /// Its process id, and its group's.
    pub pid: u32,
    /// When it was started.
    pub started_ms: u64,
    /// When it was ready.
    pub ready_ms: Option<u64>,
    /// Where it served.
    pub listen: Option<String>,
    /// Where it served `/health` and `/metrics`, if that is another port.
    pub admin: Option<String>,
    /// When its end was seen.
    pub ended_ms: Option<u64>,
    /// How it ended.
    pub how: Option<Exit>,
}

/// A toxic on an edge. Times are scenario time since the keeper's start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerToxic {
    /// The edge's proxy.
    pub proxy: String,
    /// Its name.
    pub name: String,
    /// When it began, in microseconds.
    pub began_us: u64,
    /// When it ended, in microseconds.
    pub ended_us: Option<u64>,
    /// How it ended: `removed` by a call or at the end, `expired` by its longest duration, `released`
    /// with a lease of its own. `None` if it never did.
    pub how: Option<String>,
    /// As it was at its end, with what it touched.
    pub detail: serde_json::Value,
}

impl Ledger {
    /// An empty one whose offsets count from now.
    pub(crate) fn begin(run: &str) -> Self {
        let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self {
            run: run.to_owned(),
            keeper: std::process::id(),
            started_unix_ms: u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX),
            why: None,
            ended_ms: None,
            adopted: 0,
            roles: Vec::new(),
            control: None,
            toxics: Vec::new(),
            origin: Instant::now(),
        }
    }

    /// Milliseconds since the keeper's start.
    pub(crate) fn now_ms(&self) -> u64 {
        u64::try_from(self.origin.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Writes it beside its old version and then over it, so that no reader sees half of it.
    pub(crate) fn write(&self, log_dir: &Path) -> io::Result<()> {
        let path = log_dir.join(LEDGER_FILE);
        let draft = path.with_extension("json.part");
        let mut text = serde_json::to_vec_pretty(self)?;
        text.push(b'\n');
        fs::write(&draft, text)?;
        fs::rename(&draft, &path)
    }

    /// Reads the ledger of a run's folder.
    pub fn read(log_dir: &Path) -> io::Result<Self> {
        Ok(serde_json::from_slice(&fs::read(log_dir.join(LEDGER_FILE))?)?)
    }
}
