//! The arithmetic of the benchmarks. Medians and ratios of medians, because single runs on a shared
//! machine stray upwards; spreads as quartiles and as bootstrap intervals, which assume no
//! distribution.

/// How often a bootstrap draws.
const DRAWS: usize = 2000;
/// Fixed, so that the same samples give the same interval.
const SEED: u64 = 4;

/// The middle and the quartiles around it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    pub low: f64,
    pub median: f64,
    pub high: f64,
}

/// The value below which `share` of the sorted samples lie, between neighbours in proportion.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let place = share * last as f64;
    let (below, above) = (place.floor() as usize, place.ceil() as usize);
    sorted[below] + (sorted[above] - sorted[below]) * (place - below as f64)
}

fn sorted(samples: &[f64]) -> Vec<f64> {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

pub fn median(samples: &[f64]) -> f64 {
    quantile(&sorted(samples), 0.5)
}

pub fn quartiles(samples: &[f64]) -> Spread {
    let sorted = sorted(samples);
    Spread { low: quantile(&sorted, 0.25), median: quantile(&sorted, 0.5), high: quantile(&sorted, 0.75) }
}

/// The median of `above` over the median of `below`, with its 95 % interval. The samples are of
/// the same rounds: a round is drawn with both of its samples, so that what disturbed both counts
/// in both.
pub fn ratio(above: &[f64], below: &[f64]) -> Spread {
    let rounds = above.len().min(below.len());
    let mut random = fastrand::Rng::with_seed(SEED);
    let mut draw = || {
        let places: Vec<usize> = (0..rounds).map(|_| random.usize(..rounds)).collect();
        let of = |samples: &[f64]| median(&places.iter().map(|place| samples[*place]).collect::<Vec<_>>());
        of(above) / of(below)
    };
    let draws: Vec<f64> = if rounds == 0 { Vec::new() } else { (0..DRAWS).map(|_| draw()).collect() };
    let draws = sorted(&draws);
    Spread { low: quantile(&draws, 0.025), median: median(above) / median(below), high: quantile(&draws, 0.975) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_or_between_the_two_middles() {
        assert_eq!(median(&[9.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 9.0]), 3.0);
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn quartiles_lie_between_neighbours_in_proportion() {
        assert_eq!(quartiles(&[1.0, 2.0, 3.0, 4.0, 5.0]), Spread { low: 2.0, median: 3.0, high: 4.0 });
        assert_eq!(quartiles(&[1.0, 2.0]), Spread { low: 1.25, median: 1.5, high: 1.75 });
        assert_eq!(quartiles(&[7.0]), Spread { low: 7.0, median: 7.0, high: 7.0 });
    }

    #[test]
    fn a_constant_factor_has_no_spread() {
        let below = [1.0, 5.0, 2.0, 8.0, 3.0];
        let above = below.map(|ms| ms * 4.0);
        assert_eq!(ratio(&above, &below), Spread { low: 4.0, median: 4.0, high: 4.0 });
    }

    #[test]
    fn noise_widens_the_interval_and_one_stray_run_does_not_move_the_ratio() {
        let above = [20.0, 22.0, 21.0, 19.0, 20.0, 21.0, 20.0, 22.0, 19.0, 400.0];
        let below = [10.0, 11.0, 10.0, 9.0, 10.0, 11.0, 10.0, 10.0, 9.0, 10.0];
        let ratio = ratio(&above, &below);
        assert!((2.0..2.2).contains(&ratio.median), "{ratio:?}");
        assert!(ratio.low < ratio.median && ratio.median < ratio.high, "{ratio:?}");
        assert!(1.7 < ratio.low && ratio.high < 2.5, "{ratio:?}");
    }

    #[test]
    fn the_same_samples_give_the_same_interval() {
        let (above, below) = ([3.0, 4.0, 5.0], [1.0, 2.0, 1.5]);
        assert_eq!(ratio(&above, &below), ratio(&above, &below));
    }
}
