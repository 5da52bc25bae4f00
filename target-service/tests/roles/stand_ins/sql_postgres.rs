//! The same statements on a real PostgreSQL and on the stand-in. They run where `initdb`, `postgres`
//! and `su` are at hand, and say so where they are not.

use std::time::Duration;

use loadlab_clock::Distribution;
use loadlab_e2e::{RealPostgres, not_run};
use target_service::{content, sql_server};
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};

use super::standin::start;

/// A session, once the server takes them.
async fn connect(postgres: &RealPostgres) -> Client {
    // A machine under load takes seconds for this.
    for _ in 0..300 {
        if let Ok((client, connection)) = tokio_postgres::connect(&postgres.url(), NoTls).await {
            tokio::spawn(connection);
            return client;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("PostgreSQL does not answer");
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
    let postgres = match RealPostgres::start() {
        Ok(postgres) => postgres,
        Err(why) => return not_run("statements are those of a real PostgreSQL", &why),
    };
    let mut real = connect(&postgres).await;
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
