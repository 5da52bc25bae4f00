//! The server as a whole: size, time, emptying, configuration.

use serde_json::json;

use super::{
    super::{glob, protocol::Reply},
    Call, CommandError, Outcome,
    table::{NONE, PLAIN, READS, Spec, WRITES, row},
};

pub(super) const COMMANDS: &[Spec] = &[
    row("dbsize", "server", 1, READS, NONE, |call| Ok(Reply::count(call.db().len()))),
    row("flushdb", "server", -1, WRITES, NONE, flush_one),
    row("flushall", "server", -1, WRITES, NONE, flush_all),
    row("time", "server", 1, PLAIN, NONE, time),
    row("config", "server", -2, PLAIN, NONE, config),
];

/// Parameters that are kept and have no effect, and their defaults: there is no persistence. The
/// rest is what clients and `redis-benchmark` ask for.
const PARAMETERS: [(&str, &str); 7] = [
    ("appendonly", "no"),
    ("databases", "16"),
    ("maxmemory-samples", "5"),
    ("proto-max-bulk-len", "536870912"),
    ("save", ""),
    ("timeout", "0"),
    ("tcp-keepalive", "0"),
];
/// Those of them that may be set.
const SETTABLE: [&str; 2] = ["appendonly", "save"];

fn flush_one(call: &mut Call<'_>) -> Outcome {
    flush_mode(call)?;
    call.db().clear();
    Ok(Reply::OK)
}

fn flush_all(call: &mut Call<'_>) -> Outcome {
    flush_mode(call)?;
    for index in 0..call.state.databases().len() {
        call.state.database(index).clear();
    }
    Ok(Reply::OK)
}

/// `SYNC` and `ASYNC` are the same here.
fn flush_mode(call: &Call<'_>) -> Result<(), CommandError> {
    match call.args {
        [] => Ok(()),
        [mode] if mode.eq_ignore_ascii_case(b"sync") || mode.eq_ignore_ascii_case(b"async") => Ok(()),
        _ => Err(CommandError::Syntax),
    }
}

fn time(_: &mut Call<'_>) -> Outcome {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let text = |number: u64| Reply::Bulk(number.to_string().into());
    Ok(Reply::Array(vec![text(now.as_secs()), text(u64::from(now.subsec_micros()))]))
}

fn config(call: &mut Call<'_>) -> Outcome {
    let subcommand = String::from_utf8_lossy(&call.args[0]).to_lowercase();
    match (subcommand.as_str(), &call.args[1..]) {
        ("get", []) => Err(CommandError::Arity { command: "config|get".to_owned() }),
        ("get", patterns) => {
            let wanted = |name: &str| {
                patterns.iter().any(|pattern| glob::matches(&pattern.to_ascii_lowercase(), name.as_bytes()))
            };
            let found = parameters(call).into_iter().filter(|(name, _)| wanted(name));
            Ok(Reply::Map(
                found.map(|(name, value)| (Reply::name(name), Reply::Bulk(value.into()))).collect(),
            ))
        }
        ("set", pairs) if pairs.len() >= 2 && pairs.len().is_multiple_of(2) => {
            for pair in pairs.chunks(2) {
                let text = |index: usize| String::from_utf8_lossy(&pair[index]).into_owned();
                set(call, &text(0).to_lowercase(), text(1))?;
            }
            Ok(Reply::OK)
        }
        ("set", _) => Err(CommandError::Arity { command: "config|set".to_owned() }),
        ("resetstat", []) => Ok(Reply::OK),
        _ => Err(CommandError::UnknownSubcommand { command: call.name, subcommand: call.said(0) }),
    }
}

/// All parameters as they are now.
fn parameters(call: &Call<'_>) -> Vec<(&'static str, String)> {
    let settings = call.server.settings.get();
    let set = call.server.parameters.lock();
    let fixed = PARAMETERS
        .map(|(name, default)| (name, set.get(name).cloned().unwrap_or_else(|| default.to_owned())));
    // The name of the policy as the settings write it, which is Redis's own.
    let policy = serde_json::to_value(settings.maxmemory_policy).unwrap_or_default();
    let policy = policy.as_str().unwrap_or_default().to_owned();
    let live = [
        ("maxmemory", settings.maxmemory_bytes.to_string()),
        ("maxmemory-policy", policy),
        ("port", call.server.listen.port().to_string()),
    ];
    live.into_iter().chain(fixed).collect()
}

/// Sets a parameter. Those with an effect are settings of the role, so `/admin/settings` shows them.
fn set(call: &Call<'_>, name: &str, value: String) -> Result<(), CommandError> {
    let wrong = |reason: String| CommandError::ParameterValue { name: name.to_owned(), reason };
    let patch = match name {
        "maxmemory" => {
            let bytes = memory(&value).ok_or_else(|| wrong("argument must be a memory value".to_owned()))?;
            json!({ "maxmemory_bytes": bytes })
        }
        "maxmemory-policy" => json!({ "maxmemory_policy": value.to_lowercase() }),
        _ => {
            let known = SETTABLE.iter().find(|known| **known == name);
            let known = known.ok_or_else(|| CommandError::UnknownParameter { name: name.to_owned() })?;
            call.server.parameters.lock().insert(known, value);
            return Ok(());
        }
    };
    call.server.settings.patch(patch).map(drop).map_err(|error| wrong(error.to_string()))
}

/// Bytes in Redis's notation: `100`, `100k` (thousands), `100kb` (of 1,024), `mb`, `gb`.
fn memory(text: &str) -> Option<u64> {
    let text = text.to_ascii_lowercase();
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let factor: u64 = match &text[digits.len()..] {
        "" | "b" => 1,
        "k" => 1_000,
        "kb" => 1 << 10,
        "m" => 1_000_000,
        "mb" => 1 << 20,
        "g" => 1_000_000_000,
        "gb" => 1 << 30,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(factor)
}
