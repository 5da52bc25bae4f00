//! The SQL stand-in as clients of PostgreSQL see it.

use std::time::{Duration, Instant};

use loadlab_clock::Distribution;
use serde_json::json;
use target_service::content;
use tokio_postgres::{
    AsyncMessage, Client, NoTls, SimpleQueryMessage,
    error::SqlState,
    types::{ToSql, Type},
};

use super::standin::{Standin, start};

/// A stand-in whose statements take no modelled time.
fn quick() -> Standin {
    start("sql", 1.0, |profile| {
        profile.sql.read = Distribution::Constant(Duration::ZERO);
        profile.sql.write = Distribution::Constant(Duration::ZERO);
    })
}

/// One with constant times.
fn timed(speed: f64, read: Duration, write: Duration) -> Standin {
    start("sql", speed, |profile| {
        profile.sql.read = Distribution::Constant(read);
        profile.sql.write = Distribution::Constant(write);
    })
}

async fn connect(standin: &Standin) -> Client {
    try_connect(standin).await.expect("a connection")
}

async fn try_connect(standin: &Standin) -> Result<Client, tokio_postgres::Error> {
    let url = format!("postgres://loadlab@{}/loadlab", standin.listen);
    let (client, mut connection) = tokio_postgres::connect(&url, NoTls).await?;
    tokio::spawn(async move {
        while let Some(Ok(message)) = futures::future::poll_fn(|cx| connection.poll_message(cx)).await {
            assert!(matches!(message, AsyncMessage::Notice(_)));
        }
    });
    Ok(client)
}

fn code(error: &tokio_postgres::Error) -> SqlState {
    error.code().unwrap_or_else(|| panic!("{error:?}")).clone()
}

/// The rows of a simple query as text.
async fn rows(client: &Client, sql: &str) -> Vec<Vec<String>> {
    let messages = client.simple_query(sql).await.expect(sql);
    let row = |message: &SimpleQueryMessage| match message {
        SimpleQueryMessage::Row(row) => {
            Some((0..row.len()).map(|n| row.get(n).unwrap_or("NULL").to_owned()).collect())
        }
        _ => None,
    };
    messages.iter().filter_map(row).collect()
}

async fn one(client: &Client, sql: &str) -> String {
    rows(client, sql).await[0][0].clone()
}

const SEARCH: &str = "SELECT document_id, SUM(weight) AS score FROM keywords WHERE word IN ($1, $2) \
    GROUP BY document_id ORDER BY score DESC, document_id LIMIT $3";

#[tokio::test]
async fn every_query_of_the_log_finds_documents() {
    let standin = quick();
    let client = connect(&standin).await;
    let search = client.prepare(SEARCH).await.expect("prepared");
    for query in content::queries().iter().step_by(20) {
        let words = content::keywords(query);
        let (first, last) = (words.first().expect("a word"), words.last().expect("a word"));
        let found = client.query(&search, &[first, last, &5_i64]).await.expect("a search");
        assert!(!found.is_empty(), "{query}");
        let id: i64 = found[0].get("document_id");
        let score: f64 = found[0].get("score");
        let row = client.query_one("SELECT title, topic, body FROM documents WHERE id = $1", &[&id]).await;
        let row = row.expect("a document");
        let text = [row.get::<_, String>(0), row.get(1), row.get(2)].join(" ").to_lowercase();
        assert!(words.iter().any(|word| text.contains(word)), "{query}: {text}");
        assert!(score >= 1.0, "{query}: {score}");
    }
}

#[tokio::test]
async fn a_prepared_statement_tells_the_types_of_parameters_and_columns() {
    let standin = quick();
    let client = connect(&standin).await;
    let cases: [(&str, &[Type], &[Type]); 12] = [
        (SEARCH, &[Type::TEXT, Type::TEXT, Type::INT8], &[Type::INT8, Type::FLOAT8]),
        (
            "SELECT 1, 'a', true, 1.5, 3000000000",
            &[],
            &[Type::INT4, Type::TEXT, Type::BOOL, Type::FLOAT8, Type::INT8],
        ),
        ("SELECT $1::bigint + 1, $2", &[Type::INT8, Type::TEXT], &[Type::INT8, Type::TEXT]),
        (
            "SELECT * FROM chunks WHERE document_id = ANY($1)",
            &[Type::INT8_ARRAY],
            &[Type::INT8, Type::INT8, Type::TEXT],
        ),
        (
            "INSERT INTO keywords (weight, word, document_id) VALUES ($1, $2, $3)",
            &[Type::FLOAT8, Type::TEXT, Type::INT8],
            &[],
        ),
        (
            "UPDATE documents SET title = $1, version = version + $2 WHERE id = $3 RETURNING id",
            &[Type::TEXT, Type::INT8, Type::INT8],
            &[Type::INT8],
        ),
        (
            "SELECT d.title, c.n FROM documents d JOIN (SELECT document_id, count(*) AS n FROM chunks \
            GROUP BY document_id) c ON c.document_id = d.id WHERE d.updated_at BETWEEN $1 AND $2 AND c.n > $3",
            &[Type::INT8, Type::INT8, Type::INT8],
            &[Type::TEXT, Type::INT8],
        ),
        (
            "WITH best AS (SELECT id, title FROM documents) SELECT title FROM best WHERE id = $1",
            &[Type::INT8],
            &[Type::TEXT],
        ),
        (
            "SELECT id FROM documents WHERE title ILIKE $1 OR $2 = topic OFFSET $3",
            &[Type::TEXT, Type::TEXT, Type::INT8],
            &[Type::INT8],
        ),
        (
            "SELECT CASE WHEN id > $1 THEN title ELSE $2 END FROM documents",
            &[Type::INT8, Type::TEXT],
            &[Type::TEXT],
        ),
        (
            "SELECT coalesce(max(weight), $1), min(word), avg(weight) FROM keywords",
            &[Type::FLOAT8],
            &[Type::FLOAT8, Type::TEXT, Type::FLOAT8],
        ),
        (
            "SELECT pg_is_in_recovery(), version(), current_database()",
            &[],
            &[Type::BOOL, Type::TEXT, Type::TEXT],
        ),
    ];
    for (sql, parameters, columns) in cases {
        let statement = client.prepare(sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
        assert_eq!(statement.params(), parameters, "{sql}");
        let types: Vec<Type> = statement.columns().iter().map(|column| column.type_().clone()).collect();
        assert_eq!(types, columns, "{sql}");
    }
}

#[tokio::test]
async fn rows_are_written_changed_and_deleted() {
    let standin = quick();
    let client = connect(&standin).await;
    client
        .batch_execute("CREATE TABLE notes (id BIGINT PRIMARY KEY, text TEXT NOT NULL, size REAL)")
        .await
        .expect("DDL");
    let insert = "INSERT INTO notes (id, text, size) VALUES ($1, $2, $3) RETURNING text";
    let row = client.query_one(insert, &[&1_i64, &"one", &Some(1.5_f32)]).await.expect("a row");
    assert_eq!(row.get::<_, String>(0), "one");
    let none: Option<f32> = None;
    client.execute(insert, &[&2_i64, &"two", &none]).await.expect("a row");
    let twice = client.execute(insert, &[&1_i64, &"again", &none]).await.expect_err("a key twice");
    assert_eq!(code(&twice), SqlState::UNIQUE_VIOLATION);
    let missing = client.execute("INSERT INTO notes (id) VALUES (3)", &[]).await.expect_err("a null");
    assert_eq!(code(&missing), SqlState::NOT_NULL_VIOLATION);
    let upsert =
        "INSERT INTO notes (id, text) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET text = EXCLUDED.text";
    assert_eq!(client.execute(upsert, &[&2_i64, &"zwei"]).await.expect("an upsert"), 1);
    let read = client.query("SELECT id, text, size FROM notes ORDER BY id", &[]).await.expect("rows");
    let read: Vec<(i64, String, Option<f32>)> = read.iter().map(|r| (r.get(0), r.get(1), r.get(2))).collect();
    assert_eq!(read, [(1, "one".to_owned(), Some(1.5)), (2, "zwei".to_owned(), None)]);
    assert_eq!(client.execute("UPDATE notes SET text = 'x'", &[]).await.expect("an update"), 2);
    assert_eq!(
        client.execute("DELETE FROM notes WHERE id = ANY($1)", &[&vec![1_i64, 9]]).await.expect("deleted"),
        1
    );
    assert_eq!(one(&client, "SELECT count(*) FROM notes").await, "1");
    client.batch_execute("TRUNCATE TABLE notes").await.expect("truncated");
    assert_eq!(one(&client, "SELECT count(*) FROM public.notes").await, "0");
}

#[tokio::test]
async fn a_deleted_document_takes_its_chunks_and_keywords_with_it() {
    let standin = quick();
    let client = connect(&standin).await;
    client.execute("DELETE FROM documents WHERE id = 1", &[]).await.expect("deleted");
    assert_eq!(one(&client, "SELECT count(*) FROM keywords WHERE document_id = 1").await, "0");
    assert_eq!(one(&client, "SELECT count(*) FROM chunks WHERE document_id = 1").await, "0");
    let orphan = client.execute("INSERT INTO chunks VALUES (1, 0, 'x')", &[]).await.expect_err("no document");
    assert_eq!(code(&orphan), SqlState::FOREIGN_KEY_VIOLATION);
}

#[tokio::test]
async fn a_transaction_sees_its_own_writes_and_others_see_them_after_commit() {
    let standin = quick();
    let (mut writer, reader) = (connect(&standin).await, connect(&standin).await);
    let title = "SELECT title FROM documents WHERE id = 7";
    let before = one(&reader, title).await;
    let transaction = writer.transaction().await.expect("BEGIN");
    transaction.execute("UPDATE documents SET title = $1 WHERE id = 7", &[&"New"]).await.expect("updated");
    assert_eq!(transaction.query_one(title, &[]).await.expect("a row").get::<_, String>(0), "New");
    assert_eq!(one(&reader, title).await, before);
    transaction.commit().await.expect("COMMIT");
    assert_eq!(one(&reader, title).await, "New");

    let transaction = writer.transaction().await.expect("BEGIN");
    transaction.execute("UPDATE documents SET title = 'Never' WHERE id = 7", &[]).await.expect("updated");
    transaction.rollback().await.expect("ROLLBACK");
    assert_eq!(one(&reader, title).await, "New");
}

#[tokio::test]
async fn savepoints_undo_a_part() {
    let standin = quick();
    let mut client = connect(&standin).await;
    let mut outer = client.transaction().await.expect("BEGIN");
    outer.execute("UPDATE documents SET title = 'outer' WHERE id = 1", &[]).await.expect("updated");
    let inner = outer.transaction().await.expect("SAVEPOINT");
    inner.execute("UPDATE documents SET title = 'inner' WHERE id IN (1, 2)", &[]).await.expect("updated");
    inner.rollback().await.expect("ROLLBACK TO");
    outer.commit().await.expect("COMMIT");
    assert_eq!(
        rows(&client, "SELECT title FROM documents WHERE id = 1 OR title = 'inner'").await,
        [["outer"]]
    );
}

#[tokio::test]
async fn a_failed_transaction_takes_nothing_but_its_end() {
    let standin = quick();
    let client = connect(&standin).await;
    client.batch_execute("BEGIN; UPDATE documents SET title = 'lost' WHERE id = 3").await.expect("begun");
    let wrong = client.query("SELECT absent FROM documents", &[]).await.expect_err("no such column");
    assert_eq!(code(&wrong), SqlState::UNDEFINED_COLUMN);
    let refused = client.query("SELECT 1", &[]).await.expect_err("aborted");
    assert_eq!(code(&refused), SqlState::IN_FAILED_SQL_TRANSACTION);
    client.batch_execute("COMMIT").await.expect("its end");
    assert_eq!(one(&client, "SELECT count(*) FROM documents WHERE title = 'lost'").await, "0");
}

#[tokio::test]
async fn a_commit_that_would_do_something_else_than_was_told_is_refused() {
    let standin = quick();
    let (mut slow, quick) = (connect(&standin).await, connect(&standin).await);
    let transaction = slow.transaction().await.expect("BEGIN");
    let told = transaction
        .query_one("UPDATE documents SET version = version + 1 WHERE id = 5 RETURNING version", &[]);
    assert_eq!(told.await.expect("a row").get::<_, i64>(0), 2);
    quick.execute("UPDATE documents SET version = version + 1 WHERE id = 5", &[]).await.expect("in between");
    let refused = transaction.commit().await.expect_err("a conflict");
    assert_eq!(code(&refused), SqlState::T_R_SERIALIZATION_FAILURE);
    assert_eq!(one(&slow, "SELECT version FROM documents WHERE id = 5").await, "2");
    standin.metric_is("store_conflicts_total", 1.0).await;
}

#[tokio::test]
async fn a_transaction_that_reads_or_thinks_blocks_no_writer() {
    let standin = quick();
    let (mut idle, writer) = (connect(&standin).await, connect(&standin).await);
    let transaction = idle.transaction().await.expect("BEGIN");
    transaction.query("SELECT * FROM documents", &[]).await.expect("rows");
    transaction.execute("UPDATE documents SET title = 'mine' WHERE id = 1", &[]).await.expect("updated");
    let write = writer.execute("UPDATE documents SET title = 'theirs' WHERE id = 2", &[]);
    let done = tokio::time::timeout(Duration::from_secs(10), write).await.expect("it does not wait");
    assert_eq!(done.expect("written"), 1);
    transaction.commit().await.expect("COMMIT");
    assert_eq!(
        rows(&idle, "SELECT title FROM documents WHERE id < 3 ORDER BY id").await,
        [["mine"], ["theirs"]]
    );
}

#[tokio::test]
async fn many_sessions_read_and_write_without_one_busy() {
    let standin = quick();
    let sessions = (0..20_i64).map(|n| {
        let standin = &standin;
        async move {
            let client = connect(standin).await;
            for round in 0..25_i64 {
                let id = round % 10 + 1;
                client
                    .execute("UPDATE documents SET version = version + 1 WHERE id = $1", &[&id])
                    .await
                    .expect("write");
                client.query("SELECT count(*) FROM keywords", &[]).await.expect("scan");
                let words: [&(dyn ToSql + Sync); 3] = [&"rope", &"harness", &10_i64];
                client.query(SEARCH, &words).await.expect("search");
            }
            n
        }
    });
    futures::future::join_all(sessions).await;
    let client = connect(&standin).await;
    assert_eq!(one(&client, "SELECT sum(version) FROM documents WHERE id <= 10").await, "510");
    standin.metric_is("store_busy_total", 0.0).await;
    standin.metric_is(r#"store_statements_total{kind="write"}"#, 500.0).await;
    assert!(standin.metric("store_lock_wait_seconds_count").await >= 1_500.0);
}

#[tokio::test]
async fn modelled_times_pass_side_by_side_and_scale_with_the_speed() {
    // 2 s at speed 10 are 200 ms.
    let standin = timed(10.0, Duration::from_secs(2), Duration::from_secs(2));
    let mut clients = Vec::new();
    for _ in 0..20 {
        clients.push(connect(&standin).await);
    }
    let started = Instant::now();
    futures::future::join_all(clients.iter().map(async |client| {
        client.simple_query("SELECT title FROM documents WHERE id = 1").await.expect("a read");
        client.simple_query("UPDATE documents SET version = 1 WHERE id = 1").await.expect("a write");
    }))
    .await;
    let took = started.elapsed();
    // One after another it would be 8 s.
    assert!(took >= Duration::from_millis(400) && took < Duration::from_secs(4), "{took:?}");
    standin.metric_is("store_service_seconds_sum", 80.0).await;

    let started = Instant::now();
    clients[0].batch_execute("SET standin.service_time = off").await.expect("off");
    for _ in 0..50 {
        clients[0].simple_query("SELECT title FROM documents WHERE id = 1").await.expect("a read");
    }
    assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
    standin.metric_is("store_service_seconds_sum", 80.0).await;
}

#[tokio::test]
async fn a_scan_and_a_cold_store_take_their_factor_and_a_ping_takes_nothing() {
    let standin = start("sql", 100.0, |profile| {
        profile.sql.read = Distribution::Constant(Duration::from_millis(100));
        (profile.sql.scan_factor, profile.sql.cold_factor) = (4.0, 5.0);
    });
    let client = connect(&standin).await;
    let mut before = 0.0;
    let mut expect = async |sql: &str, seconds: f64| {
        client.simple_query(sql).await.expect(sql);
        let now = standin.metric("store_service_seconds_sum").await;
        assert!((now - before - seconds).abs() < 1e-6, "{sql}: {}", now - before);
        before = now;
    };
    expect("SELECT 1", 0.0).await;
    expect("SELECT pg_is_in_recovery()", 0.0).await;
    expect("SELECT title FROM documents WHERE id = 4", 0.1).await;
    expect("SELECT title FROM documents WHERE id = ANY(ARRAY[1, 2])", 0.1).await;
    // The service's retrieval goes by indexes.
    expect(&SEARCH.replace("$1, $2", "'rope', 'harness'").replace("$3", "10"), 0.1).await;
    expect(
        "SELECT document_id, body FROM chunks WHERE document_id IN (1, 2) ORDER BY document_id, ordinal",
        0.1,
    )
    .await;
    expect(
        "SELECT id FROM documents WHERE topic = 'jazz' AND id <> 18 ORDER BY updated_at DESC LIMIT 2",
        0.1,
    )
    .await;
    expect("SELECT id FROM documents WHERE body LIKE '%rope%'", 0.4).await;
    assert_eq!(standin.patch(json!({"cold": true})).await.0, 200);
    expect("SELECT title FROM documents WHERE id = 4", 0.5).await;
}

#[tokio::test]
async fn settings_that_make_no_sense_are_refused() {
    let standin = quick();
    let (status, body) = standin.patch(json!({"scan_factor": -1})).await;
    assert_eq!((status, &body["error"]), (400, &json!("`scan_factor` -1 is not a number of 0 or more")));
    let (status, body) = standin.patch(json!({"scan_facto": 1})).await;
    assert_eq!(status, 400, "{body}");
    let (status, body) = standin.patch(json!({"read": {"exponential": {"mean": "5ms"}}})).await;
    assert_eq!((status, &body["read"]), (200, &json!({"exponential": {"mean": "5ms"}})));
}

#[tokio::test]
async fn a_statement_can_be_cancelled_and_its_session_goes_on() {
    let standin = timed(1.0, Duration::from_secs(600), Duration::ZERO);
    let client = connect(&standin).await;
    for sql in ["SELECT pg_sleep(600)", "SELECT title FROM documents WHERE id = 1"] {
        let cancel = client.cancel_token();
        let query = client.simple_query(sql);
        let cancelled = async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            cancel.cancel_query(NoTls).await.expect("a cancel request");
        };
        let (result, ()) = tokio::join!(query, cancelled);
        assert_eq!(code(&result.expect_err("cancelled")), SqlState::QUERY_CANCELED);
        assert_eq!(one(&client, "SELECT 1").await, "1");
    }
}

#[tokio::test]
async fn a_statement_timeout_counts_the_modelled_time() {
    let standin = timed(10.0, Duration::from_secs(600), Duration::ZERO);
    let client = connect(&standin).await;
    client.batch_execute("SET statement_timeout = '500ms'").await.expect("set");
    let late =
        client.query("SELECT title FROM documents WHERE id = $1", &[&1_i64]).await.expect_err("too late");
    assert_eq!(code(&late), SqlState::QUERY_CANCELED);
    assert_eq!(one(&client, "SHOW statement_timeout").await, "500ms");
    client.batch_execute("RESET statement_timeout; SET standin.service_time = off").await.expect("reset");
    client.query("SELECT title FROM documents WHERE id = $1", &[&1_i64]).await.expect("in time");
}

#[tokio::test]
async fn a_client_that_vanishes_leaves_no_session_and_no_lock() {
    let standin = timed(100.0, Duration::from_secs(10), Duration::ZERO);
    {
        // The connection is dropped in the middle of a transaction and of a query.
        let url = format!("postgres://loadlab@{}/loadlab", standin.listen);
        let (client, connection) = tokio_postgres::connect(&url, NoTls).await.expect("a connection");
        let task = tokio::spawn(connection);
        client.batch_execute("BEGIN; UPDATE documents SET title = 'gone' WHERE id = 1").await.expect("begun");
        let query = client.simple_query("SELECT * FROM documents");
        let _ = tokio::time::timeout(Duration::from_millis(20), query).await;
        task.abort();
    }
    let client = connect(&standin).await;
    standin.metric_becomes("store_connections", 1.0).await;
    client.batch_execute("SET standin.service_time = off").await.expect("off");
    assert_eq!(one(&client, "SELECT count(*) FROM documents WHERE title = 'gone'").await, "0");
    client.execute("UPDATE documents SET title = 'there' WHERE id = 1", &[]).await.expect("no lock is left");
}

#[tokio::test]
async fn a_connection_over_the_limit_is_refused_and_the_next_is_let_in_when_one_ends() {
    let standin = start("sql", 1.0, |profile| profile.sql.connections = 2);
    let (first, _second) = (connect(&standin).await, connect(&standin).await);
    let third = try_connect(&standin).await.expect_err("one too many");
    assert_eq!(code(&third), SqlState::TOO_MANY_CONNECTIONS);
    drop(first);
    standin.metric_becomes("store_connections", 1.0).await;
    connect(&standin).await;
}

#[tokio::test]
async fn several_statements_in_one_text_are_one_transaction() {
    let standin = quick();
    let client = connect(&standin).await;
    let half = client.batch_execute(
        "UPDATE documents SET title = 'half' WHERE id = 1; INSERT INTO documents (id) VALUES (1)",
    );
    assert_eq!(code(&half.await.expect_err("a null")), SqlState::NOT_NULL_VIOLATION);
    assert_eq!(one(&client, "SELECT count(*) FROM documents WHERE title = 'half'").await, "0");
    let both = "CREATE TABLE pairs (a INT, b INT); INSERT INTO pairs VALUES (1, 2); SELECT a + b FROM pairs";
    assert_eq!(one(&client, both).await, "3");
    assert_eq!(one(&client, "SELECT count(*) FROM pairs").await, "1");
}

#[tokio::test]
async fn what_clients_send_by_habit_is_answered() {
    let standin = quick();
    let client = connect(&standin).await;
    let habits = "SET client_encoding TO 'UTF8'; SET TIME ZONE 'UTC'; SET application_name = 'x'; \
        SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED; \
        BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY; COMMIT; ROLLBACK; RESET ALL; DISCARD ALL; ; UNLISTEN *";
    client.batch_execute(habits).await.expect("habits");
    assert_eq!(one(&client, "SHOW server_version").await, "16.6");
    assert_eq!(one(&client, "SHOW transaction isolation level").await, "read committed");
    assert_eq!(one(&client, "SELECT pg_sleep(0.001)").await, "");
    client.query("SHOW search_path", &[]).await.expect("extended SHOW");
    client.query_one("SELECT pg_sleep($1)", &[&0.001_f64]).await.expect("extended sleep");
    for (sql, expected) in [
        ("SELEC 1", SqlState::SYNTAX_ERROR),
        ("SELECT 1 1", SqlState::SYNTAX_ERROR),
        ("SELECT * FROM nowhere", SqlState::UNDEFINED_TABLE),
        ("SELECT nofunction()", SqlState::UNDEFINED_FUNCTION),
        ("COPY documents TO STDOUT", SqlState::FEATURE_NOT_SUPPORTED),
        ("CREATE TABLE s (id BIGSERIAL PRIMARY KEY)", SqlState::FEATURE_NOT_SUPPORTED),
        ("SHOW nonsense", SqlState::UNDEFINED_OBJECT),
        ("SET standin.service_time = maybe", SqlState::INVALID_PARAMETER_VALUE),
    ] {
        assert_eq!(code(&client.simple_query(sql).await.expect_err(sql)), expected, "{sql}");
    }
}

#[tokio::test]
async fn psql_works_if_it_is_there() {
    let standin = quick();
    let url = format!("postgres://loadlab@{}/loadlab", standin.listen);
    let script =
        "SELECT id, topic FROM documents WHERE id = 1; BEGIN; DELETE FROM documents WHERE id = 1; ROLLBACK;";
    let psql = tokio::process::Command::new("psql").args([&url, "-XAtc", script]).output().await;
    match psql {
        Ok(output) => {
            assert!(output.status.success(), "{output:?}");
            assert_eq!(String::from_utf8_lossy(&output.stdout), "1|astronomy\nBEGIN\nDELETE 1\nROLLBACK\n");
        }
        Err(error) => eprintln!("not run: psql against the SQL stand-in: {error}"),
    }
}

#[tokio::test]
async fn the_administration_answers() {
    let standin = quick();
    let health = reqwest::get(standin.admin_url("/health")).await.expect("an answer");
    assert_eq!(health.status(), 200);
    assert!(standin.metric("process_resident_memory_bytes").await > 1e6);
    assert!(standin.metric("process_cpu_seconds_total").await > 0.0);
}
