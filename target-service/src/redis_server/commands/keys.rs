//! Keys, whatever they hold.

use rand::RngExt as _;

use super::{
    super::protocol::Reply,
    Call, CommandError, Outcome,
    table::{ALL, FIRST, NONE, READS, Spec, TWO, WRITES, row},
};

pub(super) const COMMANDS: &[Spec] = &[
    row("del", "generic", -2, WRITES, ALL, delete),
    row("unlink", "generic", -2, WRITES, ALL, delete),
    row("exists", "generic", -2, READS, ALL, exists),
    row("touch", "generic", -2, READS, ALL, touch),
    row("type", "generic", 2, READS, FIRST, type_of),
    row("rename", "generic", 3, WRITES, TWO, rename),
    row("renamenx", "generic", 3, WRITES, TWO, rename),
    row("randomkey", "generic", 1, READS, NONE, random),
    row("object", "generic", -2, READS, (2, 2, 1), object),
    row("memory", "server", -2, READS, (2, 2, 1), memory),
];

/// How often a random key is picked again because it has expired.
const TRIES: usize = 100;

fn delete(call: &mut Call<'_>) -> Outcome {
    let keys = call.args;
    let db = call.db();
    Ok(Reply::count(keys.iter().filter(|key| db.remove(key).is_some()).count()))
}

fn exists(call: &mut Call<'_>) -> Outcome {
    let keys = call.args;
    let db = call.db();
    Ok(Reply::count(keys.iter().filter(|key| db.peek(key).is_some()).count()))
}

fn touch(call: &mut Call<'_>) -> Outcome {
    let keys = call.args;
    let db = call.db();
    Ok(Reply::count(keys.iter().filter(|key| db.touch(key)).count()))
}

fn type_of(call: &mut Call<'_>) -> Outcome {
    let key = call.key();
    Ok(Reply::Simple(call.db().peek(key).map_or("none", |entry| entry.value.type_name())))
}

fn rename(call: &mut Call<'_>) -> Outcome {
    let (from, to, only_if_absent) = (call.key(), &call.args[1], call.name == "renamenx");
    let db = call.db();
    if db.peek(from).is_none() {
        return Err(CommandError::NoSuchKey);
    }
    let stays = only_if_absent && db.peek(to).is_some();
    if !stays
        && from != to
        && let Some(entry) = db.remove(from)
    {
        db.set(to.clone(), entry.value, entry.expires_ms);
    }
    Ok(if only_if_absent { Reply::Integer(i64::from(!stays)) } else { Reply::OK })
}

fn random(call: &mut Call<'_>) -> Outcome {
    let len = call.db().len();
    for _ in 0..if len == 0 { 0 } else { TRIES } {
        let position = call.state.rng.random_range(0..len);
        if let Some((key, _)) = call.db().keys(position..position + 1).next() {
            return Ok(Reply::Bulk(key.clone()));
        }
    }
    Ok(Reply::Null)
}

fn object(call: &mut Call<'_>) -> Outcome {
    let (command, now) = (call.name, call.state.now().since_start_ns);
    let subcommand = String::from_utf8_lossy(&call.args[0]).to_lowercase();
    if !matches!(subcommand.as_str(), "encoding" | "refcount" | "idletime") {
        return Err(CommandError::UnknownSubcommand { command, subcommand: call.said(0) });
    }
    let [_, key] = call.args else {
        return Err(CommandError::Arity { command: format!("object|{subcommand}") });
    };
    let Some(entry) = call.db().peek(key) else { return Ok(Reply::Null) };
    Ok(match subcommand.as_str() {
        "encoding" => Reply::name(entry.value.encoding()),
        "refcount" => Reply::Integer(1),
        _ => Reply::Integer((now.saturating_sub(entry.used_ns) / 1_000_000_000) as i64),
    })
}

fn memory(call: &mut Call<'_>) -> Outcome {
    if !call.args[0].eq_ignore_ascii_case(b"usage") {
        return Err(CommandError::UnknownSubcommand { command: call.name, subcommand: call.said(0) });
    }
    match call.args {
        [_, key] => Ok(call.db().memory_of(key).map_or(Reply::Null, Reply::count)),
        // How many members to look at for an estimate: all are counted here.
        [_, key, option, samples] if option.eq_ignore_ascii_case(b"samples") => {
            super::options::integer(samples)?;
            Ok(call.db().memory_of(key).map_or(Reply::Null, Reply::count))
        }
        [_] => Err(CommandError::Arity { command: "memory|usage".to_owned() }),
        _ => Err(CommandError::Syntax),
    }
}
