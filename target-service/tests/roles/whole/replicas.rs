//! Stores that follow another one, and who reads from them.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use target_service::profile::Profile;

use super::stack::{Target, quick};

fn with_a_replica() -> Profile {
    let mut profile = quick();
    profile.service.mitigations.read_replicas.enabled = true;
    profile.sql.replica_poll = Duration::from_millis(20);
    profile
}

async fn write(target: &Target, token: &str, title: &str) -> i64 {
    let body = json!({ "title": title, "topic": "notes", "body": "text" });
    let request = target.post("gateway-0", "/api/content", &body).bearer_auth(token);
    let answer = request.send().await.expect("an answer");
    assert_eq!(answer.status(), 201);
    answer.json::<Value>().await.expect("json")["id"].as_i64().expect("an id")
}

async fn read(target: &Target, token: &str, id: i64) -> u16 {
    let url = format!("http://{}/api/content/{id}", target.address("gateway-0"));
    target.client.get(url).bearer_auth(token).send().await.expect("an answer").status().as_u16()
}

#[tokio::test]
async fn a_replica_gets_what_was_written_and_reads_go_there() {
    let target = Target::start(&with_a_replica());
    let token = target.token("ada").await;
    let id = write(&target, &token, "a note").await;
    let written = Instant::now();
    while read(&target, &token, id).await != 200 {
        assert!(written.elapsed() < Duration::from_secs(30), "the replica never got it");
    }
    assert!(target.count("sql-replica-0", "replication_applied_total").await >= 1);
    let of_replica = target.count("sql-replica-0", "store_statements_total{kind=\"read\"}").await;
    assert_eq!(target.search("tents for winter").await.status(), 200);
    assert!(target.count("sql-replica-0", "store_statements_total{kind=\"read\"}").await > of_replica);
}

#[tokio::test]
async fn while_the_replica_is_behind_only_who_has_written_sees_it_and_only_with_the_mitigation() {
    let mut profile = with_a_replica();
    // Behind for the whole test.
    profile.sql.replica_poll = Duration::from_secs(3_600);
    for (mitigated, expected) in [(None, [404, 404]), (Some(Duration::from_secs(60)), [200, 404])] {
        profile.gateway.read_after_write = mitigated;
        let target = Target::start(&profile);
        let (ada, bob) = (target.token("ada").await, target.token("bob").await);
        let id = write(&target, &ada, "a note").await;
        assert_eq!([read(&target, &ada, id).await, read(&target, &bob, id).await], expected);
    }
}

#[tokio::test]
async fn a_replica_takes_no_writes() {
    let target = Target::start(&with_a_replica());
    let url = format!("postgres://me@{}/loadlab", target.address("sql-replica-0"));
    let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.expect("connected");
    tokio::spawn(connection);
    let refused = client.execute("DELETE FROM documents WHERE id = 1", &[]).await.expect_err("read only");
    assert_eq!(refused.code().map(tokio_postgres::error::SqlState::code), Some("25006"));
    let row = client.query_one("SELECT COUNT(*) FROM documents WHERE id = 1", &[]).await.expect("a row");
    assert_eq!(row.get::<_, i64>(0), 1);
}
