//! Overlapping spans of time.

use aws::record::Span;

/// Returns the part of a span that lies within another.
fn within(span: Span, other: Span) -> Option<Span> {
    let part = Span { begin: span.begin.max(other.begin), end: span.end.min(other.end) };
    (part.begin < part.end).then_some(part)
}

/// Returns the seconds of `whole` that these spans cover; overlaps count once.
pub(super) fn covered(whole: Span, by: impl IntoIterator<Item = Span>) -> f64 {
    let mut parts: Vec<Span> = by.into_iter().filter_map(|span| within(span, whole)).collect();
    parts.sort_by(|a, b| a.begin.total_cmp(&b.begin));
    let (mut seconds, mut until) = (0.0, whole.begin);
    for part in parts {
        seconds += (part.end - part.begin.max(until)).max(0.0);
        until = until.max(part.end);
    }
    seconds
}

#[cfg(test)]
mod tests {
    use super::{Span, covered};

    #[test]
    fn what_several_cover_counts_once_and_what_lies_outside_does_not() {
        let span = |begin: i32, end: i32| Span { begin: begin.into(), end: end.into() };
        let cover = |by: &[Span]| covered(span(10, 20), by.iter().copied());
        assert!((cover(&[]) - 0.0).abs() < 1e-9);
        assert!((cover(&[span(0, 5), span(25, 30)]) - 0.0).abs() < 1e-9);
        assert!((cover(&[span(12, 15), span(8, 11)]) - 4.0).abs() < 1e-9);
        assert!((cover(&[span(12, 18), span(13, 14), span(17, 19)]) - 7.0).abs() < 1e-9);
        assert!((cover(&[span(0, 100)]) - 10.0).abs() < 1e-9);
    }
}
