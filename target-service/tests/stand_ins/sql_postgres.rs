//! The same statements on a real PostgreSQL and on the stand-in. They run where `initdb`, `postgres`
//! and `su` are at hand, and say so where they are not.

use std::{
    fs,
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use loadlab_clock::Distribution;
use target_service::{content, sql_server};
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};

use crate::standin::start;

/// A PostgreSQL of its own, gone when dropped.
struct Postgres {
    server: Child,
    port: u16,
    _directory: tempfile::TempDir,
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

impl Postgres {
    /// Starts one, or says why it cannot. It refuses to run as root, so it runs as `postgres`.
    fn start() -> Result<Self, String> {
        let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
        let data = directory.path().join("data");
        fs::create_dir(&data).map_err(|error| error.to_string())?;
        let root = rustix::process::getuid().is_root();
        if root {
            let owned = Command::new("chown").arg("-R").arg("postgres").arg(directory.path()).status();
            if !owned.is_ok_and(|status| status.success()) {
                return Err("there is no user `postgres`".to_owned());
            }
        }
        let initialised =
            as_user(root, &format!("initdb -D {} -U loadlab --auth=trust --no-sync", data.display()))
                .output()
                .map_err(|error| error.to_string())?;
        if !initialised.status.success() {
            return Err(String::from_utf8_lossy(&initialised.stderr).into_owned());
        }
        let port = free_port();
        Ok(Self { server: spawned(root, &data, port)?, port, _directory: directory })
    }

    async fn connect(&self) -> Client {
        let url = format!("postgres://loadlab@127.0.0.1:{}/postgres", self.port);
        // A machine under load takes seconds for this.
        for _ in 0..300 {
            if let Ok((client, connection)) = tokio_postgres::connect(&url, NoTls).await {
                tokio::spawn(connection);
                return client;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("PostgreSQL does not answer");
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
        let mut su = Command::new("setpriv");
        su.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "sh", "-c"]);
        su
    } else {
        let mut shell = Command::new("sh");
        shell.arg("-c");
        shell
    };
    command.arg(script).env("PATH", path).current_dir("/");
    command
}

fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).and_then(|l| l.local_addr()).expect("a free port").port()
}

/// The rows of one text as the server writes them.
async fn rows(client: &Client, sql: &str) -> Vec<String> {
    let messages = client.simple_query(sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    let row = |message: &SimpleQueryMessage| match message {
        SimpleQueryMessage::Row(row) => {
            let fields = (0..row.len()).map(|n| row.get(n).unwrap_or("NULL"));
            Some(fields.collect::<Vec<_>>().join("|"))
        }
        SimpleQueryMessage::CommandComplete(count) => Some(format!("({count})")),
        _ => None,
    };
    messages.iter().filter_map(row).collect()
}

/// The types of a statement's parameters, and its columns.
async fn described(client: &Client, sql: &str) -> String {
    let statement = client.prepare(sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    let column = |c: &tokio_postgres::Column| format!("{} {}", c.name(), c.type_());
    let columns: Vec<String> = statement.columns().iter().map(column).collect();
    format!("{:?} -> {columns:?}", statement.params())
}

/// Statements whose answers must be equal to the byte.
const STATEMENTS: [&str; 16] = [
    "SELECT document_id, SUM(weight) AS score FROM keywords WHERE word IN ('rope', 'harness') \
        GROUP BY document_id ORDER BY score DESC, document_id LIMIT 10",
    "SELECT id, title, topic, body, version, updated_at FROM documents WHERE id IN (3, 1, 2) ORDER BY id",
    "SELECT id, title FROM documents WHERE topic = 'jazz' AND id <> 18 ORDER BY updated_at DESC LIMIT 2",
    "SELECT document_id, body FROM chunks WHERE document_id IN (1, 2) ORDER BY document_id, ordinal",
    "SELECT count(*), min(id), max(id), sum(version) FROM documents",
    "SELECT id FROM documents WHERE title LIKE '%Rope%' OR title ILIKE 'ROPE%' ORDER BY id",
    "SELECT id FROM documents WHERE id = ANY(ARRAY[5, 7, 99999]) ORDER BY id OFFSET 1",
    "WITH best AS (SELECT document_id, max(weight) AS w FROM keywords WHERE word = 'rope' GROUP BY document_id) \
        SELECT d.id, b.w FROM documents d JOIN best b ON b.document_id = d.id ORDER BY b.w DESC, d.id LIMIT 3",
    "INSERT INTO documents VALUES (90001, 't', 'o', 'b', 1, 'e', 5), (90002, 't', 'o', 'b', 1, 'e', 6)",
    "INSERT INTO documents VALUES (90001, 't', 'o', 'b', 1, 'e', 5) \
        ON CONFLICT (id) DO UPDATE SET version = documents.version + 1 RETURNING id, version",
    "UPDATE documents SET title = title || ' 2', version = version * 2 WHERE id > 90000 RETURNING title, version",
    "BEGIN; DELETE FROM documents WHERE id = 90002; SELECT count(*) FROM documents WHERE id > 90000; ROLLBACK",
    "SELECT id::text, version::bigint + 1, CASE WHEN id > 90001 THEN 'b' ELSE 'a' END \
        FROM documents WHERE id > 90000 ORDER BY id",
    "DELETE FROM documents WHERE id > 90000",
    "SELECT coalesce(NULL, 7), greatest(1, 5), lower('ABC'), length('four'), NULL, 'it''s', true AND false",
    "SELECT word, weight FROM keywords WHERE document_id = 42 ORDER BY word",
];

/// Statements whose parameters and columns must have the same types.
const PREPARED: [&str; 9] = [
    "SELECT document_id, SUM(weight) AS score FROM keywords WHERE word IN ($1, $2, $3, $4, $5, $6) \
        GROUP BY document_id ORDER BY score DESC, document_id LIMIT 10",
    "SELECT id, title, topic FROM documents WHERE id IN ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    "SELECT id, title FROM documents WHERE topic = $1 AND id <> $2 ORDER BY updated_at DESC LIMIT 2",
    "SELECT id, updated_at FROM documents WHERE id = ANY($1) LIMIT $2 OFFSET $3",
    "SELECT document_id, ordinal, body FROM chunks WHERE document_id = $1 AND ordinal BETWEEN $2 AND $3",
    "INSERT INTO keywords (word, document_id, weight) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
    "UPDATE documents SET title = $1, version = version + $2 WHERE id = $3 RETURNING version",
    "SELECT count(*), max(updated_at), max(weight) FROM documents d JOIN keywords k ON k.document_id = d.id \
        WHERE k.word LIKE $1 AND k.weight > $2",
    "SELECT $1::bigint + 1, lower($2), pg_is_in_recovery()",
];

#[tokio::test]
async fn schema_content_and_statements_are_the_same_on_a_real_postgresql() {
    let postgres = match Postgres::start() {
        Ok(postgres) => postgres,
        Err(reason) => {
            eprintln!("not run: the comparison with a real PostgreSQL: {reason}");
            return;
        }
    };
    let mut real = postgres.connect().await;
    assert!(sql_server::seed(&mut real).await.expect("seeded"), "it was empty");
    assert!(!sql_server::seed(&mut real).await.expect("looked at"), "it is full");
    let documents = real.query_one("SELECT count(*) FROM documents", &[]).await.expect("a count");
    assert_eq!(documents.get::<_, i64>(0), content::documents().len() as i64);

    let standin = start("sql", 1.0, |profile| {
        profile.sql.read = Distribution::Constant(Duration::ZERO);
        profile.sql.write = Distribution::Constant(Duration::ZERO);
    });
    let url = format!("postgres://loadlab@{}/loadlab", standin.listen);
    let (ours, connection) = tokio_postgres::connect(&url, NoTls).await.expect("a connection");
    tokio::spawn(connection);
    let mut differences = Vec::new();
    for sql in STATEMENTS {
        let (ours, real) = (rows(&ours, sql).await, rows(&real, sql).await);
        if ours != real {
            differences.push(format!("{sql}\n  stand-in   {ours:?}\n  PostgreSQL {real:?}"));
        }
    }
    for sql in PREPARED {
        let (ours, real) = (described(&ours, sql).await, described(&real, sql).await);
        if ours != real {
            differences.push(format!("{sql}\n  stand-in   {ours}\n  PostgreSQL {real}"));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}
