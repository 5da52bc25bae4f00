//! A search in a terminal: its answer, what must not be overlooked, and the loads.

use unicode_width::UnicodeWidthStr as _;

use super::{
    INDENT, TerminalOptions, WIDTH_COUNT, bullets,
    columns::{Cell, Look, NUMBER, Pen, TEXT, WORD},
    heading, pen, titles,
};
use crate::{
    facts::Fact,
    search::{BREAKING_POINT, HiddenRow, HiddenView, LoadRow, SearchView},
};

/// From this width on the p95 of the trials fits beside the rest.
const WIDTH_P95: usize = 72;
/// A plan is read before anything is known of the terminal.
const WIDTH_PLAN: u16 = 80;

/// The summary. It ends with a line break.
pub(crate) fn search(view: &SearchView, options: TerminalOptions) -> String {
    let pen = pen(options);
    let mut sections = vec![head(pen, view)];
    if !view.loads.is_empty() {
        sections.push(loads(pen, view));
    }
    sections.extend(view.hidden.as_ref().map(|told| hidden(pen, told)));
    if !view.gave_way.is_empty() {
        let mut lines = heading(pen, "What gave way", "");
        lines.extend(pen.paragraph(&view.gave_way, INDENT, Look::Plain));
        sections.push(lines);
    }
    let mut lines = heading(pen, "What this does not say", "");
    lines.extend(bullets(pen, &view.may_not));
    sections.push(lines);
    sections.iter().map(|lines| lines.join("\n")).collect::<Vec<_>>().join("\n\n") + "\n"
}

/// What a search would do. It ends with a line break.
pub(crate) fn search_plan(title: &str, facts: &[Fact]) -> String {
    let pen = pen(TerminalOptions { width: WIDTH_PLAN, color: false });
    let mut lines = pen.paragraph(title, 0, Look::Strong);
    let row = |fact: &Fact| vec![Cell::new(fact.label), Cell::new(&fact.value)];
    lines.extend(pen.table(&[WORD, TEXT], &facts.iter().map(row).collect::<Vec<_>>(), INDENT));
    lines.join("\n") + "\n"
}

/// Answer, scenario, setting, and what must not be overlooked.
fn head(pen: Pen, view: &SearchView) -> Vec<String> {
    let word = pen.paint(view.word, Look::Toned(view.tone));
    let name = pen.paint(&view.scenario, Look::Strong);
    let plain = format!("{}  {}: {}", view.word, view.scenario, view.title);
    let mut lines = if plain.width() <= pen.width {
        vec![format!("{word}  {name}: {}", pen.paint(&view.title, Look::Plain))]
    } else {
        let name = pen.paragraph(&view.scenario, INDENT, Look::Strong);
        [vec![word], name, pen.paragraph(&view.title, INDENT, Look::Plain)].concat()
    };
    lines.extend(pen.paragraph(&sentence(&view.headline), INDENT, Look::Strong));
    // The breaking point and its interval stand in the headline already.
    for tile in view.tiles.iter().filter(|tile| tile.label != BREAKING_POINT) {
        let more = if tile.more.is_empty() { String::new() } else { format!(" ({})", tile.more) };
        lines.extend(pen.paragraph(&format!("{}: {}{more}", tile.label, tile.value), INDENT, Look::Plain));
    }
    lines.extend(pen.paragraph(&view.brief.join(" · "), INDENT, Look::Faint));
    lines.extend(bullets(pen, &view.notes));
    lines
}

fn loads(pen: Pen, view: &SearchView) -> Vec<String> {
    let mut lines = heading(pen, "Loads", &format!("{} may be lost", view.allowed));
    // Where there is no room the percentiles go first, then the goodput.
    let (p95, goodput) = (pen.width >= WIDTH_P95, pen.width >= WIDTH_COUNT);
    let mut columns = vec![NUMBER, NUMBER, NUMBER];
    columns.extend(p95.then_some(NUMBER));
    columns.extend(goodput.then_some(NUMBER));
    columns.push(TEXT);
    let mut shown = vec!["load", "trials", "lost"];
    shown.extend(p95.then_some("p95 of trials"));
    shown.extend(goodput.then_some("goodput"));
    shown.push("");
    let row = |row: &LoadRow| {
        let mut cells =
            vec![Cell::new(&row.load).look(Look::Strong), Cell::new(&row.trials), Cell::new(&row.loss)];
        cells.extend(p95.then(|| Cell::new(&row.p95)));
        cells.extend(goodput.then(|| Cell::new(&row.goodput)));
        cells.push(Cell::new(row.standing).look(Look::Toned(row.tone)));
        cells
    };
    let mut rows = vec![titles(&shown)];
    rows.extend(view.loads.iter().map(row));
    lines.extend(pen.table(&columns, &rows, INDENT));
    if view.loads.iter().any(|row| row.trials.contains('+')) {
        lines.extend(pen.paragraph("In brackets: trials that say nothing.", INDENT, Look::Faint));
    }
    lines
}

fn hidden(pen: Pen, view: &HiddenView) -> Vec<String> {
    let mut lines = heading(pen, "Hidden capacity", "what heals itself after the trigger");
    lines.extend(pen.paragraph(&sentence(&view.headline), INDENT, Look::Toned(view.tone)));
    lines.extend(pen.paragraph(&view.how, INDENT, Look::Faint));
    // Where there is no room the goodputs go.
    let rates = pen.width >= WIDTH_P95;
    let mut columns = vec![NUMBER];
    columns.extend(rates.then_some([NUMBER, NUMBER]).into_iter().flatten());
    columns.extend([NUMBER, TEXT]);
    let mut shown = vec!["load"];
    shown.extend(rates.then_some(["before", "at the end"]).into_iter().flatten());
    shown.extend(["back after", ""]);
    let row = |row: &HiddenRow| {
        let mut cells = vec![Cell::new(&row.load).look(Look::Strong)];
        cells.extend(rates.then(|| [Cell::new(&row.before), Cell::new(&row.after)]).into_iter().flatten());
        cells.extend([Cell::new(&row.back), Cell::new(row.became).look(Look::Toned(row.tone))]);
        cells
    };
    let mut rows = vec![titles(&shown)];
    rows.extend(view.rows.iter().map(row));
    if rows.len() > 1 {
        lines.extend(pen.table(&columns, &rows, INDENT));
    }
    lines
}

/// With a capital letter and a full stop.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| format!("{}{}.", first.to_uppercase(), letters.as_str()))
}
