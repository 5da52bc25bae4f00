//! `resp_error`: answers a command with an error. The command does not reach the server.

use bytes::Bytes;
use serde_json::{Map, Value};

use super::{Attributes, FaultError, RespSelect};

/// Answers with an error. `Touched::bytes` counts the bytes of the commands that were withheld.
#[derive(Debug, Clone, PartialEq)]
pub struct RespError {
    /// As it goes over the wire: `-READONLY …\r\n`.
    reply: Bytes,
    select: RespSelect,
}

impl RespError {
    /// Its name.
    pub const TYPE: &'static str = "resp_error";

    /// Reads `error`: a code in capitals and a message, without the leading `-`.
    pub(super) fn take(attributes: &mut Attributes) -> Result<Self, FaultError> {
        let error = attributes.text("error")?;
        let select = RespSelect::take(attributes)?;
        let error = error.ok_or(FaultError::Missing { attribute: "error", or: None })?;
        let code = error.split(' ').next().unwrap_or_default();
        let valid = !code.is_empty()
            && code.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
            && !error.contains(['\r', '\n']);
        if !valid {
            return Err(FaultError::Wrong {
                attribute: "error",
                expected: "one line that begins with a code in capitals, such as `LOADING dataset`",
                found: format!("{error:?}"),
            });
        }
        Ok(Self { reply: Bytes::from(format!("-{error}\r\n")), select })
    }

    pub(super) fn write(&self, map: &mut Map<String, Value>) {
        let line = &self.reply[1..self.reply.len() - 2];
        map.insert("error".to_owned(), Value::from(String::from_utf8_lossy(line)));
        self.select.write(map);
    }

    pub(super) fn select(&self) -> &RespSelect {
        &self.select
    }

    /// The reply as it goes over the wire.
    pub(crate) fn reply(&self) -> &Bytes {
        &self.reply
    }
}
