//! Sizes in bytes, written as people write them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A number of bytes. Text is read with decimal (`kB`, `MB`, `GB`) and binary (`KiB`, `MiB`,
/// `GiB`) units, and shown in decimal ones, as Docker shows image sizes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct ByteSize(pub u64);

/// What was given is no size.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is not a size (a number and B, kB, MB, GB, KiB, MiB or GiB, such as `200MB`)")]
pub struct SizeError(String);

const UNITS: [(&str, u64); 11] = [
    ("b", 1),
    ("k", 1_000),
    ("kb", 1_000),
    ("m", 1_000_000),
    ("mb", 1_000_000),
    ("g", 1_000_000_000),
    ("gb", 1_000_000_000),
    ("kib", 1 << 10),
    ("mib", 1 << 20),
    ("gib", 1 << 30),
    ("", 1),
];

/// Units that limits are written in, and how they are shown.
const LIMIT_UNITS: [(&str, u64); 7] = [
    ("GB", 1_000_000_000),
    ("GiB", 1 << 30),
    ("MB", 1_000_000),
    ("MiB", 1 << 20),
    ("KB", 1_000),
    ("KiB", 1 << 10),
    ("B", 1),
];

impl ByteSize {
    /// A limit as it was written: `512 MiB`, `400 MB`. That is the unit in which it is the smallest
    /// whole number.
    pub fn limit(self) -> String {
        let (unit, factor) = self.limit_unit();
        format!("{} {unit}", self.0 / factor)
    }

    /// How much of `limit` this is, in the unit of that: `61.0 of 512 MiB`. What is less than one of
    /// it keeps a unit of its own.
    pub fn of_limit(self, limit: Self) -> String {
        let (_, factor) = limit.limit_unit();
        match (self.0, factor) {
            (bytes, 1) if limit.0 < 1_000 => format!("{bytes} of {}", limit.limit()),
            (bytes, factor) if bytes >= factor && factor > 1 => {
                format!("{:.1} of {}", bytes as f64 / factor as f64, limit.limit())
            }
            _ => format!("{self} of {}", limit.limit()),
        }
    }

    fn limit_unit(self) -> (&'static str, u64) {
        let whole = LIMIT_UNITS.into_iter().filter(|(_, factor)| self.0 != 0 && self.0.is_multiple_of(*factor));
        whole.max_by_key(|(_, factor)| *factor).unwrap_or(("B", 1))
    }
}

impl FromStr for ByteSize {
    type Err = SizeError;

    fn from_str(text: &str) -> Result<Self, SizeError> {
        let wrong = || SizeError(text.to_owned());
        let trimmed = text.trim();
        let split = trimmed.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(trimmed.len());
        let (number, unit) = trimmed.split_at(split);
        let unit = unit.trim().to_ascii_lowercase();
        let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(wrong)?;
        if let Ok(whole) = number.parse::<u64>() {
            return whole.checked_mul(*factor).map(Self).ok_or_else(wrong);
        }
        let number: f64 = number.parse().map_err(|_| wrong())?;
        let bytes = number * *factor as f64;
        // Beyond 2^53 a fraction is no longer exact, and no image is that large.
        if bytes.is_finite() && bytes < (1u64 << 53) as f64 { Ok(Self(bytes.round() as u64)) } else { Err(wrong()) }
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tenth = |unit: u64| self.0 as f64 / unit as f64;
        let text = match self.0 {
            bytes @ 0..1_000 => format!("{bytes} B"),
            bytes @ 1_000..1_000_000 => format!("{} KB", bytes / 1_000),
            1_000_000..1_000_000_000 => format!("{:.1} MB", tenth(1_000_000)),
            _ => format!("{:.2} GB", tenth(1_000_000_000)),
        };
        f.pad(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_in_both_systems() {
        let read = |text: &str| text.parse::<ByteSize>().map(|size| size.0);
        assert_eq!(read("200MB"), Ok(200_000_000));
        assert_eq!(read("200 mb"), Ok(200_000_000));
        assert_eq!(read("1.5GiB"), Ok(1_610_612_736));
        assert_eq!(read("512Mi"), Err(SizeError("512Mi".into())));
        assert_eq!(read("17"), Ok(17));
        for bad in ["", "MB", "-3MB", "1e9", "1.2.3MB", "99999999999GB", "NaN"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn limits_are_shown_as_they_were_written() {
        for written in ["512 MiB", "400 MB", "1 GiB", "1 GB", "1500 MB", "64 KiB", "7 B", "123456789 B"] {
            assert_eq!(written.parse::<ByteSize>().unwrap().limit(), written);
        }
        assert_eq!(ByteSize(0).limit(), "0 B");
        let of = |size, limit: &str| ByteSize(size).of_limit(limit.parse().unwrap());
        assert_eq!(of(64 << 20, "512MiB"), "64.0 of 512 MiB");
        assert_eq!(of(138_200_000, "400MB"), "138.2 of 400 MB");
        assert_eq!(of(11_000, "400MB"), "11 KB of 400 MB");
        assert_eq!(of(138_200_000, "1GB"), "138.2 MB of 1 GB");
        assert_eq!(of(12, "900B"), "12 of 900 B");
    }

    #[test]
    fn sizes_are_shown_in_decimal_units() {
        let show = |bytes| ByteSize(bytes).to_string();
        assert_eq!(show(12), "12 B");
        assert_eq!(show(11_300), "11 KB");
        assert_eq!(show(138_200_000), "138.2 MB");
        assert_eq!(show(2_048_000_000), "2.05 GB");
    }
}
