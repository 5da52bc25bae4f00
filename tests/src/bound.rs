//! What is promised in wall time.

use std::{
    fs::OpenOptions,
    io::Write as _,
    time::{Duration, Instant},
};

use serde_json::json;

/// Names the file to which every bound that is checked appends a line of JSON. Whoever sets it says that the
/// machine does nothing else, and bounds hold as promised.
pub const BOUNDS_FILE: &str = "LOADLAB_BOUNDS";
/// By what a promise is multiplied where tests run beside each other, and beside whatever else the machine does.
const BESIDE_OTHERS: u32 = 10;

/// A promise that something is done within a time.
///
/// Tests run on machines that do other things too, where a bound in milliseconds would tell of the machine. There
/// a bound is ten times as long, which still tells "at once" from "never" and from the time that a fault was asked
/// to last. The promise itself is measured on a quiet machine, by `cargo xtask evidence safety`.
#[derive(Debug, Clone, Copy)]
pub struct Bound {
    promise: &'static str,
    within: Duration,
}

impl Bound {
    /// Promises that `promise` holds `within` a time.
    pub const fn new(promise: &'static str, within: Duration) -> Self {
        Self { promise, within }
    }

    /// How long to wait before giving up.
    pub fn patience(self) -> Duration {
        self.within * BESIDE_OTHERS
    }

    /// Checks how long it took.
    #[track_caller]
    pub fn check(self, took: Duration) {
        let limit = match std::env::var_os(BOUNDS_FILE) {
            None => self.patience(),
            Some(path) => {
                let ms = |time: Duration| time.as_secs_f64() * 1e3;
                let line =
                    json!({ "promise": self.promise, "within_ms": ms(self.within), "took_ms": ms(took) });
                let mut file = OpenOptions::new().create(true).append(true).open(path).expect("a file");
                writeln!(file, "{line}").expect("written");
                self.within
            }
        };
        assert!(took <= limit, "{}: took {took:?}, at most {limit:?}", self.promise);
    }

    /// Polls until `ready` gives something, and checks how long that took.
    #[track_caller]
    pub fn wait_for<T>(self, mut ready: impl FnMut() -> Option<T>) -> T {
        let began = Instant::now();
        loop {
            if let Some(value) = ready() {
                self.check(began.elapsed());
                return value;
            }
            assert!(began.elapsed() < self.patience(), "{}: not after {:?}", self.promise, self.patience());
            std::thread::sleep(POLL);
        }
    }
}

/// Between two looks.
const POLL: Duration = Duration::from_millis(20);
