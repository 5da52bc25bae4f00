//! A session: its settings, its transaction, its own thread for reads, and what a statement waits.
//!
//! A transaction holds nothing. Its reads see what is committed at that moment, each by itself (READ
//! COMMITTED), and its writes are kept as a list. Whenever a later statement needs to see them they
//! are done again on the writer and undone; COMMIT does them for good, if each still has the effect
//! that the client was told, and fails with 40001 otherwise. So a client that thinks, waits its
//! modelled time or is gone keeps nobody waiting.

use std::{
    collections::{BTreeMap, hash_map::DefaultHasher},
    hash::{Hash as _, Hasher as _},
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use loadlab_clock::{Seed, Sleeper, Speed};
use parking_lot::Mutex;
use pgwire::{api::results::FieldInfo, messages::data::DataRow};
use rusqlite::{Connection, params_from_iter, types::Value};

use super::{
    command::Command,
    database::{Database, Reader},
    error::{
        BUSY, CANCELED, CONFLICT, INVALID_VALUE, NO_SAVEPOINT, READ_ONLY, SqlError, TOO_MANY_CONNECTIONS,
    },
    functions::SERVER_VERSION,
    metrics::Metrics,
    statement::{Action, DatabaseStatement, Effect, Piece, Seconds, Statement},
    types::RowWriter,
};
use crate::{profile::SqlProfile, standin::Live};

/// What all sessions share.
#[derive(Debug)]
pub(super) struct Store {
    pub(super) database: Database,
    pub(super) settings: Arc<Live<SqlProfile>>,
    pub(super) metrics: Metrics,
    pub(super) speed: Speed,
    pub(super) seed: Seed,
    /// Statements so far: what their random draws hang on.
    pub(super) statements: AtomicU64,
    pub(super) sessions: AtomicUsize,
    /// It follows another store, and takes no writes of clients.
    pub(super) read_only: bool,
}

/// One connection of a client.
#[derive(Debug)]
pub(super) struct Session {
    store: Arc<Store>,
    reader: Reader,
    /// The settings of this session, beside the defaults.
    variables: Mutex<BTreeMap<String, String>>,
    transaction: Mutex<Option<Transaction>>,
    /// Held while the session is: one of the connections that the store accepts.
    _place: Place,
}

/// A transaction that is open.
#[derive(Debug, Clone, Default)]
struct Transaction {
    changes: Vec<Change>,
    savepoints: Vec<(String, usize)>,
}

/// A write that was done in a transaction, and undone.
#[derive(Debug, Clone)]
struct Change {
    statement: DatabaseStatement,
    values: Vec<Value>,
    fields: Arc<Vec<FieldInfo>>,
    /// What the client was told.
    told: Told,
}

/// The effect of a write as the client sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Told {
    affected: usize,
    rows: u64,
}

/// What a statement gives.
#[derive(Debug, Default)]
pub(super) struct Answer {
    pub(super) rows: Vec<DataRow>,
    /// Rows that a write touched.
    pub(super) affected: usize,
}

/// One of the places that the store has for sessions.
#[derive(Debug)]
struct Place(Arc<Store>);

impl Place {
    fn take(store: &Arc<Store>) -> Result<Self, SqlError> {
        let most = store.settings.get().connections;
        let place = Self(Arc::clone(store));
        store.metrics.connections.inc();
        if store.sessions.fetch_add(1, Ordering::Relaxed) >= most {
            store.metrics.refused.inc();
            return Err(SqlError::fatal(TOO_MANY_CONNECTIONS, "sorry, too many clients already"));
        }
        Ok(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.sessions.fetch_sub(1, Ordering::Relaxed);
        self.0.metrics.connections.dec();
    }
}

impl Session {
    pub(super) async fn open(store: &Arc<Store>) -> Result<Self, SqlError> {
        let place = Place::take(store)?;
        Ok(Self {
            reader: store.database.reader().await?,
            store: Arc::clone(store),
            variables: Mutex::default(),
            transaction: Mutex::default(),
            _place: place,
        })
    }

    /// Makes a statement ready. It takes no modelled time.
    pub(super) async fn prepare(&self, piece: Piece) -> Result<Statement, SqlError> {
        if let Some(command) = piece.command()? {
            return Ok(command);
        }
        let changes = self.changes();
        let prepared = if changes.is_empty() {
            self.reader.read(move |connection| piece.prepared(connection)).await?
        } else {
            // A table may exist in this transaction only.
            let tried =
                move |connection: &mut Connection| undone(connection, &changes, |c| piece.prepared(c));
            self.store.database.write(tried).await?
        };
        self.counted(prepared)
    }

    /// Runs a statement for the database or a wait: first its modelled time, then the work.
    pub(super) async fn run(
        &self,
        statement: &Statement,
        values: Vec<Value>,
        fields: Arc<Vec<FieldInfo>>,
    ) -> Result<Answer, SqlError> {
        let started = Instant::now();
        let limit = self.statement_timeout()?;
        let work = self.timed(statement, values, fields);
        let Some(limit) = limit else { return work.await };
        let deadline = started.checked_add(self.store.speed.real(limit));
        let Some(deadline) = deadline else { return work.await };
        let timed_out = || SqlError::new(CANCELED, "canceling statement due to statement timeout");
        Sleeper::shared().timeout(deadline, work).await.map_err(|_| timed_out())?
    }

    async fn timed(
        &self,
        statement: &Statement,
        values: Vec<Value>,
        fields: Arc<Vec<FieldInfo>>,
    ) -> Result<Answer, SqlError> {
        self.store.metrics.statement(statement.kind());
        match &statement.action {
            Action::Session(_) => Ok(Answer::default()),
            Action::Sleep(seconds) => {
                let seconds = match (seconds, values.first()) {
                    (Seconds::Written(seconds), _) | (Seconds::Parameter, Some(Value::Real(seconds))) => {
                        *seconds
                    }
                    (Seconds::Parameter, _) => 0.0,
                };
                let scenario = Duration::try_from_secs_f64(seconds)
                    .map_err(|_| SqlError::new(INVALID_VALUE, format!("{seconds} is no time to sleep")))?;
                Sleeper::shared().sleep(self.store.speed.real(scenario)).await;
                Ok(Answer { rows: vec![RowWriter::new(fields).texts(&[""])?], affected: 0 })
            }
            Action::Database(database) if database.is_write() && self.store.read_only => {
                Err(SqlError::new(READ_ONLY, format!("cannot execute {} on a replica", statement.tag)))
            }
            Action::Database(database) => {
                let modelled = self.service_time(database);
                if !modelled.is_zero() {
                    self.store.metrics.served(modelled);
                    Sleeper::shared().sleep(self.store.speed.real(modelled)).await;
                }
                self.execute(database.clone(), values, fields).await
            }
        }
    }

    /// The modelled time of a statement, drawn from the seed and its number.
    fn service_time(&self, statement: &DatabaseStatement) -> Duration {
        let settings = self.store.settings.get();
        let distribution = match statement.effect {
            Effect::None => return Duration::ZERO,
            Effect::Reads => &settings.read,
            Effect::Writes => &settings.write,
        };
        if self.variables.lock().get(SERVICE_TIME).is_some_and(|value| value == "off") {
            return Duration::ZERO;
        }
        let number = self.store.statements.fetch_add(1, Ordering::Relaxed);
        let scan = if statement.scans { settings.scan_factor } else { 1.0 };
        let cold = if settings.cold { settings.cold_factor } else { 1.0 };
        let drawn = distribution.sample(&mut self.store.seed.stream("sql-service-time", number, 0));
        Duration::try_from_secs_f64(drawn.as_secs_f64() * scan * cold).unwrap_or(Duration::MAX)
    }

    /// Runs it now, where it belongs.
    async fn execute(
        &self,
        statement: DatabaseStatement,
        values: Vec<Value>,
        fields: Arc<Vec<FieldInfo>>,
    ) -> Result<Answer, SqlError> {
        let in_transaction = self.transaction.lock().is_some();
        let changes = self.changes();
        let answer = if !statement.is_write() && changes.is_empty() {
            self.reader.read(move |connection| execute(connection, &statement, &values, &fields)).await?
        } else if in_transaction {
            let change = (statement.clone(), values.clone(), Arc::clone(&fields));
            let tried = move |connection: &mut Connection| {
                undone(connection, &changes, |c| execute(c, &statement, &values, &fields))
            };
            let answer = self.store.database.write(tried).await?;
            if let (Ok(answer), true) = (&answer, change.0.is_write()) {
                let (statement, values, fields) = change;
                let change = Change { statement, values, fields, told: answer.told() };
                if let Some(transaction) = &mut *self.transaction.lock() {
                    transaction.changes.push(change);
                }
            }
            answer
        } else {
            let done = move |connection: &mut Connection| {
                kept(connection, |c| execute(c, &statement, &values, &fields))
            };
            self.store.database.write(done).await?
        };
        self.counted(answer)
    }

    /// Carries out a command about the session. The answer of SHOW is its value.
    pub(super) async fn command(&self, command: &Command) -> Result<Option<String>, SqlError> {
        match command {
            Command::Begin => {
                self.transaction.lock().get_or_insert_default();
            }
            Command::Commit => self.commit().await?,
            Command::Rollback => *self.transaction.lock() = None,
            Command::Savepoint(name) => {
                if let Some(transaction) = &mut *self.transaction.lock() {
                    let place = transaction.changes.len();
                    transaction.savepoints.push((name.clone(), place));
                }
            }
            Command::Release(name) => {
                self.at_savepoint(name, |transaction, n| transaction.savepoints.truncate(n))?;
            }
            Command::RollbackTo(name) => self.at_savepoint(name, |transaction, n| {
                transaction.changes.truncate(transaction.savepoints[n].1);
                transaction.savepoints.truncate(n + 1);
            })?,
            Command::Set(name, value) => self.set(name, value.as_deref())?,
            Command::ResetAll => self.variables.lock().clear(),
            Command::Show(name) => return self.show(name).map(Some),
            Command::DiscardAll => {
                *self.transaction.lock() = None;
                self.variables.lock().clear();
            }
            Command::Nothing(_) => {}
        }
        Ok(None)
    }

    /// Whether a transaction is open.
    pub(super) fn in_transaction(&self) -> bool {
        self.transaction.lock().is_some()
    }

    async fn commit(&self) -> Result<(), SqlError> {
        let Some(transaction) = self.transaction.lock().take() else { return Ok(()) };
        if transaction.changes.is_empty() {
            return Ok(());
        }
        let done = move |connection: &mut Connection| kept(connection, |c| replay(c, &transaction.changes));
        let committed = self.store.database.write(done).await?;
        self.counted(committed)
    }

    fn at_savepoint(&self, name: &str, act: impl FnOnce(&mut Transaction, usize)) -> Result<(), SqlError> {
        let mut transaction = self.transaction.lock();
        let found = transaction.as_mut().and_then(|transaction| {
            let n = transaction.savepoints.iter().rposition(|(savepoint, _)| savepoint == name)?;
            Some((transaction, n))
        });
        let (transaction, n) = found
            .ok_or_else(|| SqlError::new(NO_SAVEPOINT, format!("savepoint \"{name}\" does not exist")))?;
        act(transaction, n);
        Ok(())
    }

    fn changes(&self) -> Vec<Change> {
        self.transaction.lock().as_ref().map(|transaction| transaction.changes.clone()).unwrap_or_default()
    }

    /// Counts what must never happen, and what is a conflict.
    fn counted<T>(&self, result: Result<T, SqlError>) -> Result<T, SqlError> {
        match &result {
            Err(error) if error.code == BUSY => drop(self.store.metrics.busy.inc()),
            Err(error) if error.code == CONFLICT => drop(self.store.metrics.conflicts.inc()),
            _ => {}
        }
        result
    }

    fn set(&self, name: &str, value: Option<&str>) -> Result<(), SqlError> {
        let Some(value) = value else {
            self.variables.lock().remove(name);
            return Ok(());
        };
        let value = match (name, value.to_lowercase().as_str()) {
            (SERVICE_TIME, "on" | "true" | "1") => "on",
            (SERVICE_TIME, "off" | "false" | "0") => "off",
            (SERVICE_TIME, _) => {
                return Err(SqlError::new(
                    INVALID_VALUE,
                    format!("{SERVICE_TIME} is on or off, not \"{value}\""),
                ));
            }
            (STATEMENT_TIMEOUT, _) => {
                timeout(value)?;
                value
            }
            _ => value,
        };
        self.variables.lock().insert(name.to_owned(), value.to_owned());
        Ok(())
    }

    fn show(&self, name: &str) -> Result<String, SqlError> {
        if let Some(value) = self.variables.lock().get(name) {
            return Ok(value.clone());
        }
        let known = DEFAULTS.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        let unknown = || SqlError::new("42704", format!("unrecognized configuration parameter \"{name}\""));
        known.ok_or_else(unknown)
    }

    /// The time that a statement may take, in scenario time.
    fn statement_timeout(&self) -> Result<Option<Duration>, SqlError> {
        let value = self.variables.lock().get(STATEMENT_TIMEOUT).cloned();
        value.map_or(Ok(None), |value| timeout(&value))
    }
}

/// Whether statements of this session take their modelled time.
const SERVICE_TIME: &str = "standin.service_time";
const STATEMENT_TIMEOUT: &str = "statement_timeout";
/// What SHOW answers before anything was set.
const DEFAULTS: [(&str, &str); 13] = [
    (SERVICE_TIME, "on"),
    (STATEMENT_TIMEOUT, "0"),
    ("server_version", SERVER_VERSION),
    ("server_version_num", "160006"),
    ("server_encoding", "UTF8"),
    ("client_encoding", "UTF8"),
    ("transaction_isolation", "read committed"),
    ("default_transaction_isolation", "read committed"),
    ("transaction_read_only", "off"),
    ("standard_conforming_strings", "on"),
    ("search_path", "public"),
    ("timezone", "UTC"),
    ("datestyle", "ISO, MDY"),
];

/// `5000` (milliseconds), `5s`, `1min`; 0 is none.
fn timeout(value: &str) -> Result<Option<Duration>, SqlError> {
    let digits = value.find(|c: char| !c.is_ascii_digit()).unwrap_or(value.len());
    let unit_ms = match value[digits..].trim() {
        "" | "ms" => Some(1),
        "s" => Some(1_000),
        "min" => Some(60_000),
        _ => None,
    };
    let ms =
        value[..digits].parse::<u64>().ok().zip(unit_ms).map(|(number, unit)| number.saturating_mul(unit));
    let ms = ms.ok_or_else(|| {
        SqlError::new(
            INVALID_VALUE,
            format!("invalid value for parameter \"{STATEMENT_TIMEOUT}\": \"{value}\""),
        )
    })?;
    Ok((ms > 0).then(|| Duration::from_millis(ms)))
}

impl Answer {
    fn told(&self) -> Told {
        let mut rows = DefaultHasher::new();
        for row in &self.rows {
            row.data.hash(&mut rows);
        }
        Told { affected: self.affected, rows: rows.finish() }
    }
}

fn execute(
    connection: &Connection,
    statement: &DatabaseStatement,
    values: &[Value],
    fields: &Arc<Vec<FieldInfo>>,
) -> Result<Answer, SqlError> {
    let mut prepared = connection.prepare_cached(&statement.sql)?;
    if prepared.column_count() == 0 {
        let changed = prepared.execute(params_from_iter(values))?;
        // Of other statements SQLite tells the number of the last one that did count.
        return Ok(Answer { rows: Vec::new(), affected: if statement.counts_rows { changed } else { 0 } });
    }
    let mut writer = RowWriter::new(Arc::clone(fields));
    let mut rows = prepared.query(params_from_iter(values))?;
    let mut answer = Answer::default();
    while let Some(row) = rows.next()? {
        answer.rows.push(writer.row(row)?);
    }
    answer.affected = answer.rows.len();
    Ok(answer)
}

/// Does the changes of a transaction again. Each must have the effect that was told.
fn replay(connection: &Connection, changes: &[Change]) -> Result<(), SqlError> {
    for Change { statement, values, fields, told } in changes {
        if execute(connection, statement, values, fields)?.told() != *told {
            return Err(SqlError::new(CONFLICT, "could not serialize access due to concurrent update"));
        }
    }
    Ok(())
}

/// Runs `work` in a transaction of its own and keeps what it did.
fn kept<T>(
    connection: &mut Connection,
    work: impl FnOnce(&Connection) -> Result<T, SqlError>,
) -> Result<T, SqlError> {
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let result = work(&transaction)?;
    transaction.commit()?;
    Ok(result)
}

/// Runs `work` after `changes` and undoes it all.
fn undone<T>(
    connection: &mut Connection,
    changes: &[Change],
    work: impl FnOnce(&Connection) -> Result<T, SqlError>,
) -> Result<T, SqlError> {
    // Dropping the transaction rolls it back.
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    replay(&transaction, changes)?;
    work(&transaction)
}
