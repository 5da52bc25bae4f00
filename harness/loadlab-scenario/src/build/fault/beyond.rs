//! Faults beyond the network: processes, stores, the LLM, the clients.

use super::{super::Builder, Chosen};
use crate::{
    fault::{ClientChange, Disturbance, Limit, LlmChange, MemoryBound, ProcessAction, StoreChange},
    field::{At, Leaf},
    file::fault::{
        CpuLimitFile, DescriptorLimitFile, ExpireShareFile, FaultFile, FillFile, HotKeyFile, LeavingFile,
        LlmFile, MemoryLimitFile, ProcessFile, ReaderProfile, RetryStormFile, SlowReadersFile, StoreFile,
    },
    parse::quantity::Name,
};

/// What the LLM is called where the fault does not say.
const LLM: &str = "llm";
/// Most cores that a limit may leave: more than any machine of today has.
const CORES_MAX: f64 = 4096.0;
/// Fewest descriptors that a process can live with: its three streams and one more.
const DESCRIPTORS_MIN: u32 = 4;
/// More attempts than this are an attack, not a client.
const RETRIES_MAX: u32 = 100;
/// Rates of the links that browsers' tests call 3G and 4G: 1.6 and 9 Mbit/s (WebPageTest). Of their
/// round-trip times nothing is imitated.
const RATE_3G: u64 = 200_000;
const RATE_4G: u64 = 1_125_000;

impl Builder<'_> {
    /// Those of the file, each with its mistakes reported.
    pub(super) fn beyond_kinds(self, file: &FaultFile) -> Vec<Chosen> {
        let process = |at: &Option<At<ProcessFile>>, action| at.as_ref().map(|at| self.process(at, action));
        vec![
            process(&file.kill, ProcessAction::Kill),
            process(&file.terminate, ProcessAction::Terminate),
            process(&file.pause, ProcessAction::Pause),
            file.memory_limit.as_ref().map(|at| self.memory_limit(at)),
            file.cpu_limit.as_ref().map(|at| self.cpu_limit(at.value.as_ref()?)),
            file.descriptor_limit.as_ref().map(|at| self.descriptor_limit(at.value.as_ref()?)),
            file.flush.as_ref().map(|at| self.whole_store(at, StoreChange::Flush)),
            file.expire_share.as_ref().map(|at| self.expire_share(at.value.as_ref()?)),
            file.hot_key.as_ref().map(|at| self.hot_key(at.value.as_ref()?)),
            file.fill.as_ref().map(|at| self.fill(at.value.as_ref()?)),
            file.read_only.as_ref().map(|at| self.whole_store(at, StoreChange::ReadOnly)),
            file.llm.as_ref().map(|at| self.llm(at)),
            file.retry_storm.as_ref().map(|at| self.retry_storm(at.value.as_ref()?)),
            file.slow_readers.as_ref().map(|at| self.slow_readers(at)),
            file.leaving.as_ref().map(|at| self.leaving(at.value.as_ref()?)),
        ]
    }

    fn process(self, at: &At<ProcessFile>, action: ProcessAction) -> Option<Disturbance> {
        let file = at.value.as_ref()?;
        let (role, share) = (self.get(file.role), self.some_share(file.share));
        let share = file.share.and(share);
        Some(Disturbance::Process { role: role?.0, share, action })
    }

    fn memory_limit(self, at: &At<MemoryLimitFile>) -> Option<Disturbance> {
        let file = at.value.as_ref()?;
        let role = self.get(file.role);
        let (limit, above) = (self.maybe(file.limit), self.maybe(file.above_resident));
        let on_reach = self.maybe(file.on_reach);
        let bound = match (limit?, above?) {
            (Some(limit), None) => MemoryBound::Bytes(limit.0),
            (None, Some(above)) => MemoryBound::AboveResident(above.0),
            (both, _) => {
                let what = if both.is_some() { "two limits" } else { "no limit" };
                let message = format!("the fault has {what}");
                self.refuse(at.node, message, "one of `limit`, `above_resident`");
                return None;
            }
        };
        on_reach?;
        Some(Disturbance::Limit { role: role?.0, limit: Limit::Memory(bound) })
    }

    fn cpu_limit(self, file: &CpuLimitFile) -> Option<Disturbance> {
        let (role, cores) = (self.get(file.role), self.get(file.cores));
        if cores.is_some_and(|cores| !(0.01..=CORES_MAX).contains(&cores)) {
            self.wrong_leaf(&file.cores, format!("a limit leaves 0.01 to {CORES_MAX} cores"));
        }
        Some(Disturbance::Limit { role: role?.0, limit: Limit::Cpu { cores: cores? } })
    }

    fn descriptor_limit(self, file: &DescriptorLimitFile) -> Option<Disturbance> {
        let (role, max) = (self.get(file.role), self.get(file.limit));
        if max.is_some_and(|max| max < DESCRIPTORS_MIN) {
            self.wrong_leaf(&file.limit, format!("a process needs {DESCRIPTORS_MIN} descriptors or more"));
        }
        Some(Disturbance::Limit { role: role?.0, limit: Limit::Descriptors { max: max? } })
    }

    fn whole_store(self, at: &At<StoreFile>, what: StoreChange) -> Option<Disturbance> {
        let role = self.get(at.value.as_ref()?.role)?.0;
        Some(Disturbance::Store { role, what })
    }

    fn expire_share(self, file: &ExpireShareFile) -> Option<Disturbance> {
        let (role, share) = (self.get(file.role), self.some_share(Some(file.share)));
        let pattern = self.maybe(file.pattern);
        let what = StoreChange::ExpireShare { share: share?, pattern: pattern? };
        Some(Disturbance::Store { role: role?.0, what })
    }

    fn hot_key(self, file: &HotKeyFile) -> Option<Disturbance> {
        let (role, key, rate) = (self.get(file.role), self.get(file.key), self.get(file.rate));
        if rate.is_some_and(|rate| rate.per_second() <= 0.0) {
            self.wrong_leaf(&file.rate, "a key that is never read is not hot");
        }
        Some(Disturbance::Store { role: role?.0, what: StoreChange::HotKey { key: key?, rate: rate? } })
    }

    fn fill(self, file: &FillFile) -> Option<Disturbance> {
        let (role, bytes) = (self.get(file.role), self.get(file.bytes));
        Some(Disturbance::Store { role: role?.0, what: StoreChange::Fill { bytes: bytes?.0 } })
    }

    fn llm(self, at: &At<LlmFile>) -> Option<Disturbance> {
        let file = at.value.as_ref()?;
        let role = self.or(file.role, Name(LLM.to_owned()));
        let changes = [
            file.slow.map(|leaf| self.lasting(leaf, "the time of a call").map(LlmChange::Slow)),
            file.errors.map(|leaf| self.some_share(Some(leaf)).map(LlmChange::Errors)),
            file.rate_limit.map(|leaf| {
                let rate = self.get(leaf)?;
                if rate.per_second() <= 0.0 {
                    self.wrong_leaf(&leaf, "a limit of nothing is an outage: `outage: true`");
                }
                Some(LlmChange::RateLimit(rate))
            }),
            file.outage.map(|leaf| self.on(leaf, LlmChange::Outage)),
            file.wrong_dimensions.map(|leaf| self.on(leaf, LlmChange::WrongDimensions)),
            file.garbage.map(|leaf| self.on(leaf, LlmChange::Garbage)),
        ];
        let mut chosen: Vec<Option<LlmChange>> = changes.into_iter().flatten().collect();
        if chosen.len() != 1 {
            let what = if chosen.is_empty() { "does not say how the LLM is" } else { "does several things" };
            let accepted = "one of `slow`, `errors`, `rate_limit`, `outage`, `wrong_dimensions`, `garbage`";
            self.refuse(at.node, format!("the fault {what}"), accepted);
            return None;
        }
        Some(Disturbance::Llm { role: role?.0, what: chosen.remove(0)? })
    }

    /// A change that is there or not.
    fn on(self, leaf: Leaf<bool>, what: LlmChange) -> Option<LlmChange> {
        let on = self.get(leaf)?;
        if !on {
            self.wrong_leaf(&leaf, "the fault would do nothing");
        }
        on.then_some(what)
    }

    fn retry_storm(self, file: &RetryStormFile) -> Option<Disturbance> {
        let (retries, share) =
            (self.positive(file.retries, "the number of extra attempts"), self.some_share(file.share));
        if retries.is_some_and(|retries| retries > RETRIES_MAX) {
            self.wrong_leaf(&file.retries, format!("at most {RETRIES_MAX} extra attempts"));
        }
        let what = ClientChange::RetryStorm { retries: retries?, share: share? };
        Some(Disturbance::Clients { what })
    }

    fn slow_readers(self, at: &At<SlowReadersFile>) -> Option<Disturbance> {
        let file = at.value.as_ref()?;
        let share = self.some_share(file.share);
        let bytes_per_s = match (file.profile, file.rate) {
            (Some(profile), None) => self.get(profile).map(|profile| match profile {
                ReaderProfile::ThirdGeneration => RATE_3G,
                ReaderProfile::FourthGeneration => RATE_4G,
            }),
            (None, Some(rate)) => self.get(rate).map(|rate| rate.0),
            (profile, _) => {
                let what = if profile.is_some() { "two rates" } else { "no rate" };
                self.refuse(at.node, format!("the fault has {what}"), "one of `profile`, `rate`");
                None
            }
        };
        let what = ClientChange::SlowReaders { share: share?, bytes_per_s: bytes_per_s? };
        Some(Disturbance::Clients { what })
    }

    fn leaving(self, file: &LeavingFile) -> Option<Disturbance> {
        let (share, after) = (self.some_share(file.share), self.get(file.after));
        let what = ClientChange::Leaving { share: share?, after: after? };
        Some(Disturbance::Clients { what })
    }
}
