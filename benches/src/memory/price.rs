//! Lambda's prices and the template's sizes, from the tables of docs/COST.md.

use std::{collections::HashMap, fs};

use toolbox::workspace_root;

use crate::Failure;

#[derive(Debug)]
pub(super) struct Prices {
    usd: HashMap<String, f64>,
    template_mb: HashMap<String, u32>,
}

impl Prices {
    pub(super) fn read() -> Result<Self, Failure> {
        let mut usd = HashMap::new();
        for line in lines("prices")? {
            if let [item, price, per, ..] = &line[..] {
                usd.insert(item.clone(), price.parse::<f64>()? / per.parse::<f64>()?);
            }
        }
        let mut template_mb = HashMap::new();
        for line in lines("functions")? {
            if let [function, _, _, _, megabytes, ..] = &line[..] {
                template_mb.insert(function.clone(), megabytes.parse()?);
            }
        }
        Ok(Self { usd, template_mb })
    }

    /// The cost of a million invocations. An unknown architecture costs nothing but its requests.
    pub(super) fn usd_per_million(&self, arch: &str, megabytes: u32, billed_ms: f64) -> f64 {
        let of = |item: &str| self.usd.get(item).copied().unwrap_or_default();
        let gb_seconds = billed_ms / 1e3 * f64::from(megabytes) / 1024.0;
        1e6 * (of("lambda-request") + gb_seconds * of(&format!("lambda-gb-second-{arch}")))
    }

    /// The template's memory for a function.
    pub(super) fn template_mb(&self, function: &str) -> u32 {
        self.template_mb.get(function).copied().unwrap_or_default()
    }
}

/// The fields of a table, without its head.
fn lines(table: &str) -> Result<Vec<Vec<String>>, Failure> {
    let text = fs::read_to_string(workspace_root().join(format!("docs/cost/{table}.csv")))?;
    let lines = text.lines().skip(1);
    Ok(lines.map(|line| line.split(',').map(str::to_owned).collect()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_million_invocations_cost_their_requests_and_their_gigabyte_seconds() {
        let prices = Prices {
            usd: HashMap::from([
                ("lambda-request".to_owned(), 0.2e-6),
                ("lambda-gb-second-arm64".to_owned(), 0.00001),
            ]),
            template_mb: HashMap::new(),
        };
        // Half a second of half a gigabyte: 250,000 gigabyte seconds.
        assert!((prices.usd_per_million("arm64", 512, 500.0) - 2.7).abs() < 1e-9);
    }

    #[test]
    fn the_tables_have_the_prices_and_the_sizes() {
        let prices = Prices::read().unwrap();
        for item in ["lambda-request", "lambda-gb-second-arm64", "lambda-gb-second-x86_64"] {
            assert!(prices.usd[item] > 0.0, "{item}");
        }
        for function in ["webhook", "linker", "copier", "playback"] {
            assert!(prices.template_mb(function) >= 128, "{function}");
        }
    }
}
