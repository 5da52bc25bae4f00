//! What the target published, once: several generators that scrape one target read the same numbers.
//!
//! Of each role all series are those that one generator scraped, so that they belong to one clock and fit
//! each other: the generator that has the most points of the role, since it missed the least.

use std::{cmp::Ordering, collections::BTreeMap};

use crate::Series;

/// The series of all roles, by role.
pub(super) fn merge<'a>(runs: impl Iterator<Item = &'a [Series]>) -> Vec<Series> {
    let mut best: BTreeMap<&str, Vec<&Series>> = BTreeMap::new();
    for run in runs {
        let mut roles: BTreeMap<&str, Vec<&Series>> = BTreeMap::new();
        for series in run {
            roles.entry(&series.role).or_default().push(series);
        }
        for (role, series) in roles {
            match best.get_mut(role) {
                Some(known) if order(&series, known).is_gt() => *known = series,
                Some(_) => {}
                None => {
                    best.insert(role, series);
                }
            }
        }
    }
    best.into_values().flatten().cloned().collect()
}

/// Which of two scrapes of a role has more points. Equally long ones are told apart by what they hold, so
/// that the choice does not depend on which run came first.
fn order(one: &[&Series], other: &[&Series]) -> Ordering {
    let points = |all: &[&Series]| all.iter().map(|series| series.points.len()).sum::<usize>();
    let numbers = |all: &[&Series]| -> Vec<(u64, u64)> {
        all.iter()
            .flat_map(|series| &series.points)
            .map(|(at, value)| (at.to_bits(), value.to_bits()))
            .collect()
    };
    let names = |all: &[&Series]| -> Vec<(String, String)> {
        all.iter().map(|series| (series.name.clone(), series.labels.clone())).collect()
    };
    points(one)
        .cmp(&points(other))
        .then_with(|| names(one).cmp(&names(other)))
        .then_with(|| numbers(one).cmp(&numbers(other)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(role: &str, name: &str, points: &[(f64, f64)]) -> Series {
        let own = str::to_owned;
        Series { role: own(role), name: own(name), labels: String::new(), points: points.to_vec() }
    }

    #[test]
    fn a_role_is_what_the_generator_that_read_most_of_it_read() {
        let one = [
            series("service-0", "busy", &[(0.0, 1.0), (1.0, 2.0)]),
            series("service-0", "up", &[(0.0, 1.0)]),
            series("sql", "up", &[(0.0, 1.0)]),
        ];
        let other = [
            series("service-0", "busy", &[(0.1, 1.0), (0.9, 2.0), (1.9, 7.0)]),
            series("service-0", "up", &[(0.1, 1.0)]),
        ];
        let merged = merge([one.as_slice(), &other].into_iter());
        assert_eq!(merged, [other[0].clone(), other[1].clone(), one[2].clone()]);
        assert_eq!(merged, merge([other.as_slice(), &one].into_iter()));
    }
}
