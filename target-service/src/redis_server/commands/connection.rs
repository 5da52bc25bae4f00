//! The connection itself: greeting, database, liveness.

use bytes::Bytes;

use super::{
    super::{
        protocol::{Reply, Version},
        store::DATABASES,
    },
    Call, CommandError, Outcome, clients,
    info::VERSION,
    options::{Options, integer},
    table::{ALWAYS, NONE, PLAIN, SUBSCRIBER, Spec, row},
};

pub(super) const COMMANDS: &[Spec] = &[
    row("ping", "connection", -1, SUBSCRIBER, NONE, ping),
    row("echo", "connection", 2, PLAIN, NONE, |call| Ok(Reply::Bulk(call.key().clone()))),
    row("select", "connection", 2, PLAIN, NONE, select),
    row("auth", "connection", -2, PLAIN, NONE, authenticate),
    row("hello", "connection", -1, PLAIN, NONE, hello),
    row("reset", "connection", 1, SUBSCRIBER | ALWAYS, NONE, reset),
    row("quit", "connection", -1, SUBSCRIBER | ALWAYS, NONE, quit),
];

fn ping(call: &mut Call<'_>) -> Outcome {
    let listens = call.session.subscriptions() > 0 && call.session.version == Version::Resp2;
    match call.args {
        [] if listens => Ok(Reply::Array(vec![Reply::name("pong"), Reply::name("")])),
        [text] if listens => Ok(Reply::Array(vec![Reply::name("pong"), Reply::Bulk(text.clone())])),
        [] => Ok(Reply::Simple("PONG")),
        [text] => Ok(Reply::Bulk(text.clone())),
        _ => Err(call.wrong_arity()),
    }
}

fn select(call: &mut Call<'_>) -> Outcome {
    let index = integer(call.key())?;
    let index = usize::try_from(index).ok().filter(|index| *index < DATABASES);
    call.session.database = index.ok_or(CommandError::Database)?;
    Ok(Reply::OK)
}

/// There is one user, `default`, who needs no password.
fn authenticate(call: &mut Call<'_>) -> Outcome {
    match call.args {
        [_] => Err(CommandError::NoPassword),
        [user, _] => may_enter(user).map(|()| Reply::OK),
        _ => Err(CommandError::Syntax),
    }
}

fn may_enter(user: &Bytes) -> Result<(), CommandError> {
    if user == "default" { Ok(()) } else { Err(CommandError::WrongPassword) }
}

fn hello(call: &mut Call<'_>) -> Outcome {
    let mut options = Options::new(call.args);
    let version = match options.next() {
        None => call.session.version,
        Some(version) => match integer(version).map_err(|_| CommandError::NotAVersion)? {
            2 => Version::Resp2,
            3 => Version::Resp3,
            _ => return Err(CommandError::ProtocolVersion),
        },
    };
    let mut name = None;
    while !options.is_empty() {
        let left = options.rest();
        match (options.word().as_deref(), options.rest()) {
            (Some("AUTH"), [user, _password, ..]) => {
                may_enter(user)?;
                options.next();
                options.next();
            }
            (Some("SETNAME"), [given, ..]) => {
                name = Some(clients::checked_name(given)?);
                options.next();
            }
            _ => {
                let option = String::from_utf8_lossy(&left[0]).into_owned();
                return Err(CommandError::HelloOption { option });
            }
        }
    }
    call.session.version = version;
    if let Some(name) = name {
        call.session.profile.lock().name = name;
    }
    Ok(Reply::Map(vec![
        (Reply::name("server"), Reply::name("redis")),
        (Reply::name("version"), Reply::name(VERSION)),
        (Reply::name("proto"), Reply::Integer(if version == Version::Resp3 { 3 } else { 2 })),
        (Reply::name("id"), Reply::Integer(call.session.id as i64)),
        (Reply::name("mode"), Reply::name("standalone")),
        (Reply::name("role"), Reply::name("master")),
        (Reply::name("modules"), Reply::Array(Vec::new())),
    ]))
}

/// The connection as it was when it was new.
fn reset(call: &mut Call<'_>) -> Outcome {
    call.session.transaction = None;
    call.session.unwatch(call.state);
    call.session.unsubscribe(call.state);
    call.session.version = Version::Resp2;
    call.session.database = 0;
    call.session.profile.lock().name = Bytes::new();
    Ok(Reply::Simple("RESET"))
}

fn quit(call: &mut Call<'_>) -> Outcome {
    call.session.closing = true;
    Ok(Reply::OK)
}
