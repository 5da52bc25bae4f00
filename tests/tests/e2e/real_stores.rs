//! Real servers in place of the stand-ins: `--redis URL` and `--database URL`.

use std::process::Command;

use loadlab_e2e::{RealPostgres, RealRedis, not_run};

use crate::lab::Lab;

/// Fewer users than sessions, so that all are answered.
const SHORT: [&str; 5] = ["100-concurrent", "--set", "load.burst.users=12", "--speed", "2"];

#[test]
fn a_real_redis_and_a_real_postgresql_take_the_place_of_the_stand_ins() {
    let claim = "a real Redis and a real PostgreSQL take the place of the stand-ins";
    let (redis, postgres) = match (RealRedis::start(), RealPostgres::start()) {
        (Ok(redis), Ok(postgres)) => (redis, postgres),
        (Err(why), _) | (_, Err(why)) => return not_run(claim, &why),
    };
    let (redis_url, database_url) = (redis.url(), postgres.url());
    // The second run finds the content that the first one made.
    for _ in 0..2 {
        let lab = Lab::new();
        let arguments = [&SHORT[..], &["--redis", &redis_url, "--database", &database_url]].concat();
        let ended = lab.run(&arguments);
        assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
        let run = lab.run_json();
        assert_eq!(run["totals"]["completed"], 12);
        assert_eq!(run["target"]["edges"]["service-0->redis"], redis_url);
        assert_eq!(run["target"]["edges"]["service-0->sql"], database_url);
    }
    let port = redis.address.port().to_string();
    let keys = Command::new("redis-cli").args(["-p", &port, "DBSIZE"]).output().expect("redis-cli runs");
    let keys: u64 = String::from_utf8_lossy(&keys.stdout).trim().parse().expect("a number of keys");
    assert!(keys > 100, "the warm-up filled the second-level cache: {keys} keys");
}

#[test]
fn what_is_no_url_of_a_store_is_refused_before_anything_starts() {
    let lab = Lab::new();
    let ended = lab.run(&["100-concurrent", "--redis", "127.0.0.1:6379"]);
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert!(ended.stderr.contains("redis://HOST:PORT is expected"), "{}", ended.stderr);
    assert_eq!(lab.run_folder(), None);
}

#[test]
fn stores_of_a_service_that_is_not_ours_cannot_be_replaced() {
    let lab = Lab::new();
    let ended =
        lab.run(&["100-concurrent", "--target", "http://127.0.0.1:1", "--redis", "redis://127.0.0.1:2"]);
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert!(ended.stderr.contains("the reference target's stores"), "{}", ended.stderr);
}

#[test]
fn a_store_that_is_not_there_is_named_and_no_load_is_offered() {
    let lab = Lab::new();
    let ended = lab.run(&["100-concurrent", "--database", "postgres://loadlab@127.0.0.1:1/loadlab"]);
    assert_eq!(ended.code, Some(7), "{}", ended.stderr);
    assert!(ended.stderr.contains("the database"), "{}", ended.stderr);
}
