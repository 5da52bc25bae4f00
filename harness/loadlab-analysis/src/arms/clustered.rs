//! How much less than independent ones the arrivals of an arm tell: the design effect.
//!
//! A *cell* holds the arrivals of one cohort of users in one block of time. The variance of a share is
//! estimated three times from what cells have more or less than the arm's average: with cohorts as the
//! independent units, with blocks, and with cells; the first two added and the last taken away count
//! what users and moments have in common, and nothing twice (two-way clustering: A. C. Cameron,
//! J. B. Gelbach, D. L. Miller, JBES 29, 2011). Blocks are compared with their neighbours only
//! (successive differences: J. von Neumann, 1941), so that a trend, a ramp or a fault that is on for a
//! part of the run is no chance.

use std::collections::BTreeMap;

use loadlab_record::{ArmWindow, Histogram};

use crate::Rules;

/// The arrivals of one cohort in one block of time.
#[derive(Debug)]
pub(super) struct Cell {
    cohort: u8,
    block: usize,
    /// Response times of all of them.
    pub(super) response: Histogram,
    /// Those that did not end well.
    pub(super) failed: u64,
    /// Those that ended well, but later than the tightest objective on the response time.
    pub(super) late: u64,
}

/// A share of an arm's arrivals, and its variance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Clustered {
    pub(super) share: f64,
    pub(super) arrivals: f64,
    /// As it would be if arrivals were independent.
    independent: f64,
    /// As the cells show it.
    estimated: f64,
}

impl Cell {
    pub(super) fn new(cohort: u8, block: usize) -> Self {
        Self { cohort, block, response: Histogram::new(), failed: 0, late: 0 }
    }

    pub(super) fn add(&mut self, window: &ArmWindow, rules: &Rules) {
        self.response.merge(&window.response_ok);
        self.response.merge(&window.response_failed);
        self.failed += window.ended.not_ok();
        let within = rules.late_after.map(|limit| window.response_ok.count_within(limit, rules.speed));
        self.late += within.map_or(0, |within| window.response_ok.count() - within);
    }
}

impl Clustered {
    /// The share of arrivals that are events.
    pub(super) fn of(cells: &[Cell], event: impl Fn(&Cell) -> u64) -> Self {
        let counted: Vec<(f64, f64)> =
            cells.iter().map(|cell| (event(cell) as f64, cell.response.count() as f64)).collect();
        let (events, arrivals) = counted.iter().fold((0.0, 0.0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        if arrivals <= 0.0 {
            return Self { share: 0.0, arrivals, independent: 0.0, estimated: 0.0 };
        }
        let share = events / arrivals;
        let (mut cohorts, mut blocks, mut cell_squares) = (BTreeMap::new(), BTreeMap::new(), 0.0);
        for (cell, (events, arrivals)) in cells.iter().zip(&counted) {
            let more = events - share * arrivals;
            *cohorts.entry(cell.cohort).or_insert(0.0) += more;
            *blocks.entry(cell.block).or_insert(0.0) += more;
            cell_squares += more * more;
        }
        let squares = arrivals * arrivals;
        let cells = cell_squares * unbiased(cells.len()) / squares;
        let cohorts = squared(&cohorts).map(|sum| sum / squares);
        let blocks = successive(&blocks).map(|sum| sum / squares);
        Self {
            share,
            arrivals,
            independent: share * (1.0 - share) / arrivals,
            // A single cohort or block says nothing about how such differ.
            estimated: cohorts.unwrap_or(cells) + blocks.unwrap_or(cells) - cells,
        }
    }
}

/// The sum of the squares of what clusters have more than the average; none of a single one.
fn squared(more: &BTreeMap<u8, f64>) -> Option<f64> {
    let sum: f64 = more.values().map(|more| more * more).sum();
    (more.len() > 1).then(|| sum * unbiased(more.len()))
}

/// The same of blocks, from the differences of neighbours.
fn successive(more: &BTreeMap<usize, f64>) -> Option<f64> {
    let last = more.keys().last()?;
    let more_of = |block: usize| more.get(&block).copied().unwrap_or(0.0);
    let steps: f64 = (1..=*last).map(|block| (more_of(block) - more_of(block - 1)).powi(2)).sum();
    (*last > 0).then(|| steps / 2.0 * unbiased(last + 1))
}

/// The average is taken from the same clusters.
fn unbiased(clusters: usize) -> f64 {
    let clusters = clusters as f64;
    if clusters > 1.0 { clusters / (clusters - 1.0) } else { 1.0 }
}

/// The design effect of both arms together, at least 1: arrivals that repel each other are chance. One for
/// both, because that of a single arm is hardly known.
pub(super) fn design_effect(sides: &[Clustered; 2]) -> f64 {
    let independent: f64 = sides.iter().map(|side| side.independent).sum();
    let estimated: f64 = sides.iter().map(|side| side.estimated).sum();
    if independent > 0.0 { (estimated / independent).max(1.0) } else { 1.0 }
}
