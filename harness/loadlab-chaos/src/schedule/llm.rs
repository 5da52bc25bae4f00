//! How the LLM mock is told to behave: each change as a patch of its settings.

use loadlab_clock::text::format_duration;
use loadlab_scenario::fault::LlmChange;
use serde_json::{Value, json};

/// The least that the mock's `Retry-After` asks for at a rate limit, scenario time.
const RETRY_AFTER: &str = "1s";
/// Most numbers in an embedding that the mock takes.
const DIMENSIONS_MAX: u64 = 4096;

/// The patch of the settings, given what they are now. It concerns both calls.
pub(super) fn patch(what: &LlmChange, now: &Value) -> Value {
    let both = |part: Value| json!({ "embeddings": part, "generation": part });
    match what {
        LlmChange::Slow(time) => both(json!({ "latency": { "constant": format_duration(*time) } })),
        LlmChange::Errors(share) => both(json!({ "errors": share.get() })),
        LlmChange::RateLimit(rate) => {
            let (per_second, burst) = (rate.per_second(), rate.per_second().ceil().max(1.0) as u64);
            let limit = json!({ "per_second": per_second, "burst": burst, "retry_after": RETRY_AFTER });
            both(json!({ "rate_limit": limit }))
        }
        LlmChange::Outage => both(json!({ "outage": "refuse" })),
        LlmChange::WrongDimensions => {
            let dimensions = now["dimensions"].as_u64().unwrap_or(DIMENSIONS_MAX);
            let other = if dimensions < DIMENSIONS_MAX { dimensions + 1 } else { dimensions - 1 };
            json!({ "dimensions": other })
        }
        LlmChange::Garbage => json!({ "garbage": true }),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use loadlab_scenario::quantity::{Rate, Share};

    use super::*;

    #[test]
    fn a_change_concerns_both_calls() {
        let share = Share::try_new(0.2).expect("a share");
        let rate = Rate::try_new(2.5).expect("a rate");
        let limit = json!({ "per_second": 2.5, "burst": 3, "retry_after": "1s" });
        let cases = [
            (LlmChange::Slow(Duration::from_secs(5)), json!({ "latency": { "constant": "5s" } })),
            (LlmChange::Errors(share), json!({ "errors": 0.2 })),
            (LlmChange::RateLimit(rate), json!({ "rate_limit": limit })),
            (LlmChange::Outage, json!({ "outage": "refuse" })),
        ];
        for (change, part) in cases {
            let expected = json!({ "embeddings": part, "generation": part });
            assert_eq!(patch(&change, &Value::Null), expected);
        }
    }

    #[test]
    fn wrong_dimensions_are_never_the_right_ones() {
        for now in [1_u64, 384, 4096] {
            let other = patch(&LlmChange::WrongDimensions, &json!({ "dimensions": now }));
            assert_ne!(other["dimensions"], now);
            assert!((1..=4096).contains(&other["dimensions"].as_u64().expect("a number")));
        }
    }
}
