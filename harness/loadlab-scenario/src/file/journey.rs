//! What users want: journeys of steps.

use std::time::Duration;

use schemars::{JsonSchema, Schema, json_schema};
use serde::Deserialize;

use super::client::DrawFile;
use crate::{
    document::shortened,
    field::{At, Either, Leaf, Names},
    parse::{FromText, TextError, quantity::Name},
};

/// One kind of want.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Journey")]
pub(crate) struct JourneyFile {
    /// Its name.
    pub(crate) name: Leaf<Name>,
    /// How often it is wanted, beside the others. Default: 1.
    pub(crate) weight: Option<Leaf<u32>>,
    /// What is done, one after another. The first that fails ends the journey.
    pub(crate) steps: At<Vec<At<StepFile>>>,
}

/// One request: exactly one of `get`, `post`, `put`, `patch`, `delete`, or `method` and `path`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Step")]
pub(crate) struct StepFile {
    /// Its name in objectives and reports. Default for a login: login; for the only step of a journey: the
    /// journey's.
    pub(crate) name: Option<Leaf<Name>>,
    /// GET of this path.
    pub(crate) get: Option<Leaf<String>>,
    /// POST to this path.
    pub(crate) post: Option<Leaf<String>>,
    /// PUT to this path.
    pub(crate) put: Option<Leaf<String>>,
    /// PATCH of this path.
    pub(crate) patch: Option<Leaf<String>>,
    /// DELETE of this path.
    pub(crate) delete: Option<Leaf<String>>,
    /// Another method, with `path`.
    pub(crate) method: Option<Leaf<Method>>,
    /// Path and query, under the target's base.
    pub(crate) path: Option<Leaf<String>>,
    /// Headers; values are templates.
    pub(crate) headers: Option<At<Names<Leaf<String>>>>,
    /// Body: text. One of `body`, `json`, `form`.
    pub(crate) body: Option<Leaf<String>>,
    /// Body: anything, sent as JSON. Strings in it are templates.
    pub(crate) json: Option<Leaf<AnyJson>>,
    /// Body: names and values, sent as `application/x-www-form-urlencoded`. Values are templates.
    pub(crate) form: Option<At<Names<Leaf<String>>>>,
    /// Pause before the step.
    pub(crate) think: Option<Either<Duration, DrawFile>>,
    /// Its own time-out instead of the client's.
    pub(crate) timeout: Option<Leaf<Duration>>,
    /// The answer is a stream of server-sent events.
    pub(crate) stream: Option<Leaf<bool>>,
    /// What the answer must be like. Without a status check, 200 to 399 is expected.
    pub(crate) checks: Option<At<Vec<At<CheckFile>>>>,
    /// Values kept for later steps, by name.
    pub(crate) extract: Option<At<Names<At<ExtractFile>>>>,
    /// Many requests of this form at once.
    pub(crate) fan_out: Option<At<FanOutFile>>,
}

/// Many requests of one form at once.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "FanOut")]
pub(crate) struct FanOutFile {
    /// A list that an earlier step extracted: a request for each of its elements.
    pub(crate) over: Leaf<Name>,
    /// The name under which templates see the element. Default: item.
    pub(crate) item: Option<Leaf<Name>>,
    /// Elements at most. Default: 100.
    pub(crate) max: Option<Leaf<u32>>,
}

/// Something the answer must satisfy.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[schemars(rename = "Check")]
pub(crate) enum CheckFile {
    /// The status is this, or one of these.
    Status(Either<Status, Vec<Leaf<Status>>>),
    /// A header is there; with `equals`, it has this value.
    Header(Either<HeaderName, HeaderCheckFile>),
    /// A value of the JSON body is there and not null; or is as the map says.
    Json(Either<Pointer, JsonCheckFile>),
    /// The body contains this text.
    Contains(Leaf<String>),
    /// The stream ends with this event; without it, it is truncated.
    EndsWithEvent(Leaf<String>),
    /// The stream has at least so many events.
    EventsMin(Leaf<u32>),
}

/// A header.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "HeaderCheck")]
pub(crate) struct HeaderCheckFile {
    /// Its name.
    pub(crate) name: Leaf<HeaderName>,
    /// Its value.
    pub(crate) equals: Option<Leaf<String>>,
}

/// A value of the JSON body.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "JsonCheck")]
pub(crate) struct JsonCheckFile {
    /// Where: an RFC 6901 pointer.
    pub(crate) at: Leaf<Pointer>,
    /// It is equal to this.
    pub(crate) equals: Option<Leaf<AnyJson>>,
    /// It is there, and not equal to this.
    pub(crate) differs_from: Option<Leaf<AnyJson>>,
    /// It is a list, string or object with at least so many elements.
    pub(crate) length_min: Option<Leaf<u32>>,
}

/// Where a kept value comes from.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[schemars(rename = "Extract")]
pub(crate) enum ExtractFile {
    /// An RFC 6901 pointer into the JSON body; a part `*` takes every element of a list.
    Json(Leaf<Pointer>),
    /// A header of the answer.
    Header(Leaf<HeaderName>),
}

/// An HTTP method, in capitals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Method(pub(crate) String);

/// An HTTP status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Status(pub(crate) u16);

/// A header's name, in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HeaderName(pub(crate) String);

/// An RFC 6901 pointer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pointer(pub(crate) String);

/// Any YAML value, as JSON. It is read from the tree, not from a scalar's text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AnyJson;

impl FromText for Method {
    fn from_text(text: &str) -> Result<Self, TextError> {
        const KNOWN: [&str; 7] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];
        if KNOWN.contains(&text) {
            return Ok(Self(text.to_owned()));
        }
        let message = format!("`{}` is not a method", shortened(text));
        Err(TextError::whole(text, message)
            .accepted(crate::nearest::listed(KNOWN))
            .suggestion(crate::nearest::nearest(text, KNOWN)))
    }

    fn schema() -> Schema {
        json_schema!({ "type": "string", "enum": ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"] })
    }
}

impl FromText for Status {
    fn from_text(text: &str) -> Result<Self, TextError> {
        text.parse().ok().filter(|status| (100..=599).contains(status)).map(Self).ok_or_else(|| {
            TextError::whole(text, format!("`{}` is not an HTTP status", shortened(text)))
                .accepted("a number from 100 to 599, or a list of them")
        })
    }

    fn schema() -> Schema {
        json_schema!({ "type": "integer", "minimum": 100, "maximum": 599 })
    }
}

impl FromText for HeaderName {
    fn from_text(text: &str) -> Result<Self, TextError> {
        // RFC 9110, section 5.6.2: a token.
        let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
        if !text.is_empty() && text.chars().all(is_token) {
            return Ok(Self(text.to_ascii_lowercase()));
        }
        let message = format!("`{}` is not the name of a header", shortened(text));
        Err(TextError::whole(text, message).accepted("letters, digits and `-`: `content-type`"))
    }

    fn schema() -> Schema {
        json_schema!({ "type": "string" })
    }
}

impl FromText for Pointer {
    fn from_text(text: &str) -> Result<Self, TextError> {
        let escapes = text.match_indices('~').all(|(at, _)| text[at + 1..].starts_with(['0', '1']));
        if (text.is_empty() || text.starts_with('/')) && escapes {
            return Ok(Self(text.to_owned()));
        }
        let meant = escapes.then(|| format!("/{}", text.trim_start_matches("$.").replace('.', "/")));
        let message = format!("`{}` is not a JSON pointer", shortened(text));
        Err(TextError::whole(text, message)
            .accepted("an RFC 6901 pointer: `/sources/0/id`")
            .suggestion(meant))
    }

    fn schema() -> Schema {
        json_schema!({ "type": "string", "pattern": "^(/|$)" })
    }
}

impl FromText for AnyJson {
    fn from_text(_: &str) -> Result<Self, TextError> {
        Ok(Self)
    }

    fn schema() -> Schema {
        json_schema!(true)
    }
}
