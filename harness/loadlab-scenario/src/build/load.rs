//! How arrivals come.

use std::time::Duration;

use super::Builder;
use crate::{
    document::NodeId,
    field::{At, Leaf},
    file::load::{ArrivalsFile, BurstFile, ClosedFile, LoadFile, RateStageFile, UserStageFile},
    plan::{Load, Process, RateStage, UserStage},
    quantity::Rate,
};

/// Most users at once. A generator of one machine has some 28,000 ports.
const USERS_MAX: u32 = 1_000_000;
/// Most arrivals of a run: what fits into the generator's counters and somebody's patience.
const ARRIVALS_MAX: f64 = 1e9;

const RATE_FORMS: &str =
    "`{ rate: 50/s, for: 60s }`, `{ from: 10/s, to: 100/s, over: 60s }` or `{ stages: […] }`";
const USER_FORMS: &str = "`{ count: 50, for: 5m }` or `{ stages: [{ users: 50, ramp: 30s, hold: 5m }] }`";

impl Builder<'_> {
    pub(super) fn load(self, load: &At<LoadFile>) -> Option<Load> {
        match load.value.as_ref()? {
            LoadFile::Burst(burst) => self.burst(burst.value.as_ref()?),
            LoadFile::Users(users) => self.closed(users.node, users.value.as_ref()?),
            LoadFile::Arrivals(arrivals) => self.arrivals(arrivals.node, arrivals.value.as_ref()?),
        }
    }

    fn burst(self, file: &BurstFile) -> Option<Load> {
        let users = self.positive(file.users, "the number of users");
        let within = self.or(file.within, Duration::ZERO);
        Some(Load::Burst { users: self.few_enough(file.users, users?)?, within: within? })
    }

    fn few_enough(self, leaf: Leaf<u32>, users: u32) -> Option<u32> {
        if users > USERS_MAX {
            self.wrong_leaf(&leaf, format!("{users} users are too many; at most {USERS_MAX}"));
            return None;
        }
        Some(users)
    }

    fn closed(self, node: NodeId, file: &ClosedFile) -> Option<Load> {
        let think = self.draw_or_constant(file.think.as_ref(), Duration::ZERO);
        let simple = file.count.is_some() || file.r#for.is_some() || file.ramp.is_some();
        let stages = match &file.stages {
            Some(stages) if simple => {
                self.refuse(node, "`stages` excludes `count`, `for` and `ramp`", USER_FORMS);
                self.user_stages(stages)
            }
            Some(stages) => self.user_stages(stages),
            None => self.one_user_stage(node, file).map(|stage| vec![stage]),
        };
        Some(Load::Users { stages: stages?, think: think? })
    }

    fn one_user_stage(self, node: NodeId, file: &ClosedFile) -> Option<UserStage> {
        let (Some(count), Some(hold)) = (file.count, file.r#for) else {
            let missing = if file.count.is_none() { "count" } else { "for" };
            self.refuse(node, format!("`users` needs `{missing}`"), USER_FORMS);
            return None;
        };
        let users =
            self.positive(count, "the number of users").and_then(|users| self.few_enough(count, users));
        let hold = self.lasting(hold, "the time that users stay");
        let ramp = self.or(file.ramp, Duration::ZERO);
        Some(UserStage { users: users?, ramp: ramp?, hold: hold? })
    }

    fn user_stages(self, stages: &At<Vec<At<UserStageFile>>>) -> Option<Vec<UserStage>> {
        let files = stages.value.as_ref()?;
        let built: Vec<Option<UserStage>> = files.iter().map(|stage| self.user_stage(stage)).collect();
        let built: Vec<UserStage> = built.into_iter().collect::<Option<_>>()?;
        if built.iter().all(|stage| stage.users == 0) {
            self.wrong(stages.node, "no stage has a user");
            return None;
        }
        Some(built)
    }

    fn user_stage(self, stage: &At<UserStageFile>) -> Option<UserStage> {
        let file = stage.value.as_ref()?;
        let users = self.get(file.users).and_then(|users| self.few_enough(file.users, users));
        let ramp = self.or(file.ramp, Duration::ZERO);
        let hold = self.or(file.hold, Duration::ZERO);
        let stage_built = UserStage { users: users?, ramp: ramp?, hold: hold? };
        if stage_built.ramp.is_zero() && stage_built.hold.is_zero() {
            self.refuse(stage.node, "the stage takes no time", "`ramp`, `hold` or both");
            return None;
        }
        Some(stage_built)
    }

    fn arrivals(self, node: NodeId, file: &ArrivalsFile) -> Option<Load> {
        let process = self.or(file.process, Process::Poisson);
        let one = RateStageFile {
            rate: file.rate,
            r#for: file.r#for,
            from: file.from,
            to: file.to,
            over: file.over,
        };
        let simple = [one.rate, one.from, one.to].iter().any(Option::is_some)
            || one.r#for.is_some()
            || one.over.is_some();
        let stages = match &file.stages {
            Some(stages) if simple => {
                self.refuse(node, "`stages` excludes a rate beside it", RATE_FORMS);
                self.rate_stages(stages)
            }
            Some(stages) => self.rate_stages(stages),
            None => self.rate_stage(node, &one, Some(rate_of(0.0))).map(|stage| vec![stage]),
        };
        let load = Load::Arrivals { stages: stages?, process: process? };
        let arrivals = load.arrivals().unwrap_or(0.0);
        if arrivals < 1.0 {
            self.wrong(node, "not one arrival would come");
        } else if arrivals > ARRIVALS_MAX {
            self.wrong(node, format!("{arrivals:.0} arrivals are too many; at most {ARRIVALS_MAX:.0}"));
        }
        Some(load)
    }

    fn rate_stages(self, stages: &At<Vec<At<RateStageFile>>>) -> Option<Vec<RateStage>> {
        let files = stages.value.as_ref()?;
        if files.is_empty() {
            self.refuse(stages.node, "there is no stage", RATE_FORMS);
            return None;
        }
        // Unknown after a stage that could not be read.
        let mut before = Some(rate_of(0.0));
        let mut built = Vec::with_capacity(files.len());
        for stage in files {
            let one = stage.value.as_ref().and_then(|file| self.rate_stage(stage.node, file, before));
            before = one.as_ref().map(|stage| stage.to);
            built.push(one);
        }
        built.into_iter().collect()
    }

    /// `before` is the rate at which a ramp begins that does not say so.
    fn rate_stage(self, node: NodeId, file: &RateStageFile, before: Option<Rate>) -> Option<RateStage> {
        let constant = file.rate.is_some() || file.r#for.is_some();
        let ramp = file.from.is_some() || file.to.is_some() || file.over.is_some();
        match (constant, ramp) {
            (true, true) => {
                self.refuse(node, "a constant rate and a ramp exclude each other", RATE_FORMS);
                None
            }
            (true, false) => {
                let (Some(rate), Some(over)) = (file.rate, file.r#for) else {
                    let missing = if file.rate.is_none() { "rate" } else { "for" };
                    self.refuse(node, format!("a constant rate needs `{missing}`"), RATE_FORMS);
                    return None;
                };
                let rate = self.get(rate);
                let over = self.lasting(over, "the time of a stage");
                Some(RateStage { from: rate?, to: rate?, over: over? })
            }
            (false, true) => {
                let (Some(to), Some(over)) = (file.to, file.over) else {
                    let missing = if file.to.is_none() { "to" } else { "over" };
                    self.refuse(node, format!("a ramp needs `{missing}`"), RATE_FORMS);
                    return None;
                };
                let from = file.from.map_or(before, |from| self.get(from));
                let to = self.get(to);
                let over = self.lasting(over, "the time of a stage");
                Some(RateStage { from: from?, to: to?, over: over? })
            }
            (false, false) => {
                self.refuse(node, "the rate is missing", RATE_FORMS);
                None
            }
        }
    }
}

fn rate_of(per_second: f64) -> Rate {
    Rate::try_new(per_second).expect("zero is a rate")
}
