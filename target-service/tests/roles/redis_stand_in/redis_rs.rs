//! What the service does, by the client that it uses.

use redis::{
    AsyncCommands as _, Client, Commands as _, SetExpiry, SetOptions,
    aio::{ConnectionManager, ConnectionManagerConfig},
};

use super::start::StandIn;

fn urls(server: &StandIn) -> [String; 2] {
    [format!("redis://{}/", server.address), format!("redis://{}/?protocol=resp3", server.address)]
}

#[test]
fn the_services_cache_is_served_in_both_versions_of_the_protocol() {
    let server = StandIn::start();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    for url in urls(&server) {
        runtime.block_on(async {
            let config = ConnectionManagerConfig::new().set_number_of_retries(0);
            let client = Client::open(url).expect("an address");
            let mut manager = ConnectionManager::new_lazy_with_config(client, config).expect("a manager");
            assert_eq!(manager.ping::<String>().await.expect("a pong"), "PONG");
            let value = vec![0_u8, 1, b'\r', b'\n', 255];
            let options = SetOptions::default().with_expiration(SetExpiry::PX(60_000));
            manager.set_options::<_, _, ()>("key", value.clone(), options).await.expect("it is set");
            assert_eq!(manager.get::<_, Option<Vec<u8>>>("key").await.expect("an answer"), Some(value));
            assert_eq!(manager.get::<_, Option<Vec<u8>>>("no key").await.expect("an answer"), None);
            let left: i64 = manager.pttl("key").await.expect("a time");
            assert!((1..=60_000).contains(&left), "{left}");
        });
    }
}

#[test]
fn a_manager_connects_again_after_its_connection_was_closed() {
    let server = StandIn::start();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let client = Client::open(urls(&server)[0].as_str()).expect("an address");
        let mut manager = ConnectionManager::new(client).await.expect("a connection");
        let _: () = manager.set("key", 1).await.expect("it is set");
        let _: redis::RedisResult<()> = redis::cmd("QUIT").query_async(&mut manager).await;
        // The first command may find the connection closed; the manager then makes a new one.
        let mut found = manager.get::<_, i32>("key").await;
        for _ in 0..50 {
            if found.is_ok() {
                break;
            }
            found = manager.get("key").await;
        }
        assert_eq!(found.expect("connected again"), 1);
    });
}

#[test]
fn typed_results_of_every_kind_arrive() {
    let server = StandIn::start();
    for url in urls(&server) {
        let mut connection = Client::open(url).expect("an address").get_connection().expect("a connection");
        let _: () = redis::cmd("FLUSHALL").query(&mut connection).expect("it is empty");
        let _: () = connection.hset_multiple("hash", &[("a", 1), ("b", 2)]).expect("set");
        let hash: std::collections::BTreeMap<String, i64> = connection.hgetall("hash").expect("a map");
        assert_eq!(hash, [("a".to_owned(), 1), ("b".to_owned(), 2)].into());
        let _: i64 = connection.rpush("list", &[1, 2, 3]).expect("pushed");
        assert_eq!(connection.lrange::<_, Vec<i64>>("list", 0, -1).expect("a list"), [1, 2, 3]);
        let _: i64 = connection.sadd("set", "m").expect("added");
        assert!(connection.sismember::<_, _, bool>("set", "m").expect("a bool"));
        let _: i64 = connection.zadd("zset", "m", 1.5).expect("added");
        let scored: Vec<(String, f64)> = connection.zrange_withscores("zset", 0, -1).expect("pairs");
        assert_eq!(scored, [("m".to_owned(), 1.5)]);
        assert_eq!(
            connection.zscore::<_, _, Option<f64>>("zset", "m").expect("a score").map(f64::to_bits),
            Some(1.5_f64.to_bits())
        );
        let all: Vec<String> = connection.scan().expect("a scan").collect::<Result<_, _>>().expect("keys");
        assert_eq!(all.len(), 4);
        let both: (i64, i64) =
            redis::pipe().atomic().incr("n", 1).incr("n", 1).query(&mut connection).expect("a transaction");
        assert_eq!(both, (1, 2));
        let wrong = connection.incr::<_, _, i64>("list", 1).expect_err("a list is no number");
        assert_eq!(wrong.code(), Some("WRONGTYPE"));
    }
}

#[test]
fn messages_arrive_in_order_by_channel_and_by_pattern() {
    let server = StandIn::start();
    let client = Client::open(urls(&server)[0].as_str()).expect("an address");
    let mut listener = client.get_connection().expect("a connection");
    let mut channels = listener.as_pubsub();
    channels.subscribe("news").expect("subscribed");
    channels.psubscribe("n*").expect("subscribed");
    let mut speaker = client.get_connection().expect("a connection");
    for number in 0..100 {
        assert_eq!(speaker.publish::<_, _, i64>("news", number).expect("published"), 2);
    }
    for number in 0..100 {
        let by_name = channels.get_message().expect("a message");
        let by_pattern = channels.get_message().expect("a message");
        assert_eq!(by_name.get_payload::<i64>().expect("a number"), number);
        assert_eq!((by_name.from_pattern(), by_pattern.from_pattern()), (false, true));
        assert_eq!(by_pattern.get_channel_name(), "news");
    }
}
