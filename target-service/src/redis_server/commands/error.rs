//! What a command can be refused with, in Redis's own words: clients tell errors apart by their text.

use std::{error::Error, fmt};

use super::super::protocol::ProtocolError;

/// A refusal. Its text is what goes over the wire after the `-`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) enum CommandError {
    /// The key holds a value of another type.
    WrongType,
    /// An argument, or the value itself, is no integer of 64 bits.
    NotAnInteger,
    /// An argument, or the value itself, is no number.
    NotAFloat,
    /// A bound of scores that is none.
    NotAScoreRange,
    /// A hash's field is no integer.
    HashNotAnInteger,
    /// A hash's field is no number.
    HashNotAFloat,
    /// A sum that is no integer of 64 bits.
    Overflow,
    /// A decrement that has no negative.
    DecrementOverflow,
    /// A sum that is no number.
    NotFinite,
    /// A score that would be no number.
    ScoreNotANumber,
    /// Options that do not go together, or are unknown.
    Syntax,
    /// The key is not there and must be.
    NoSuchKey,
    /// An index with no element.
    IndexOutOfRange,
    /// A number that must not be negative.
    Negative,
    /// A number that is too large.
    OutOfRange,
    /// A string that would be too long.
    TooLong,
    /// A time to live that is none.
    InvalidExpiry {
        /// The command.
        command: &'static str,
    },
    /// Options of `EXPIRE` that exclude each other.
    ExpiryNx,
    /// Options of `EXPIRE` that exclude each other.
    ExpiryGtLt,
    /// An option of `EXPIRE` that there is not.
    UnknownOption {
        /// The option.
        option: String,
    },
    /// Options of `ZADD` that exclude each other.
    ZaddNx,
    /// Options of `ZADD` that exclude each other.
    ZaddGtLt,
    /// `ZADD INCR` with several members.
    ZaddIncrement,
    /// A cursor that is none.
    Cursor,
    /// A database that there is not.
    Database,
    /// Too few or too many arguments.
    Arity {
        /// The command, with its subcommand: `client|setname`.
        command: String,
    },
    /// There is no such command here.
    Unknown {
        /// The command and its first arguments.
        arguments: Vec<String>,
    },
    /// There is no such subcommand here.
    UnknownSubcommand {
        /// The command.
        command: &'static str,
        /// What was asked for.
        subcommand: String,
    },
    /// Nothing may be written.
    ReadOnly,
    /// The memory is full and nothing may be evicted.
    OutOfMemory,
    /// `MULTI` in a transaction.
    NestedMulti,
    /// `WATCH` in a transaction.
    WatchInMulti,
    /// A command that cannot be queued.
    NotInTransaction,
    /// `EXEC` or `DISCARD` outside a transaction.
    WithoutMulti {
        /// The command.
        command: &'static str,
    },
    /// The transaction had a command that was refused.
    ExecAborted,
    /// `EXEC` itself was refused, and with it the transaction.
    ExecRefused {
        /// What is wrong with it.
        reason: Box<CommandError>,
    },
    /// A connection that listens to channels can do nothing else in RESP2.
    OnlySubscriber {
        /// The command.
        command: &'static str,
    },
    /// `AUTH` where there is no password.
    NoPassword,
    /// A user that there is not.
    WrongPassword,
    /// A version of the protocol that is not spoken.
    ProtocolVersion,
    /// A version of the protocol that is no number.
    NotAVersion,
    /// An option of `HELLO` that there is not.
    HelloOption {
        /// The option.
        option: String,
    },
    /// An attribute of `CLIENT SETINFO` that there is not.
    UnknownAttribute {
        /// The attribute.
        option: String,
    },
    /// `LIMIT` for a range by rank.
    LimitWithoutScores,
    /// A client's name with a space.
    ClientName,
    /// A library's name or version with a space.
    LibraryName {
        /// Which of the two.
        attribute: &'static str,
    },
    /// A parameter that cannot be set here.
    UnknownParameter {
        /// The parameter.
        name: String,
    },
    /// A parameter's value that makes no sense.
    ParameterValue {
        /// The parameter.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// Too many connections.
    TooManyClients,
    /// Bytes that are no request.
    Protocol(ProtocolError),
}

impl From<ProtocolError> for CommandError {
    fn from(error: ProtocolError) -> Self {
        Self::Protocol(error)
    }
}

impl Error for CommandError {}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidExpiry { command } => write!(f, "ERR invalid expire time in '{command}' command"),
            Self::Arity { command } => write!(f, "ERR wrong number of arguments for '{command}' command"),
            Self::Unknown { arguments } => unknown(f, arguments),
            Self::UnknownSubcommand { command, subcommand } => {
                let upper = command.to_uppercase();
                write!(f, "ERR unknown subcommand '{subcommand}'. Try {upper} HELP.")
            }
            Self::UnknownOption { option } => write!(f, "ERR Unsupported option {option}"),
            Self::UnknownAttribute { option } => write!(f, "ERR Unrecognized option '{option}'"),
            Self::WithoutMulti { command } => write!(f, "ERR {command} without MULTI"),
            Self::ExecRefused { reason } => {
                let reason = reason.to_string();
                let reason = reason.strip_prefix("ERR ").unwrap_or(&reason);
                write!(f, "EXECABORT Transaction discarded because of: {reason}")
            }
            Self::OnlySubscriber { command } => write!(
                f,
                "ERR Can't execute '{command}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET \
                 are allowed in this context"
            ),
            Self::HelloOption { option } => write!(f, "ERR Syntax error in HELLO option '{option}'"),
            Self::LibraryName { attribute } => {
                write!(f, "ERR {attribute} cannot contain spaces, newlines or special characters.")
            }
            Self::UnknownParameter { name } => {
                write!(f, "ERR Unknown option or number of arguments for CONFIG SET - '{name}'")
            }
            Self::ParameterValue { name, reason } => {
                write!(f, "ERR CONFIG SET failed (possibly related to argument '{name}') - {reason}")
            }
            Self::Protocol(error) => write!(f, "ERR {error}"),
            fixed => f.write_str(fixed.text()),
        }
    }
}

impl CommandError {
    /// The text of those that have no parts.
    fn text(&self) -> &'static str {
        match self {
            Self::WrongType => "WRONGTYPE Operation against a key holding the wrong kind of value",
            Self::NotAnInteger => "ERR value is not an integer or out of range",
            Self::NotAFloat => "ERR value is not a valid float",
            Self::NotAScoreRange => "ERR min or max is not a float",
            Self::HashNotAnInteger => "ERR hash value is not an integer",
            Self::HashNotAFloat => "ERR hash value is not a float",
            Self::Overflow => "ERR increment or decrement would overflow",
            Self::DecrementOverflow => "ERR decrement would overflow",
            Self::NotFinite => "ERR increment would produce NaN or Infinity",
            Self::ScoreNotANumber => "ERR resulting score is not a number (NaN)",
            Self::Syntax => "ERR syntax error",
            Self::NoSuchKey => "ERR no such key",
            Self::IndexOutOfRange => "ERR index out of range",
            Self::Negative => "ERR value is out of range, must be positive",
            Self::OutOfRange => "ERR value is out of range",
            Self::TooLong => "ERR string exceeds maximum allowed size (proto-max-bulk-len)",
            Self::ExpiryNx => "ERR NX and XX, GT or LT options at the same time are not compatible",
            Self::ExpiryGtLt => "ERR GT and LT options at the same time are not compatible",
            Self::ZaddNx => "ERR XX and NX options at the same time are not compatible",
            Self::ZaddGtLt => "ERR GT, LT, and/or NX options at the same time are not compatible",
            Self::ZaddIncrement => "ERR INCR option supports a single increment-element pair",
            Self::Cursor => "ERR invalid cursor",
            Self::Database => "ERR DB index is out of range",
            Self::ReadOnly => "READONLY You can't write against a read only replica.",
            Self::OutOfMemory => "OOM command not allowed when used memory > 'maxmemory'.",
            Self::NestedMulti => "ERR MULTI calls can not be nested",
            Self::WatchInMulti => "ERR WATCH inside MULTI is not allowed",
            Self::NotInTransaction => "ERR Command not allowed inside a transaction",
            Self::ExecAborted => "EXECABORT Transaction discarded because of previous errors.",
            Self::NoPassword => {
                "ERR AUTH <password> called without any password configured for the default user. Are you sure \
                 your configuration is correct?"
            }
            Self::WrongPassword => "WRONGPASS invalid username-password pair or user is disabled.",
            Self::ProtocolVersion => "NOPROTO unsupported protocol version",
            Self::NotAVersion => "ERR Protocol version is not an integer or out of range",
            Self::ClientName => "ERR Client names cannot contain spaces, newlines or special characters.",
            Self::LimitWithoutScores => {
                "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX"
            }
            Self::TooManyClients => "ERR max number of clients reached",
            _ => "ERR",
        }
    }
}

/// As Redis does, it names at most 128 bytes of a command and of its arguments.
fn unknown(f: &mut fmt::Formatter<'_>, arguments: &[String]) -> fmt::Result {
    let (name, rest) = arguments.split_first().map_or(("", &[][..]), |(name, rest)| (name.as_str(), rest));
    let shortened = |text: &str, max: usize| text.chars().take(max).collect::<String>();
    write!(f, "ERR unknown command '{}', with args beginning with: ", shortened(name, 128))?;
    let mut written = 0;
    for argument in rest {
        if written >= 128 {
            break;
        }
        let shown = shortened(argument, 128 - written);
        write!(f, "'{shown}' ")?;
        written += shown.len() + 3;
    }
    Ok(())
}
