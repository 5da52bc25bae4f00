//! The content in tables: of the stand-in when it starts, and of a PostgreSQL that is empty.

use rusqlite::Connection;
use tokio_postgres::{Client, types::ToSql};

use crate::content::{Document, EMBEDDING_VERSION, documents, weights};

/// The tables.
pub const SCHEMA: &str = include_str!("schema.sql");

/// Rows of one `INSERT` into PostgreSQL: seven columns of it stay well under the 65,535 parameters
/// that a statement may have.
const BATCH: usize = 500;
/// The advisory lock of those who fill a PostgreSQL: any number will do, if all take the same.
const SEED_LOCK: i64 = 0x10ad_1ab0;

/// Makes and fills the stand-in's tables.
pub(super) fn fill(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    transaction.execute_batch(SCHEMA)?;
    {
        let mut document = transaction.prepare("INSERT INTO documents VALUES (?, ?, ?, ?, ?, ?, ?)")?;
        let mut chunk = transaction.prepare("INSERT INTO chunks VALUES (?, ?, ?)")?;
        let mut keyword = transaction.prepare("INSERT INTO keywords VALUES (?, ?, ?)")?;
        for d in documents() {
            document.execute((
                d.id,
                &d.title,
                d.topic,
                d.body(),
                d.version,
                EMBEDDING_VERSION,
                d.updated_at,
            ))?;
            for (ordinal, body) in d.chunks.iter().enumerate() {
                chunk.execute((d.id, ordinal as i64, body))?;
            }
            for (word, weight) in weights(d) {
                keyword.execute((word, d.id, weight))?;
            }
        }
    }
    // So that the planner knows which index tells most.
    transaction.execute_batch("ANALYZE")?;
    transaction.commit()
}

/// Makes and fills the tables of a PostgreSQL that has none of them. Says whether it did. Several
/// instances may try at the same time.
pub async fn seed(client: &mut Client) -> Result<bool, tokio_postgres::Error> {
    let transaction = client.transaction().await?;
    transaction.execute("SELECT pg_advisory_xact_lock($1)", &[&SEED_LOCK]).await?;
    let there: bool = transaction.query_one("SELECT to_regclass('documents') IS NOT NULL", &[]).await?.get(0);
    if there {
        return Ok(false);
    }
    transaction.batch_execute(SCHEMA).await?;
    for batch in documents().chunks(BATCH) {
        seed_batch(&transaction, batch).await?;
    }
    transaction.commit().await?;
    client.batch_execute("ANALYZE").await?;
    Ok(true)
}

async fn seed_batch(
    transaction: &tokio_postgres::Transaction<'_>,
    batch: &[Document],
) -> Result<(), tokio_postgres::Error> {
    let bodies: Vec<String> = batch.iter().map(Document::body).collect();
    let mut rows: Vec<&(dyn ToSql + Sync)> = Vec::new();
    for (d, body) in batch.iter().zip(&bodies) {
        rows.extend([&d.id as &(dyn ToSql + Sync), &d.title, &d.topic, body, &d.version, &EMBEDDING_VERSION]);
        rows.push(&d.updated_at);
    }
    insert(transaction, "documents", 7, &rows).await?;

    let chunks: Vec<(i64, i64, &String)> = batch
        .iter()
        .flat_map(|d| d.chunks.iter().zip(0_i64..).map(|(body, ordinal)| (d.id, ordinal, body)))
        .collect();
    let mut rows: Vec<&(dyn ToSql + Sync)> = Vec::new();
    for (id, ordinal, body) in &chunks {
        rows.extend([id as &(dyn ToSql + Sync), ordinal, body]);
    }
    insert(transaction, "chunks", 3, &rows).await?;

    let keywords: Vec<(String, i64, f64)> = batch
        .iter()
        .flat_map(|d| weights(d).into_iter().map(|(word, weight)| (word, d.id, weight)))
        .collect();
    let mut rows: Vec<&(dyn ToSql + Sync)> = Vec::new();
    for (word, id, weight) in &keywords {
        rows.extend([word as &(dyn ToSql + Sync), id, weight]);
    }
    insert(transaction, "keywords", 3, &rows).await
}

/// One `INSERT` of many rows of `columns` columns.
async fn insert(
    transaction: &tokio_postgres::Transaction<'_>,
    table: &str,
    columns: usize,
    values: &[&(dyn ToSql + Sync)],
) -> Result<(), tokio_postgres::Error> {
    let rows = values.len() / columns;
    let row = |r: usize| {
        let places: Vec<String> = (1..=columns).map(|c| format!("${}", r * columns + c)).collect();
        format!("({})", places.join(", "))
    };
    let rows: Vec<String> = (0..rows).map(row).collect();
    transaction.execute(&format!("INSERT INTO {table} VALUES {}", rows.join(", ")), values).await?;
    Ok(())
}
