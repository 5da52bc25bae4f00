//! How a user's client behaves, and everything that is drawn.

use std::time::Duration;

use loadlab_clock::Distribution;

use super::Builder;
use crate::{
    field::{At, Either, Leaf},
    file::client::{
        BackoffFile, ClientFile, DrawFile, ExponentialBackoffFile, FastReader, Immediate, LeavesFile,
        NoRetries, ReaderFile, RetriesFile,
    },
    plan::{Backoff, Client, Leaves, Reader, Retries, RetryAfter, Think},
    quantity::Share,
};

/// As many as browsers open to one host over HTTP/1.1.
const CONNECTIONS: u32 = 6;
/// More than any client opens to one host.
const CONNECTIONS_MAX: u32 = 1000;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// The gateway's HTTP time-out in the stress-test report.
const TIMEOUT: Duration = Duration::from_secs(30);
/// More attempts than this are an attack, not a client.
const RETRIES_MAX: u32 = 100;
const BACKOFF_MAX: Duration = Duration::from_secs(10);

impl Builder<'_> {
    pub(super) fn client(self, client: Option<&At<ClientFile>>) -> Option<Client> {
        let Some(client) = client else { return Some(default_client()) };
        let file = client.value.as_ref()?;
        let default = default_client();
        let connections = file.connections.map_or(Some(CONNECTIONS), |leaf| {
            let connections = self.positive(leaf, "the number of connections")?;
            if connections > CONNECTIONS_MAX {
                self.wrong_leaf(&leaf, format!("at most {CONNECTIONS_MAX} connections for each user"));
            }
            Some(connections)
        });
        let connect_timeout = file
            .connect_timeout
            .map_or(Some(CONNECT_TIMEOUT), |leaf| self.lasting(leaf, "the time to connect"));
        let timeout = file.timeout.map_or(Some(TIMEOUT), |leaf| self.lasting(leaf, "the time-out"));
        let reuse = self.or(file.reuse, default.reuse);
        let patience = file.patience.as_ref().map_or(Some(None), |patience| self.draw(patience).map(Some));
        let retries = file.retries.as_ref().map_or(Some(no_retries()), |retries| self.retries(retries));
        let reader = file.reader.as_ref().map_or(Some(Reader::Fast), |reader| self.reader(reader));
        let leaves = file.leaves.as_ref().map_or(Some(None), |leaves| self.leaves(leaves).map(Some));
        Some(Client {
            connections: connections?,
            reuse: reuse?,
            connect_timeout: connect_timeout?,
            timeout: timeout?,
            patience: patience?,
            retries: retries?,
            reader: reader?,
            leaves: leaves?,
        })
    }

    fn retries(self, retries: &Either<NoRetries, RetriesFile>) -> Option<Retries> {
        let file = match retries {
            Either::Short(none) => return self.get(*none).map(|NoRetries| no_retries()),
            Either::Long(long) => long.value.as_ref()?,
        };
        let max = self.get(file.max);
        if max.is_some_and(|max| max > RETRIES_MAX) {
            self.wrong_leaf(&file.max, format!("at most {RETRIES_MAX} extra attempts"));
        }
        let share = self.or(file.share, Share::ALL);
        let backoff = file.backoff.as_ref().map_or(Some(Backoff::Immediate), |backoff| self.backoff(backoff));
        let after = file.after.as_ref().map_or_else(|| Some(all_ends()), |after| self.ends(after));
        let budget = self.maybe(file.budget);
        Some(Retries { max: max?, share: share?, backoff: backoff?, after: after?, budget: budget? })
    }

    fn ends(self, after: &At<Vec<Leaf<RetryAfter>>>) -> Option<Vec<RetryAfter>> {
        let leaves = after.value.as_ref()?;
        if leaves.is_empty() {
            self.refuse(after.node, "no end of an attempt is named", "some of them, or `retries: none`");
        }
        let mut ends = Vec::new();
        for leaf in leaves {
            let Some(end) = self.get(*leaf) else { continue };
            if ends.contains(&end) {
                let text = self.text(leaf).unwrap_or_default();
                self.wrong_leaf(leaf, format!("`{text}` is named twice"));
            }
            ends.push(end);
        }
        Some(ends)
    }

    fn backoff(self, backoff: &Either<Immediate, BackoffFile>) -> Option<Backoff> {
        match backoff {
            Either::Short(word) => self.get(*word).map(|Immediate| Backoff::Immediate),
            Either::Long(long) => {
                let BackoffFile::Exponential(exponential) = long.value.as_ref()?;
                self.exponential(exponential.value.as_ref()?)
            }
        }
    }

    fn exponential(self, file: &ExponentialBackoffFile) -> Option<Backoff> {
        let base = self.lasting(file.base, "the first pause");
        let factor = self.or(file.factor, 2.0);
        let max = self.maybe(file.max);
        let jitter = self.or(file.jitter, Share::ALL);
        if let (Some(factor), Some(leaf)) = (factor, file.factor)
            && !(1.0..=1000.0).contains(&factor)
        {
            self.wrong_leaf(&leaf, format!("the factor {factor} is not between 1 and 1000"));
        }
        if let (Some(base), Some(Some(max)), Some(leaf)) = (base, max, file.max)
            && max < base
        {
            self.wrong_leaf(&leaf, "the longest pause is below the first");
        }
        let max = max?.unwrap_or(BACKOFF_MAX.max(base?));
        Some(Backoff::Exponential { base: base?, factor: factor?, max, jitter: jitter? })
    }

    fn reader(self, reader: &Either<FastReader, ReaderFile>) -> Option<Reader> {
        match reader {
            Either::Short(word) => self.get(*word).map(|FastReader| Reader::Fast),
            Either::Long(long) => {
                let ReaderFile::Slow(slow) = long.value.as_ref()?;
                let file = slow.value.as_ref()?;
                let share = self.or(file.share, Share::ALL);
                let rate = self.get(file.rate);
                Some(Reader::Slow { share: share?, bytes_per_s: rate?.0 })
            }
        }
    }

    fn leaves(self, leaves: &At<LeavesFile>) -> Option<Leaves> {
        let file = leaves.value.as_ref()?;
        let share = self.or(file.share, Share::ALL);
        let after = self.draw(&file.after);
        Some(Leaves { share: share?, after: after? })
    }

    /// A drawn duration, or always `default`.
    pub(super) fn draw_or_constant(
        self,
        draw: Option<&Either<Duration, DrawFile>>,
        default: Duration,
    ) -> Option<Think> {
        draw.map_or(Some(Think::of(Distribution::Constant(default))), |draw| self.draw(draw))
    }

    pub(super) fn draw(self, draw: &Either<Duration, DrawFile>) -> Option<Think> {
        let constant = |duration| Think::of(Distribution::Constant(duration));
        let long = match draw {
            Either::Short(duration) => return self.get(*duration).map(constant),
            Either::Long(long) => long.value.as_ref()?,
        };
        match long {
            DrawFile::Constant(duration) => self.get(*duration).map(constant),
            DrawFile::Uniform(uniform) => {
                let file = uniform.value.as_ref()?;
                let (min, max) = (self.get(file.min), self.get(file.max));
                let (min, max) = (min?, max?);
                if min > max {
                    self.wrong_leaf(&file.max, "`max` is below `min`");
                }
                Some(Think::of(Distribution::Uniform { min, max }))
            }
            DrawFile::Exponential(exponential) => {
                let file = exponential.value.as_ref()?;
                let (mean, bounds) = (self.lasting(file.mean, "the mean"), self.bounds(file.min, file.max));
                let (draw, (min, max)) = (Distribution::Exponential { mean: mean? }, bounds?);
                Some(Think { draw, min, max })
            }
            DrawFile::Lognormal(lognormal) => {
                let file = lognormal.value.as_ref()?;
                let median = self.lasting(file.median, "the median");
                let (sigma, bounds) = (self.get(file.sigma), self.bounds(file.min, file.max));
                if sigma.is_some_and(|sigma| !(0.0..=10.0).contains(&sigma)) {
                    self.wrong_leaf(&file.sigma, "`sigma` is not between 0 and 10");
                }
                let draw = Distribution::Lognormal { median: median?, sigma: sigma? };
                let (min, max) = bounds?;
                Some(Think { draw, min, max })
            }
        }
    }

    /// The bounds of what is drawn.
    fn bounds(
        self,
        min: Option<Leaf<Duration>>,
        max: Option<Leaf<Duration>>,
    ) -> Option<(Option<Duration>, Option<Duration>)> {
        let bounds = (self.maybe(min)?, self.maybe(max)?);
        if let ((Some(least), Some(most)), Some(leaf)) = (bounds, max)
            && least > most
        {
            self.wrong_leaf(&leaf, "`max` is below `min`");
        }
        Some(bounds)
    }
}

fn default_client() -> Client {
    Client {
        connections: CONNECTIONS,
        reuse: true,
        connect_timeout: CONNECT_TIMEOUT,
        timeout: TIMEOUT,
        patience: None,
        retries: no_retries(),
        reader: Reader::Fast,
        leaves: None,
    }
}

fn no_retries() -> Retries {
    Retries { max: 0, share: Share::NONE, backoff: Backoff::Immediate, after: Vec::new(), budget: None }
}

fn all_ends() -> Vec<RetryAfter> {
    use crate::parse::Words as _;
    RetryAfter::WORDS.iter().map(|(_, end)| *end).collect()
}
