//! The summary after a run: everything that matters within the width of a terminal.

mod columns;
mod comparison;
mod failure;
mod gate;
mod search;
mod trend;

use columns::{Cell, Column, Look, NUMBER, Pen, TEXT, WORD};
use loadlab_record::RunFile;
use unicode_width::UnicodeWidthStr as _;

use crate::facts::{
    self, ArmsFacts, DocumentedFacts, Facts, FaultRow, LatencyRow, PERCENTILES, SteadyCell, SteadyRow, Tone,
};

pub(crate) use comparison::comparison;
pub(crate) use gate::gate;
pub(crate) use search::{search, search_plan};
pub(crate) use trend::trend;

/// Narrowest width that is laid out; a narrower terminal wraps by itself.
const WIDTH_MIN: u16 = 48;
/// Widest: longer lines are hard to read.
const WIDTH_MAX: u16 = 100;
/// From this width on all percentiles fit beside the longest names.
const WIDTH_ALL_PERCENTILES: usize = 84;
/// From this width on the number of counted latencies fits too.
const WIDTH_COUNT: usize = 56;
/// From this width on the values of both arms fit beside their difference.
const WIDTH_BOTH_ARMS: usize = 72;
/// Blanks before what belongs to a heading.
const INDENT: usize = 2;

/// How the summary is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TerminalOptions {
    /// Columns there are; at most 100 are used, and at least 48.
    pub width: u16,
    /// Colours are wanted.
    pub color: bool,
}

impl Default for TerminalOptions {
    fn default() -> Self {
        Self { width: WIDTH_MAX, color: false }
    }
}

/// Writes within the width that there is.
fn pen(options: TerminalOptions) -> Pen {
    Pen { width: usize::from(options.width.clamp(WIDTH_MIN, WIDTH_MAX)), color: options.color }
}

/// The summary after a run. It ends with a line break.
pub fn terminal(run: &RunFile, options: &TerminalOptions) -> String {
    let pen = pen(*options);
    let facts = Facts::of(run);
    let mut sections = vec![head(pen, &facts), objectives(pen, &facts)];
    sections.extend(facts.arms.as_ref().map(|arms| arms_lines(pen, arms)));
    sections.extend(facts.documented.as_ref().map(|documented| documented_lines(pen, documented)));
    sections.extend(facts.failure.as_ref().map(|told| failure::lines(pen, told)));
    if !facts.steady.is_empty() {
        sections.push(steady(pen, &facts.steady));
    }
    if !facts.faults.is_empty() {
        sections.push(faults(pen, &facts.faults));
    }
    sections.push(latencies(pen, &facts.latencies));
    sections.push(outcomes(pen, run, &facts));
    sections.push(generator(pen, &facts));
    sections.push(remarks(pen, &facts));
    let sections: Vec<String> =
        sections.into_iter().filter(|lines| !lines.is_empty()).map(|lines| lines.join("\n")).collect();
    sections.join("\n\n") + "\n"
}

/// Verdict, scenario, question, setting, and why.
fn head(pen: Pen, facts: &Facts) -> Vec<String> {
    let verdict = pen.paint(facts.verdict, Look::Toned(facts.tone));
    let scenario = pen.paint(&facts.scenario, Look::Strong);
    let plain = format!("{}  {}: {}", facts.verdict, facts.scenario, facts.headline);
    // One line where it fits, else the headline gets its own.
    let mut lines = if plain.width() <= pen.width {
        vec![format!("{verdict}  {scenario}: {}", facts.headline)]
    } else {
        let name = pen.paragraph(&facts.scenario, INDENT, Look::Strong);
        [vec![verdict], name, pen.paragraph(&facts.headline, INDENT, Look::Plain)].concat()
    };
    lines.extend(pen.paragraph(&facts.question, INDENT, Look::Plain));
    let brief = format!("{} · {}", facts.brief.join(" · "), facts.ending);
    lines.extend(pen.paragraph(&brief, INDENT, Look::Faint));
    // The objectives say themselves what they missed.
    if facts.tone == Tone::Warn || facts.cut_short {
        lines.extend(bullets(pen, &facts.reasons));
    }
    lines
}

fn objectives(pen: Pen, facts: &Facts) -> Vec<String> {
    let mut lines = heading(pen, "Objectives", "");
    if facts.objectives.is_empty() {
        lines.extend(pen.paragraph("none", INDENT, Look::Faint));
        return lines;
    }
    let mut rows = vec![titles(&["", "objective", "observed", "bound", ""])];
    for row in &facts.objectives {
        rows.push(vec![
            Cell::new(row.verdict).look(Look::Toned(row.tone)),
            Cell::new(&row.name),
            Cell::new(&row.observed).look(Look::Strong),
            Cell::new(&row.bound),
            Cell::new(&row.note).look(Look::Faint),
        ]);
    }
    lines.extend(pen.table(&[WORD, TEXT, NUMBER, NUMBER, TEXT], &rows, INDENT));
    lines
}

fn arms_lines(pen: Pen, arms: &ArmsFacts) -> Vec<String> {
    let mut lines = heading(pen, "Arms", "");
    let look = arms.tone.map_or(Look::Strong, Look::Toned);
    lines.extend(pen.paragraph(&arms.verdict, INDENT, look));
    // Where there is no room the difference goes before what it is the difference of.
    let sides = pen.width >= WIDTH_BOTH_ARMS;
    let mut columns = if sides { vec![WORD, NUMBER, NUMBER] } else { vec![WORD] };
    columns.extend([NUMBER, TEXT]);
    let shown = if sides {
        &["", "control", "experiment", "difference", "interval"][..]
    } else {
        &["", "difference", "interval"]
    };
    let mut rows = vec![titles(shown)];
    for row in &arms.rows {
        let look = if row.shown == "yes" { Look::Strong } else { Look::Plain };
        let mut cells = vec![Cell::new(&row.measure)];
        if sides {
            cells.extend([Cell::new(&row.control), Cell::new(&row.experiment)]);
        }
        cells.extend([Cell::new(&row.difference).look(look), Cell::new(&row.interval)]);
        rows.push(cells);
    }
    lines.extend(pen.table(&columns, &rows, INDENT));
    lines.extend(bullets(pen, &arms.sides));
    for note in &arms.notes {
        lines.extend(pen.paragraph(note, INDENT, Look::Faint));
    }
    lines
}

fn documented_lines(pen: Pen, documented: &DocumentedFacts) -> Vec<String> {
    let told = format!("{} of {} reproduced", documented.reproduced, documented.rows.len());
    let source = format!("{}, {}: {told}", documented.source, documented.section);
    let mut lines = heading(pen, "Documented", &source);
    let mut rows = vec![titles(&["", "outcome", "observed", "band"])];
    for row in &documented.rows {
        let (word, tone) = if row.reproduced { ("yes", Tone::Good) } else { ("no", Tone::Warn) };
        rows.push(vec![
            Cell::new(word).look(Look::Toned(tone)),
            Cell::new(&row.name),
            Cell::new(&row.observed).look(Look::Strong),
            Cell::new(&row.band),
        ]);
    }
    lines.extend(pen.table(&[WORD, TEXT, NUMBER, TEXT], &rows, INDENT));
    if !documented.deviations.is_empty() {
        lines.extend(pen.paragraph("The scenario differs from its source:", INDENT, Look::Faint));
        lines.extend(bullets(pen, &documented.deviations));
    }
    lines
}

/// A value is toned by whether its condition holds there; without colours a sign says so.
fn steady(pen: Pen, rows: &[SteadyRow]) -> Vec<String> {
    let mut lines = heading(pen, "Steady state", "before, during and after the faults");
    // Where there is no room for the recovery beside the periods, it is said below.
    let beside = pen.width >= WIDTH_COUNT;
    let mut table = vec![titles(&["condition", "before", "during", "after"])];
    table[0].extend(beside.then(|| Cell::new("recovered after").look(Look::Faint)));
    let cell = |cell: &SteadyCell| {
        let sign = match (cell.word, cell.tone) {
            ("", _) => "",
            (_, Tone::Good) => "✓ ",
            (_, Tone::Bad) => "✗ ",
            (_, Tone::Warn) => "? ",
        };
        let look = if cell.word.is_empty() { Look::Faint } else { Look::Toned(cell.tone) };
        Cell::new(format!("{sign}{}", cell.observed)).look(look)
    };
    for row in rows {
        let mut cells = vec![Cell::new(&row.name), cell(&row.before), cell(&row.during), cell(&row.after)];
        cells.extend(beside.then(|| Cell::new(&row.recovered)));
        table.push(cells);
    }
    let columns = [TEXT, NUMBER, NUMBER, NUMBER, TEXT];
    lines.extend(pen.table(&columns[..if beside { 5 } else { 4 }], &table, INDENT));
    let below = |row: &&SteadyRow| !beside && !row.recovered.is_empty();
    let recovered = rows.iter().filter(below).map(|row| format!("{}: recovered {}", row.name, row.recovered));
    let notes = rows.iter().map(|row| row.note.clone()).filter(|note| !note.is_empty());
    lines.extend(bullets(pen, &recovered.chain(notes).collect::<Vec<_>>()));
    lines
}

fn faults(pen: Pen, faults: &[FaultRow]) -> Vec<String> {
    let mut lines = heading(pen, "Faults", "");
    let mut rows = vec![titles(&["fault", "where", "when", "it touched"])];
    for row in faults {
        rows.push(vec![
            Cell::new(&row.name),
            Cell::new(&row.place),
            Cell::new(&row.time),
            Cell::new(&row.touched),
        ]);
    }
    lines.extend(pen.table(&[TEXT, TEXT, TEXT, TEXT], &rows, INDENT));
    lines
}

fn latencies(pen: Pen, latencies: &[LatencyRow]) -> Vec<String> {
    let mut lines = heading(pen, "Latency", "scenario time");
    // p90 and p99.9 go first where there is no room.
    let shown: Vec<usize> =
        if pen.width >= WIDTH_ALL_PERCENTILES { (0..PERCENTILES.len()).collect() } else { vec![0, 2, 3, 5] };
    let mut rows = vec![titles(&[""])];
    rows[0].extend(shown.iter().map(|index| Cell::new(PERCENTILES[*index]).look(Look::Faint)));
    for row in latencies {
        let mut cells = vec![Cell::new(&row.name)];
        cells.extend(shown.iter().map(|index| Cell::new(&row.values[*index])));
        rows.push(cells);
    }
    if pen.width >= WIDTH_COUNT {
        rows[0].push(Cell::new("count").look(Look::Faint));
        for (cells, row) in rows[1..].iter_mut().zip(latencies) {
            cells.push(Cell::new(&row.count).look(Look::Faint));
        }
    }
    let mut columns: Vec<Column> = vec![TEXT];
    columns.resize(rows[0].len(), NUMBER);
    lines.extend(pen.table(&columns, &rows, INDENT));
    lines
}

fn outcomes(pen: Pen, run: &RunFile, facts: &Facts) -> Vec<String> {
    let mut lines = heading(pen, "Arrivals", "");
    let look = if facts.conservation.holds { Look::Plain } else { Look::Toned(Tone::Bad) };
    lines.extend(pen.paragraph(&facts.conservation.line, INDENT, look));
    let mut rows: Vec<Vec<Cell>> = Vec::new();
    for row in &facts.outcomes {
        let look = if row.ok { Look::Plain } else { Look::Toned(Tone::Warn) };
        rows.push(vec![Cell::new(row.description).look(look), Cell::new(&row.count), Cell::new(&row.share)]);
    }
    for row in facts::beside(run) {
        rows.push(vec![
            Cell::new(row.name).look(Look::Faint),
            Cell::new(row.count).look(Look::Faint),
            Cell::new(row.share).look(Look::Faint),
        ]);
    }
    lines.extend(pen.table(&[TEXT, NUMBER, NUMBER], &rows, INDENT));
    lines
}

fn generator(pen: Pen, facts: &Facts) -> Vec<String> {
    let look = if facts.generator.limited { Look::Toned(Tone::Warn) } else { Look::Plain };
    let mut lines = heading(pen, "Generator", "");
    lines.extend(pen.paragraph(&facts.generator.line, INDENT, look));
    lines.extend(bullets(pen, &facts.generator.reasons));
    lines
}

fn remarks(pen: Pen, facts: &Facts) -> Vec<String> {
    if facts.remarks.is_empty() {
        return Vec::new();
    }
    let mut lines = heading(pen, "What to look at", "");
    lines.extend(bullets(pen, &facts.remarks));
    lines
}

/// A title, with a word more in brackets: below it where there is no room beside it.
fn heading(pen: Pen, title: &str, more: &str) -> Vec<String> {
    let painted = pen.paint(title, Look::Strong);
    if more.is_empty() {
        return vec![painted];
    }
    match columns::wrapped(&format!("{title} ({more})"), pen.width).as_slice() {
        [_] => vec![format!("{painted} ({})", pen.paint(more, Look::Plain))],
        _ => [vec![painted], pen.paragraph(more, INDENT, Look::Faint)].concat(),
    }
}

fn titles(titles: &[&str]) -> Vec<Cell> {
    titles.iter().map(|title| Cell::new(*title).look(Look::Faint)).collect()
}

/// Lines with a dash before each.
fn bullets(pen: Pen, texts: &[String]) -> Vec<String> {
    let rows: Vec<Vec<Cell>> = texts.iter().map(|text| vec![Cell::new("-"), Cell::new(text)]).collect();
    pen.table(&[WORD, TEXT], &rows, INDENT)
}
