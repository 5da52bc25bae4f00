//! A study's tables: rows of cells that name what a scenario documents, and matrices, which bring runs
//! of their own.

use super::{
    Builder, Read,
    study::{KnownRun, Laid, Runs, names, overrides},
};
use crate::{
    document::NodeId,
    field::{At, Either, Leaf},
    file::{
        judge::BandEdge,
        study::{CellFile, FindingWord, MatrixFile, MatrixRowFile, RowFile, TableFile},
    },
    nearest::{listed, nearest},
    objective::Measure,
    parse::{FromText, TextError},
    plan::Plan,
    study::{Body, Cell, Matrix, MatrixRow, Observed, Row, StudyRun, Table, TimeFinding, What, WordFinding},
};

/// Forms of a cell, for messages.
const CELL: &str = "the name of a documented outcome, or a map with `outcome`, `measure` or `finding`";

/// A band as it is read, in the unit of what it is of.
type Band = (Option<f64>, Option<f64>);

/// All tables, unless there is a problem.
pub(super) fn tables(
    b: Builder<'_>,
    tables: &At<Vec<At<TableFile>>>,
    runs: &mut Runs<'_>,
) -> Option<Vec<Table>> {
    let files = tables.value.as_ref()?;
    if files.is_empty() {
        b.refuse(tables.node, "the study tells nothing", "`- { title, columns, rows }`");
    }
    let built: Vec<Option<Table>> = files.iter().map(|file| table(b, file, runs)).collect();
    built.into_iter().collect()
}

fn table(b: Builder<'_>, at: &At<TableFile>, runs: &mut Runs<'_>) -> Option<Table> {
    let file = at.value.as_ref()?;
    let (title, note, plot) = (b.get(file.title), b.maybe(file.note), b.or(file.plot, false));
    let usual = if file.matrix.is_some() { "mitigation" } else { "scenario" };
    let rows_are = b.or(file.rows_are, usual.to_owned());
    let body = match (&file.columns, &file.rows, &file.matrix) {
        (Some(columns), Some(rows), None) => body(b, columns, rows, runs.known()),
        (None, None, Some(matrix)) => matrix_body(b, matrix, runs),
        _ => {
            b.refuse(at.node, "a table has rows or a matrix", "`columns` and `rows`, or `matrix`");
            None
        }
    };
    if let (Some(leaf), Some(_)) = (file.plot, &file.matrix) {
        b.wrong_leaf(&leaf, "a matrix is not drawn");
    }
    Some(Table { title: title?, note: note?, rows_are: rows_are?, plot: plot?, body: body? })
}

fn body(
    b: Builder<'_>,
    columns: &At<Vec<Leaf<String>>>,
    rows: &At<Vec<At<RowFile>>>,
    runs: &[KnownRun],
) -> Option<Body> {
    let leaves = columns.value.as_ref()?;
    if leaves.is_empty() {
        b.refuse(columns.node, "the table has no columns", "`[p95, errors]`");
    }
    let columns: Vec<Option<String>> = leaves.iter().map(|leaf| b.get(*leaf)).collect();
    let files = rows.value.as_ref()?;
    if files.is_empty() {
        b.refuse(rows.node, "the table has no rows", "`- { label, run, cells }`");
    }
    let rows: Vec<Option<Row>> = files.iter().map(|at| row(b, at, leaves.len(), runs)).collect();
    let columns = columns.into_iter().collect::<Option<Vec<_>>>();
    Some(Body::Rows { columns: columns?, rows: rows.into_iter().collect::<Option<Vec<_>>>()? })
}

fn row(b: Builder<'_>, at: &At<RowFile>, columns: usize, runs: &[KnownRun]) -> Option<Row> {
    let file = at.value.as_ref()?;
    let (label, note) = (b.get(file.label), b.maybe(file.note));
    let run = run_named(b, file.run, runs);
    let cells = file.cells.value.as_ref()?;
    if cells.len() != columns {
        let message = format!("{} cells for {columns} columns", cells.len());
        b.refuse(file.cells.node, message, "a cell for each column");
    }
    let cells: Vec<Option<Cell>> = cells.iter().map(|file| cell(b, file, run, runs)).collect();
    let cells = cells.into_iter().collect::<Option<Vec<_>>>();
    Some(Row { label: label?, cells: cells?, note: note? })
}

fn cell(
    b: Builder<'_>,
    either: &Either<String, CellFile>,
    row_run: Option<&KnownRun>,
    runs: &[KnownRun],
) -> Option<Cell> {
    let (node, file) = match either {
        Either::Short(name) => {
            let run = row_run?;
            let what = outcome(b, *name, run)?;
            return Some(Cell { run: run.name.clone(), what, documented: None });
        }
        Either::Long(at) => (at.node, at.value.as_ref()?),
    };
    let run = match file.run {
        Some(leaf) => run_named(b, leaf, runs),
        None => row_run,
    };
    let documented = b.maybe(file.documented);
    let what = match (file.outcome, file.measure, file.finding) {
        (Some(name), None, None) => {
            strays(b, &[("min", file.min.is_some()), ("max", file.max.is_some())], node, "`outcome`");
            strays(b, &stretch(file), node, "`outcome`");
            run.and_then(|run| outcome(b, name, run))
        }
        (None, Some(_), None) => measure(b, file, run),
        (None, None, Some(finding)) => {
            strays(b, &stretch(file), node, "`finding`");
            finding_cell(b, file, b.get(finding)?, node)
        }
        _ => {
            b.refuse(node, "the cell does not say one thing", CELL);
            None
        }
    };
    let word = matches!(what, Some(What::Word { .. }));
    if let (Some(leaf), Some(_), false) = (file.expect, &what, word) {
        b.wrong_leaf(&leaf, "`expect` is for a finding in words; a number has `min` and `max`");
    }
    Some(Cell { run: run?.name.clone(), what: what?, documented: documented? })
}

/// Which of a cell's keys say when.
fn stretch(file: &CellFile) -> [(&'static str, bool); 2] {
    [("from", file.from.is_some()), ("to", file.to.is_some())]
}

/// Reports keys that do not go with what the cell shows.
fn strays(b: Builder<'_>, given: &[(&str, bool)], node: NodeId, with: &str) {
    for (key, _) in given.iter().filter(|(_, given)| *given) {
        b.wrong(node, format!("`{key}` does not go with {with}"));
    }
}

/// The run of a name, or none, reported.
fn run_named<'r>(b: Builder<'_>, leaf: Leaf<String>, runs: &'r [KnownRun]) -> Option<&'r KnownRun> {
    let name = b.get(leaf)?;
    let found = runs.iter().find(|known| known.name == name);
    if found.is_none() {
        let names = || runs.iter().map(|known| known.name.as_str());
        let error = TextError::whole(&name, format!("no run is named `{name}`"));
        let error = if runs.is_empty() { error } else { error.accepted(listed(names())) };
        b.text_error(leaf.node?, error.suggestion(nearest(&name, names())));
    }
    found
}

/// An outcome that the run's scenario documents. About a run that is wrong itself nothing is known.
fn outcome(b: Builder<'_>, leaf: Leaf<String>, run: &KnownRun) -> Option<What> {
    let name = b.get(leaf)?;
    let plan = plan(run)?;
    let names = || {
        let outcomes = plan.documented.iter().flat_map(|documented| &documented.outcomes);
        outcomes.map(|outcome| outcome.name.as_str())
    };
    if names().all(|known| known != name) {
        let message = format!("the scenario of `{}` documents no outcome `{name}`", run.name);
        let error = TextError::whole(&name, message);
        let error = if names().count() == 0 { error } else { error.accepted(listed(names())) };
        b.text_error(leaf.node?, error.suggestion(nearest(&name, names())));
        return None;
    }
    Some(What::Outcome(name))
}

fn plan(run: &KnownRun) -> Option<&Plan> {
    run.run.as_ref()?.plans.first()
}

fn measure(b: Builder<'_>, file: &CellFile, run: Option<&KnownRun>) -> Option<What> {
    let leaf = file.measure?;
    let measure = b.get(leaf)?.0;
    let plan = run.and_then(plan)?;
    known_steps(b, leaf.node?, &measure, plan);
    let band = band(b, (file.min, file.max), |text| measure.parse_value(text));
    let of = observed(b, leaf.node?, measure.clone(), (file.from, file.to));
    Some(What::Measure { of: of?, band: band? })
}

fn known_steps(b: Builder<'_>, node: NodeId, measure: &Measure, plan: &Plan) {
    let steps: Vec<String> = plan.steps().map(|step| step.name.clone()).collect();
    b.known_step(node, measure, &steps);
}

fn observed(
    b: Builder<'_>,
    node: NodeId,
    measure: Measure,
    (from, to): (Option<Leaf<std::time::Duration>>, Option<Leaf<std::time::Duration>>),
) -> Option<Observed> {
    let text = b.document.scalar(node)?.trim().to_owned();
    let (starts, ends) = (b.maybe(from), b.maybe(to));
    if let (Some(starts), Some(Some(ends)), Some(leaf)) = (starts, ends, to)
        && ends <= starts.unwrap_or_default()
    {
        b.wrong_leaf(&leaf, "`to` is not after `from`");
    }
    Some(Observed { text, measure, from: starts?, to: ends? })
}

fn band(
    b: Builder<'_>,
    (min, max): (Option<Leaf<BandEdge>>, Option<Leaf<BandEdge>>),
    read: impl Fn(&str) -> Result<f64, TextError>,
) -> Option<Band> {
    let edge = |leaf: Option<Leaf<BandEdge>>| match leaf {
        None => Some(None),
        Some(leaf) => b.read(leaf.node?, &read).map(Some),
    };
    let (low, high) = (edge(min)?, edge(max)?);
    if let (Some(low), Some(high), Some(leaf)) = (low, high, max)
        && low > high
    {
        b.wrong_leaf(&leaf, "`max` is below `min`");
    }
    Some((low, high))
}

fn finding_cell(b: Builder<'_>, file: &CellFile, finding: FindingWord, node: NodeId) -> Option<What> {
    let time = |which| {
        let seconds = |text: &str| std::time::Duration::from_text(text).map(|time| time.as_secs_f64());
        band(b, (file.min, file.max), seconds).map(|band| What::Time { which, band })
    };
    let word = |which| {
        strays(b, &[("min", file.min.is_some()), ("max", file.max.is_some())], node, "a finding in words");
        let expect = b.maybe(file.expect)?;
        let documented = b.maybe(file.documented)?;
        Some(What::Word { which, expect: expect.or(documented) })
    };
    match finding {
        FindingWord::TimeToFailure => time(TimeFinding::ToFailure),
        FindingWord::TimeToRecovery => time(TimeFinding::ToRecovery),
        FindingWord::FailureMode => word(WordFinding::FailureMode),
        FindingWord::FirstSaturated => word(WordFinding::FirstSaturated),
    }
}

fn matrix_body(b: Builder<'_>, at: &At<MatrixFile>, runs: &mut Runs<'_>) -> Option<Body> {
    matrix(b, at.value.as_ref()?, runs).map(Body::Matrix)
}

fn matrix(b: Builder<'_>, file: &MatrixFile, runs: &mut Runs<'_>) -> Option<Matrix> {
    let measure = b.get(file.measure).map(|line| line.0);
    let columns: Vec<Option<String>> = file
        .runs
        .value
        .as_ref()?
        .iter()
        .map(|leaf| run_named(b, *leaf, runs.known()).map(|known| known.name.clone()))
        .collect();
    if columns.is_empty() {
        b.refuse(file.runs.node, "the matrix has no columns", "names of runs");
    }
    let columns = columns.into_iter().collect::<Option<Vec<_>>>()?;
    let bases: Vec<Option<StudyRun>> = columns
        .iter()
        .map(|name| runs.known().iter().find(|known| known.name == *name)?.run.clone())
        .collect();
    let rows = file.rows.value.as_ref()?;
    if rows.is_empty() {
        b.refuse(file.rows.node, "the matrix has no rows", "`- { label, with, set }`");
    }
    let rows: Vec<Option<MatrixRow>> =
        rows.iter().map(|row| matrix_row(b, row, (&columns, &bases), runs)).collect();
    let (measure, node) = (measure?, file.measure.node?);
    for base in bases.iter().flatten() {
        base.plans.iter().take(1).for_each(|plan| known_steps(b, node, &measure, plan));
    }
    let of = observed(b, node, measure, (file.from, file.to));
    Some(Matrix { of: of?, columns, rows: rows.into_iter().collect::<Option<Vec<_>>>()? })
}

fn matrix_row(
    b: Builder<'_>,
    at: &At<MatrixRowFile>,
    (columns, bases): (&[String], &[Option<StudyRun>]),
    runs: &mut Runs<'_>,
) -> Option<MatrixRow> {
    let file = at.value.as_ref()?;
    let laid = Laid { profile: file.profile, with: file.with.as_ref(), set: file.set.as_ref() };
    let more = overrides(b, laid)?;
    if more.is_empty() {
        b.refuse(at.node, "the row changes nothing", "`with`, `set` or `profile`");
        return None;
    }
    let with = names(b, file.with.as_ref())?;
    let label = match file.label {
        Some(leaf) => b.get(leaf)?,
        None if with.is_empty() => {
            b.refuse(at.node, "the row has no heading", "`label`, or mitigations in `with`");
            return None;
        }
        None => with.join(", "),
    };
    let on = tried_on(b, file, columns)?;
    let run = |(column, base): (&String, &Option<StudyRun>)| {
        let tried = on.as_ref().is_none_or(|on| on.contains(column));
        base.as_ref().filter(|_| tried).map(|base| runs.derived(base, &label, &more, at.node))
    };
    let runs = columns.iter().zip(bases).map(run).collect();
    Some(MatrixRow { label, runs })
}

/// The columns that a row is about; `None`: all.
fn tried_on(b: Builder<'_>, file: &MatrixRowFile, columns: &[String]) -> Read<Vec<String>> {
    let Some(list) = &file.on else { return Some(None) };
    let mut on = Vec::new();
    for leaf in list.value.as_ref()? {
        let name = b.get(*leaf)?;
        if !columns.contains(&name) {
            let names = || columns.iter().map(String::as_str);
            let error = TextError::whole(&name, format!("`{name}` is no column of the matrix"));
            let error = error.accepted(listed(names())).suggestion(nearest(&name, names()));
            b.text_error(leaf.node?, error);
        }
        on.push(name);
    }
    Some(Some(on))
}
