//! `run.json` as text: writing, reading with a check of the format, and its schema.
//!
//! The text is JSON that people can look into and compare: two levels are laid out, a line for each
//! key, window and series; what lies deeper stays on its line.

use std::{fmt, io};

use serde::{Deserialize, Serialize as _};
use serde_json::ser::Formatter;

use crate::{FORMAT, RunFile};

/// Levels that are laid out.
const LEVELS: usize = 2;

/// Text that is no run file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunFileError {
    /// Not JSON, or not with the fields of a run.
    NotARun {
        /// What the parser said.
        reason: String,
    },
    /// Written by a newer loadlab.
    Format {
        /// The version it has.
        found: u32,
        /// The newest that is understood.
        newest: u32,
    },
}

impl fmt::Display for RunFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotARun { reason } => write!(f, "this is no run file: {reason}"),
            Self::Format { found, newest } => write!(
                f,
                "the run file has format {found}, newer than {newest}, the newest this loadlab reads"
            ),
        }
    }
}

impl std::error::Error for RunFileError {}

/// What is read first: a newer format may have any other shape.
#[derive(Deserialize)]
struct FormatOnly {
    format: u32,
}

impl RunFile {
    /// `run.json`, with a final line feed. Equal runs give equal text, and what is read back is equal.
    pub fn to_json(&self) -> String {
        let mut bytes = Vec::new();
        let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, Layout::default());
        self.serialize(&mut serializer).expect(
            "a run file has text keys and histograms within their bounds, and memory takes all bytes",
        );
        bytes.push(b'\n');
        String::from_utf8(bytes).expect("JSON is UTF-8")
    }

    /// Reads what [`RunFile::to_json`] wrote, here or in an older loadlab.
    pub fn from_json(text: &str) -> Result<Self, RunFileError> {
        let fail = |error: serde_json::Error| RunFileError::NotARun { reason: error.to_string() };
        let FormatOnly { format } = serde_json::from_str(text).map_err(fail)?;
        if format > FORMAT {
            return Err(RunFileError::Format { found: format, newest: FORMAT });
        }
        serde_json::from_str(text).map_err(fail)
    }
}

/// The JSON schema of `run.json`.
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(RunFile).to_value()
}

/// Lays out the outer levels, and leaves the rest as it is.
#[derive(Default)]
struct Layout {
    /// Objects and lists that are open.
    depth: usize,
    /// The innermost one has elements.
    filled: bool,
}

impl Layout {
    fn open(&mut self) {
        self.depth += 1;
        self.filled = false;
    }

    fn element<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if !first {
            writer.write_all(b",")?;
        }
        if self.depth <= LEVELS {
            self.line(writer)?;
        }
        Ok(())
    }

    fn close<W: ?Sized + io::Write>(&mut self, writer: &mut W, end: &[u8]) -> io::Result<()> {
        let laid_out = self.filled && self.depth <= LEVELS;
        self.depth -= 1;
        if laid_out {
            self.line(writer)?;
        }
        self.filled = true;
        writer.write_all(end)
    }

    fn line<W: ?Sized + io::Write>(&self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b"\n")?;
        (0..self.depth).try_for_each(|_| writer.write_all(b" "))
    }
}

impl Formatter for Layout {
    fn begin_array<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.open();
        writer.write_all(b"[")
    }

    fn end_array<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.close(writer, b"]")
    }

    fn begin_array_value<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.element(writer, first)
    }

    fn end_array_value<W: ?Sized + io::Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.filled = true;
        Ok(())
    }

    fn begin_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.open();
        writer.write_all(b"{")
    }

    fn end_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.close(writer, b"}")
    }

    fn begin_object_key<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.element(writer, first)
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }

    fn end_object_value<W: ?Sized + io::Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.filled = true;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::{
        DocumentedResult, GeneratorSummary, Judgement, ObjectiveResult, Verdict, synthetic::Synthetic,
    };

    #[test]
    fn what_is_written_is_read_back_equal_to_the_byte() {
        let run = Synthetic::burst(40).run();
        let text = run.to_json();
        let read = RunFile::from_json(&text).expect("it was just written");
        assert_eq!(read, run);
        assert_eq!(read.to_json(), text);
    }

    #[test]
    fn a_newer_format_is_named_whatever_else_it_has() {
        let error = RunFile::from_json("{\"format\": 99, \"colour\": \"blue\"}").expect_err("newer");
        assert_eq!(error, RunFileError::Format { found: 99, newest: FORMAT });
        assert_eq!(
            error.to_string(),
            "the run file has format 99, newer than 1, the newest this loadlab reads"
        );
    }

    #[test]
    fn text_that_is_no_run_says_why() {
        for (text, reason) in
            [("", "EOF"), ("{}", "missing field `format`"), ("{\"format\": 1}", "missing field")]
        {
            let error = RunFile::from_json(text).expect_err(text).to_string();
            assert!(error.starts_with("this is no run file: ") && error.contains(reason), "{error}");
        }
    }

    /// Other tools read these; their names and places are promised.
    #[test]
    fn the_promised_keys_are_there() {
        let mut run = Synthetic::burst(20).run();
        run.set_judgement(judgement());
        let json: Value = serde_json::from_str(&run.to_json()).expect("it is JSON");
        let keys = |value: &Value, keys: &str| {
            for key in keys.split(' ') {
                assert!(value.get(key).is_some_and(|value| !value.is_null()), "{key} in {value}");
            }
        };
        keys(&json, "format scenario profile seed speed verdict totals latency_ms objectives documented");
        keys(&json["totals"], "scheduled completed failed undispatched retried abandoned");
        for latency in ["response", "service"] {
            keys(&json["latency_ms"][latency], "p50 p90 p95 p99 p999 max mean count");
        }
        keys(&json["objectives"][0], "name observed verdict");
        keys(&json["documented"][0], "name band observed reproduced");
        assert_eq!((&json["format"], &json["verdict"]), (&Value::from(1), &Value::from("fail")));
        assert_eq!((&json["seed"], &json["speed"]), (&Value::from(1), &Value::from(1.0)));
    }

    fn judgement() -> Judgement {
        let objective = ObjectiveResult {
            name: "p95 < 7s".to_owned(),
            observed: Some(13.4),
            bound: 7.0,
            unit: "s".to_owned(),
            verdict: Verdict::Fail,
            note: None,
            first_missed_s: None,
        };
        let documented = DocumentedResult {
            name: "retry rate".to_owned(),
            measure: "retries".to_owned(),
            band: (Some(0.15), Some(0.25)),
            observed: Some(0.2),
            unit: "share".to_owned(),
            reproduced: true,
        };
        Judgement {
            verdict: Verdict::Fail,
            reasons: Vec::new(),
            objectives: vec![objective],
            documented: vec![documented],
            steady: Vec::new(),
            health: Vec::new(),
            generator: GeneratorSummary::default(),
            remarks: Vec::new(),
            arms: None,
            failure: None,
        }
    }

    #[test]
    fn the_layout_has_a_line_for_each_key_and_element_of_the_outer_levels() {
        let mut bytes = Vec::new();
        let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, Layout::default());
        let value = serde_json::json!({"a": 1, "b": {"c": [1, 2], "d": {}}, "e": [[1, 2], [3]], "f": []});
        value.serialize(&mut serializer).expect("memory takes all bytes");
        let expected = r#"{
 "a": 1,
 "b": {
  "c": [1,2],
  "d": {}
 },
 "e": [
  [1,2],
  [3]
 ],
 "f": []
}"#;
        assert_eq!(String::from_utf8(bytes).expect("JSON is UTF-8"), expected);
    }

    #[test]
    fn the_schema_describes_what_is_written() {
        let schema = schema();
        let properties = schema["properties"].as_object().expect("a run is an object");
        let json: Value = serde_json::from_str(&Synthetic::burst(3).run().to_json()).expect("it is JSON");
        for key in json.as_object().expect("a run is an object").keys() {
            assert!(properties.contains_key(key), "{key}");
        }
        assert_eq!(schema["title"], "RunFile");
    }
}
