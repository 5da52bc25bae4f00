//! What the harness would have recorded of a made-up world.

use std::{collections::BTreeMap, time::Duration};

use loadlab_clock::Offset;
use loadlab_record::{
    EndReason, Ending, EventKind, Journal, JournalLine, Outcome, RunEvent, RunFile, Scrape, Touched, Window,
    synthetic::{Synthetic, p95_below, success_at_least},
};
use loadlab_scenario::{
    fault::{Disturbance, Fault, ProcessAction},
    plan::{Load, Process, RateStage},
    quantity::Rate,
};

use super::{Attempt, Kind, Wanted, World, at};
use crate::judge;

/// Seconds between two scrapes.
const SCRAPE_S: f64 = 1.0;

impl World {
    /// The judged run.
    pub(crate) fn run(&self) -> RunFile {
        let (wanted, attempts) = self.simulate();
        let last = wanted.iter().map(|one| one.end).fold(f64::from(self.length_s), f64::max);
        let seconds = last.ceil() as u64 + 1;
        let mut journal = Synthetic::arrivals(1, Duration::from_secs(1)).journal();
        journal.lines.clear();
        self.plan(&mut journal);
        Self::windows(&mut journal, &wanted, &attempts, seconds);
        if self.publishes {
            let scrapes = (0..=(seconds as f64 / SCRAPE_S) as u64).map(|index| index as f64 * SCRAPE_S);
            journal.lines.extend(scrapes.map(|at| self.scrape(at, &attempts)));
        }
        self.events(&mut journal);
        let at = Offset::from_micros(seconds * 1_000_000);
        journal.ending = Some(Ending { at, reason: EndReason::Finished, in_flight: 0 });
        let mut run = RunFile::from_journal(&journal);
        judge(&mut run);
        run
    }

    fn plan(&self, journal: &mut Journal) {
        let plan = &mut journal.header.plan;
        plan.documented = None;
        plan.objectives = vec![p95_below(7.0), success_at_least(0.99)];
        let rate = |value: f64| Rate::try_new(value.max(0.0)).expect("a small number is a rate");
        let ends = self.rate.iter().skip(1).map(|(at, _)| *at).chain([f64::from(self.length_s)]);
        let stage = |((from, value), to): (&(f64, f64), f64)| RateStage {
            from: rate(*value),
            to: rate(*value),
            over: Duration::from_secs_f64(to - from),
        };
        plan.load = if self.burst > 0 {
            Load::Burst { users: self.burst, within: Duration::ZERO }
        } else {
            Load::Arrivals {
                stages: self.rate.iter().zip(ends).map(stage).collect(),
                process: Process::Poisson,
            }
        };
    }

    fn windows(journal: &mut Journal, wanted: &[Wanted], attempts: &[Attempt], seconds: u64) {
        let new = |second| Window { second, ..Window::default() };
        let mut windows: Vec<Window> = (0..seconds).map(new).collect();
        for one in wanted {
            windows[one.due as usize].scheduled += 1;
            let window = &mut windows[one.end as usize];
            window.ended.add(one.outcome);
            window.gave_up += u64::from(one.gave_up);
            let took = ((one.end - one.due) * 1e6) as u64;
            window.response.record_micros(took);
            if one.outcome == Outcome::Ok {
                window.response_ok.record_micros(took);
            }
        }
        for attempt in attempts.iter().filter(|attempt| attempt.kind != Kind::Ingest) {
            let name = if attempt.kind == Kind::Search { "search" } else { "details" };
            let extra = attempt.kind == Kind::Search && attempt.number > 0;
            let window = &mut windows[attempt.ended as usize];
            window.retried += u64::from(extra);
            let step = window.steps.entry(name.to_owned()).or_default();
            step.ended.add(attempt.outcome);
            step.retried += u64::from(extra);
            step.response.record_micros(((attempt.ended - attempt.sent) * 1e6) as u64);
        }
        let mut in_flight = 0;
        for mut window in windows {
            in_flight = in_flight + window.scheduled - window.ended.total();
            window.in_flight = in_flight;
            window.shrink();
            journal.lines.push(JournalLine::Window(Box::new(window)));
        }
    }

    fn events(&self, journal: &mut Journal) {
        let Some((from, to, kind)) = self.fault else { return };
        let mut event = |at: f64, what| {
            let at = Offset::from_micros((at * 1e6) as u64);
            journal.lines.push(JournalLine::Event(RunEvent { at, what }));
        };
        let (name, place) = ("broken".to_owned(), "service-0".to_owned());
        event(
            from,
            EventKind::FaultBegan { name: name.clone(), kind: kind.to_owned(), place: place.clone() },
        );
        let touched = Touched { processes: 1, ..Touched::default() };
        event(to, EventKind::FaultEnded { name: name.clone(), touched: Some(touched) });
        let what = Disturbance::Process { role: place, share: None, action: ProcessAction::Pause };
        journal.header.plan.faults.push(Fault {
            name,
            at: Duration::from_secs_f64(from),
            lasts: Duration::from_secs_f64(to - from),
            every: None,
            ramp: None,
            seed: None,
            when: None,
            what,
        });
    }

    fn scrape(&self, now: f64, attempts: &[Attempt]) -> JournalLine {
        let mut values: BTreeMap<String, f64> = BTreeMap::new();
        let mut set = |name: &str, value: f64| values.insert(name.to_owned(), value);
        let sum = |of: &dyn Fn(&Attempt) -> f64| attempts.iter().map(of).sum::<f64>();
        let served = |attempt: &Attempt| !attempt.refused;
        let when = |condition: bool| f64::from(u8::from(condition));
        let holds = |one: &Attempt| when(served(one) && one.started <= now && now < one.freed);
        let waits = |one: &Attempt| when(served(one) && one.sent <= now && now < one.started);
        let done = |one: &Attempt| served(one) && one.freed <= now;
        let search = |one: &Attempt| done(one) && one.kind == Kind::Search;
        let waiting = sum(&waits);
        set("pool_sessions_max", self.sessions as f64);
        set("pool_sessions_busy", sum(&holds));
        set("pool_waiting", waiting);
        set("pool_wait_seconds_count", sum(&|one| when(served(one) && one.started <= now)));
        let wait = |one: &Attempt| when(served(one) && one.started <= now) * (one.started - one.sent);
        set("pool_wait_seconds_sum", sum(&wait));
        set("db_query_seconds_count", sum(&|one| when(done(one)) * f64::from(one.queries)));
        set("db_query_seconds_sum", sum(&|one| when(done(one)) * f64::from(one.queries) * one.query_s));
        set(
            "llm_call_seconds_count{operation=\"generation\"}",
            sum(&|one| when(done(one)) * f64::from(one.llm_calls)),
        );
        set("llm_call_seconds_sum{operation=\"generation\"}", sum(&|one| when(done(one)) * one.llm_s));
        set(
            "llm_calls_total{operation=\"generation\",outcome=\"ok\"}",
            sum(&|one| when(done(one)) * f64::from(one.llm_calls)),
        );
        set(
            "llm_calls_total{operation=\"generation\",outcome=\"rejected\"}",
            sum(&|one| when(done(one) && one.rejected)),
        );
        set("breaker_rejections_total{breaker=\"llm\"}", sum(&|one| when(done(one) && one.rejected)));
        let look_ups = |result: &str| format!("cache_requests_total{{level=\"l1\",result=\"{result}\"}}");
        let second = |result: &str| format!("cache_requests_total{{level=\"l2\",result=\"{result}\"}}");
        let missed = sum(&|one| when(search(one) && !one.hit && !one.cache_error));
        set(&look_ups("hit"), sum(&|one| when(search(one) && one.hit)));
        set(&look_ups("miss"), sum(&|one| when(search(one) && !one.hit)));
        set(&second("hit"), 0.0);
        set(&second("miss"), missed);
        set(&second("error"), sum(&|one| when(search(one) && one.cache_error)));
        set("redis_evicted_total", (missed * self.evictions).floor());
        set("search_total{mode=\"full\",result=\"ok\"}", sum(&|one| when(search(one))));
        set("abandoned_work_total", sum(&|one| when(search(one) && one.outcome == Outcome::Abandoned)));
        set("backlog_refused_total", sum(&|one| when(one.refused && one.sent <= now && self.down.is_none())));
        let kinds = [("retrieval", Kind::Search), ("detail", Kind::Detail), ("ingest", Kind::Ingest)];
        for (name, kind) in kinds {
            let each = if kind == Kind::Ingest { self.ingest_statements } else { 1.0 };
            let statements = sum(&|one| when(done(one) && one.kind == kind) * f64::from(one.queries) * each);
            set(&format!("db_queries_total{{kind=\"{name}\"}}"), statements);
        }
        set("details_total{how=\"single\"}", sum(&|one| when(done(one) && one.kind == Kind::Detail)));
        set(
            "ingest_in_flight",
            sum(&|one| when(one.kind == Kind::Ingest && one.sent <= now && now < one.freed)),
        );
        let (rest, each, more) = &self.memory;
        let gone = self.down.is_some_and(|(from, to)| (from..to).contains(&now));
        set("process_resident_memory_bytes", if gone { 0.0 } else { rest + each * waiting + at(more, now) });
        set("memory_limit_bytes", self.memory_limit);
        let at = Offset::from_micros((now * 1e6) as u64);
        JournalLine::Scrape(Scrape { at, role: "service-0".to_owned(), values })
    }
}
