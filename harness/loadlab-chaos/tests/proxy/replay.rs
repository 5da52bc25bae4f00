//! The same seed gives the same draws, whatever else happens; and the draws are what they claim.

use std::net::SocketAddr;

use loadlab_chaos::proxy::LatencyDistribution;
use loadlab_clock::Seed;
use statrs::distribution::{ContinuousCDF as _, LogNormal, Normal, Pareto};
use tokio::io::AsyncWriteExt as _;

use crate::rig::{Rig, connect, echo_server, end_of, rig_at};

/// Connections of each proxy.
const CONNECTIONS: usize = 24;

/// Two proxies with a toxic that cuts half of the connections.
async fn half_cut(seed: u64) -> (Rig, [SocketAddr; 2]) {
    let (rig, upstream) = (rig_at(1.0, seed).await, echo_server().await);
    let listens = [rig.proxy("a", upstream), rig.proxy("b", upstream)];
    for proxy in ["a", "b"] {
        let toxic = r#"{"type":"limit_data","name":"cut","toxicity":0.5,"attributes":{"bytes":0}}"#;
        rig.expect_toxic(proxy, toxic).await;
    }
    (rig, listens)
}

/// Whether a new connection is cut: it says something, and hears it or not.
async fn is_cut(listen: SocketAddr) -> bool {
    let mut stream = connect(listen).await;
    stream.write_all(b"x").await.expect("sent");
    stream.shutdown().await.expect("a half-close");
    end_of(&mut stream).await != Ok(1)
}

#[tokio::test]
async fn the_same_seed_cuts_the_same_connections_in_whatever_order_they_come() {
    let mut turns: Vec<[Vec<bool>; 2]> = Vec::new();
    for order in ["a first", "in turn", "b first"] {
        let (_rig, listens) = half_cut(5).await;
        let mut cut = [Vec::new(), Vec::new()];
        for n in 0..2 * CONNECTIONS {
            let proxy = match order {
                "a first" => usize::from(n >= CONNECTIONS),
                "b first" => usize::from(n < CONNECTIONS),
                _ => n % 2,
            };
            cut[proxy].push(is_cut(listens[proxy]).await);
        }
        turns.push(cut);
    }
    assert_eq!(turns[0], turns[1]);
    assert_eq!(turns[0], turns[2]);
    let [a, b] = &turns[0];
    assert_ne!(a, b);
    let hits = a.iter().chain(b).filter(|cut| **cut).count();
    assert!((12..=36).contains(&hits), "{hits} of 48");
}

#[tokio::test]
async fn another_seed_cuts_others_and_a_neighbour_changes_nothing() {
    let mut runs = Vec::new();
    for (seed, has_neighbour) in [(5, false), (5, true), (6, false)] {
        let (rig, [listen, _]) = half_cut(seed).await;
        if has_neighbour {
            rig.expect_toxic("a", r#"{"type":"latency","toxicity":0.3,"attributes":{"jitter":3}}"#).await;
        }
        let mut cut = Vec::new();
        for _ in 0..CONNECTIONS {
            cut.push(is_cut(listen).await);
        }
        runs.push(cut);
    }
    assert_eq!(runs[0], runs[1]);
    assert_ne!(runs[0], runs[2]);
}

/// The largest distance between the draws and a distribution function (Kolmogorov-Smirnov).
fn distance(mut draws: Vec<f64>, below: impl Fn(f64) -> f64) -> f64 {
    draws.sort_by(f64::total_cmp);
    let count = draws.len() as f64;
    let off = |(rank, draw): (usize, &f64)| {
        let at = below(*draw);
        (at - rank as f64 / count).abs().max((at - (rank + 1) as f64 / count).abs())
    };
    draws.iter().enumerate().map(off).fold(0.0, f64::max)
}

#[test]
fn delays_come_out_as_the_distribution_that_was_asked_for() {
    const DRAWS: usize = 20_000;
    let (mean, deviation) = (100.0_f64, 40.0_f64);
    let draws = |distribution: &LatencyDistribution| {
        let mut rng = Seed::new(3).stream("ks", 0, 0);
        (0..DRAWS).map(|_| distribution.sample(mean, deviation, &mut rng)).collect::<Vec<_>>()
    };
    // Critical value at one in a thousand.
    let bound = 1.95 / (DRAWS as f64).sqrt();
    let variance = (1.0 + (deviation / mean).powi(2)).ln();
    let lognormal = LogNormal::new(mean.ln() - variance / 2.0, variance.sqrt()).expect("a lognormal");
    let far = distance(draws(&LatencyDistribution::Lognormal), |ms| lognormal.cdf(ms));
    assert!(far < bound, "lognormal: {far} over {bound}");
    // Draws under 0 are cut off; at 2.5 deviations they are 0.6 %, so the bell is looked at above.
    let normal = Normal::new(mean, deviation).expect("a normal");
    let far =
        distance(draws(&LatencyDistribution::Normal), |ms| if ms <= 0.0 { 0.0 } else { normal.cdf(ms) });
    assert!(far < bound + 0.0063, "normal: {far}");
    let index = 1.0 + (1.0 + (mean / deviation).powi(2)).sqrt();
    let pareto = Pareto::new(mean * (index - 1.0) / index, index).expect("a pareto");
    let far = distance(draws(&LatencyDistribution::Pareto), |ms| pareto.cdf(ms));
    assert!(far < bound, "pareto: {far} over {bound}");
    // And the test can fail: a lognormal is no normal.
    let far = distance(draws(&LatencyDistribution::Lognormal), |ms| normal.cdf(ms));
    assert!(far > 3.0 * bound, "{far}");
}
