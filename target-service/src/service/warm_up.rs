//! What is in the stores when an instance becomes ready: content in the database, and in the caches
//! the retrievals of the most popular queries of the query log, as a service has them that has run
//! for a day.

use std::sync::Arc;

use futures::{StreamExt as _, stream};

use super::{
    Instance, Work, answer::Retrieval, error::ServiceError, queries::Queries, retrieval, search::Searcher,
    sessions::Sessions,
};
use crate::{
    content,
    pool::{DatabaseError, PgConnector},
    sql_server,
};

/// The state of sessions whose queries take no modelled time.
pub(super) const WARMING_UP: &str = "warming-up";
/// Retrievals side by side.
const AT_A_TIME: usize = 8;

/// Makes and fills the content's tables in a PostgreSQL that has none of them.
pub(super) async fn seed(database: &PgConnector) -> Result<(), DatabaseError> {
    let (mut client, _connection) = database.connect().await?;
    if sql_server::seed(&mut client).await? {
        log::info!("the database was empty and has the content now");
    }
    Ok(())
}

/// Fills L2 and every worker's L1. What cannot be retrieved is left out: an instance whose
/// dependencies are down starts cold.
pub(super) async fn warm_up(instance: &Arc<Instance>, searchers: &[Searcher]) {
    let settings = &instance.profile.cache.warm_up;
    let Some(first) = searchers.first() else { return };
    let deployed = instance.deployments.now();
    let queries = &content::queries()[..settings.l1.max(settings.l2).min(content::queries().len())];
    let retrieve = async |query: &String| -> Result<Arc<Retrieval>, ServiceError> {
        let mut session = instance.pool_for(Work::Search).acquire(WARMING_UP).await?;
        let mut queries = Queries::new(Sessions::One(&mut session), "retrieval", &instance.metrics);
        let found = retrieval::retrieve(&mut queries, query, &instance.profile.search).await?;
        Ok(Arc::new(Retrieval { embedding: deployed.deployment.embedding.clone(), ..found }))
    };
    let side_by_side = AT_A_TIME.min(instance.profile.pool.max);
    let mut retrievals =
        stream::iter(queries).map(retrieve).buffered(side_by_side).zip(stream::iter(queries)).enumerate();
    while let Some((rank, (retrieved, query))) = retrievals.next().await {
        let found = match retrieved {
            Ok(found) => found,
            Err(error) => return log::warn!("warm-up ends at query {rank}: {error}"),
        };
        if rank < settings.l2 {
            first.cache.keep_in_l2(&deployed.cache, query, &found).await;
        }
        if rank < settings.l1 {
            for searcher in searchers {
                searcher.cache.keep_in_l1(&deployed.cache, query, &found);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::Profile;

    /// The share of a Zipf(1.0) mix over the query log that its `most` most popular queries make up.
    fn share(most: usize) -> f64 {
        let weight = |queries: usize| (1..=queries).map(|rank| 1.0 / rank as f64).sum::<f64>();
        weight(most) / weight(content::queries().len())
    }

    #[test]
    fn the_baseline_warms_sixty_percent_of_the_mix_into_l1_and_fifteen_more_into_l2() {
        let settings = Profile::named("baseline").expect("it is shipped").service.cache;
        let (l1, l2) = (share(settings.warm_up.l1), share(settings.warm_up.l2));
        assert!((0.595..0.605).contains(&l1), "{l1}");
        assert!((0.745..0.755).contains(&l2), "{l2}");
        assert_eq!(settings.l1.entries, settings.warm_up.l1 as u64);
    }
}
