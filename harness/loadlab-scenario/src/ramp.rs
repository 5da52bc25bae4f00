//! What of a toxic can grow: its magnitude, attribute by attribute.

use serde_json::{Value, json};

use crate::fault::{Disturbance, Toxic};

/// How an attribute follows the size of a disturbance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Growth {
    /// In proportion.
    With,
    /// Inversely: half the disturbance of a limited rate is twice the rate.
    Against,
}

/// Toxics that have a magnitude, and the attributes that are it.
const MAGNITUDES: [(&str, &[&str], Growth); 8] = [
    ("latency", &["latency", "jitter"], Growth::With),
    ("http_latency", &["latency", "jitter"], Growth::With),
    ("resp_latency", &["latency", "jitter"], Growth::With),
    ("slow_close", &["delay"], Growth::With),
    ("slicer", &["delay"], Growth::With),
    ("packet_loss", &["loss_rate"], Growth::With),
    ("corrupt", &["share"], Growth::With),
    ("bandwidth", &["rate"], Growth::Against),
];

impl Disturbance {
    /// Whether it has a magnitude that can grow.
    pub fn can_grow(&self) -> bool {
        match self {
            Self::Toxic { toxic, .. } => toxic.grown(1.0).is_some(),
            _ => false,
        }
    }
}

impl Toxic {
    /// The toxic at a part of its size: `fraction` is above 0 and at most 1. `None` if it has no
    /// magnitude.
    pub fn grown(&self, fraction: f64) -> Option<Self> {
        let (_, names, growth) = MAGNITUDES.iter().find(|(kind, ..)| *kind == self.kind)?;
        let mut grown = self.clone();
        let mut any = false;
        for name in *names {
            let Some(value) = grown.attributes.get_mut(*name) else { continue };
            let Some(full) = value.as_f64().filter(|full| *full > 0.0) else { continue };
            let part = match growth {
                Growth::With => full * fraction,
                Growth::Against => full / fraction,
            };
            // Times and rates are whole numbers in the fault proxy's protocol.
            *value = if value.is_f64() { json!(part) } else { json!(part.round() as u64) };
            any = true;
        }
        any.then_some(grown)
    }

    /// An attribute as a number.
    pub fn attribute(&self, name: &str) -> Option<f64> {
        self.attributes.get(name).and_then(Value::as_f64)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{fault::Stream, quantity::Share};

    fn toxic(kind: &str, attributes: &[(&str, Value)]) -> Toxic {
        let attributes: BTreeMap<String, Value> =
            attributes.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        Toxic { kind: kind.to_owned(), stream: Stream::Downstream, toxicity: Share::ALL, attributes }
    }

    #[test]
    fn a_latency_grows_with_its_jitter_in_whole_milliseconds() {
        let full = toxic("latency", &[("latency", json!(100)), ("jitter", json!(5))]);
        let part = full.grown(0.25).expect("it has a size");
        assert_eq!((&part.attributes["latency"], &part.attributes["jitter"]), (&json!(25), &json!(1)));
        assert_eq!(full.grown(1.0), Some(full));
    }

    #[test]
    fn a_rate_comes_down_from_above() {
        let full = toxic("bandwidth", &[("rate", json!(50))]);
        assert_eq!(full.grown(0.1).and_then(|part| part.attribute("rate")), Some(500.0));
        assert_eq!(full.grown(1.0), Some(full));
    }

    #[test]
    fn shares_stay_shares() {
        let full = toxic("packet_loss", &[("loss_rate", json!(0.2)), ("correlation", json!(0.5))]);
        let half = full.grown(0.5).expect("it has a size");
        assert_eq!((half.attribute("loss_rate"), half.attribute("correlation")), (Some(0.1), Some(0.5)));
    }

    #[test]
    fn what_is_on_or_off_has_no_size() {
        assert_eq!(toxic("timeout", &[("timeout", json!(1000))]).grown(0.5), None);
        assert_eq!(toxic("latency", &[]).grown(0.5), None, "nothing is added");
        assert_eq!(toxic("bandwidth", &[("rate", json!(0))]).grown(0.5), None, "nothing comes through");
    }
}
