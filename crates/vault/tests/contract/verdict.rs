//! The result of the trials on one server.

use std::fmt;

use crate::{expectation::Observed, gaps::Gap};

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    met: usize,
    known_gaps: usize,
    /// The reasons why the suite fails. Empty if it passes.
    pub(crate) complaints: Vec<String>,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (met, known_gaps, complaints) = (self.met, self.known_gaps, self.complaints.len());
        let all = met + known_gaps + complaints;
        write!(f, "contract: {all} expectations, {met} met, {known_gaps} known gaps")
    }
}

pub(crate) fn judge(trials: &[(&str, Observed)], gaps: &[Gap]) -> Verdict {
    let mut verdict = Verdict::default();
    for (name, observed) in trials {
        let gap = gaps.iter().find(|gap| gap.expectation == *name);
        match gap {
            None if observed.is_met() => verdict.met += 1,
            Some(gap) if observed.seen == gap.instead => verdict.known_gaps += 1,
            Some(_) if observed.is_met() => {
                verdict
                    .complaints
                    .push(format!("{name}: now enforced, remove from the list"));
            }
            _ => {
                let Observed { expected, seen } = observed;
                verdict
                    .complaints
                    .push(format!("{name}: {seen}, where AWS documents {expected}"));
            }
        }
    }
    verdict
}

#[cfg(test)]
mod tests {
    use super::*;

    const GAP: Gap = Gap {
        expectation: "one",
        instead: "done",
    };

    fn complaints(seen: &str, gaps: &[Gap]) -> Vec<String> {
        judge(&[("one", Observed::new("400 No", seen))], gaps).complaints
    }

    #[test]
    fn documented_behavior_passes_and_a_known_gap_is_no_complaint() {
        let trials = [
            ("one", Observed::new("400 No", "done")),
            ("other", Observed::new("done", "done")),
        ];
        let verdict = judge(&trials, &[GAP]);
        assert_eq!(verdict.complaints, [""; 0]);
        assert_eq!(verdict.to_string(), "contract: 2 expectations, 1 met, 1 known gaps");
    }

    #[test]
    fn an_unknown_gap_is_reported() {
        assert_eq!(complaints("done", &[]), ["one: done, where AWS documents 400 No"]);
    }

    #[test]
    fn a_gap_that_looks_different_is_reported() {
        assert_eq!(
            complaints("500 Oops", &[GAP]),
            ["one: 500 Oops, where AWS documents 400 No"]
        );
    }

    #[test]
    fn an_improved_server_is_reported() {
        assert_eq!(
            complaints("400 No", &[GAP]),
            ["one: now enforced, remove from the list"]
        );
    }
}
