//! What a profile makes its stand-ins wait: whoever chooses a speed must know the shortest.

use std::time::Duration;

use super::Profile;

impl Profile {
    /// The modelled service times: what is waited for, and the mean in scenario time. Those that are
    /// zero are not modelled and left out.
    pub fn modelled_waits(&self) -> Vec<(String, Duration)> {
        let all = [
            ("embedding", self.llm.embeddings.latency.mean()),
            ("generation", self.llm.generation.latency.mean()),
            ("query", self.sql.read.mean()),
            ("write", self.sql.write.mean()),
            ("cache command", self.redis.service_time.mean()),
        ];
        let judge = self.service.judge.enabled.then(|| ("review", self.llm.judge.latency.mean()));
        all.into_iter()
            .chain(judge)
            .filter(|(_, wait)| !wait.is_zero())
            .map(|(name, wait)| (name.to_owned(), wait))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_baselines_shortest_wait_is_a_query() {
        let waits = Profile::named("baseline").expect("it is shipped").modelled_waits();
        let shortest = waits.iter().min_by_key(|(_, wait)| *wait).expect("it models waits");
        assert!(shortest.1 > Duration::from_millis(80), "{shortest:?}");
        assert!(waits.iter().all(|(name, _)| name != "cache command"), "a cache answers at once: {waits:?}");
    }
}
