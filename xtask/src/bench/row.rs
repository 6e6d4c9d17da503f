//! A row of the report: what was measured, what it should come to, and whether it does.

use super::series::Series;
use super::stats::{self, Spread};

/// What was measured of one piece of work.
pub struct Row {
    pub id: &'static str,
    pub work: &'static str,
    pub ours: Series,
    pub peers: Vec<Series>,
    /// Missing one of these fails the run.
    pub at_least: Vec<Goal>,
    pub aims: Vec<Goal>,
    /// Times mean nothing here.
    pub memory_only: bool,
}

/// A row, or why there is none.
pub type Outcome = Result<Row, Failed>;

pub struct Failed {
    pub id: &'static str,
    pub work: &'static str,
    pub why: String,
}

pub struct Goal {
    /// As the report has it.
    pub text: &'static str,
    pub measure: Measure,
}

/// What a goal is about; peers are counted from 0.
#[derive(Clone, Copy)]
pub enum Measure {
    /// The peer's median time is at least so many times ours.
    Times { peer: usize, at_least: f64 },
    /// Our median time in milliseconds is at most this.
    Within { ms: f64 },
    /// Our median peak memory is at most this share of the peer's.
    MemoryShare { peer: usize, at_most: f64 },
    /// The highest of our peaks is below so many bytes.
    Memory { below: f64 },
}

pub const fn goal(text: &'static str, measure: Measure) -> Goal {
    Goal { text, measure }
}

impl Row {
    /// The row of `all`, ours first and then the peers', with no goal yet.
    pub fn new(id: &'static str, work: &'static str, mut all: Vec<Series>) -> Self {
        let peers = all.split_off(1);
        let (at_least, aims) = (Vec::new(), Vec::new());
        Self { id, work, ours: all.remove(0), peers, at_least, aims, memory_only: false }
    }

    /// How many times faster than the peer we are.
    pub fn ratio(&self, peer: &Series) -> Spread {
        stats::ratio(&peer.ms, &self.ours.ms)
    }

    pub fn meets(&self, goal: &Goal) -> bool {
        let peer = |place: usize| self.peers.get(place);
        match goal.measure {
            Measure::Times { peer: place, at_least } => {
                peer(place).is_some_and(|peer| self.ratio(peer).median >= at_least)
            }
            Measure::Within { ms } => self.ours.median_ms() <= ms,
            Measure::MemoryShare { peer: place, at_most } => {
                peer(place).is_some_and(|peer| self.ours.median_peak() <= at_most * peer.median_peak())
            }
            Measure::Memory { below } => self.ours.highest_peak() < below,
        }
    }

    pub fn is_good(&self) -> bool {
        self.at_least.iter().all(|goal| self.meets(goal))
    }

    /// In what a peer is better, if in anything.
    pub fn losses(&self) -> Vec<String> {
        let mut losses = Vec::new();
        for peer in &self.peers {
            let ratio = self.ratio(peer);
            if ratio.median < 1.0 && !self.memory_only {
                losses.push(format!("{}: {} is {} faster", self.work, peer.name, factor(ratio.invert())));
            }
            if self.ours.median_peak() > peer.median_peak() {
                let (ours, theirs) = (megabytes(self.ours.median_peak()), megabytes(peer.median_peak()));
                losses.push(format!("{}: {} needs less memory ({theirs}, not {ours})", self.work, peer.name));
            }
        }
        losses
    }
}

impl Spread {
    /// The spread of the inverse.
    pub fn invert(self) -> Self {
        Self { low: 1.0 / self.high, median: 1.0 / self.median, high: 1.0 / self.low }
    }
}

/// A ratio with its interval.
pub fn factor(ratio: Spread) -> String {
    format!("{}× ({}–{})", digits(ratio.median), digits(ratio.low), digits(ratio.high))
}

/// Three significant digits, and not a comma more than that.
pub fn digits(value: f64) -> String {
    let places = if value >= 99.95 { 0 } else { usize::from(value < 99.95) + usize::from(value < 9.995) };
    format!("{value:.places$}")
}

pub fn megabytes(bytes: f64) -> String {
    format!("{} MB", digits(bytes / 1e6))
}

#[cfg(test)]
pub mod tests {
    use super::*;

    pub fn series(name: &str, ms: &[f64], megabytes: f64) -> Series {
        Series { name: name.into(), ms: ms.to_vec(), peaks: vec![megabytes * 1e6; ms.len()], notes: Vec::new() }
    }

    pub fn row(ours: &[f64], theirs: &[f64]) -> Row {
        let at_least = vec![
            goal("5× faster", Measure::Times { peer: 0, at_least: 5.0 }),
            goal("a third of the memory", Measure::MemoryShare { peer: 0, at_most: 1.0 / 3.0 }),
        ];
        let aims = vec![goal("50 ms", Measure::Within { ms: 50.0 })];
        let (ours, peers) = (series("Loadline", ours, 10.0), vec![series("bake", theirs, 45.0)]);
        Row { id: "build", work: "building", ours, peers, at_least, aims, memory_only: false }
    }

    #[test]
    fn goals_are_met_by_medians() {
        let good = row(&[40.0, 41.0, 900.0], &[300.0, 290.0, 310.0]);
        assert!(good.is_good() && good.meets(&good.aims[0]) && good.losses().is_empty());
        let bad = row(&[80.0, 81.0, 82.0], &[300.0, 290.0, 310.0]);
        assert!(!bad.is_good() && !bad.meets(&bad.aims[0]));
        assert!(bad.meets(&bad.at_least[1]));
    }

    #[test]
    fn a_peer_that_is_better_is_named() {
        let row = row(&[200.0, 200.0], &[100.0, 100.0]);
        assert_eq!(row.losses(), ["building: bake is 2.00× (2.00–2.00) faster"]);
    }

    #[test]
    fn a_goal_for_the_highest_peak_is_missed_by_one_run() {
        let mut row = row(&[1.0, 1.0, 1.0], &[9.0]);
        let below = Goal { text: "under 24 MB", measure: Measure::Memory { below: 24e6 } };
        assert!(row.meets(&below));
        row.ours.peaks[1] = 25e6;
        assert!(!row.meets(&below));
    }

    #[test]
    fn numbers_have_three_digits() {
        assert_eq!(
            [0.5, 9.994, 9.999, 42.04, 99.96, 1234.0].map(digits),
            ["0.50", "9.99", "10.0", "42.0", "100", "1234"]
        );
    }
}
