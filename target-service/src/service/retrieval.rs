//! Finding the sources of an answer: three to five queries, one after another.
//!
//! ```text
//!   candidates (keyword table) ─> titles ─> passages ─[ ─> related ─[ ─> freshness ]]
//!                              └> titles and passages by one join: two queries in all, where set so
//! ```
//!
//! How many of them a query needs depends on the query alone, so a run repeats. The store has no
//! vectors: whether there are embeddings decides between [`retrieve`] and [`by_keywords`], and the
//! keyword table ranks in both.
//!
//! A query that the database gives up at its own limit (`timeouts.query`) costs what it would have
//! found: the rest is answered, and what is missing is counted. Without the first there is nothing.

use std::collections::BTreeMap;

use tokio_postgres::types::ToSql;

use super::{
    answer::{Retrieval, Source},
    error::ServiceError,
    queries::{Queries, was_cut},
};
use crate::{content::keywords, profile::SearchSettings};

/// Keywords of a query that are looked up; more make no better sources.
const KEYWORDS_MAX: usize = 6;
/// Stands in a statement for the places of the ids, of which there are as many as sources: what is not
/// needed repeats the last one, so that one statement serves every number of ids.
const IDS: &str = "$ids";
/// Sources that the keyword search gives: it has no time to be thorough.
const KEYWORD_SOURCES: usize = 4;

const CANDIDATES: &str = "SELECT document_id, SUM(weight) AS score FROM keywords \
    WHERE word IN ($1, $2, $3, $4, $5, $6) GROUP BY document_id ORDER BY score DESC, document_id LIMIT";
const TITLES: &str = "SELECT id, title, topic FROM documents WHERE id IN ($ids)";
const PASSAGES: &str =
    "SELECT document_id, body FROM chunks WHERE document_id IN ($ids) ORDER BY document_id, ordinal";
const TITLES_AND_PASSAGES: &str = "SELECT documents.id, documents.title, chunks.body \
    FROM documents JOIN chunks ON chunks.document_id = documents.id \
    WHERE documents.id IN ($ids) ORDER BY documents.id, chunks.ordinal";
const RELATED: &str =
    "SELECT id, title FROM documents WHERE topic = $1 AND id <> $2 ORDER BY updated_at DESC LIMIT 2";
const FRESHNESS: &str = "SELECT id, updated_at FROM documents WHERE id IN ($ids)";

/// Documents that [`RELATED`] gives at most.
const RELATED_MOST: usize = 2;
/// A related document scores this share of the best one: it was not asked for.
const RELATED_SCORE: f64 = 0.25;

/// A document on its way to being a source.
#[derive(Debug, Clone)]
struct Candidate {
    id: i64,
    score: f64,
}

/// The full retrieval.
pub(super) async fn retrieve(
    session: &mut Queries<'_>,
    query: &str,
    settings: &SearchSettings,
) -> Result<Retrieval, ServiceError> {
    let queries = queries_of(query, settings);
    let candidates = candidates(session, query, settings.sources).await?;
    if candidates.is_empty() {
        return Ok(Retrieval::default());
    }
    if queries == 2 {
        return joined(session, &candidates, settings.sources).await;
    }
    let mut cut = 0;
    let all = candidates.len();
    let (mut sources, topic) = or_cut(titles(session, &candidates, settings.sources).await, all, &mut cut)?;
    let passages = or_cut(passages(session, &candidates, settings.sources).await, all, &mut cut)?;
    // A document that was not read is missing once, whatever of it was not read.
    let cut_documents = cut.min(all);
    let missing = if cut > 0 { cut_documents } else { all - sources.len() };
    let mut cut_related = 0;
    if queries > 3
        && let Some(topic) = topic
    {
        let related = related(session, &topic, &mut sources, settings.sources).await;
        or_cut(related, RELATED_MOST, &mut cut_related)?;
    }
    if queries > 4 {
        // Without it the order is the old one, and nothing is missing.
        or_cut(prefer_fresh(session, &mut sources, settings.sources).await, 0, &mut 0)?;
    }
    let (missing, cut) = (missing + cut_related, cut_documents + cut_related);
    Ok(Retrieval { sources, passages, missing, cut, ..Retrieval::default() })
}

/// What a query found; nothing, and `lost` more in `cut`, if the database gave it up in time for the
/// search to go on without it.
fn or_cut<T: Default>(
    found: Result<T, ServiceError>,
    lost: usize,
    cut: &mut usize,
) -> Result<T, ServiceError> {
    match found {
        Err(ServiceError::Database { source }) if was_cut(&source) => {
            *cut += lost;
            Ok(T::default())
        }
        found => found,
    }
}

/// The fallback: the best few documents by keyword, two queries.
pub(super) async fn by_keywords(
    session: &mut Queries<'_>,
    query: &str,
    sources_max: usize,
) -> Result<Retrieval, ServiceError> {
    let most = KEYWORD_SOURCES.min(sources_max);
    let candidates = candidates(session, query, most).await?;
    if candidates.is_empty() {
        return Ok(Retrieval::default());
    }
    let mut cut = 0;
    let (sources, _) = or_cut(titles(session, &candidates, most).await, candidates.len(), &mut cut)?;
    let missing = candidates.len() - sources.len();
    let passages = sources.iter().map(|source| format!("{}.", source.title)).collect();
    Ok(Retrieval { sources, passages, missing, cut, ..Retrieval::default() })
}

/// How many queries this one needs, between the two settings: a function of its text.
fn queries_of(query: &str, settings: &SearchSettings) -> usize {
    let (fewest, most) = (settings.queries_min.clamp(2, 5), settings.queries_max.clamp(2, 5));
    let span = most.saturating_sub(fewest) + 1;
    // FNV-1a: fixed for ever, unlike the standard library's hash.
    let hash = query.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    fewest + (hash >> 32) as usize % span
}

async fn candidates(
    session: &mut Queries<'_>,
    query: &str,
    most: usize,
) -> Result<Vec<Candidate>, ServiceError> {
    let words = keywords(query);
    let Some(last) = words.last() else { return Ok(Vec::new()) };
    let padded: Vec<&str> = (0..KEYWORDS_MAX).map(|n| words.get(n).unwrap_or(last).as_str()).collect();
    let parameters: Vec<&(dyn ToSql + Sync)> = padded.iter().map(|word| word as _).collect();
    let rows = session.query(&format!("{CANDIDATES} {most}"), &parameters).await?;
    Ok(rows.iter().map(|row| Candidate { id: row.get(0), score: row.get(1) }).collect())
}

/// Titles in the order of the candidates, scored from 0 to 1, and the best one's topic.
async fn titles(
    session: &mut Queries<'_>,
    candidates: &[Candidate],
    most: usize,
) -> Result<(Vec<Source>, Option<String>), ServiceError> {
    let rows = by_ids(session, TITLES, candidates.iter().map(|candidate| candidate.id), most).await?;
    let found: BTreeMap<i64, (String, String)> =
        rows.iter().map(|row| (row.get(0), (row.get(1), row.get(2)))).collect();
    let best = candidates.first().map_or(1.0, |candidate| candidate.score).max(f64::MIN_POSITIVE);
    let sources = candidates
        .iter()
        .filter_map(|candidate| {
            let (title, _) = found.get(&candidate.id)?;
            Some(Source { id: candidate.id, title: title.clone(), score: candidate.score / best })
        })
        .collect();
    let topic = candidates.first().and_then(|best| found.get(&best.id)).map(|(_, topic)| topic.clone());
    Ok((sources, topic))
}

/// Titles and passages by one query.
async fn joined(
    session: &mut Queries<'_>,
    candidates: &[Candidate],
    most: usize,
) -> Result<Retrieval, ServiceError> {
    let ids = candidates.iter().map(|candidate| candidate.id);
    let mut cut = 0;
    let rows = by_ids(session, TITLES_AND_PASSAGES, ids, most).await;
    let rows = or_cut(rows, candidates.len(), &mut cut)?;
    let found: BTreeMap<i64, String> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    let passages = rows.iter().map(|row| row.get(2)).collect();
    let best = candidates.first().map_or(1.0, |candidate| candidate.score).max(f64::MIN_POSITIVE);
    let source = |candidate: &Candidate| {
        let title = found.get(&candidate.id)?.clone();
        Some(Source { id: candidate.id, title, score: candidate.score / best })
    };
    let sources: Vec<Source> = candidates.iter().filter_map(source).collect();
    let missing = candidates.len() - sources.len();
    Ok(Retrieval { sources, passages, missing, cut, ..Retrieval::default() })
}

async fn passages(
    session: &mut Queries<'_>,
    candidates: &[Candidate],
    most: usize,
) -> Result<Vec<String>, ServiceError> {
    let rows = by_ids(session, PASSAGES, candidates.iter().map(|candidate| candidate.id), most).await?;
    Ok(rows.iter().map(|row| row.get(1)).collect())
}

async fn related(
    session: &mut Queries<'_>,
    topic: &str,
    sources: &mut Vec<Source>,
    most: usize,
) -> Result<(), ServiceError> {
    let Some(best) = sources.first().map(|source| source.id) else { return Ok(()) };
    let rows = session.query(RELATED, &[&topic, &best]).await?;
    for row in rows {
        let id: i64 = row.get(0);
        if sources.len() < most && sources.iter().all(|source| source.id != id) {
            sources.push(Source { id, title: row.get(1), score: RELATED_SCORE });
        }
    }
    Ok(())
}

/// Among sources of one score, the newer comes first.
async fn prefer_fresh(
    session: &mut Queries<'_>,
    sources: &mut [Source],
    most: usize,
) -> Result<(), ServiceError> {
    let rows = by_ids(session, FRESHNESS, sources.iter().map(|source| source.id), most).await?;
    let updated: BTreeMap<i64, i64> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    sources.sort_by(|a, b| {
        b.score.total_cmp(&a.score).then_with(|| updated.get(&b.id).cmp(&updated.get(&a.id)))
    });
    Ok(())
}

async fn by_ids(
    session: &mut Queries<'_>,
    statement: &str,
    ids: impl Iterator<Item = i64>,
    most: usize,
) -> Result<Vec<tokio_postgres::Row>, ServiceError> {
    let mut ids: Vec<i64> = ids.take(most).collect();
    let Some(last) = ids.last().copied() else { return Ok(Vec::new()) };
    ids.resize(most, last);
    let places: Vec<String> = (1..=most).map(|place| format!("${place}")).collect();
    let parameters: Vec<&(dyn ToSql + Sync)> = ids.iter().map(|id| id as _).collect();
    session.query(&statement.replace(IDS, &places.join(", ")), &parameters).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{content, profile::Profile};

    #[test]
    fn a_query_needs_three_to_five_queries_and_always_as_many() {
        let settings = Profile::named("baseline").expect("it is shipped").service.search;
        let mut times = [0_usize; 6];
        for query in content::queries() {
            let needed = queries_of(query, &settings);
            assert_eq!(needed, queries_of(query, &settings));
            times[needed] += 1;
        }
        assert_eq!(times[..3], [0, 0, 0]);
        let two = SearchSettings { queries_min: 2, queries_max: 2, ..settings.clone() };
        assert!(content::queries().iter().all(|query| queries_of(query, &two) == 2));
        let third = content::queries().len() / 3;
        for needed in 3..=5 {
            assert!(times[needed].abs_diff(third) < third / 4, "{times:?}");
        }
    }
}
