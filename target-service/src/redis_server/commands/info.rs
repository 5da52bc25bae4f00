//! `INFO`: figures for people and for tools.

use std::{fmt::Write as _, sync::atomic::Ordering};

use super::{
    super::protocol::Reply,
    Call, Outcome,
    table::{NONE, PLAIN, Spec, row},
};

pub(super) const COMMANDS: &[Spec] = &[row("info", "server", -1, PLAIN, NONE, info)];

/// The version of Redis whose behaviour this is, as far as it goes. Clients decide by it what they may
/// send.
pub(super) const VERSION: &str = "7.2.4";

/// A section's lines.
type Lines = fn(&Call<'_>) -> String;

/// The sections, in their order.
const SECTIONS: [(&str, Lines); 7] = [
    ("Server", server),
    ("Clients", clients),
    ("Memory", memory),
    ("Persistence", |_| "loading:0\r\nrdb_bgsave_in_progress:0\r\naof_enabled:0\r\n".to_owned()),
    ("Stats", stats),
    ("Replication", |_| "role:master\r\nconnected_slaves:0\r\n".to_owned()),
    ("Keyspace", keyspace),
];

fn info(call: &mut Call<'_>) -> Outcome {
    let wanted: Vec<String> =
        call.args.iter().map(|section| String::from_utf8_lossy(section).to_lowercase()).collect();
    let is_all = |name: &String| matches!(name.as_str(), "all" | "default" | "everything");
    let everything = wanted.is_empty() || wanted.iter().any(is_all);
    let sections = SECTIONS
        .iter()
        .filter(|(name, _)| everything || wanted.contains(&name.to_lowercase()))
        .map(|(name, content)| format!("# {name}\r\n{}", content(call)));
    Ok(Reply::Text(sections.collect::<Vec<_>>().join("\r\n")))
}

fn server(call: &Call<'_>) -> String {
    let uptime = call.server.start.elapsed().as_secs();
    format!(
        "redis_version:{VERSION}\r\nredis_mode:standalone\r\nos:{} {}\r\narch_bits:{}\r\nprocess_id:{}\r\n\
         tcp_port:{}\r\nuptime_in_seconds:{uptime}\r\nuptime_in_days:{}\r\nhz:10\r\n",
        std::env::consts::OS,
        std::env::consts::ARCH,
        usize::BITS,
        std::process::id(),
        call.server.listen.port(),
        uptime / 86_400,
    )
}

fn clients(call: &Call<'_>) -> String {
    let connected = call.server.clients.lock().len();
    format!("connected_clients:{connected}\r\nblocked_clients:0\r\n")
}

fn memory(call: &Call<'_>) -> String {
    let (used, settings) = (call.state.memory(), call.server.settings.get());
    let policy = serde_json::to_value(settings.maxmemory_policy).unwrap_or_default();
    format!(
        "used_memory:{used}\r\nused_memory_human:{:.2}K\r\nmaxmemory:{}\r\nmaxmemory_policy:{}\r\n",
        used as f64 / 1024.0,
        settings.maxmemory_bytes,
        policy.as_str().unwrap_or_default(),
    )
}

fn stats(call: &Call<'_>) -> String {
    let figures = call.state.figures();
    format!(
        "total_connections_received:{}\r\ntotal_commands_processed:{}\r\nexpired_keys:{}\r\nevicted_keys:{}\r\n\
         keyspace_hits:{}\r\nkeyspace_misses:{}\r\npubsub_channels:{}\r\npubsub_patterns:{}\r\n",
        call.server.connections(),
        call.server.commands.load(Ordering::Relaxed),
        figures.expired,
        figures.evicted,
        figures.hits,
        figures.misses,
        call.state.channels.names().count(),
        call.state.channels.patterns(),
    )
}

fn keyspace(call: &Call<'_>) -> String {
    let mut text = String::new();
    for (index, database) in
        call.state.databases().iter().enumerate().filter(|(_, database)| database.len() > 0)
    {
        // Writing to memory cannot fail.
        let _ = write!(
            text,
            "db{index}:keys={},expires={},avg_ttl=0\r\n",
            database.len(),
            database.volatile_len()
        );
    }
    text
}
