//! A store that follows another one: asynchronous replication by a log of changed rows.
//!
//! ```text
//!   primary: INSERT, UPDATE, DELETE ─triggers, same transaction─> replication_log
//!   replica: asks for what is new (PostgreSQL's protocol, through its edge) ─> applies it, in order
//! ```
//!
//! Both begin with the same seeded content, so a replica that starts anew begins at the log's start. A
//! replica is as old as the last answer that left nothing to ask for; on a slow or broken edge it grows
//! older, and goes on answering. The log is kept for as long as the primary lives.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    sync::{Arc, atomic::AtomicU64},
    time::{Duration, Instant},
};

use loadlab_clock::Sleeper;
use parking_lot::Mutex;
use prometheus_client::{
    metrics::{counter::Counter, gauge::Gauge},
    registry::Registry,
};
use rusqlite::Connection;
use tokio_postgres::{Client, NoTls, types::ToSql};
use tokio_util::sync::CancellationToken;

use super::session::Store;

/// The edge of a replica to the store that it follows.
const PRIMARY: &str = "sql";
/// Changes of one answer, as [`NEW_CHANGES`] says too.
const BATCH: usize = 500;
/// Before a replica that lost its primary tries again, in scenario time.
const RECONNECT: Duration = Duration::from_millis(500);
/// An answer that takes longer is given up, with the connection, in scenario time.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often the lag is told anew, in real time.
const TOLD_EVERY: Duration = Duration::from_millis(100);

const NEW_CHANGES: &str = "SELECT position, source, removed, content FROM replication_log \
    WHERE position > $1 ORDER BY position LIMIT 500";

/// A table whose rows are followed.
struct Table {
    name: &'static str,
    /// The first ones are the primary key.
    columns: &'static [&'static str],
    key: usize,
}

const TABLES: [Table; 3] = [
    Table {
        name: "documents",
        columns: &["id", "title", "topic", "body", "version", "embedding_version", "updated_at"],
        key: 1,
    },
    Table { name: "chunks", columns: &["document_id", "ordinal", "body"], key: 2 },
    Table { name: "keywords", columns: &["word", "document_id", "weight"], key: 2 },
];

/// Makes the log of a primary. Every later change of a followed table is in it.
pub(super) fn log(connection: &mut Connection) -> rusqlite::Result<()> {
    let mut sql = String::from(
        "CREATE TABLE replication_log (position INTEGER PRIMARY KEY, source TEXT NOT NULL, \
         removed BIGINT NOT NULL, content TEXT NOT NULL);",
    );
    for table in &TABLES {
        for (event, row) in [("INSERT", "new"), ("UPDATE", "new"), ("DELETE", "old")] {
            let Table { name, columns, key } = table;
            let removed = event == "DELETE";
            let told = if removed { &columns[..*key] } else { columns };
            let content: Vec<String> = told.iter().map(|column| format!("{row}.{column}")).collect();
            let _ = write!(
                sql,
                "CREATE TRIGGER log_{name}_{event} AFTER {event} ON {name} BEGIN \
                 INSERT INTO replication_log (source, removed, content) \
                 VALUES ('{name}', {}, json_array({})); END;",
                i64::from(removed),
                content.join(", ")
            );
        }
    }
    connection.execute_batch(&sql)
}

impl Table {
    /// The statement that makes a change of this table again; `?1` is the row as a list.
    fn again(&self, removed: bool) -> String {
        let Self { name, columns, key } = self;
        let value = |place: usize| format!("json_extract(?1, '$[{place}]')");
        if removed {
            let same: Vec<String> =
                (0..*key).map(|place| format!("{} = {}", columns[place], value(place))).collect();
            return format!("DELETE FROM {name} WHERE {}", same.join(" AND "));
        }
        let values: Vec<String> = (0..columns.len()).map(value).collect();
        let updates: Vec<String> =
            columns[*key..].iter().map(|column| format!("{column} = excluded.{column}")).collect();
        format!(
            "INSERT INTO {name} VALUES ({}) ON CONFLICT ({}) DO UPDATE SET {}",
            values.join(", "),
            columns[..*key].join(", "),
            updates.join(", ")
        )
    }
}

/// One row of the log.
#[derive(Debug)]
struct Change {
    position: i32,
    source: String,
    removed: bool,
    content: String,
}

/// Does changes again, all or none.
fn apply(connection: &mut Connection, changes: &[Change]) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    for change in changes {
        let table = TABLES.iter().find(|table| table.name == change.source);
        // A log of tables that are not followed would be another version's.
        let Some(table) = table else { continue };
        transaction.prepare_cached(&table.again(change.removed))?.execute([&change.content])?;
    }
    transaction.commit()
}

/// What a replica publishes.
#[derive(Debug, Clone, Default)]
pub(super) struct ReplicaMetrics {
    lag: Gauge<f64, AtomicU64>,
    applied: Counter,
}

impl ReplicaMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "replication_lag_seconds",
            "How old what this replica holds may be, in scenario time",
            self.lag.clone(),
        );
        registry.register("replication_applied", "Changes done again", self.applied.clone());
    }
}

/// A store that follows another one.
pub(super) struct Replica {
    /// `host:port` of the primary.
    primary: String,
    store: Arc<Store>,
    metrics: ReplicaMetrics,
    /// When an answer left nothing to ask for: it was asked for then.
    up_to_date: Arc<Mutex<Instant>>,
}

impl Replica {
    /// Whether a role with these edges follows another store.
    pub(super) fn follows(edges: &BTreeMap<String, String>) -> bool {
        edges.contains_key(PRIMARY)
    }

    /// The follower of a role with these edges, if it follows.
    pub(super) fn of(
        edges: &BTreeMap<String, String>,
        store: &Arc<Store>,
        metrics: ReplicaMetrics,
    ) -> Option<Self> {
        let primary = edges.get(PRIMARY)?.clone();
        let up_to_date = Arc::new(Mutex::new(Instant::now()));
        Some(Self { primary, store: Arc::clone(store), metrics, up_to_date })
    }

    /// Follows until `stop`.
    pub(super) async fn follow(self, stop: CancellationToken) {
        tokio::select! {
            () = self.all_changes() => {}
            () = self.tell_lag() => {}
            () = stop.cancelled() => {}
        }
    }

    async fn tell_lag(&self) {
        loop {
            let behind = self.up_to_date.lock().elapsed();
            self.metrics.lag.set(self.store.speed.scenario(behind).as_secs_f64());
            Sleeper::shared().sleep(TOLD_EVERY).await;
        }
    }

    async fn all_changes(&self) {
        let mut position = 0;
        loop {
            if let Err(error) = self.connected(&mut position).await {
                log::debug!("replication from {}: {error}", self.primary);
            }
            Sleeper::shared().sleep(self.store.speed.real(RECONNECT)).await;
        }
    }

    /// Follows on one connection until it breaks.
    async fn connected(&self, position: &mut i32) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let url = format!("postgres://replica@{}/loadlab", self.primary);
        let (client, connection) = tokio_postgres::connect(&url, NoTls).await?;
        let driven = async { connection.await.map_err(Box::from) };
        tokio::select! {
            ended = driven => ended,
            ended = self.follow_on(&client, position) => ended,
        }
    }

    async fn follow_on(
        &self,
        client: &Client,
        position: &mut i32,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        client.batch_execute("SET standin.service_time = off").await?;
        let statement = client.prepare(NEW_CHANGES).await?;
        loop {
            let asked = Instant::now();
            let deadline = asked + self.store.speed.real(PATIENCE);
            let parameters: [&(dyn ToSql + Sync); 1] = [&*position];
            let answer = client.query(&statement, &parameters);
            let rows = Sleeper::shared().timeout(deadline, answer).await.map_err(|_| "no answer")??;
            let changes: Vec<Change> = rows
                .iter()
                .map(|row| Change {
                    position: row.get(0),
                    source: row.get(1),
                    removed: row.get::<_, i64>(2) != 0,
                    content: row.get(3),
                })
                .collect();
            let (count, last) = (changes.len(), changes.last().map(|change| change.position));
            if let Some(last) = last {
                self.store.database.write(move |connection| apply(connection, &changes)).await??;
                self.metrics.applied.inc_by(count as u64);
                *position = last;
            }
            if count < BATCH {
                *self.up_to_date.lock() = asked;
                let poll = self.store.settings.get().replica_poll;
                Sleeper::shared().sleep(self.store.speed.real(poll)).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_followed_table_has_the_columns_and_the_key_of_the_schema() {
        let connection = Connection::open_in_memory().expect("a database");
        connection.execute_batch(super::super::SCHEMA).expect("the schema");
        let tables: i64 = connection
            .query_row("SELECT COUNT(*) FROM sqlite_schema WHERE type = 'table'", [], |row| row.get(0))
            .expect("a number");
        assert_eq!(tables, TABLES.len() as i64, "every table is followed");
        for table in &TABLES {
            let mut info =
                connection.prepare(&format!("PRAGMA table_info({})", table.name)).expect("a table");
            let columns: Vec<(String, bool)> = info
                .query_map([], |row| Ok((row.get(1)?, row.get::<_, i64>(5)? > 0)))
                .expect("columns")
                .map(|column| column.expect("a column"))
                .collect();
            let names: Vec<&str> = columns.iter().map(|(name, _)| name.as_str()).collect();
            assert_eq!(names, table.columns);
            let keys: Vec<bool> = columns.iter().map(|(_, is_key)| *is_key).collect();
            assert!(keys[..table.key].iter().all(|key| *key) && !keys[table.key..].contains(&true));
        }
    }

    fn rows(connection: &Connection, table: &Table) -> Vec<String> {
        let content = table.columns.join(", ");
        let sql = format!("SELECT json_array({content}) FROM {} ORDER BY 1", table.name);
        let mut statement = connection.prepare(&sql).expect("a query");
        let rows = statement.query_map([], |row| row.get(0)).expect("rows");
        rows.map(|row| row.expect("a row")).collect()
    }

    #[test]
    fn a_log_done_again_gives_the_same_rows() {
        let mut primary = Connection::open_in_memory().expect("a database");
        let mut replica = Connection::open_in_memory().expect("a database");
        for connection in [&primary, &replica] {
            connection.execute_batch("PRAGMA foreign_keys = ON").expect("set");
            connection.execute_batch(super::super::SCHEMA).expect("the schema");
        }
        log(&mut primary).expect("a log");
        primary
            .execute_batch(
                "INSERT INTO documents VALUES (1, 'a''s \"title\"', 't', 'b', 1, 'e', 5);\
                 INSERT INTO documents VALUES (2, 'two', 't', 'b', 1, 'e', 5);\
                 INSERT INTO chunks VALUES (1, 0, 'first'), (1, 1, 'second'), (2, 0, 'other');\
                 INSERT INTO keywords VALUES ('word', 1, 0.25), ('word', 2, 0.125);\
                 UPDATE documents SET title = 'new', version = version + 1 WHERE id = 1;\
                 UPDATE keywords SET weight = 0.5 WHERE document_id = 1;\
                 DELETE FROM documents WHERE id = 2;",
            )
            .expect("changes");
        let changes: Vec<Change> = primary
            .prepare("SELECT position, source, removed, content FROM replication_log ORDER BY position")
            .expect("a log")
            .query_map([], |row| {
                let removed = row.get::<_, i64>(2)? != 0;
                Ok(Change { position: row.get(0)?, source: row.get(1)?, removed, content: row.get(3)? })
            })
            .expect("rows")
            .map(|change| change.expect("a change"))
            .collect();
        apply(&mut replica, &changes).expect("applied");
        for table in &TABLES {
            let there = rows(&primary, table);
            assert_eq!(rows(&replica, table), there, "{}", table.name);
            assert!(!there.is_empty(), "{}", table.name);
        }
    }
}
