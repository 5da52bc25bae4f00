//! Which plots a run has, and what each of them shows.
//!
//! Each plot is a function of the run that gives a chart, or a sentence that says why there is
//! none: a foreign target publishes no pool, a run that was killed in its first second has no
//! second to show. Registration is [`all`].

mod arms;
mod cascade;
mod distribution;
mod frame;
mod load;
mod target;

use loadlab_record::RunFile;
use serde::Serialize;

pub(crate) use cascade::graph as cascade;
pub(crate) use frame::{Frame, MarkRow};

use crate::chart::{Chart, LegendEntry};

/// Why a run does not have a plot.
pub(crate) enum Missing {
    /// The target did not publish what it shows.
    Metric {
        /// What would be shown.
        what: &'static str,
        /// The metric's name.
        metric: &'static str,
    },
    /// Nobody expects it of such a run.
    NotAsked,
    /// There was nothing to show, in a sentence.
    Nothing(&'static str),
}

/// A chart with the words around it.
pub(crate) struct Plot {
    /// What is drawn.
    pub(crate) chart: Chart,
    /// What to see in it, in a sentence or two.
    pub(crate) note: String,
}

/// A plot as the page's template wants it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct PlotView {
    /// Unique on the page.
    pub(crate) id: &'static str,
    /// Its heading.
    pub(crate) title: String,
    /// What to see in it.
    pub(crate) note: String,
    /// `full` or `low`.
    pub(crate) height: &'static str,
    /// What its colours mean.
    pub(crate) legend: Vec<LegendEntry>,
    /// The drawing.
    pub(crate) svg: String,
}

/// The plots of a run, and why others are left out.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Plots {
    /// Those over time.
    pub(crate) over_time: Vec<PlotView>,
    /// The others.
    pub(crate) others: Vec<PlotView>,
    /// What is left out and why, a sentence each.
    pub(crate) left_out: Vec<String>,
    /// What the numbers in the plots mean.
    pub(crate) marks: Vec<MarkRow>,
}

/// What makes a plot, or says why there is none.
type Maker = fn(&RunFile, &Frame) -> Result<Plot, Missing>;

/// All plots of a run.
pub(crate) fn all(run: &RunFile) -> Plots {
    let frame = Frame::of(run);
    let over_time: [Maker; 12] = [
        arms::latency,
        arms::errors,
        load::latency,
        load::outcomes,
        load::in_flight,
        target::pool,
        target::queue,
        target::caches,
        target::llm,
        target::breakers,
        load::stream_timing,
        target::cpu,
    ];
    let mut missing = Vec::new();
    let mut made = |makers: &[Maker]| -> Vec<PlotView> {
        let mut views = Vec::new();
        for maker in makers {
            match maker(run, &frame) {
                Ok(plot) => views.push(view(plot)),
                Err(why) => missing.push(why),
            }
        }
        views
    };
    let over_time = made(&over_time);
    let others = made(&[distribution::latency]);
    Plots { over_time, others, left_out: left_out(&missing), marks: frame.mark_rows }
}

/// Why plots are left out: a sentence for each, and one for all that the target did not publish.
fn left_out(missing: &[Missing]) -> Vec<String> {
    let mut sentences = Vec::new();
    let mut unpublished = Vec::new();
    for why in missing {
        match why {
            Missing::NotAsked => {}
            Missing::Nothing(sentence) => sentences.push((*sentence).to_owned()),
            Missing::Metric { what, metric } => unpublished.push(format!("{what} ({metric})")),
        }
    }
    if !unpublished.is_empty() {
        let list = unpublished.join(", ");
        sentences.push(format!("Left out, since the target did not publish what they show: {list}."));
    }
    sentences
}

/// A plot as the page wants it.
pub(crate) fn view(plot: Plot) -> PlotView {
    PlotView {
        id: plot.chart.id,
        title: plot.chart.title.clone(),
        note: plot.note,
        height: plot.chart.height.name(),
        legend: plot.chart.legend(),
        svg: plot.chart.svg(),
    }
}
