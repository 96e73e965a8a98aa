//! Formats numbers for people.

pub(super) fn share(part: u64, whole: u64) -> String {
    if part == 0 {
        return "0".to_owned();
    }
    let percent = part as f64 * 100.0 / whole as f64;
    if percent < 0.1 {
        "< 0.1 %".to_owned()
    } else {
        format!("{percent:.1} %")
    }
}

pub(super) fn duration(seconds: f64) -> String {
    match seconds {
        ..0.0005 => "0".to_owned(),
        ..1.0 => format!("{:.0} ms", seconds * 1e3),
        ..120.0 => format!("{seconds:.1} s"),
        ..7_200.0 => format!("{:.0} min", seconds / 60.0),
        _ => format!("{:.1} h", seconds / 3_600.0),
    }
}

/// Rounds to two digits, because the model is not more precise.
pub(super) fn round_down(value: f64) -> f64 {
    let unit = 10_f64.powf(value.log10().floor() - 1.0);
    (value / unit + 1e-9).floor() * unit
}

/// A whole number with separated thousands.
pub(super) fn grouped(value: f64) -> String {
    let digits = format!("{value:.0}");
    let groups: Vec<_> = digits.as_bytes().rchunks(3).rev().collect();
    String::from_utf8_lossy(&groups.join(&b',')).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_people_write_them() {
        assert_eq!([7.0, 1_000.0, 64_800.0].map(grouped), ["7", "1,000", "64,800"]);
        assert_eq!(
            [64_800.0, 2_160_000.0, 9.99].map(round_down),
            [64_000.0, 2_100_000.0, 9.9]
        );
        let durations = [0.0, 0.31, 1.5, 150.0, 9_000.0].map(duration);
        assert_eq!(durations, ["0", "310 ms", "1.5 s", "2 min", "2.5 h"]);
        assert_eq!(share(0, 10), "0");
        assert_eq!(share(1, 10_000), "< 0.1 %");
        assert_eq!(share(1, 8), "12.5 %");
    }
}
