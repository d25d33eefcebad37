//! Actual duration of a run beside its critical path.

use super::{Recording, Span, Wait, Work, path::longest, span::covered};
use crate::engine::Id;
use std::collections::{BTreeMap, BTreeSet};

/// Duration of a run beside its critical path.
#[derive(Debug, Clone)]
pub struct Achieved {
    /// Seconds from the first to the last work on a resource, without reading before and verifying after.
    pub seconds: f64,
    /// Critical path, in order.
    pub path: Vec<Link>,
    /// Longest wait of the run.
    pub longest_wait: Option<Wait>,
}

/// Resource on the critical path.
#[derive(Debug, Clone)]
pub struct Link {
    /// Id of the resource.
    pub id: Id,
    /// Span of the work on it.
    pub span: Span,
    /// Seconds of that span without queueing.
    pub own: f64,
}

impl Achieved {
    /// Returns the length of the critical path in seconds.
    pub fn path_seconds(&self) -> f64 {
        self.path.iter().map(|link| link.own).sum()
    }

    /// Returns the duration of the work divided by the length of the critical path: 1 if nothing on it had to queue.
    pub fn ratio(&self) -> f64 {
        self.seconds / self.path_seconds()
    }
}

/// Computes the critical path of a recording; `None` if nothing was done. `ids` are the resources of the graph, and `waits` the
/// indices of the resources that each depends on. Other resources were processed one after the other, after the graph.
pub fn achieved(recording: &Recording, ids: &[&Id], waits: &[Vec<usize>]) -> Option<Achieved> {
    let rounds: BTreeSet<usize> = recording.works.iter().map(|work| work.round).collect();
    let (mut seconds, mut path) = (0.0, Vec::new());
    for round in rounds {
        let works: Vec<&Work> = recording.works.iter().filter(|work| work.round == round).collect();
        let begin = works.iter().map(|work| work.span.begin).fold(f64::INFINITY, f64::min);
        let end = works.iter().map(|work| work.span.end).fold(0.0, f64::max);
        seconds += end - begin;
        let links: BTreeMap<&Id, Link> = works.iter().map(|work| (&work.id, link(recording, work))).collect();
        let own: Vec<f64> = ids.iter().map(|id| links.get(id).map_or(0.0, |link| link.own)).collect();
        path.extend(longest(&own, waits).into_iter().map(|place| links[ids[place]].clone()));
        let mut others: Vec<Link> = links.into_iter().filter(|(id, _)| !ids.contains(id)).map(|(_, link)| link).collect();
        others.sort_by(|a, b| a.span.begin.total_cmp(&b.span.begin));
        path.extend(others);
    }
    let longest_wait = recording.waits.iter().max_by(|a, b| a.span.seconds().total_cmp(&b.span.seconds())).cloned();
    (!path.is_empty()).then_some(Achieved { seconds, path, longest_wait })
}

/// Returns the work on a resource without queueing. While it queues for one call, another may be in flight.
fn link(recording: &Recording, work: &Work) -> Link {
    let of_it = |id: &Option<Id>| id.as_ref() == Some(&work.id);
    let (queued, waited): (Vec<&Wait>, Vec<&Wait>) = recording.waits.iter().filter(|wait| of_it(&wait.id)).partition(|wait| wait.queued);
    let calls = recording.calls.iter().filter(|call| of_it(&call.id));
    let busy: Vec<Span> = calls.flat_map(|call| call.attempts.iter().copied()).chain(waited.iter().map(|wait| wait.span)).collect();
    let all = busy.iter().copied().chain(queued.iter().map(|wait| wait.span));
    let only_queued = covered(work.span, all) - covered(work.span, busy.iter().copied());
    Link { id: work.id.clone(), span: work.span, own: work.span.seconds() - only_queued }
}

#[cfg(test)]
mod tests {
    use super::{Achieved, Recording, Span, Wait, Work, achieved};
    use crate::{
        engine::{Action, Id},
        resources::Role,
        timings::Call,
    };
    use proptest::{prelude::*, sample::Index};

    fn id(place: usize) -> Id {
        Id::new::<Role>(&format!("{place:02}"))
    }

    fn span(begin: f64, end: f64) -> Span {
        Span { begin, end }
    }

    fn work(place: usize, begin: f64, end: f64, round: usize) -> Work {
        Work { id: id(place), action: Action::Create, span: span(begin, end), failed: false, round }
    }

    fn wait(place: usize, begin: f64, end: f64, queued: bool) -> Wait {
        Wait { id: Some(id(place)), why: "something".to_owned(), span: span(begin, end), queued }
    }

    fn of(recording: &Recording, waits: &[Vec<usize>]) -> Option<Achieved> {
        let ids: Vec<Id> = (0..waits.len()).map(id).collect();
        achieved(recording, &ids.iter().collect::<Vec<_>>(), waits)
    }

    fn assert_close(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-9, "{found} is not {expected}");
    }

    #[test]
    fn what_only_queued_is_not_on_the_path() {
        let mut recording =
            Recording { works: vec![work(0, 1.0, 3.0, 0), work(1, 3.0, 9.0, 0), work(2, 1.0, 5.0, 0)], ..Recording::default() };
        let waits = [vec![], vec![0], vec![]];
        let all = of(&recording, &waits).unwrap();
        assert_eq!(all.path.iter().map(|link| link.id.clone()).collect::<Vec<_>>(), [id(0), id(1)]);
        assert_close(all.path_seconds(), 8.0);
        assert_close(all.ratio(), 1.0);

        // It queued for 4 s: 1 s of that it worked on another call, and for another it waited for AWS.
        recording.waits = vec![wait(1, 4.0, 8.0, true), wait(1, 6.0, 7.0, false)];
        let attempts = vec![span(4.0, 5.0)];
        recording.calls = vec![Call { operation: "iam:GetRole", write: false, id: Some(id(1)), span: span(3.0, 5.0), attempts }];
        let queued = of(&recording, &waits).unwrap();
        assert_close(queued.path_seconds(), 6.0);
        assert_close(queued.ratio(), 8.0 / 6.0);
        assert_close(queued.longest_wait.unwrap().span.seconds(), 4.0);
    }

    #[test]
    fn rounds_and_what_the_graph_does_not_know_come_one_after_the_other() {
        let works = vec![work(0, 0.0, 2.0, 0), work(7, 2.0, 3.0, 0), work(8, 3.0, 4.0, 0), work(0, 10.0, 11.0, 1)];
        let all = of(&Recording { works, ..Recording::default() }, &[vec![]]).unwrap();
        assert_eq!(all.path.iter().map(|link| link.id.clone()).collect::<Vec<_>>(), [id(0), id(7), id(8), id(0)]);
        assert_close(all.seconds, 5.0);
        assert_close(all.ratio(), 1.0);
        assert!(of(&Recording::default(), &[vec![]]).is_none());
    }

    /// Graph as tuples: the dependencies of each place, how long it queues, works and queues again, and how late it starts.
    type Place = (Vec<Index>, f64, f64, f64, f64);

    proptest! {
        #[test]
        fn no_run_is_shorter_than_its_critical_path(places in prop::collection::vec(
            (prop::collection::vec(any::<Index>(), 0..3), 0.0..3.0_f64, 0.01..9.0_f64, 0.0..3.0_f64, 0.0..0.5_f64), 1..25,
        )) {
            let places: Vec<Place> = places;
            let (mut recording, mut waits) = (Recording::default(), Vec::new());
            for (place, (needs, queue, own, again, late)) in places.iter().enumerate() {
                let needs: Vec<usize> = needs.iter().filter(|_| place > 0).map(|need| need.index(place.max(1))).collect();
                let begin = needs.iter().map(|&need| recording.works[need].span.end).fold(0.0, f64::max) + late;
                let end = begin + queue + own + again;
                recording.works.push(work(place, begin, end, 0));
                recording.waits.push(wait(place, begin, begin + queue, true));
                recording.waits.push(wait(place, end - again, end, true));
                waits.push(needs);
            }
            let all = of(&recording, &waits).unwrap();
            prop_assert!(all.ratio() >= 1.0 - 1e-9, "{all:?}");
            let most = places.iter().map(|(_, _, own, ..)| *own).fold(0.0, f64::max);
            prop_assert!(all.path_seconds() >= most - 1e-9, "the chain is at least as long as what takes longest");
        }
    }
}
