//! `COMMAND`: the table of commands for clients and command lines.

use super::{
    super::protocol::Reply,
    Call, CommandError, Outcome,
    table::{self, NONE, PLAIN, Spec, row},
};

pub(super) const COMMANDS: &[Spec] = &[row("command", "server", -1, PLAIN, NONE, command)];

fn command(call: &mut Call<'_>) -> Outcome {
    let Some((subcommand, names)) = call.args.split_first() else {
        return Ok(Reply::Array(table::all().map(described).collect()));
    };
    match (subcommand.to_ascii_lowercase().as_slice(), names) {
        (b"count", []) => Ok(Reply::count(table::all().count())),
        (b"list", []) => Ok(Reply::Array(table::all().map(|spec| Reply::name(spec.name)).collect())),
        (b"info", []) => Ok(Reply::Array(table::all().map(described).collect())),
        (b"info", names) => Ok(Reply::Array(
            names.iter().map(|name| table::find(name).map_or(Reply::Null, described)).collect(),
        )),
        (b"docs", []) => Ok(Reply::Map(table::all().map(documented).collect())),
        (b"docs", names) => {
            Ok(Reply::Map(names.iter().filter_map(|name| table::find(name)).map(documented).collect()))
        }
        _ => Err(CommandError::UnknownSubcommand { command: call.name, subcommand: call.said(0) }),
    }
}

/// Name, arity, flags, places of the keys; then categories, tips, keys in detail and subcommands, of
/// which nothing is said.
fn described(spec: &Spec) -> Reply {
    let (first, last, step) = spec.keys;
    let nothing = || Reply::Array(Vec::new());
    Reply::Array(vec![
        Reply::name(spec.name),
        Reply::Integer(spec.arity()),
        Reply::Set(spec.flag_names().map(Reply::Simple).collect()),
        Reply::Integer(first),
        Reply::Integer(last),
        Reply::Integer(step),
        Reply::Set(Vec::new()),
        nothing(),
        nothing(),
        nothing(),
    ])
}

fn documented(spec: &Spec) -> (Reply, Reply) {
    let group = if spec.group == "sorted_set" { "sorted-set" } else { spec.group };
    let about = [("summary", "See Redis's documentation."), ("since", "1.0.0"), ("group", group)];
    let about = about.map(|(name, value)| (Reply::name(name), Reply::name(value)));
    (Reply::name(spec.name), Reply::Map(about.into()))
}
