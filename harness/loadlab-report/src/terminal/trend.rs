//! Trends in a terminal: whether anything became worse just now, and each series with its changes.

use unicode_width::UnicodeWidthStr as _;

use super::{
    INDENT, TerminalOptions, bullets,
    columns::{Cell, Look, NUMBER, Pen, TEXT, WORD},
    heading, pen, titles,
};
use crate::trend::{ChangeView, SeriesView, TrendView, spark};

/// From this width on it fits how often chance does as well.
const WIDTH_P: usize = 64;

/// The trends. They end with a line break.
pub(crate) fn trend(view: &TrendView, options: TerminalOptions) -> String {
    let pen = pen(options);
    let mut sections = vec![head(pen, view)];
    sections.extend(view.series.iter().map(|one| series(pen, one)));
    if !view.left_out.is_empty() {
        let mut lines = heading(pen, "Not read", "");
        lines.extend(bullets(pen, &view.left_out));
        sections.push(lines);
    }
    sections.push(pen.paragraph(&view.method, 0, Look::Faint));
    sections.iter().map(|lines| lines.join("\n")).collect::<Vec<_>>().join("\n\n") + "\n"
}

fn head(pen: Pen, view: &TrendView) -> Vec<String> {
    let plain = format!("{}  {}: {}.", view.word, view.measure, view.headline);
    if plain.width() <= pen.width {
        let word = pen.paint(view.word, Look::Toned(view.tone));
        let measure = pen.paint(&view.measure, Look::Strong);
        return vec![format!("{word}  {measure}: {}.", pen.paint(&view.headline, Look::Plain))];
    }
    let told = pen.paragraph(&format!("{}: {}.", view.measure, view.headline), INDENT, Look::Plain);
    [vec![pen.paint(view.word, Look::Toned(view.tone))], told].concat()
}

fn series(pen: Pen, view: &SeriesView) -> Vec<String> {
    let mut lines = heading(pen, &view.scenario, &format!("on {}", view.target));
    let headline = vec![vec![
        Cell::new(view.word).look(Look::Toned(view.tone)),
        Cell::new(format!("{}.", view.headline)).look(Look::Strong),
    ]];
    lines.extend(pen.table(&[WORD, TEXT], &headline, INDENT));
    let range = if view.range.is_empty() { String::new() } else { format!(", {}", view.range) };
    lines.extend(pen.paragraph(&format!("{}{range}", view.brief), INDENT, Look::Faint));
    let (bars, marks) = spark(&view.values, &view.changed_at, pen.width - INDENT);
    for line in [bars, marks].into_iter().filter(|line| !line.is_empty()) {
        lines.push(format!("{:INDENT$}{line}", ""));
    }
    lines.extend(bullets(pen, &view.notes));
    if !view.changes.is_empty() {
        lines.extend(changes(pen, &view.changes));
    }
    if !view.left_out.is_empty() {
        lines.extend(pen.paragraph("Left out:", INDENT, Look::Faint));
        lines.extend(bullets(pen, &view.left_out));
    }
    lines
}

fn changes(pen: Pen, changes: &[ChangeView]) -> Vec<String> {
    let chance = pen.width >= WIDTH_P;
    let mut columns = vec![TEXT, NUMBER, NUMBER, NUMBER, WORD];
    let mut shown = vec!["since", "before", "after", "", ""];
    if chance {
        columns.push(NUMBER);
        shown.push("p");
    }
    let row = |change: &ChangeView| {
        let look = Look::Toned(change.tone);
        let mut cells = vec![
            Cell::new(&change.since),
            Cell::new(&change.before),
            Cell::new(&change.after),
            Cell::new(&change.relative).look(Look::Strong),
            Cell::new(change.direction).look(look),
        ];
        cells.extend(chance.then(|| Cell::new(&change.p)));
        cells
    };
    let rows: Vec<Vec<Cell>> = std::iter::once(titles(&shown)).chain(changes.iter().map(row)).collect();
    let mut lines = pen.table(&columns, &rows, INDENT);
    for change in changes.iter().filter(|change| !change.note.is_empty()) {
        lines.extend(pen.paragraph(&format!("{}: {}.", change.since, change.note), INDENT, Look::Faint));
    }
    lines
}
