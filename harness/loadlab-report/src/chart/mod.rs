//! Small charts as SVG, drawn for a page that is read on a phone, in print and in the dark.
//!
//! ```text
//!   Chart { axes, layers, bands, rules, marks } --svg--> text      legend and words apart, as HTML
//! ```
//!
//! Data lives in an inner `svg` of 1000 × 1000 that is stretched to whatever room there is; text
//! and ticks live in the outer one and are placed in percent, so letters keep their size at every
//! width. Colours are classes, so that the page's style decides them. See `docs/adr/`.
//!
//! A chart knows nothing about runs: [`crate::plots`] says what is drawn.

mod axis;
mod describe;
mod svg;

pub(crate) use axis::Axis;

use serde::Serialize;

use crate::series::Points;

/// What a chart shows.
#[derive(Debug, Clone)]
pub(crate) struct Chart {
    /// Unique on its page: the stem of the ids in it.
    pub(crate) id: &'static str,
    /// For those who cannot see it, and for the heading.
    pub(crate) title: String,
    /// Left to right.
    pub(crate) x: Axis,
    /// Bottom to top.
    pub(crate) y: Axis,
    /// What is drawn, the first at the back.
    pub(crate) layers: Vec<Layer>,
    /// Shaded stretches of the x axis.
    pub(crate) bands: Vec<Band>,
    /// Horizontal lines: bounds and limits.
    pub(crate) rules: Vec<Rule>,
    /// Vertical lines at points of the x axis.
    pub(crate) marks: Vec<Mark>,
    /// How tall its drawing is.
    pub(crate) height: Height,
}

/// How tall a drawing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Height {
    /// For lines to be compared.
    Full,
    /// For a few states.
    Low,
}

/// One thing that is drawn.
#[derive(Debug, Clone)]
pub(crate) struct Layer {
    /// Its name in the legend.
    pub(crate) label: String,
    /// Its class: colour and dashes.
    pub(crate) class: &'static str,
    /// Its form.
    pub(crate) shape: Shape,
}

/// The form of a layer.
#[derive(Debug, Clone)]
pub(crate) enum Shape {
    /// Points joined by lines; a `None` breaks the line.
    Line(Vec<(f64, Option<f64>)>),
    /// Points joined by lines, however few, without a dot for each: something calculated.
    Curve(Points),
    /// Points that nothing joins, in any order.
    Dots(Points),
    /// The same as rings, for those that count less.
    Rings(Points),
    /// A gauge that holds its value until the next point, and the last until the right edge.
    Steps(Points),
    /// Rectangles, for stacks and histograms.
    Bars(Vec<Bar>),
    /// Rectangles between two values, for intervals.
    Spans(Vec<Bar>),
    /// The outline of rectangles that stand side by side on the axis, in their order.
    Outline(Vec<Bar>),
}

/// A rectangle in the units of the axes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Bar {
    /// Left.
    pub(crate) from: f64,
    /// Right.
    pub(crate) to: f64,
    /// Bottom.
    pub(crate) low: f64,
    /// Top.
    pub(crate) high: f64,
}

/// The class of a band in which a fault is on.
pub(crate) const FAULT: &str = "fault";

/// A shaded stretch of the x axis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Band {
    /// Left.
    pub(crate) from: f64,
    /// Right.
    pub(crate) to: f64,
    /// Its class.
    pub(crate) class: &'static str,
}

/// A bound or a limit: a line across, with its name.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rule {
    /// Where on its axis.
    pub(crate) at: f64,
    /// Its name.
    pub(crate) label: String,
    /// Its class.
    pub(crate) class: &'static str,
    /// Across the x axis instead: a vertical line.
    pub(crate) vertical: bool,
}

/// A point of the x axis with a number, explained beside the charts.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Mark {
    /// Where.
    pub(crate) at: f64,
    /// Its number, or the first and last of several that are too close: `3`, `4–6`.
    pub(crate) number: String,
}

/// An entry of a legend.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct LegendEntry {
    /// What it names.
    pub(crate) label: String,
    /// The class of the layer.
    pub(crate) class: &'static str,
    /// `line`, `box`, `dot` or `ring`.
    pub(crate) swatch: &'static str,
}

impl Height {
    /// Its class.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Low => "low",
        }
    }
}

impl Chart {
    /// The drawing.
    pub(crate) fn svg(&self) -> String {
        svg::draw(self)
    }

    /// The drawing in words.
    pub(crate) fn words(&self) -> String {
        describe::words(self)
    }

    /// What its colours mean.
    pub(crate) fn legend(&self) -> Vec<LegendEntry> {
        let entry = |layer: &Layer| LegendEntry {
            label: layer.label.clone(),
            class: layer.class,
            swatch: layer.shape.swatch(),
        };
        self.layers.iter().map(entry).collect()
    }
}

impl Shape {
    /// How the legend shows it.
    const fn swatch(&self) -> &'static str {
        match self {
            Self::Bars(_) | Self::Spans(_) => "box",
            Self::Dots(_) => "dot",
            Self::Rings(_) => "ring",
            Self::Line(_) | Self::Curve(_) | Self::Steps(_) | Self::Outline(_) => "line",
        }
    }
}

impl Layer {
    /// A line.
    pub(crate) fn line(label: &str, class: &'static str, points: Vec<(f64, Option<f64>)>) -> Self {
        Self { label: label.to_owned(), class, shape: Shape::Line(points) }
    }

    /// A curve.
    pub(crate) fn curve(label: &str, class: &'static str, points: Points) -> Self {
        Self { label: label.to_owned(), class, shape: Shape::Curve(points) }
    }

    /// Dots.
    pub(crate) fn dots(label: &str, class: &'static str, points: Points) -> Self {
        Self { label: label.to_owned(), class, shape: Shape::Dots(points) }
    }

    /// Rings.
    pub(crate) fn rings(label: &str, class: &'static str, points: Points) -> Self {
        Self { label: label.to_owned(), class, shape: Shape::Rings(points) }
    }

    /// A gauge.
    pub(crate) fn steps(label: &str, class: &'static str, points: Points) -> Self {
        Self { label: label.to_owned(), class, shape: Shape::Steps(points) }
    }

    /// Rectangles.
    pub(crate) fn bars(label: &str, class: &'static str, bars: Vec<Bar>) -> Self {
        Self { label: label.to_owned(), class, shape: Shape::Bars(bars) }
    }

    /// Intervals.
    pub(crate) fn spans(label: &str, class: &'static str, spans: Vec<Bar>) -> Self {
        Self { label: label.to_owned(), class, shape: Shape::Spans(spans) }
    }

    /// The outline of rectangles.
    pub(crate) fn outline(label: &str, class: &'static str, bars: Vec<Bar>) -> Self {
        Self { label: label.to_owned(), class, shape: Shape::Outline(bars) }
    }

    /// Its largest value; 0 for a layer without values.
    pub(crate) fn highest(&self) -> f64 {
        self.values().map(|(_, value)| value).fold(0.0, f64::max)
    }

    /// Its points, with holes left out; of a rectangle its left edge and its own height, of an interval both
    /// ends.
    pub(crate) fn values(&self) -> Box<dyn Iterator<Item = (f64, f64)> + '_> {
        match &self.shape {
            Shape::Line(points) => Box::new(points.iter().filter_map(|&(x, y)| Some((x, y?)))),
            Shape::Steps(points) | Shape::Curve(points) | Shape::Dots(points) | Shape::Rings(points) => {
                Box::new(points.iter().copied())
            }
            Shape::Bars(bars) | Shape::Outline(bars) => {
                Box::new(bars.iter().map(|bar| (bar.from, bar.high - bar.low)))
            }
            Shape::Spans(spans) => {
                let ends =
                    |span: &Bar| [span.low, span.high].map(|end| (f64::midpoint(span.from, span.to), end));
                Box::new(spans.iter().flat_map(ends))
            }
        }
    }
}
