//! Listing keys and members: `KEYS`, `SCAN` and its like for collections.

use bytes::Bytes;

use super::{
    super::{
        glob, number,
        protocol::Reply,
        value::{Collection as _, Hash, Set, SortedSet, Value, scan_part},
    },
    Call, CommandError, Outcome,
    options::Options,
    table::{FIRST, NONE, READS, Spec, row},
};

pub(super) const COMMANDS: &[Spec] = &[
    row("keys", "generic", 2, READS, NONE, keys),
    row("scan", "generic", -2, READS, NONE, scan),
    row("hscan", "hash", -3, READS, FIRST, scan_members),
    row("sscan", "set", -3, READS, FIRST, scan_members),
    row("zscan", "sorted_set", -3, READS, FIRST, scan_members),
];

/// What a scan was told.
struct Scan {
    cursor: u64,
    pattern: Option<Bytes>,
    count: usize,
    type_name: Option<String>,
}

impl Scan {
    fn read(cursor: &[u8], mut options: Options<'_>) -> Result<Self, CommandError> {
        let cursor = std::str::from_utf8(cursor).ok().and_then(|text| text.parse().ok());
        let mut scan =
            Self { cursor: cursor.ok_or(CommandError::Cursor)?, pattern: None, count: 10, type_name: None };
        while let Some(word) = options.word() {
            match word.as_str() {
                "MATCH" => scan.pattern = Some(options.required()?.clone()),
                "COUNT" => {
                    let count = options.integer()?;
                    scan.count =
                        usize::try_from(count).ok().filter(|count| *count > 0).ok_or(CommandError::Syntax)?;
                }
                "TYPE" => scan.type_name = Some(String::from_utf8_lossy(options.required()?).to_lowercase()),
                _ => return Err(CommandError::Syntax),
            }
        }
        Ok(scan)
    }

    fn wants(&self, name: &[u8]) -> bool {
        self.pattern.as_ref().is_none_or(|pattern| glob::matches(pattern, name))
    }
}

fn keys(call: &mut Call<'_>) -> Outcome {
    let pattern = call.key();
    let db = call.db();
    let all = db.keys(0..db.len()).map(|(key, _)| key);
    Ok(Reply::bulks(all.filter(|key| glob::matches(pattern, key)).cloned()))
}

fn scan(call: &mut Call<'_>) -> Outcome {
    let scan = Scan::read(call.key(), Options::new(&call.args[1..]))?;
    let db = call.db();
    let (part, cursor) = scan_part(db.len(), scan.cursor, scan.count);
    let found = db.keys(part).filter(|(key, value)| {
        scan.wants(key) && scan.type_name.as_ref().is_none_or(|name| name == value.type_name())
    });
    let found: Vec<Bytes> = found.map(|(key, _)| key.clone()).collect();
    Ok(part_of_scan(cursor, Reply::bulks(found)))
}

fn scan_members(call: &mut Call<'_>) -> Outcome {
    let key = call.key();
    let scan = Scan::read(&call.args[1], Options::new(&call.args[2..]))?;
    if scan.type_name.is_some() {
        return Err(CommandError::Syntax);
    }
    let name = call.name;
    let Some(entry) = call.db().peek(key) else { return Ok(part_of_scan(0, Reply::Array(Vec::new()))) };
    let (cursor, found) = match (name, &entry.value) {
        ("hscan", Value::Hash(hash)) => scan_hash(&scan, hash),
        ("sscan", Value::Set(set)) => scan_set(&scan, set),
        ("zscan", Value::SortedSet(set)) => scan_sorted_set(&scan, set),
        _ => return Err(CommandError::WrongType),
    };
    Ok(part_of_scan(cursor, Reply::bulks(found)))
}

fn scan_hash(scan: &Scan, hash: &Hash) -> (u64, Vec<Bytes>) {
    let (part, cursor) = scan_part(hash.len(), scan.cursor, scan.count);
    let fields = part.filter_map(|position| hash.at(position)).filter(|(field, _)| scan.wants(field));
    (cursor, fields.flat_map(|(field, value)| [field.clone(), value.clone()]).collect())
}

fn scan_set(scan: &Scan, set: &Set) -> (u64, Vec<Bytes>) {
    let (part, cursor) = scan_part(set.len(), scan.cursor, scan.count);
    let members = part.filter_map(|position| set.at(position)).filter(|member| scan.wants(member));
    (cursor, members.cloned().collect())
}

fn scan_sorted_set(scan: &Scan, set: &SortedSet) -> (u64, Vec<Bytes>) {
    let (part, cursor) = scan_part(set.len(), scan.cursor, scan.count);
    let members = part.filter_map(|position| set.at(position)).filter(|(member, _)| scan.wants(member));
    let text = |score| Bytes::from(number::double_text(score));
    (cursor, members.flat_map(|(member, score)| [member.clone(), text(score)]).collect())
}

fn part_of_scan(cursor: u64, found: Reply) -> Reply {
    Reply::Array(vec![Reply::Bulk(Bytes::from(cursor.to_string())), found])
}
