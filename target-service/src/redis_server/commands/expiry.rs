//! Times to live. The clock is real; a client on scenario time converts.

use super::{
    super::protocol::Reply,
    Call, CommandError, Outcome,
    options::{Options, integer},
    table::{FIRST, READS, Spec, WRITES, row},
};

pub(super) const COMMANDS: &[Spec] = &[
    row("expire", "generic", -3, WRITES, FIRST, |call| expire(call, Unit::SECONDS)),
    row("pexpire", "generic", -3, WRITES, FIRST, |call| expire(call, Unit::MILLISECONDS)),
    row("expireat", "generic", -3, WRITES, FIRST, |call| expire(call, Unit::UNIX_SECONDS)),
    row("pexpireat", "generic", -3, WRITES, FIRST, |call| expire(call, Unit::UNIX_MILLISECONDS)),
    row("ttl", "generic", 2, READS, FIRST, |call| left(call, Unit::SECONDS)),
    row("pttl", "generic", 2, READS, FIRST, |call| left(call, Unit::MILLISECONDS)),
    row("expiretime", "generic", 2, READS, FIRST, |call| left(call, Unit::UNIX_SECONDS)),
    row("pexpiretime", "generic", 2, READS, FIRST, |call| left(call, Unit::UNIX_MILLISECONDS)),
    row("persist", "generic", 2, WRITES, FIRST, persist),
];

/// How a time is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unit {
    millis: i64,
    /// From 1970 and not from now.
    absolute: bool,
}

impl Unit {
    pub(super) const SECONDS: Self = Self { millis: 1_000, absolute: false };
    pub(super) const MILLISECONDS: Self = Self { millis: 1, absolute: false };
    const UNIX_SECONDS: Self = Self { millis: 1_000, absolute: true };
    const UNIX_MILLISECONDS: Self = Self { millis: 1, absolute: true };

    /// The unit of an option of `SET` and `GETEX`.
    pub(super) fn of_option(word: &str) -> Option<Self> {
        match word {
            "EX" => Some(Self::SECONDS),
            "PX" => Some(Self::MILLISECONDS),
            "EXAT" => Some(Self::UNIX_SECONDS),
            "PXAT" => Some(Self::UNIX_MILLISECONDS),
            _ => None,
        }
    }

    /// Milliseconds since 1970, or none where that does not fit.
    fn deadline_ms(self, time: i64, now_ms: i64) -> Option<i64> {
        let millis = time.checked_mul(self.millis)?;
        if self.absolute { Some(millis) } else { millis.checked_add(now_ms) }
    }
}

/// The deadline that a command sets together with a value; it must lie after zero.
pub(super) fn deadline(call: &Call<'_>, unit: Unit, time: &[u8]) -> Result<i64, CommandError> {
    let time = integer(time)?;
    let invalid = CommandError::InvalidExpiry { command: call.name };
    if time <= 0 {
        return Err(invalid);
    }
    unit.deadline_ms(time, call.state.now().unix_ms).ok_or(invalid)
}

/// When `EXPIRE` and its like do what they say.
#[expect(clippy::struct_excessive_bools, reason = "each is an option that a client gives or not")]
#[derive(Debug, Default)]
struct Condition {
    without: bool,
    with: bool,
    later: bool,
    earlier: bool,
}

impl Condition {
    fn read(mut options: Options<'_>) -> Result<Self, CommandError> {
        let mut found = Self::default();
        while let Some(argument) = options.rest().first()
            && let Some(word) = options.word()
        {
            match word.as_str() {
                "NX" => found.without = true,
                "XX" => found.with = true,
                "GT" => found.later = true,
                "LT" => found.earlier = true,
                _ => {
                    let option = String::from_utf8_lossy(argument).into_owned();
                    return Err(CommandError::UnknownOption { option });
                }
            }
        }
        if found.without && (found.with || found.later || found.earlier) {
            return Err(CommandError::ExpiryNx);
        }
        if found.later && found.earlier {
            return Err(CommandError::ExpiryGtLt);
        }
        Ok(found)
    }

    /// No deadline is later than any.
    fn holds(&self, now: Option<i64>, new: i64) -> bool {
        !(self.without && now.is_some()
            || self.with && now.is_none()
            || self.later && now.is_none_or(|now| new <= now)
            || self.earlier && now.is_some_and(|now| new >= now))
    }
}

fn expire(call: &mut Call<'_>, unit: Unit) -> Outcome {
    let key = call.key();
    let condition = Condition::read(Options::new(&call.args[2..]))?;
    let deadline = unit
        .deadline_ms(integer(&call.args[1])?, call.state.now().unix_ms)
        .ok_or(CommandError::InvalidExpiry { command: call.name })?;
    let db = call.db();
    let Some(now) = db.peek(key).map(|entry| entry.expires_ms) else { return Ok(Reply::Integer(0)) };
    let set = condition.holds(now, deadline) && db.set_expiry(key, Some(deadline));
    Ok(Reply::Integer(i64::from(set)))
}

fn left(call: &mut Call<'_>, unit: Unit) -> Outcome {
    let key = call.key();
    let now = call.state.now().unix_ms;
    let Some(expires_ms) = call.db().peek(key).map(|entry| entry.expires_ms) else {
        return Ok(Reply::Integer(-2));
    };
    let Some(deadline) = expires_ms else { return Ok(Reply::Integer(-1)) };
    let millis = if unit.absolute { deadline } else { deadline - now };
    Ok(Reply::Integer(if unit == Unit::SECONDS { (millis + 500) / 1_000 } else { millis / unit.millis }))
}

fn persist(call: &mut Call<'_>) -> Outcome {
    let key = call.key();
    let db = call.db();
    let has_deadline = db.peek(key).is_some_and(|entry| entry.expires_ms.is_some());
    Ok(Reply::Integer(i64::from(has_deadline && db.set_expiry(key, None))))
}
