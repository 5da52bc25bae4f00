//! Limits of processes that faults ask for: handed to the keeper, and its answers handed back.

use std::io;

use loadlab_chaos::schedule::{LimitAnswer, LimitState};
use loadlab_scenario::fault::{Limit, MemoryBound};
use loadlab_stack::{LimitSaid, Limited, RoleLimit, Stack};

/// Those who wait for an answer, in the order in which they asked.
#[derive(Debug, Default)]
pub(crate) struct Limits {
    waiting: Vec<(String, Limited, LimitAnswer)>,
}

impl Limits {
    /// Asks for a limit, or for its end.
    pub(crate) async fn ask(
        &mut self,
        stack: &mut Stack,
        role: &str,
        (limit, is_on): (Limit, bool),
        answer: LimitAnswer,
    ) -> io::Result<()> {
        let limit = for_a_role(limit);
        self.waiting.push((role.to_owned(), limit.what(), answer));
        if is_on { stack.limit(role, limit).await } else { stack.unlimit(role, limit.what()).await }
    }

    /// The keeper answers in the order in which it was asked.
    pub(crate) fn said(&mut self, said: LimitSaid) {
        let LimitSaid { role, what, outcome, met } = said;
        let asked = |(asked, of, _): &(String, Limited, LimitAnswer)| *asked == role && *of == what;
        let Some(place) = self.waiting.iter().position(asked) else { return };
        let (_, _, answer) = self.waiting.remove(place);
        // Whoever does not wait any more has given up.
        let _ = answer.send(outcome.map(|how| LimitState { how, met }));
    }

    /// There are no answers any more.
    pub(crate) fn lost(&mut self) {
        self.waiting.clear();
    }
}

fn for_a_role(limit: Limit) -> RoleLimit {
    match limit {
        Limit::Memory(MemoryBound::Bytes(bytes)) => RoleLimit::Memory(bytes),
        Limit::Memory(MemoryBound::AboveResident(bytes)) => RoleLimit::MemoryAbove(bytes),
        Limit::Cpu { cores } => RoleLimit::CpuMillicores((cores * 1e3).round() as u64),
        Limit::Descriptors { max } => RoleLimit::Descriptors(max),
    }
}
