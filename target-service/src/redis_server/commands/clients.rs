//! `CLIENT`: who is connected.

use std::fmt::Write as _;

use bytes::Bytes;

use super::{
    super::{
        protocol::{Reply, Version},
        session::ClientProfile,
    },
    Call, CommandError, Outcome,
    table::{NONE, PLAIN, Spec, row},
};

pub(super) const COMMANDS: &[Spec] = &[row("client", "connection", -2, PLAIN, NONE, client)];

fn client(call: &mut Call<'_>) -> Outcome {
    let subcommand = String::from_utf8_lossy(&call.args[0]).to_lowercase();
    let arguments = &call.args[1..];
    let profile = &call.session.profile;
    match (subcommand.as_str(), arguments) {
        ("id", []) => Ok(Reply::Integer(call.session.id as i64)),
        ("getname", []) => {
            let name = profile.lock().name.clone();
            Ok(Reply::optional(Some(name).filter(|name| !name.is_empty())))
        }
        ("setname", [name]) => {
            profile.lock().name = checked_name(name)?;
            Ok(Reply::OK)
        }
        ("setinfo", [attribute, value]) => set_info(call, attribute, value),
        ("no-evict" | "no-touch", [switch]) => {
            let on = switched(switch)?;
            if subcommand == "no-evict" {
                profile.lock().no_evict = on;
            }
            Ok(Reply::OK)
        }
        ("info", []) => Ok(Reply::Text(line(call.session.id, &profile.lock()))),
        ("list", []) => Ok(Reply::Text(list(call, None))),
        ("list", [option, ids @ ..]) if option.eq_ignore_ascii_case(b"id") && !ids.is_empty() => {
            let ids = ids.iter().map(|id| super::options::integer(id)).collect::<Result<Vec<_>, _>>()?;
            Ok(Reply::Text(list(call, Some(&ids))))
        }
        ("list", _) => Err(CommandError::Syntax),
        ("id" | "getname" | "setname" | "setinfo" | "no-evict" | "no-touch" | "info", _) => {
            Err(CommandError::Arity { command: format!("client|{subcommand}") })
        }
        _ => Err(CommandError::UnknownSubcommand { command: call.name, subcommand: call.said(0) }),
    }
}

/// A name without spaces and control characters, which would break the lines of `CLIENT LIST`.
pub(super) fn checked_name(name: &Bytes) -> Result<Bytes, CommandError> {
    if is_word(name) { Ok(name.clone()) } else { Err(CommandError::ClientName) }
}

fn is_word(text: &[u8]) -> bool {
    text.iter().all(|byte| (b'!'..=b'~').contains(byte))
}

fn set_info(call: &mut Call<'_>, attribute: &[u8], value: &Bytes) -> Outcome {
    let mut profile = call.session.profile.lock();
    let (place, attribute) = match attribute.to_ascii_lowercase().as_slice() {
        b"lib-name" => (&mut profile.client_lib, "lib-name"),
        b"lib-ver" => (&mut profile.client_lib_version, "lib-ver"),
        _ => {
            let option = String::from_utf8_lossy(attribute).into_owned();
            return Err(CommandError::UnknownAttribute { option });
        }
    };
    if !is_word(value) {
        return Err(CommandError::LibraryName { attribute });
    }
    *place = value.clone();
    Ok(Reply::OK)
}

fn switched(word: &[u8]) -> Result<bool, CommandError> {
    match word.to_ascii_lowercase().as_slice() {
        b"on" => Ok(true),
        b"off" => Ok(false),
        _ => Err(CommandError::Syntax),
    }
}

fn list(call: &Call<'_>, ids: Option<&[i64]>) -> String {
    let clients = call.server.clients.lock();
    let wanted = clients.iter().filter(|(id, _)| ids.is_none_or(|ids| ids.contains(&(**id as i64))));
    wanted.map(|(id, profile)| line(*id, &profile.lock())).collect()
}

fn line(id: u64, profile: &ClientProfile) -> String {
    let (channels, patterns) = profile.subscriptions;
    let mut flags = String::new();
    for (set, flag) in
        [(channels + patterns > 0, 'P'), (profile.queued.is_some(), 'x'), (profile.no_evict, 'e')]
    {
        flags.extend(set.then_some(flag));
    }
    let flags = if flags.is_empty() { "N" } else { &flags };
    let multi = profile.queued.map_or(-1, |queued| queued as i64);
    let mut text = String::new();
    // Writing to memory cannot fail.
    let _ = writeln!(
        text,
        "id={id} addr={} name={} age={} idle={} flags={flags} db={} sub={channels} psub={patterns} ssub=0 \
         multi={multi} cmd={} user=default lib-name={} lib-ver={} resp={}",
        profile.address,
        String::from_utf8_lossy(&profile.name),
        profile.since.elapsed().as_secs(),
        profile.last_used.elapsed().as_secs(),
        profile.database,
        profile.last_command,
        String::from_utf8_lossy(&profile.client_lib),
        String::from_utf8_lossy(&profile.client_lib_version),
        if profile.version == Version::Resp3 { 3 } else { 2 },
    );
    text
}
