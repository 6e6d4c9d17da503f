//! Squarified treemaps (Bruls, Huizing, van Wijk 2000): a rectangle cut into smaller ones, each as large as its
//! weight says and as square as it can be.

use std::cmp::Reverse;

/// A rectangle.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Rect {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

impl Rect {
    pub(super) fn area(self) -> f64 {
        self.width * self.height
    }
}

/// Cuts `whole` into one rectangle for each of `weights`, in their order. What weighs nothing has no area.
pub(super) fn squarify(weights: &[u64], whole: Rect) -> Vec<Rect> {
    let nowhere = Rect { width: 0.0, height: 0.0, ..whole };
    let mut cut = vec![nowhere; weights.len()];
    let mut order: Vec<usize> = (0..weights.len()).filter(|index| weights[*index] > 0).collect();
    order.sort_by_key(|index| (Reverse(weights[*index]), *index));
    let mut left: u128 = weights.iter().map(|weight| u128::from(*weight)).sum();
    let mut free = whole;
    let mut open = order.as_slice();
    while !open.is_empty() && free.area() > 0.0 {
        let (row, rest) = open.split_at(row(open, weights, free, left));
        let sum: u128 = row.iter().map(|index| u128::from(weights[*index])).sum();
        free = lay(row, weights, sum, free, sum as f64 / left as f64, &mut cut);
        left -= sum;
        open = rest;
    }
    cut
}

/// How many of `open`, the largest first, make the next row: as many as make its worst one squarer.
fn row(open: &[usize], weights: &[u64], free: Rect, left: u128) -> usize {
    let side = free.width.min(free.height);
    let scale = free.area() / left as f64;
    let (mut sum, mut worst) = (0.0, f64::INFINITY);
    for (count, index) in open.iter().enumerate() {
        let (largest, smallest) = (weights[open[0]] as f64 * scale, weights[*index] as f64 * scale);
        sum += smallest;
        let ratio = (side * side * largest / (sum * sum)).max(sum * sum / (side * side * smallest));
        if ratio > worst {
            return count;
        }
        worst = ratio;
    }
    open.len()
}

/// Lays `row` along the shorter side of `free`, of which it takes `share`; gives what is free then.
fn lay(row: &[usize], weights: &[u64], sum: u128, free: Rect, share: f64, cut: &mut [Rect]) -> Rect {
    let is_column = free.width >= free.height;
    let thick = if is_column { free.width * share } else { free.height * share };
    let long = if is_column { free.height } else { free.width };
    let mut before = 0u128;
    for index in row {
        // From the sums, not from the rectangle before: errors do not add up.
        let start = long * (before as f64 / sum as f64);
        before += u128::from(weights[*index]);
        let length = long * (before as f64 / sum as f64) - start;
        cut[*index] = match is_column {
            true => Rect { x: free.x, y: free.y + start, width: thick, height: length },
            false => Rect { x: free.x + start, y: free.y, width: length, height: thick },
        };
    }
    match is_column {
        true => Rect { x: free.x + thick, width: (free.width - thick).max(0.0), ..free },
        false => Rect { y: free.y + thick, height: (free.height - thick).max(0.0), ..free },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: Rect = Rect { x: 10.0, y: 20.0, width: 1000.0, height: 540.0 };

    /// Lays `weights` out; the areas are exact, all of them inside, and none upon another.
    fn checked(weights: &[u64], whole: Rect) -> Vec<Rect> {
        let cut = squarify(weights, whole);
        let sum: f64 = weights.iter().map(|weight| *weight as f64).sum();
        assert_eq!(cut.len(), weights.len());
        let little = 1e-6 * whole.width.max(whole.height);
        for (rect, weight) in cut.iter().zip(weights) {
            let wanted = if sum > 0.0 { *weight as f64 / sum } else { 0.0 };
            assert!((rect.area() / whole.area() - wanted).abs() < 1e-9, "{rect:?} for {weight}");
            assert!(rect.x >= whole.x - little && rect.x + rect.width <= whole.x + whole.width + little, "{rect:?}");
            assert!(rect.y >= whole.y - little && rect.y + rect.height <= whole.y + whole.height + little, "{rect:?}");
        }
        for (number, one) in cut.iter().enumerate() {
            for other in &cut[number + 1..] {
                let width = (one.x + one.width).min(other.x + other.width) - one.x.max(other.x);
                let height = (one.y + one.height).min(other.y + other.height) - one.y.max(other.y);
                assert!(width <= little || height <= little, "{one:?} and {other:?}");
            }
        }
        cut
    }

    #[test]
    fn areas_are_exact_inside_and_apart() {
        checked(&[6, 6, 4, 3, 2, 2, 1], WHOLE);
        checked(&[1, 500, 3, 500, 2], Rect { width: 300.0, height: 900.0, ..WHOLE });
        let mut seed = 7u64;
        for count in 1..120 {
            let mut next = || {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (seed >> 33) >> (seed % 23)
            };
            let weights: Vec<u64> = (0..count).map(|_| next()).collect();
            checked(&weights, WHOLE);
        }
    }

    #[test]
    fn rectangles_are_as_square_as_in_the_paper() {
        let cut = squarify(&[6, 6, 4, 3, 2, 2, 1], Rect { x: 0.0, y: 0.0, width: 6.0, height: 4.0 });
        assert_eq!(cut[0], Rect { x: 0.0, y: 0.0, width: 3.0, height: 2.0 });
        assert_eq!(cut[1], Rect { x: 0.0, y: 2.0, width: 3.0, height: 2.0 });
        let worst = cut.iter().map(|rect| (rect.width / rect.height).max(rect.height / rect.width));
        assert!(worst.fold(0.0, f64::max) < 3.0, "{cut:?}");
    }

    #[test]
    fn what_is_degenerate_is_laid_out_as_well() {
        assert_eq!(squarify(&[], WHOLE), []);
        assert_eq!(checked(&[5], WHOLE), [WHOLE]);
        assert!(checked(&[0, 0], WHOLE).iter().all(|rect| rect.area() == 0.0));
        assert_eq!(checked(&[0, 7, 0], WHOLE)[1], WHOLE);
        checked(&[u64::MAX, u64::MAX, 1, 1], WHOLE);
        checked(&vec![1; 2000], WHOLE);
        let none = Rect { width: 0.0, ..WHOLE };
        assert!(squarify(&[1, 2], none).iter().all(|rect| rect.area() == 0.0));
    }
}
