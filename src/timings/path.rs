//! Longest chain of a graph.

/// Returns the places on the longest chain, in order. `seconds` is the duration of each place, `waits` the places that it
/// depends on. Places without duration are passed through and left out.
pub(super) fn longest(seconds: &[f64], waits: &[Vec<usize>]) -> Vec<usize> {
    let mut followers = vec![Vec::new(); seconds.len()];
    for (place, needs) in waits.iter().enumerate() {
        for &need in needs {
            followers[need].push(place);
        }
    }
    let mut open: Vec<usize> = waits.iter().map(Vec::len).collect();
    let mut ready: Vec<usize> = (0..seconds.len()).filter(|&place| open[place] == 0).collect();
    // Duration of the longest chain that ends with each place, and the place before it.
    let mut until = seconds.to_vec();
    let mut before = vec![None; seconds.len()];
    while let Some(place) = ready.pop() {
        for &follower in &followers[place] {
            let chain = until[place] + seconds[follower];
            if chain > until[follower] || before[follower].is_none() {
                (until[follower], before[follower]) = (chain, Some(place));
            }
            open[follower] -= 1;
            if open[follower] == 0 {
                ready.push(follower);
            }
        }
    }
    let last = (0..seconds.len()).max_by(|&a, &b| until[a].total_cmp(&until[b]));
    let mut chain: Vec<usize> = std::iter::successors(last, |&place| before[place]).filter(|&place| seconds[place] > 0.0).collect();
    chain.reverse();
    chain
}

#[cfg(test)]
mod tests {
    use super::longest;
    use proptest::{prelude::*, sample::Index};

    fn chain(seconds: &[u32], waits: &[&[usize]]) -> Vec<usize> {
        let seconds: Vec<f64> = seconds.iter().copied().map(f64::from).collect();
        longest(&seconds, &waits.iter().map(|needs| needs.to_vec()).collect::<Vec<_>>())
    }

    #[test]
    fn the_chain_that_takes_longest_is_found() {
        assert_eq!(chain(&[], &[]), Vec::<usize>::new());
        assert_eq!(chain(&[3], &[&[]]), [0]);
        // Without edges, the chain is the longest place alone.
        assert_eq!(chain(&[3, 5, 4], &[&[], &[], &[]]), [1]);
        // A role and a function, beside a table: 7 + 3 + 1 against 16.
        assert_eq!(chain(&[7, 3, 1, 16], &[&[], &[0], &[1], &[]]), [3]);
        assert_eq!(chain(&[7, 9, 1, 16], &[&[], &[0], &[1], &[]]), [0, 1, 2]);
        // Two paths lead to the same end.
        assert_eq!(chain(&[1, 5, 2, 1], &[&[], &[0], &[0], &[1, 2]]), [0, 1, 3]);
    }

    #[test]
    fn edges_lead_through_what_takes_no_time_and_in_either_order_of_places() {
        assert_eq!(chain(&[2, 0, 3], &[&[], &[0], &[1]]), [0, 2]);
        assert_eq!(chain(&[2, 0, 3], &[&[1], &[2], &[]]), [2, 0]);
        assert_eq!(chain(&[0, 0], &[&[], &[0]]), Vec::<usize>::new());
    }

    /// Generates the duration of each place and the earlier places that it depends on.
    fn graph() -> impl Strategy<Value = (Vec<f64>, Vec<Vec<usize>>)> {
        let place = (0.0..9.0_f64, prop::collection::vec(any::<Index>(), 0..3));
        prop::collection::vec(place, 1..30).prop_map(|places| {
            let needs = |(place, (_, needs)): (usize, &(f64, Vec<Index>))| {
                needs.iter().filter(|_| place > 0).map(|need| need.index(place.max(1))).collect()
            };
            (places.iter().map(|(seconds, _)| *seconds).collect(), places.iter().enumerate().map(needs).collect())
        })
    }

    proptest! {
        #[test]
        fn nothing_that_is_done_as_early_as_can_be_ends_before_the_chain_or_after_it((seconds, waits) in graph()) {
            let chain = longest(&seconds, &waits);
            // Each place begins when the last of its dependencies has ended.
            let mut ends: Vec<f64> = Vec::new();
            for (place, needs) in waits.iter().enumerate() {
                ends.push(needs.iter().map(|&need| ends[need]).fold(0.0, f64::max) + seconds[place]);
            }
            let wall = ends.iter().copied().fold(0.0, f64::max);
            let length: f64 = chain.iter().map(|&place| seconds[place]).sum();
            prop_assert!((wall - length).abs() < 1e-9, "{wall} {length}");
        }
    }
}
