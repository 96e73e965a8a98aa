//! Figures: samples, ratios of samples that were measured alternately, and goals.

use std::time::Instant;

use serde::Serialize;
use serde_json::Value;

/// The sorted values of one measure.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sample(Vec<f64>);

impl Sample {
    /// # Panics If there is no value, because nothing was measured.
    pub(crate) fn new(values: impl IntoIterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.into_iter().collect();
        assert!(!values.is_empty(), "a sample has a value");
        values.sort_by(f64::total_cmp);
        Self(values)
    }

    /// The nearest-rank percentile; `of` is between 0 and 1.
    pub(crate) fn percentile(&self, of: f64) -> f64 {
        let rank = (of * self.0.len() as f64).ceil() as usize;
        self.0[rank.clamp(1, self.0.len()) - 1]
    }

    pub(crate) fn figure(&self) -> Figure {
        Figure {
            median: self.percentile(0.5),
            min: self.percentile(0.0),
            max: self.percentile(1.0),
        }
    }

    pub(crate) fn median(&self) -> f64 {
        self.percentile(0.5)
    }
}

/// The reported values of a sample.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Figure {
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

/// Ratios of two series that were measured alternately, pair by pair.
pub(crate) fn ratios(numerators: &[f64], denominators: &[f64]) -> Figure {
    Sample::new(numerators.iter().zip(denominators).map(|(n, d)| n / d)).figure()
}

/// The length of the longest chain of spans, given as begin and end, in which each begins after the one before has ended.
pub(crate) fn longest_chain(mut spans: Vec<(Instant, Instant)>) -> usize {
    // The span that ends first is always part of a longest chain.
    spans.sort_by_key(|(_, end)| *end);
    let mut chain = 0;
    let mut free_at = None;
    for (begin, end) in spans {
        if free_at.is_none_or(|at| begin >= at) {
            chain += 1;
            free_at = Some(end);
        }
    }
    chain
}

/// The required range of a figure's median.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Goal {
    AtLeast(f64),
    AtMost(f64),
}

impl Goal {
    pub(crate) fn is_met(self, figure: &Figure) -> bool {
        match self {
            Self::AtLeast(goal) => figure.median >= goal,
            Self::AtMost(goal) => figure.median <= goal,
        }
    }
}

/// A line of the report.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) group: &'static str,
    pub(crate) measure: String,
    pub(crate) goal: Option<Goal>,
    /// `×` if the figure is a ratio.
    pub(crate) unit: &'static str,
    #[serde(flatten)]
    pub(crate) figure: Figure,
    /// The data of a picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) details: Option<Value>,
    /// The medians that a ratio compares, for the plot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sides: Option<Sides>,
}

/// What a ratio compares: our figure and a yardstick's.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Sides {
    pub(crate) unit: &'static str,
    pub(crate) ours: f64,
    pub(crate) yardstick: f64,
    pub(crate) name: &'static str,
}

impl Row {
    pub(crate) fn new(group: &'static str, measure: impl Into<String>, unit: &'static str, figure: Figure) -> Self {
        Self {
            group,
            measure: measure.into(),
            goal: None,
            unit,
            figure,
            details: None,
            sides: None,
        }
    }

    pub(crate) fn sides(mut self, sides: Sides) -> Self {
        self.sides = Some(sides);
        self
    }

    pub(crate) fn goal(mut self, goal: Goal) -> Self {
        self.goal = Some(goal);
        self
    }

    pub(crate) fn details(mut self, details: Value) -> Self {
        self.details = Some(details);
        self
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn percentiles_are_values_of_the_sample() {
        let sample = Sample::new((1..=100).rev().map(f64::from));
        assert_eq!(sample.percentile(0.5), 50.0);
        assert_eq!(sample.percentile(0.99), 99.0);
        assert_eq!(sample.percentile(1.0), 100.0);
        assert_eq!(Sample::new([3.0]).percentile(0.01), 3.0);
        let figure = Sample::new([2.0, 9.0, 4.0]).figure();
        assert_eq!((figure.min, figure.median, figure.max), (2.0, 4.0, 9.0));
    }

    #[test]
    fn a_goal_looks_at_the_median() {
        let figure = Figure {
            median: 0.9,
            min: 0.1,
            max: 5.0,
        };
        assert!(Goal::AtLeast(0.9).is_met(&figure));
        assert!(!Goal::AtLeast(0.91).is_met(&figure));
        assert!(Goal::AtMost(0.9).is_met(&figure));
        assert!(!Goal::AtMost(0.89).is_met(&figure));
    }

    #[test]
    fn spans_in_parallel_are_one_wait() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let span = |from, to| (at(from), at(to));
        assert_eq!(longest_chain(Vec::new()), 0);
        assert_eq!(longest_chain(vec![span(0, 5), span(1, 6), span(2, 7)]), 1);
        // Two connections, one of them a little later.
        assert_eq!(longest_chain(vec![span(1, 6), span(0, 5), span(6, 11), span(5, 10)]), 2);
        assert_eq!(longest_chain(vec![span(0, 5), span(5, 10), span(12, 17)]), 3);
    }

    #[test]
    fn ratios_are_of_pairs() {
        let figure = ratios(&[1.0, 6.0, 4.0], &[2.0, 2.0, 1.0]);
        assert_eq!((figure.min, figure.median, figure.max), (0.5, 3.0, 4.0));
    }
}
