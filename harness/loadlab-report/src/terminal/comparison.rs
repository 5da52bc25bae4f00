//! A comparison in a terminal: what was shown, what to know before believing it, and the changes.

use super::{
    INDENT, TerminalOptions, bullets,
    columns::{Cell, Column, Look, NUMBER, Pen, TEXT, WORD},
    heading, pen, titles,
};
use crate::comparison::{ChangeRow, ComparisonView, ObjectiveRow, Table};

/// From this width on the relative difference fits beside the rest.
const WIDTH_RELATIVE: usize = 88;
/// From this width on both sides fit beside their difference.
const WIDTH_SIDES: usize = 64;

/// The comparison. It ends with a line break.
pub(crate) fn comparison(view: &ComparisonView, options: TerminalOptions) -> String {
    let pen = pen(options);
    let mut sections = vec![head(pen, view)];
    let tables = [
        ("Response time", &view.response),
        ("Loss and throughput", &view.measures),
        ("Steps", &view.steps),
        ("Cost", &view.cost),
    ];
    for (title, table) in tables {
        if !table.rows.is_empty() {
            sections.push(changes(pen, title, table));
        }
    }
    if !view.cost_note.is_empty() {
        sections.push(pen.paragraph(&format!("The cost is not known: {}.", view.cost_note), 0, Look::Faint));
    }
    if !view.objectives.is_empty() {
        sections.push(objectives(pen, &view.objectives));
    }
    sections.iter().map(|lines| lines.join("\n")).collect::<Vec<_>>().join("\n\n") + "\n"
}

fn head(pen: Pen, view: &ComparisonView) -> Vec<String> {
    let mut lines = pen.paragraph(&format!("{} · {}", view.scenario, view.title), 0, Look::Strong);
    let side = |name: &str, what: &str| vec![Cell::new(name).look(Look::Faint), Cell::new(what)];
    let sides = [side("before", &view.factor.0), side("after", &view.factor.1)];
    lines.extend(pen.table(&[WORD, TEXT], &sides, INDENT));
    lines.extend(pen.paragraph(&view.headline, INDENT, Look::Strong));
    lines.extend(pen.paragraph(&view.brief.join(" · "), INDENT, Look::Faint));
    lines.extend(bullets(pen, &view.cautions));
    lines
}

fn changes(pen: Pen, title: &str, table: &Table) -> Vec<String> {
    let mut lines = heading(pen, title, "");
    // Where there is no room the parts go first, then the sides.
    let (relative, sides) = (pen.width >= WIDTH_RELATIVE, pen.width >= WIDTH_SIDES);
    let mut columns: Vec<Column> = vec![TEXT];
    let mut shown = vec![""];
    if sides {
        columns.extend([NUMBER, NUMBER]);
        shown.extend(["before", "after"]);
    }
    columns.push(NUMBER);
    shown.push("difference");
    if relative {
        columns.push(NUMBER);
        shown.push("");
    }
    if table.intervals {
        columns.extend([TEXT, WORD]);
        shown.extend(["interval", ""]);
    }
    let row = |row: &ChangeRow| {
        let mut cells = vec![Cell::new(&row.measure)];
        if sides {
            cells.extend([Cell::new(&row.before), Cell::new(&row.after)]);
        }
        let look = row.tone.map_or(Look::Plain, Look::Toned);
        cells.push(Cell::new(&row.difference).look(look));
        cells.extend(relative.then(|| Cell::new(&row.relative)));
        if table.intervals {
            let faint = if row.standing.is_empty() { Look::Faint } else { Look::Plain };
            cells.extend([Cell::new(&row.interval).look(faint), Cell::new(row.standing).look(look)]);
        }
        cells
    };
    let rows: Vec<Vec<Cell>> = std::iter::once(titles(&shown)).chain(table.rows.iter().map(row)).collect();
    lines.extend(pen.table(&columns, &rows, INDENT));
    lines
}

fn objectives(pen: Pen, objectives: &[ObjectiveRow]) -> Vec<String> {
    let mut lines = heading(pen, "Objectives", "");
    let mut rows = vec![titles(&["", "before", "", "after", ""])];
    for row in objectives {
        let mut cells = vec![Cell::new(&row.name)];
        for side in [&row.before, &row.after] {
            cells.push(Cell::new(&side.observed));
            cells.push(Cell::new(&side.word).look(Look::Toned(side.tone)));
        }
        rows.push(cells);
    }
    lines.extend(pen.table(&[TEXT, NUMBER, TEXT, NUMBER, TEXT], &rows, INDENT));
    lines
}
