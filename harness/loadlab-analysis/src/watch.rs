//! What is looked for while the run goes on: conditions that end it, conditions that begin a fault, and
//! limits of the faults' reach. Somebody else acts on what is seen here.
//!
//! A condition is evaluated on the newest stretch of its window, when a second is over, by the function
//! that judges the final record.

use loadlab_record::{EventKind, RunEvent, Scrape, Window};
use loadlab_scenario::{
    condition::{LiveCondition, MaxBlast},
    objective::{Measure, Objective, ShareOf},
    plan::Plan,
};

use crate::{Live, Rules, View, conditions::held, evaluate, unit, words::value_text};

/// Arrivals below which the share that faults cost says nothing.
const SAMPLES_MIN: u64 = 20;

/// Something that somebody has to act on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Alarm {
    /// A condition of `abort_if` holds: the run is to end.
    End {
        /// The condition with its window.
        condition: String,
        /// What was observed, with its unit.
        observed: String,
    },
    /// What a fault waits for holds: it is to begin.
    Begin {
        /// Its name.
        fault: String,
        /// The condition with its window.
        condition: String,
        /// What was observed, with its unit.
        observed: String,
    },
    /// A limit of `max_blast` is passed: faults are to be healed, and no other is to begin.
    StopFaults {
        /// The limit, and what was observed.
        reason: String,
    },
}

/// Conditions and limits, looked at as windows, scrapes and events come.
#[derive(Debug, Clone)]
pub struct Watch {
    /// Evaluates the conditions, by their index.
    live: Live,
    awaited: Vec<Awaited>,
    blast: Blast,
}

/// A condition, what for, and whether it was seen to hold.
#[derive(Debug, Clone)]
struct Awaited {
    condition: LiveCondition,
    purpose: Purpose,
    seen: bool,
}

#[derive(Debug, Clone)]
enum Purpose {
    End,
    Begin {
        fault: String,
        /// Not before this, in scenario seconds.
        not_before_s: f64,
    },
}

/// How far the faults have reached.
#[derive(Debug, Clone)]
struct Blast {
    limits: MaxBlast,
    rules: Rules,
    /// Faults by name, from when to when in scenario seconds.
    spans: Vec<(String, f64, Option<f64>)>,
    /// What ended while faults were on.
    reached: Window,
    stopped: bool,
}

impl Watch {
    /// Nothing has happened yet.
    pub fn new(plan: &Plan) -> Self {
        let ends = plan.abort_if.iter().map(|condition| (condition, Purpose::End));
        let begins = plan.faults.iter().filter_map(|fault| {
            let (fault_name, not_before_s) = (fault.name.clone(), fault.at.as_secs_f64());
            let purpose = Purpose::Begin { fault: fault_name, not_before_s };
            fault.when.as_ref().map(|condition| (condition, purpose))
        });
        let awaited: Vec<Awaited> = ends
            .chain(begins)
            .map(|(condition, purpose)| Awaited { condition: condition.clone(), purpose, seen: false })
            .collect();
        let rules = Rules::of(plan);
        let objectives: Vec<Objective> = awaited.iter().map(|one| one.condition.that.clone()).collect();
        let blast = Blast {
            limits: plan.max_blast.clone(),
            rules,
            spans: Vec::new(),
            reached: Window::default(),
            stopped: false,
        };
        Self { live: Live::of(rules, &objectives), awaited, blast }
    }

    /// Takes what a role published. Scrapes come in order of time.
    pub fn scrape(&mut self, scrape: &Scrape) {
        self.live.scrape(scrape);
    }

    /// Takes what happened to a fault.
    pub fn event(&mut self, event: &RunEvent) -> Option<Alarm> {
        self.blast.event(event)
    }

    /// Takes a second that is over. Windows come in order.
    pub fn window(&mut self, window: &Window) -> Vec<Alarm> {
        self.live.window(window);
        let mut alarms: Vec<Alarm> = self.blast.window(window).into_iter().collect();
        for index in 0..self.awaited.len() {
            alarms.extend(self.alarm(index, (window.second + 1) as f64));
        }
        alarms
    }

    fn alarm(&mut self, index: usize, now_s: f64) -> Option<Alarm> {
        let seen = self.live.observe(index)?;
        let one = &mut self.awaited[index];
        let too_early = matches!(one.purpose, Purpose::Begin { not_before_s, .. } if now_s < not_before_s);
        if one.seen || too_early || held(&one.condition.that, &seen, one.condition.min_samples) != Some(true)
        {
            return None;
        }
        one.seen = true;
        let condition = one.condition.to_string();
        let observed = value_text(seen.value.unwrap_or_default(), unit(&one.condition.that.measure));
        match &one.purpose {
            Purpose::End => Some(Alarm::End { condition, observed }),
            Purpose::Begin { fault, .. } => {
                let fault = fault.clone();
                self.blast.admit(Alarm::Begin { fault, condition, observed })
            }
        }
    }
}

impl Blast {
    fn event(&mut self, event: &RunEvent) -> Option<Alarm> {
        let at = event.at.as_secs_f64();
        match &event.what {
            EventKind::FaultBegan { name, .. } => {
                self.spans.push((name.clone(), at, None));
                let on = self.on();
                self.limits.at_once.filter(|limit| on > *limit as usize)?;
                self.stop(self.too_many(on))
            }
            EventKind::FaultEnded { name, .. } | EventKind::FaultFailed { name, .. } => {
                let open = self.spans.iter_mut().rfind(|(known, _, to)| known == name && to.is_none());
                open?.2 = Some(at);
                None
            }
            _ => None,
        }
    }

    /// Lets a fault begin, unless that is one too many.
    fn admit(&mut self, begin: Alarm) -> Option<Alarm> {
        if self.stopped {
            return None;
        }
        let with = self.on() + 1;
        match self.limits.at_once {
            Some(limit) if with > limit as usize => self.stop(self.too_many(with)),
            _ => Some(begin),
        }
    }

    fn window(&mut self, window: &Window) -> Option<Alarm> {
        let limit = self.limits.loss?;
        let (from, to) = (window.second as f64, (window.second + 1) as f64);
        let under_fault = |(_, began, ended): &(String, f64, Option<f64>)| {
            *began < to && ended.is_none_or(|end| end > from)
        };
        if window.second < self.rules.first_second || !self.spans.iter().any(under_fault) {
            return None;
        }
        self.reached.merge(window);
        let windows = std::slice::from_ref(&self.reached);
        let view = View { windows, seconds: 0.0, metric: None, rules: &self.rules };
        let seen = evaluate(&Measure::Share { of: ShareOf::Loss, step: None }, &view);
        let lost = seen.value.filter(|lost| seen.samples >= SAMPLES_MIN && *lost > limit.get())?;
        self.stop(format!(
            "{} of the arrivals were lost while faults were on, where {} is allowed",
            value_text(lost, "share"),
            value_text(limit.get(), "share")
        ))
    }

    /// Faults that are on.
    fn on(&self) -> usize {
        self.spans.iter().filter(|(.., to)| to.is_none()).count()
    }

    fn too_many(&self, on: usize) -> String {
        let limit = self.limits.at_once.unwrap_or_default();
        format!("{on} faults at the same time, where {limit} may be")
    }

    /// Once: what is stopped stays so.
    fn stop(&mut self, reason: String) -> Option<Alarm> {
        (!std::mem::replace(&mut self.stopped, true)).then_some(Alarm::StopFaults { reason })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use loadlab_clock::Offset;
    use loadlab_record::{Outcome, Touched};
    use loadlab_scenario::{
        fault::{Disturbance, Fault, ProcessAction},
        objective::{MetricStatistic, Statistic},
        quantity::Share,
    };

    use super::*;
    use crate::made_up::{MadeUp, at_least, in_every, metric, response, share};

    const OK: Outcome = Outcome::Ok;
    const BAD: Outcome = Outcome::Status;

    /// More than half of the arrivals of three seconds fail.
    fn half_fail(min_samples: u32) -> LiveCondition {
        LiveCondition { that: in_every(3, at_least(share(ShareOf::Errors), 0.5)), min_samples }
    }

    fn waiting(name: &str, at: u64, when: Option<LiveCondition>) -> Fault {
        let (at, lasts) = (Duration::from_secs(at), Duration::from_secs(5));
        let what = Disturbance::Process { role: "a".to_owned(), share: None, action: ProcessAction::Kill };
        Fault { name: name.to_owned(), at, lasts, every: None, ramp: None, seed: None, when, what }
    }

    fn watch(change: impl FnOnce(&mut Plan)) -> Watch {
        Watch::new(&MadeUp::new().plan(change).finished().plan)
    }

    fn second(second: u64, ended: &[(Outcome, usize)]) -> Window {
        let mut window = Window { second, ..Window::default() };
        for (outcome, count) in ended {
            for _ in 0..*count {
                window.ended.add(*outcome);
                window.response.record_micros(100_000);
            }
        }
        window
    }

    /// When and what, from seconds with so many good and bad endings.
    fn alarms(watch: &mut Watch, seconds: &[(usize, usize)]) -> Vec<(u64, Alarm)> {
        let all = seconds.iter().zip(0..).flat_map(|((good, bad), at)| {
            let found = watch.window(&second(at, &[(OK, *good), (BAD, *bad)]));
            found.into_iter().map(move |alarm| (at, alarm))
        });
        all.collect()
    }

    fn event(at: u64, began: bool, name: &str) -> RunEvent {
        let name = name.to_owned();
        let what = if began {
            EventKind::FaultBegan { name, kind: "kill".to_owned(), place: "a".to_owned() }
        } else {
            EventKind::FaultEnded { name, touched: Some(Touched::default()) }
        };
        RunEvent { at: Offset::from_micros(at * 1_000_000), what }
    }

    #[test]
    fn a_condition_ends_the_run_once_the_newest_stretch_holds_enough() {
        let mut half = watch(|plan| plan.abort_if = vec![half_fail(20)]);
        let found = alarms(&mut half, &[(10, 0), (10, 0), (10, 0), (5, 5), (4, 6), (0, 10), (0, 10)]);
        let [(at, Alarm::End { condition, observed })] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!((*at, observed.as_str()), (5, "70 %"), "21 of 30 in seconds 3 to 5: 5 + 6 + 10");
        assert!(condition.ends_with(" for 3s"), "{condition}");
    }

    #[test]
    fn a_near_miss_ends_nothing() {
        let mut watch = watch(|plan| plan.abort_if = vec![half_fail(20)]);
        assert_eq!(alarms(&mut watch, &[(10, 0), (4, 6), (6, 4), (5, 4), (9, 8)]), []);
    }

    #[test]
    fn few_samples_and_short_stretches_say_nothing() {
        let mut few = watch(|plan| plan.abort_if = vec![half_fail(20)]);
        assert_eq!(alarms(&mut few, &[(0, 6), (0, 6), (0, 7), (0, 6)]), [], "19 in each");
        assert_eq!(alarms(&mut few, &[]), []);
        let mut short = watch(|plan| plan.abort_if = vec![half_fail(20)]);
        assert_eq!(alarms(&mut short, &[(0, 100), (0, 100)]), [], "two of three seconds");
    }

    #[test]
    fn the_warm_up_says_nothing() {
        let mut watch = watch(|plan| {
            plan.abort_if = vec![half_fail(20)];
            plan.warm_up = Duration::from_secs(3);
        });
        let found = alarms(&mut watch, &[(0, 10), (0, 10), (0, 10), (0, 10), (0, 10), (0, 10)]);
        assert_eq!(found.iter().map(|(at, _)| *at).collect::<Vec<_>>(), [5]);
    }

    #[test]
    fn a_metric_is_looked_at_too_and_needs_no_samples() {
        let that = in_every(2, at_least(metric("pool_waiting", MetricStatistic::Peak), 9.0));
        let mut watch = watch(|plan| plan.abort_if = vec![LiveCondition { that, min_samples: 20 }]);
        let run = MadeUp::new()
            .published(1_500, &[("pool_waiting", 8.0)])
            .published(4_500, &[("pool_waiting", 9.0)]);
        for line in run.journal(loadlab_record::EndReason::Finished).lines {
            if let loadlab_record::JournalLine::Scrape(scrape) = line {
                let before = scrape.at.as_secs_f64() as u64;
                for at in 0..before {
                    assert_eq!(watch.window(&second(at, &[])), []);
                }
                watch.scrape(&scrape);
            }
        }
        let found = watch.window(&second(4, &[]));
        assert!(matches!(found.as_slice(), [Alarm::End { observed, .. }] if observed == "9"), "{found:?}");
    }

    #[test]
    fn a_fault_begins_once_its_condition_holds_and_not_before_its_time() {
        let wait = |at| watch(|plan| plan.faults = vec![waiting("f", at, Some(half_fail(20)))]);
        let bad = [(0, 10); 8];
        let begun = |at| -> Vec<(u64, String)> {
            let found = alarms(&mut wait(at), &bad).into_iter().map(|(at, alarm)| match alarm {
                Alarm::Begin { fault, observed, .. } => (at, format!("{fault} at {observed}")),
                other => panic!("{other:?}"),
            });
            found.collect()
        };
        assert_eq!(begun(0), [(2, "f at 100 %".to_owned())]);
        assert_eq!(begun(6), [(5, "f at 100 %".to_owned())], "at the end of the sixth second");
        assert_eq!(begun(9), []);
    }

    #[test]
    fn faults_that_cost_too_much_are_stopped_once() {
        let limited = || watch(|plan| plan.max_blast.loss = Share::try_new(0.5).ok());
        let mut costly = limited();
        assert_eq!(alarms(&mut costly, &[(0, 30)]), [], "no fault is on");
        assert_eq!(costly.event(&event(1, true, "f")), None);
        assert_eq!(costly.window(&second(1, &[(OK, 10), (BAD, 10)])), [], "half is allowed");
        let found = costly.window(&second(2, &[(OK, 10), (BAD, 11)]));
        let [Alarm::StopFaults { reason }] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!(reason, "51.2 % of the arrivals were lost while faults were on, where 50 % is allowed");
        assert_eq!(costly.window(&second(3, &[(BAD, 30)])), []);
        let mut over = limited();
        over.event(&event(0, true, "f"));
        over.event(&event(1, false, "f"));
        assert_eq!(over.window(&second(0, &[(OK, 19)])), [], "19 are too few");
        assert_eq!(over.window(&second(1, &[(BAD, 99)])), [], "it was over");
    }

    #[test]
    fn faults_together_are_counted_as_they_come_and_before_one_is_let_in() {
        let limited = |faults: Vec<Fault>| {
            watch(|plan| {
                plan.max_blast.at_once = Some(1);
                plan.faults = faults;
            })
        };
        let mut two = limited(Vec::new());
        assert_eq!(two.event(&event(1, true, "f")), None);
        let stop = Alarm::StopFaults { reason: "2 faults at the same time, where 1 may be".to_owned() };
        assert_eq!(two.event(&event(2, true, "g")), Some(stop.clone()));
        let mut late = limited(vec![waiting("w", 0, Some(half_fail(20)))]);
        late.event(&event(0, true, "f"));
        assert_eq!(alarms(&mut late, &[(0, 10); 5]), [(2, stop)], "it is not let in");
        let mut after = limited(vec![waiting("w", 0, Some(half_fail(20)))]);
        after.event(&event(0, true, "f"));
        after.event(&event(1, false, "f"));
        let found = alarms(&mut after, &[(0, 10); 5]);
        assert!(matches!(found.as_slice(), [(2, Alarm::Begin { fault, .. })] if fault == "w"), "{found:?}");
    }

    #[test]
    fn a_live_condition_and_an_objective_see_the_same() {
        let that = in_every(4, at_least(response(Statistic::Percentile(95.0)), 0.05));
        let mut watch =
            watch(|plan| plan.abort_if = vec![LiveCondition { that: that.clone(), min_samples: 10 }]);
        let mut live = Live::of(Rules::of(&MadeUp::new().finished().plan), std::slice::from_ref(&that));
        let mut first = None;
        for at in 0..9 {
            let window = second(at, &[(OK, at as usize)]);
            live.window(&window);
            let seen = live.observe(0).expect("it is there");
            let alarm = watch.window(&window).pop();
            assert_eq!(
                alarm.is_some(),
                first.is_none() && held(&that, &seen, 10) == Some(true),
                "second {at}"
            );
            first = first.or(alarm.map(|_| (at, seen.samples)));
        }
        assert_eq!(first, Some((4, 10)), "1 + 2 + 3 + 4");
    }
}
