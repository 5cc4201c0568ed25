//! Which of a row of times can be right together: those of a longest series that never goes down.

/// How one time fits the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fit {
    /// It belongs to a longest series.
    pub may_be: bool,
    /// It belongs to all of them.
    pub must_be: bool,
}

/// How each fits.
pub(crate) fn rising<T: Ord + Copy>(times: &[T]) -> Vec<Fit> {
    let up_to = lengths(times.iter().copied());
    let mut from: Vec<usize> = lengths(times.iter().rev().map(|it| std::cmp::Reverse(*it)));
    from.reverse();
    let longest = up_to.iter().max().copied().unwrap_or(0);
    let through = |at: usize| up_to[at] + from[at] - 1 == longest;
    // How many may stand at each place of a longest series.
    let mut rivals = vec![0_usize; longest + 1];
    for at in (0..times.len()).filter(|at| through(*at)) {
        rivals[up_to[at]] += 1;
    }
    let fit = |at| Fit { may_be: through(at), must_be: through(at) && rivals[up_to[at]] == 1 };
    (0..times.len()).map(fit).collect()
}

/// Of each, the length of the longest series that ends with it.
fn lengths<T: Ord + Copy>(times: impl Iterator<Item = T>) -> Vec<usize> {
    // `ends[n]`: the earliest end of a series of n + 1.
    let mut ends: Vec<T> = Vec::new();
    let length = |time: T| {
        let shorter = ends.partition_point(|end| *end <= time);
        match ends.get_mut(shorter) {
            Some(end) => *end = time,
            None => ends.push(time),
        }
        shorter + 1
    };
    times.map(length).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn told(times: &[u8]) -> String {
        let word = |fit: Fit| match (fit.must_be, fit.may_be) {
            (true, _) => '!',
            (_, true) => '?',
            _ => '-',
        };
        rising(times).into_iter().map(word).collect()
    }

    #[test]
    fn by_example() {
        for (times, expected) in [
            (&[][..], ""),
            (&[1, 2, 3], "!!!"),
            (&[1, 1, 1], "!!!"),
            (&[1, 9, 2, 3], "!-!!"),
            (&[5, 6, 1, 7], "!!-!"),
            // Which of the two is wrong is unknown.
            (&[5, 1], "??"),
            (&[1, 9, 5, 9], "!??!"),
        ] {
            assert_eq!(told(times), expected, "{times:?}");
        }
    }

    proptest! {
        /// Against every subset.
        #[test]
        fn like_trying_all(times in prop::collection::vec(0_u8..8, 0..10)) {
            let up = |set: &u32| {
                let chosen: Vec<u8> =
                    (0..times.len()).filter(|at| set >> at & 1 == 1).map(|at| times[at]).collect();
                chosen.is_sorted()
            };
            let sets: Vec<u32> = (0..1_u32 << times.len()).filter(up).collect();
            let most = sets.iter().map(|set| set.count_ones()).max().unwrap_or(0);
            let longest: Vec<u32> = sets.into_iter().filter(|it| it.count_ones() == most).collect();
            for (at, fit) in rising(&times).into_iter().enumerate() {
                let has = |set: &u32| set >> at & 1 == 1;
                prop_assert_eq!(fit.may_be, longest.iter().any(has));
                prop_assert_eq!(fit.must_be, longest.iter().all(has));
            }
        }
    }
}
