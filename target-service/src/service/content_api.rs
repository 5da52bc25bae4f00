//! Documents by id: one, or many by one query. They take a session for the query and no slot.
//!
//! A page of a hundred results that asks for each by itself is a hundred sessions and a hundred
//! queries (the N+1 pattern); in one batch it is one of each.

use axum::{
    Json,
    response::{IntoResponse as _, Response},
};
use serde_json::{Value, json};
use tokio_postgres::{Row, types::ToSql};

use super::{
    Instance, Work, error::ServiceError, figures::HowLabel, queries::Queries, search::SERVING,
    sessions::Sessions,
};

/// Columns of a document, in the order that [`document`] reads them.
const COLUMNS: &str = "id, title, topic, body, version, updated_at";

/// `GET /api/content/{id}`.
pub(super) async fn one(instance: &Instance, id: i64, fresh: bool) -> Result<Response, ServiceError> {
    instance.metrics.figures.details.get_or_create(&HowLabel { how: "single" }).inc();
    let mut session = instance.pool_for(reading(fresh)).acquire(SERVING).await?;
    let sql = format!("SELECT {COLUMNS} FROM documents WHERE id = $1");
    let rows =
        Queries::new(Sessions::One(&mut session), "detail", &instance.metrics).query(&sql, &[&id]).await?;
    let row = rows.first().ok_or_else(|| ServiceError::NotFound { what: format!("document {id}") })?;
    Ok(Json(document(row)).into_response())
}

/// `POST /api/content/batch`. Documents that do not exist are left out and named.
pub(super) async fn batch(instance: &Instance, ids: &[i64], fresh: bool) -> Result<Response, ServiceError> {
    instance.metrics.figures.details.get_or_create(&HowLabel { how: "batch" }).inc_by(ids.len() as u64);
    let mut session = instance.pool_for(reading(fresh)).acquire(SERVING).await?;
    let places: Vec<String> = (1..=ids.len()).map(|n| format!("${n}")).collect();
    let sql = format!("SELECT {COLUMNS} FROM documents WHERE id IN ({}) ORDER BY id", places.join(", "));
    let parameters: Vec<&(dyn ToSql + Sync)> = ids.iter().map(|id| id as _).collect();
    let rows = Queries::new(Sessions::One(&mut session), "batch", &instance.metrics)
        .query(&sql, &parameters)
        .await?;
    let found: Vec<i64> = rows.iter().map(|row| row.get(0)).collect();
    let missing: Vec<&i64> = ids.iter().filter(|id| !found.contains(id)).collect();
    let documents: Vec<Value> = rows.iter().map(document).collect();
    Ok(Json(json!({"documents": documents, "missing": missing})).into_response())
}

fn reading(fresh: bool) -> Work {
    if fresh { Work::FreshDetail } else { Work::Detail }
}

fn document(row: &Row) -> Value {
    json!({
        "id": row.get::<_, i64>(0),
        "title": row.get::<_, String>(1),
        "topic": row.get::<_, String>(2),
        "body": row.get::<_, String>(3),
        "version": row.get::<_, i64>(4),
        "updated_at": row.get::<_, i64>(5),
    })
}
