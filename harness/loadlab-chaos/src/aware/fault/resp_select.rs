//! Which commands a fault may hit: by name and key.

use serde_json::{Map, Value};

use super::{super::attributes::write_texts, Attributes, FaultError};
use crate::aware::Glob;

/// Selects commands. What is absent selects all.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RespSelect {
    /// Upper case.
    commands: Vec<String>,
    key: Option<Glob>,
}

impl RespSelect {
    pub(super) fn take(attributes: &mut Attributes) -> Result<Self, FaultError> {
        let commands = attributes.texts("command")?;
        let key = attributes.text("key")?.map(Glob::new);
        if let Some(wrong) = commands.iter().find(|name| !is_name(name)) {
            let found = format!("{wrong:?}");
            return Err(FaultError::Wrong {
                attribute: "command",
                expected: "a command's name such as GET",
                found,
            });
        }
        Ok(Self { commands: commands.iter().map(|name| name.to_ascii_uppercase()).collect(), key })
    }

    pub(super) fn write(&self, map: &mut Map<String, Value>) {
        write_texts(map, "command", &self.commands);
        if let Some(key) = &self.key {
            map.insert("key".to_owned(), Value::from(key.as_str()));
        }
    }

    /// Whether a command is one of those: its name in upper case is in the list, and one of its keys
    /// matches. A command without keys matches no key pattern.
    pub(crate) fn matches(&self, name: &[u8], keys: &[Vec<u8>]) -> bool {
        (self.commands.is_empty() || self.commands.iter().any(|one| one.as_bytes() == name))
            && self.key.as_ref().is_none_or(|glob| keys.iter().any(|key| glob.matches(key)))
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_command_matches_by_name_and_by_any_of_its_keys() {
        let cases = [
            (json!({}), true),
            (json!({ "command": "mget" }), true),
            (json!({ "command": ["GET", "SET"] }), false),
            (json!({ "key": "user:*" }), true),
            (json!({ "key": "cart:*" }), false),
            (json!({ "command": "MGET", "key": "*:2" }), true),
        ];
        let keys = [b"user:1".to_vec(), b"user:2".to_vec()];
        for (attributes, expected) in cases {
            let mut read = Attributes::of(&attributes).expect("an object");
            let select = RespSelect::take(&mut read).expect("a selector");
            assert_eq!(select.matches(b"MGET", &keys), expected, "{attributes}");
        }
    }

    #[test]
    fn a_command_without_keys_matches_no_key_pattern() {
        let mut read = Attributes::of(&json!({ "key": "*" })).expect("an object");
        assert!(!RespSelect::take(&mut read).expect("a selector").matches(b"PING", &[]));
    }
}
