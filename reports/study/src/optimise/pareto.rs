//! What it means to be better in several objectives at once, all minimised.

/// Whether `a` is no worse than `b` in any objective and better in one.
#[must_use]
pub fn dominates(a: &[f64], b: &[f64]) -> bool {
    a.iter().zip(b).all(|(a, b)| a <= b) && a.iter().zip(b).any(|(a, b)| a < b)
}

/// Fronts one behind another: the first are those that nobody dominates, the second those that
/// only the first do, and so on.
#[must_use]
pub fn fronts(better: impl Fn(usize, usize) -> bool, n: usize) -> Vec<Vec<usize>> {
    let mut left: Vec<usize> = (0..n).collect();
    let mut fronts = Vec::new();
    while !left.is_empty() {
        let front: Vec<usize> =
            left.iter().copied().filter(|&a| !left.iter().any(|&b| better(b, a))).collect();
        if front.is_empty() {
            // Not an order: cannot be with domination.
            fronts.push(left);
            break;
        }
        left.retain(|i| !front.contains(i));
        fronts.push(front);
    }
    fronts
}

/// How lonely each point of a front is: the half circumference of the box that its neighbours
/// span, each objective in units of its range (Deb et al., NSGA-II, 2002); ends are infinite.
#[must_use]
pub fn crowding(front: &[&[f64]]) -> Vec<f64> {
    let mut distance = vec![0.0; front.len()];
    for k in 0..front.first().map_or(0, |p| p.len()) {
        let mut order: Vec<usize> = (0..front.len()).collect();
        order.sort_by(|&a, &b| front[a][k].total_cmp(&front[b][k]).then(a.cmp(&b)));
        let (first, last) = (order[0], order[order.len() - 1]);
        let range = front[last][k] - front[first][k];
        distance[first] = f64::INFINITY;
        distance[last] = f64::INFINITY;
        if range > 0.0 {
            for triple in order.windows(3) {
                distance[triple[1]] += (front[triple[2]][k] - front[triple[0]][k]) / range;
            }
        }
    }
    distance
}

/// Volume that a set of points dominates up to `reference`, by slicing along the last objective
/// (While et al., IEEE Transactions on Evolutionary Computation 10, 2006).
#[must_use]
pub fn hypervolume(points: &[Vec<f64>], reference: &[f64]) -> f64 {
    let inside: Vec<&Vec<f64>> =
        points.iter().filter(|p| p.iter().zip(reference).all(|(p, r)| p < r)).collect();
    let Some((last, rest)) = reference.split_last() else { return 0.0 };
    let k = rest.len();
    if rest.is_empty() {
        return last - inside.iter().map(|p| p[0]).fold(*last, f64::min);
    }
    let mut order = inside;
    order.sort_by(|a, b| a[k].total_cmp(&b[k]));
    let mut volume = 0.0;
    for (i, point) in order.iter().enumerate() {
        let until = order.get(i + 1).map_or(*last, |next| next[k]);
        if until > point[k] {
            let slice: Vec<Vec<f64>> = order[..=i].iter().map(|p| p[..k].to_vec()).collect();
            volume += (until - point[k]) * hypervolume(&slice, rest);
        }
    }
    volume
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn volumes_of_boxes() {
        let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-12, "{a} for {b}");
        near(hypervolume(&[vec![1.0, 3.0], vec![2.0, 2.0], vec![3.0, 1.0]], &[4.0, 4.0]), 6.0);
        near(hypervolume(&[vec![0.0, 0.0, 0.0]], &[1.0, 2.0, 3.0]), 6.0);
        near(hypervolume(&[vec![0.0, 1.0, 1.0], vec![1.0, 0.0, 0.0]], &[2.0, 2.0, 2.0]), 5.0);
        near(hypervolume(&[vec![5.0, 5.0]], &[4.0, 4.0]), 0.0);
        near(hypervolume(&[], &[4.0, 4.0]), 0.0);
    }

    #[test]
    fn ends_of_a_front_are_loneliest() {
        let front: Vec<Vec<f64>> = vec![vec![0.0, 4.0], vec![1.0, 1.0], vec![4.0, 0.0]];
        let found = crowding(&front.iter().map(Vec::as_slice).collect::<Vec<_>>());
        assert!(found[0].is_infinite() && found[2].is_infinite());
        assert!((found[1] - 2.0).abs() < 1e-12);
    }

    proptest! {
        #[test]
        fn fronts_follow_one_another(
            points in proptest::collection::vec(proptest::collection::vec(0_u8..6, 2), 0..30),
        ) {
            let points: Vec<Vec<f64>> =
                points.iter().map(|p| p.iter().map(|v| f64::from(*v)).collect()).collect();
            let found = fronts(|a, b| dominates(&points[a], &points[b]), points.len());
            prop_assert_eq!(found.iter().map(Vec::len).sum::<usize>(), points.len());
            for (k, front) in found.iter().enumerate() {
                for &a in front {
                    prop_assert!(!front.iter().any(|&b| dominates(&points[b], &points[a])));
                    prop_assert!(k == 0 || found[k - 1].iter().any(|&b| dominates(&points[b], &points[a])));
                }
            }
        }
    }
}
