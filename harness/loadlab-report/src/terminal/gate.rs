//! A gate in a terminal: its verdict, what must not be overlooked, and what it rests on.

use unicode_width::UnicodeWidthStr as _;

use super::{
    INDENT, TerminalOptions, bullets,
    columns::{Cell, Look, NUMBER, Pen, TEXT, WORD},
    heading, pen, titles,
};
use crate::gate::GateView;

/// From this width on the loads of both sides fit beside their losses.
const WIDTH_LOADS: usize = 72;
/// From this width on base's value fits beside head's.
const WIDTH_BASE: usize = 72;
/// From this width on a change fits beside its margin.
const WIDTH_MARGIN: usize = 56;

/// The summary. It ends with a line break.
pub(crate) fn gate(view: &GateView, options: TerminalOptions) -> String {
    let pen = pen(options);
    let mut sections = vec![head(pen, view)];
    sections.extend([pairs(pen, view), searches(pen, view), measures(pen, view), bounds(pen, view)]);
    let mut noise = heading(pen, "Noise", "");
    noise.extend(pen.paragraph(&view.noise.sentence, INDENT, Look::Plain));
    sections.push(noise);
    let mut lines = heading(pen, "What this does not say", "");
    lines.extend(bullets(pen, &view.may_not));
    sections.push(lines);
    sections.retain(|lines| !lines.is_empty());
    sections.iter().map(|lines| lines.join("\n")).collect::<Vec<_>>().join("\n\n") + "\n"
}

/// Verdict, scenario, what was compared, and what must not be overlooked.
fn head(pen: Pen, view: &GateView) -> Vec<String> {
    let word = pen.paint(view.word, Look::Toned(view.tone));
    let plain = format!("{}  {}: {}", view.word, view.scenario, view.title);
    let mut lines = if plain.width() <= pen.width {
        let name = pen.paint(&view.scenario, Look::Strong);
        vec![format!("{word}  {name}: {}", pen.paint(&view.title, Look::Plain))]
    } else {
        let name = pen.paragraph(&view.scenario, INDENT, Look::Strong);
        [vec![word], name, pen.paragraph(&view.title, INDENT, Look::Plain)].concat()
    };
    let headline = format!("{}.", view.headline);
    lines.extend(pen.paragraph(&headline, INDENT, Look::Strong));
    for fact in &view.compared {
        let line = format!("{}: {}", fact.label, fact.value);
        lines.extend(pen.paragraph(&line, INDENT, Look::Plain));
    }
    lines.extend(pen.paragraph(&view.brief.join(" · "), INDENT, Look::Faint));
    lines.extend(bullets(pen, &view.notes));
    lines
}

fn pairs(pen: Pen, view: &GateView) -> Vec<String> {
    if view.pairs.is_empty() {
        return Vec::new();
    }
    let mut lines = heading(pen, "Pairs", "head is offered less");
    let loads = pen.width >= WIDTH_LOADS;
    let mut columns = vec![NUMBER];
    let mut shown = vec!["pair"];
    for side in ["base", "head"] {
        columns.extend(loads.then_some(NUMBER));
        shown.extend(loads.then_some(side));
        columns.push(NUMBER);
        shown.push(if loads { "lost" } else { side });
    }
    columns.extend([NUMBER, NUMBER, TEXT]);
    shown.extend(["score", "sum", ""]);
    let mut rows = vec![titles(&shown)];
    for pair in &view.pairs {
        let mut cells = vec![Cell::new(pair.number.to_string())];
        cells.extend(loads.then(|| Cell::new(&pair.base_load)));
        cells.push(Cell::new(&pair.base_loss).look(Look::Strong));
        cells.extend(loads.then(|| Cell::new(&pair.head_load)));
        cells.push(Cell::new(&pair.head_loss).look(Look::Strong));
        cells.extend([Cell::new(&pair.score), Cell::new(&pair.sum)]);
        cells.push(Cell::new(pair.speaks).look(Look::Toned(pair.tone)));
        rows.push(cells);
    }
    lines.extend(pen.table(&columns, &rows, INDENT));
    lines.extend(pen.paragraph(&view.held_against, INDENT, Look::Faint));
    lines
}

fn searches(pen: Pen, view: &GateView) -> Vec<String> {
    if view.searches.is_empty() {
        return Vec::new();
    }
    let mut lines = heading(pen, "Pairs of searches", "");
    let mut rows = vec![titles(&["pair", "base breaks at", "head at", "ratio", ""])];
    for row in &view.searches {
        rows.push(vec![
            Cell::new(row.number.to_string()),
            Cell::new(&row.base),
            Cell::new(&row.head),
            Cell::new(&row.ratio).look(Look::Strong),
            Cell::new(&row.note).look(Look::Faint),
        ]);
    }
    lines.extend(pen.table(&[NUMBER, NUMBER, NUMBER, NUMBER, TEXT], &rows, INDENT));
    if !view.looks.is_empty() {
        let mut rows = vec![titles(&["after", "ratio", "from", "to", ""])];
        for look in &view.looks {
            rows.push(vec![
                Cell::new(format!("{} pairs", look.pairs)),
                Cell::new(&look.ratio).look(Look::Strong),
                Cell::new(&look.low),
                Cell::new(&look.high),
                Cell::new(look.said).look(Look::Toned(look.tone)),
            ]);
        }
        lines.extend(pen.table(&[NUMBER, NUMBER, NUMBER, NUMBER, TEXT], &rows, INDENT));
    }
    lines
}

fn measures(pen: Pen, view: &GateView) -> Vec<String> {
    if view.measures.is_empty() {
        return Vec::new();
    }
    let mut lines = heading(pen, &format!("Measures at {}", view.beside_load), "p adjusted");
    let base = pen.width >= WIDTH_BASE;
    let mut columns = vec![TEXT];
    let mut shown = vec![""];
    columns.extend(base.then_some(NUMBER));
    shown.extend(base.then_some("base"));
    let margin = pen.width >= WIDTH_MARGIN;
    columns.extend([NUMBER, NUMBER]);
    shown.extend(["head", "change"]);
    columns.extend(margin.then_some(NUMBER));
    shown.extend(margin.then_some("margin"));
    columns.extend(base.then_some(NUMBER));
    shown.extend(base.then_some("p"));
    columns.push(WORD);
    shown.push("");
    let mut rows = vec![titles(&shown)];
    for row in &view.measures {
        let mut cells = vec![Cell::new(&row.name)];
        cells.extend(base.then(|| Cell::new(&row.base)));
        cells.extend([Cell::new(&row.head).look(Look::Strong), Cell::new(&row.change)]);
        cells.extend(margin.then(|| Cell::new(&row.margin)));
        cells.extend(base.then(|| Cell::new(&row.p)));
        cells.push(Cell::new(row.verdict).look(Look::Toned(row.tone)));
        rows.push(cells);
    }
    lines.extend(pen.table(&columns, &rows, INDENT));
    lines
}

fn bounds(pen: Pen, view: &GateView) -> Vec<String> {
    if view.bounds.is_empty() {
        return Vec::new();
    }
    let mut lines = heading(pen, "Costs of head", "the median trial");
    let mut rows = vec![titles(&["", "needs", "at most", ""])];
    for row in &view.bounds {
        rows.push(vec![
            Cell::new(row.name),
            Cell::new(&row.value).look(Look::Strong),
            Cell::new(&row.at_most),
            Cell::new(row.verdict).look(Look::Toned(row.tone)),
        ]);
    }
    lines.extend(pen.table(&[TEXT, NUMBER, NUMBER, WORD], &rows, INDENT));
    lines
}
