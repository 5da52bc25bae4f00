//! The same seed gives the same draws, whatever else happens.

use serde_json::json;

use crate::wire::{Peer, Stage, Upstream};

const CONNECTIONS: usize = 4;
const REQUESTS: usize = 50;

/// Which requests of which connection were hit, with the requests sent in the order of `turns`.
async fn hits(seed: u64, turns: impl Iterator<Item = usize>) -> Vec<Vec<bool>> {
    let upstream = Upstream::start().await;
    let stage = Stage::http_with(upstream.address(), seed, loadlab_clock::Speed::REAL).await;
    upstream.echo_paths();
    stage.fault_share("http_status", 0.3, &json!({ "status": 503, "path": "/" }));
    let mut clients: Vec<Peer> = Vec::new();
    for _ in 0..CONNECTIONS {
        let mut client = stage.client().await;
        // Connections are numbered as they are accepted: wait until this one was.
        client.send("GET /number HTTP/1.1\r\nHost: a\r\n\r\n").await;
        read_reply(&mut client).await;
        clients.push(client);
    }
    let mut all = vec![Vec::new(); CONNECTIONS];
    for turn in turns {
        clients[turn].send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        all[turn].push(read_reply(&mut clients[turn]).await);
    }
    all
}

/// Whether the reply was injected.
async fn read_reply(client: &mut Peer) -> bool {
    let head = client.head().await;
    client.take(head.length()).await;
    head.status() == 503
}

#[tokio::test]
async fn the_same_seed_hits_the_same_requests_in_any_order() {
    let total = CONNECTIONS * REQUESTS;
    let in_turn = hits(7, (0..total).map(|n| n % CONNECTIONS)).await;
    let one_by_one = hits(7, (0..total).map(|n| CONNECTIONS - 1 - n / REQUESTS)).await;
    assert_eq!(in_turn, one_by_one);
    let other_seed = hits(8, (0..total).map(|n| n % CONNECTIONS)).await;
    assert_ne!(in_turn, other_seed);
    assert_ne!(in_turn[0], in_turn[1], "connections do not share draws");
    let share = in_turn.iter().flatten().filter(|hit| **hit).count();
    assert!((30..=90).contains(&share), "{share} of {total}");
}
