//! A generator in a process of its own: the engine as `loadlab run` has it, with its journal written
//! to a file, and without stack, scrapes or report around it.

use std::{
    fmt, fs,
    io::{self, BufWriter, Write as _},
    path::Path,
    sync::Arc,
};

use loadlab_engine::{EngineOptions, LoadRun};
use loadlab_record::{EndReason, Ending, JournalLine};
use loadlab_scenario::{Plan, Source};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

/// Why no load was generated.
#[derive(Debug)]
pub(crate) enum GenerateError {
    /// The scenario is wrong: what its diagnostics say.
    Scenario(String),
    /// The journal could not be written, or there is no runtime.
    Io(io::Error),
    /// The engine failed.
    Engine(loadlab_engine::EngineError),
}

impl fmt::Display for GenerateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scenario(text) => write!(f, "the scenario is wrong: {text}"),
            Self::Io(_) => f.write_str("the journal could not be written"),
            Self::Engine(_) => f.write_str("the load could not be offered"),
        }
    }
}

impl std::error::Error for GenerateError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Scenario(_) => None,
            Self::Io(error) => Some(error),
            Self::Engine(error) => Some(error),
        }
    }
}

/// Offers the load of a scenario's text to `base` and writes the journal to `path`.
pub(crate) fn generate(scenario: &str, base: &str, path: &Path) -> Result<(), GenerateError> {
    loadlab_stack::raise_descriptor_limit();
    let plan = plan(scenario)?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(GenerateError::Io)?;
    runtime.block_on(offer(plan, base, path))
}

fn plan(text: &str) -> Result<Arc<Plan>, GenerateError> {
    let source = Source { path: "generated.yaml", text };
    let no_files = |_: &str| Err("a generated scenario has no files".to_owned());
    let plan = loadlab_scenario::load(&source, &[], &no_files);
    plan.map(Arc::new).map_err(|diagnostics| GenerateError::Scenario(diagnostics.to_string()))
}

async fn offer(plan: Arc<Plan>, base: &str, path: &Path) -> Result<(), GenerateError> {
    let (lines, journal) = mpsc::unbounded_channel();
    let (started, _) = oneshot::channel();
    let file = fs::File::create(path).map_err(GenerateError::Io)?;
    let writer = tokio::spawn(write_journal(journal, BufWriter::new(file)));
    let run = LoadRun {
        plan,
        base: base.to_owned(),
        lines,
        started,
        stop: CancellationToken::new(),
        options: EngineOptions::default(),
    };
    let end = loadlab_engine::offer(run).await.map_err(GenerateError::Engine)?;
    let ending = Ending { at: end.at, reason: EndReason::Finished, in_flight: end.in_flight };
    // The engine's sender is gone with the run, so what is written now is the last line.
    let mut file = writer.await.expect("the writer does not panic").map_err(GenerateError::Io)?;
    write_line(&mut file, &JournalLine::Ending(ending)).map_err(GenerateError::Io)
}

/// Writes every line as it comes and flushes it, as the journal of a run does: it must be readable
/// whenever the run is killed.
async fn write_journal(
    mut lines: mpsc::UnboundedReceiver<JournalLine>,
    mut file: BufWriter<fs::File>,
) -> io::Result<BufWriter<fs::File>> {
    while let Some(line) = lines.recv().await {
        write_line(&mut file, &line)?;
    }
    Ok(file)
}

fn write_line(file: &mut BufWriter<fs::File>, line: &JournalLine) -> io::Result<()> {
    serde_json::to_writer(&mut *file, line)?;
    file.write_all(b"\n")?;
    file.flush()
}
