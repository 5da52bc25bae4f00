//! Faults on a scripted store on port 0: what they ask of it, and what they leave.

use std::{
    collections::BTreeMap,
    io::{BufReader, Write as _},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use loadlab_clock::{Seed, Speed};
use loadlab_scenario::{
    fault::StoreChange,
    quantity::{Rate, Share},
};

use super::{StoreGuard, StorePlace};

/// A store of texts that forgets times to live, takes so many keys, and remembers what it was asked.
#[derive(Default)]
struct Script {
    keys: BTreeMap<String, usize>,
    asked: Vec<String>,
    keys_max: Option<usize>,
}

#[derive(Clone, Default)]
struct Store(Arc<Mutex<Script>>);

impl Store {
    fn with(keys: usize, keys_max: Option<usize>) -> Self {
        let keys = (0..keys).map(|n| (format!("key:{n}"), 1)).collect();
        Self(Arc::new(Mutex::new(Script { keys, asked: Vec::new(), keys_max })))
    }

    fn keys(&self) -> usize {
        self.0.lock().expect("no test has panicked").keys.len()
    }

    fn asked(&self, command: &str) -> usize {
        let script = self.0.lock().expect("no test has panicked");
        script.asked.iter().filter(|asked| asked.starts_with(command)).count()
    }

    fn serve(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("it is bound").to_string();
        let store = self.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let store = store.clone();
                thread::spawn(move || store.answer(&stream));
            }
        });
        address
    }

    fn answer(&self, stream: &TcpStream) {
        let mut reader = BufReader::new(stream);
        while let Some(command) = read_command(&mut reader) {
            let reply = self.0.lock().expect("no test has panicked").reply(&command);
            let mut writer = stream;
            if writer.write_all(reply.as_bytes()).is_err() {
                return;
            }
        }
    }
}

impl Script {
    fn reply(&mut self, command: &[String]) -> String {
        self.asked.push(command.join(" ").chars().take(80).collect());
        match command[0].as_str() {
            "DBSIZE" => format!(":{}\r\n", self.keys.len()),
            "FLUSHDB" => {
                self.keys.clear();
                "+OK\r\n".to_owned()
            }
            "SET" if self.keys_max.is_some_and(|max| self.keys.len() >= max) => {
                "-OOM command not allowed\r\n".to_owned()
            }
            "SET" => {
                self.keys.insert(command[1].clone(), command[2].len());
                "+OK\r\n".to_owned()
            }
            "UNLINK" => {
                let gone = command[1..].iter().filter(|key| self.keys.remove(*key).is_some()).count();
                format!(":{gone}\r\n")
            }
            "SCAN" => {
                // All of it in two steps.
                let half = self.keys.len() / 2;
                let first = command[1] == "0";
                let part: Vec<&String> =
                    if first { self.keys.keys().take(half).collect() } else { self.keys.keys().collect() };
                let cursor = if first { "7" } else { "0" };
                let keys: Vec<String> =
                    part.iter().map(|key| format!("${}\r\n{key}\r\n", key.len())).collect();
                let keys = keys.concat();
                format!("*2\r\n$1\r\n{cursor}\r\n*{}\r\n{keys}", part.len())
            }
            "GET" => "$-1\r\n".to_owned(),
            other => format!("-ERR unknown command '{other}'\r\n"),
        }
    }
}

fn read_command(reader: &mut impl std::io::BufRead) -> Option<Vec<String>> {
    let line = |reader: &mut dyn std::io::BufRead| -> Option<usize> {
        let mut text = String::new();
        reader.read_line(&mut text).ok().filter(|read| *read > 0)?;
        text.trim_end()[1..].parse().ok()
    };
    let count = line(reader)?;
    let mut command = Vec::new();
    for _ in 0..count {
        let mut bytes = vec![0; line(reader)? + 2];
        reader.read_exact(&mut bytes).ok()?;
        bytes.truncate(bytes.len() - 2);
        command.push(String::from_utf8(bytes).ok()?);
    }
    Some(command)
}

async fn begin(store: &Store, what: StoreChange) -> StoreGuard {
    let place =
        StorePlace { address: store.serve(), name: "0-0".to_owned(), seed: Seed::new(1), speed: Speed::REAL };
    StoreGuard::begin(place, &what, Duration::from_secs(60)).await.expect("it begins")
}

/// Waits until it holds.
async fn eventually(mut holds: impl FnMut() -> bool) {
    let give_up = std::time::Instant::now() + Duration::from_secs(30);
    while !holds() {
        assert!(std::time::Instant::now() < give_up, "it does not hold within 30 s");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_flushed_store_is_empty_and_its_keys_are_counted() {
    let store = Store::with(120, None);
    let guard = begin(&store, StoreChange::Flush).await;
    assert_eq!(store.keys(), 0);
    assert_eq!(guard.heal(&|_| {}).await.expect("it heals").keys, 120);
}

#[tokio::test]
async fn a_share_of_the_keys_goes_and_the_rest_stays() {
    let store = Store::with(1_000, None);
    let share = Share::try_new(0.3).expect("a share");
    let guard = begin(&store, StoreChange::ExpireShare { share, pattern: None }).await;
    let gone = guard.heal(&|_| {}).await.expect("it heals").keys;
    assert!((240..360).contains(&gone), "{gone}");
    // A key that the scan shows twice is drawn twice alike and removed once.
    assert_eq!(store.keys() as u64, 1_000 - gone);
}

#[tokio::test]
async fn a_hot_key_is_read_until_it_is_healed() {
    let store = Store::with(1, None);
    let rate = Rate::try_new(500.0).expect("a rate");
    let guard = begin(&store, StoreChange::HotKey { key: "key:0".to_owned(), rate }).await;
    eventually(|| store.asked("GET key:0") >= 50).await;
    let touched = guard.heal(&|_| {}).await.expect("it heals");
    assert_eq!((touched.requests, touched.keys), (store.asked("GET") as u64, 1));
    let read = store.asked("GET");
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(store.asked("GET"), read, "it goes on");
}

#[tokio::test]
async fn what_a_fault_has_filled_in_is_removed_and_nothing_else() {
    let store = Store::with(10, None);
    let guard = begin(&store, StoreChange::Fill { bytes: 5_000_000 }).await;
    let parts = 5_000_000_usize.div_ceil(64 * 1024);
    eventually(|| store.keys() == 10 + parts).await;
    let touched = guard.heal(&|_| {}).await.expect("it heals");
    assert_eq!((touched.keys, touched.bytes), (parts as u64, 5_000_000));
    assert_eq!(store.keys(), 10);
}

#[tokio::test]
async fn a_store_that_takes_no_more_ends_the_filling_and_says_why() {
    let store = Store::with(10, Some(20));
    let guard = begin(&store, StoreChange::Fill { bytes: 5_000_000 }).await;
    eventually(|| store.asked("SET") > 10).await;
    let said = Mutex::new(Vec::new());
    let touched = guard.heal(&|text| said.lock().expect("no panic").push(text)).await.expect("it heals");
    assert_eq!((touched.keys, touched.bytes, store.keys()), (10, 10 * 64 * 1024, 10));
    let said = said.into_inner().expect("no panic");
    assert_eq!(said, ["the store took 655360 bytes: OOM command not allowed"]);
}

#[tokio::test]
async fn nobody_at_the_address_is_an_error_that_names_it() {
    let address = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("bound").to_string();
    let place = StorePlace {
        address: address.clone(),
        name: "0-0".to_owned(),
        seed: Seed::new(1),
        speed: Speed::REAL,
    };
    let error = StoreGuard::begin(place, &StoreChange::Flush, Duration::ZERO).await.expect_err("nobody");
    assert_eq!(error.to_string(), format!("{address} cannot be reached"));
}
