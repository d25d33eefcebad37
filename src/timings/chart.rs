//! Renders a recording as an SVG chart: time from left to right, a row for each resource.

use super::{Achieved, BUILDING, Call, Link, Recording, Span, Wait, Work};
use crate::engine::{Action, Id};
use maud::{Markup, html};
use std::collections::{BTreeMap, BTreeSet};

/// Width of the names in pixels; the axis begins there.
const LEFT: f64 = 330.0;
/// Width of the time axis in pixels.
const WIDTH: f64 = 1_000.0;
/// Height above the first row in pixels, for phases and the axis.
const TOP: f64 = 40.0;
/// Height of a row in pixels, and of the bars in it.
const ROW: f64 = 18.0;
const BAR: f64 = 12.0;
const CALL: f64 = 6.0;
/// Minimum width of a bar in pixels.
const NARROWEST: f64 = 1.5;
/// Approximate number of lines on the axis.
const TICKS: f64 = 10.0;
/// Maximum width of the build, as a share of all the rest.
const SHORT: f64 = 0.07;
/// Maximum length of a name in characters.
const NAME: usize = 48;

/// Bars of one row.
#[derive(Default)]
struct Row<'a> {
    works: Vec<&'a Work>,
    calls: Vec<&'a Call>,
    waits: Vec<&'a Wait>,
}

impl Row<'_> {
    /// Returns the sort key: work first, by its start; then resources that were only read.
    fn order(&self) -> (bool, f64) {
        let work = self.works.iter().map(|work| work.span.begin).fold(f64::INFINITY, f64::min);
        let other = self.calls.iter().map(|call| call.span.begin).chain(self.waits.iter().map(|wait| wait.span.begin));
        if self.works.is_empty() { (true, other.fold(f64::INFINITY, f64::min)) } else { (false, work) }
    }
}

/// Conversion from seconds to pixels.
#[derive(Clone, Copy)]
struct Scale {
    /// Span of the build, which is drawn short: a minute of it would leave no room for what happens in seconds.
    building: Span,
    /// Seconds that the build is drawn as.
    short: f64,
    end: f64,
}

impl Scale {
    fn of(recording: &Recording, end: f64) -> Self {
        let end = end.max(0.001);
        let begin = recording.phases.iter().position(|(_, about)| *about == BUILDING);
        let at = |place: usize| recording.phases.get(place).map_or(end, |(at, _)| *at);
        let building = begin.map_or(Span { begin: 0.0, end: 0.0 }, |place| Span { begin: at(place), end: at(place + 1) });
        let rest = end - building.seconds();
        Self { building, short: building.seconds().min(rest * SHORT), end }
    }

    /// Returns the seconds that are drawn.
    fn drawn(self) -> f64 {
        self.end - self.building.seconds() + self.short
    }

    fn x(self, seconds: f64) -> f64 {
        let Span { begin, end } = self.building;
        let built = (seconds.clamp(begin, end) - begin) / (end - begin).max(0.001) * self.short;
        let drawn = seconds.min(begin) + built + (seconds - end).max(0.0);
        LEFT + drawn / self.drawn() * WIDTH
    }

    fn width(self, span: Span) -> f64 {
        (self.x(span.end) - self.x(span.begin)).max(NARROWEST)
    }

    /// Returns the positions of lines on the axis: multiples of 1, 2 or 5 times a power of ten, none in the shortened part.
    fn ticks(self) -> impl Iterator<Item = f64> {
        let step = self.step();
        let ticks = std::iter::successors(Some(0.0), move |tick| Some(tick + step)).take_while(move |tick| *tick <= self.end);
        ticks.filter(move |tick| *tick <= self.building.begin || *tick >= self.building.end)
    }

    fn step(self) -> f64 {
        let least = self.drawn() / TICKS;
        let power = 10.0_f64.powf(least.log10().floor());
        [1.0, 2.0, 5.0, 10.0].into_iter().map(|times| times * power).find(|step| *step >= least).unwrap_or(power * 10.0)
    }
}

/// Renders a run that lasted until `end`, in seconds.
pub(super) fn chart(recording: &Recording, achieved: Option<&Achieved>, end: f64) -> Markup {
    let scale = Scale::of(recording, end);
    let rows = rows(recording);
    let height = TOP + count(rows.len()) * ROW;
    let path: &[Link] = achieved.map_or(&[], |achieved| &achieved.path);
    let critical: BTreeSet<&str> = path.iter().map(|link| link.id.as_str()).collect();
    let (width, total) = (LEFT + WIDTH + 10.0, height + 16.0);
    html! {
        svg xmlns="http://www.w3.org/2000/svg" width=(width) height=(total) viewBox={ "0 0 " (width) " " (total) } role="img"
            aria-label="Each resource's calls and waits over time" {
            (patterns())
            (phases(recording, scale, height))
            (axis(scale, height))
            @for (place, (name, row)) in rows.iter().enumerate() {
                (drawn(name, row, critical.contains(name.as_str()), scale, middle(place)))
            }
            (links(path, &rows, scale))
        }
    }
}

/// Groups the bars by row label, in order: resources, then calls for no single resource, by service.
fn rows(recording: &Recording) -> Vec<(String, Row<'_>)> {
    let mut rows: BTreeMap<String, Row<'_>> = BTreeMap::new();
    for work in &recording.works {
        rows.entry(work.id.to_string()).or_default().works.push(work);
    }
    for call in &recording.calls {
        let service = || format!("{}, for no single resource", call.operation.split(':').next().unwrap_or_default());
        rows.entry(call.id.as_ref().map_or_else(service, Id::to_string)).or_default().calls.push(call);
    }
    for wait in &recording.waits {
        rows.entry(wait.id.as_ref().map_or_else(|| "queueing, for no single resource".to_owned(), Id::to_string))
            .or_default()
            .waits
            .push(wait);
    }
    let mut rows: Vec<(String, Row<'_>)> = rows.into_iter().collect();
    rows.sort_by(|(_, a), (_, b)| a.order().0.cmp(&b.order().0).then(a.order().1.total_cmp(&b.order().1)));
    rows
}

fn count(rows: usize) -> f64 {
    f64::from(u32::try_from(rows).unwrap_or(u32::MAX))
}

fn middle(place: usize) -> f64 {
    TOP + (count(place) + 0.5) * ROW
}

/// Defines the hatching of queueing, which is visible without colours, too.
fn patterns() -> Markup {
    html! {
        defs {
            pattern id="hatched" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)" {
                rect width="5" height="5" class="queue-ground" {}
                line x1="0" y1="0" x2="0" y2="5" class="queue-line" {}
            }
        }
    }
}

fn phases(recording: &Recording, scale: Scale, height: f64) -> Markup {
    let ends = recording.phases.iter().skip(1).map(|(begin, _)| *begin).chain([scale.end]);
    html! {
        @for (place, ((begin, about), end)) in recording.phases.iter().zip(ends).enumerate() {
            @let width = scale.x(end) - scale.x(*begin);
            g class={ "phase" @if place % 2 == 1 { " odd" } } {
                title { (about) ": " (seconds(end - begin)) }
                rect x=(px(scale.x(*begin))) y="0" width=(px(width.max(0.0))) height=(height) {}
                @if width > 52.0 {
                    text x=(px(scale.x(*begin) + 4.0)) y="13" { (about) }
                }
            }
        }
    }
}

fn axis(scale: Scale, height: f64) -> Markup {
    let step = scale.step();
    let digits = if step < 0.1 { 2 } else { usize::from(step < 1.0) };
    html! {
        g class="axis" {
            @for tick in scale.ticks() {
                line x1=(px(scale.x(tick))) y1=(TOP - 8.0) x2=(px(scale.x(tick))) y2=(height) {}
                text x=(px(scale.x(tick))) y=(TOP - 11.0) text-anchor="middle" { (format!("{tick:.digits$} s")) }
            }
        }
    }
}

fn drawn(name: &str, row: &Row<'_>, is_critical: bool, scale: Scale, middle: f64) -> Markup {
    let bar = |span: Span, height: f64, class: &str, title: &str| {
        html! {
            rect class=(class) x=(px(scale.x(span.begin))) y=(px(middle - height / 2.0)) width=(px(scale.width(span))) height=(height) {
                title { (title) }
            }
        }
    };
    html! {
        g class={ "row" @if is_critical { " critical" } } {
            rect class="ground" x="0" y=(middle - ROW / 2.0) width=(LEFT + WIDTH) height=(ROW) {}
            text class="name" x=(LEFT - 8.0) y=(middle + 4.0) text-anchor="end" {
                title { (name) }
                (cut(name))
            }
            @for work in &row.works {
                (bar(work.span, BAR, &format!("work {}", if work.failed { "failed" } else { verb(work.action) }), &about_work(name, work)))
            }
            @for wait in &row.waits {
                @let class = if wait.queued { "queue" } else { "wait" };
                (bar(wait.span, BAR, class, &format!("{name}\nwaited {} for {}", seconds(wait.span.seconds()), wait.why)))
            }
            @for call in &row.calls {
                @for (place, attempt) in call.attempts.iter().enumerate() {
                    (bar(*attempt, CALL, if call.write { "call write" } else { "call read" }, &about_call(name, call, place)))
                }
            }
        }
    }
}

/// Draws lines from the end of each link to the beginning of the next.
fn links(path: &[Link], rows: &[(String, Row<'_>)], scale: Scale) -> Markup {
    let row = |link: &Link| rows.iter().position(|(name, _)| name == link.id.as_str()).map(middle);
    html! {
        g class="path" {
            @for pair in path.windows(2) {
                @if let (Some(from), Some(to)) = (row(&pair[0]), row(&pair[1])) {
                    @let (end, begin) = (scale.x(pair[0].span.end), scale.x(pair[1].span.begin));
                    path d={ "M" (px(end)) " " (from) "V" (px(to)) "H" (px(begin.max(end))) } {}
                }
            }
        }
    }
}

fn about_work(name: &str, work: &Work) -> String {
    let failed = if work.failed { ", which failed" } else { "" };
    let Span { begin, end } = work.span;
    format!("{name}\n{}{failed}: {} (from {begin:.2} s to {end:.2} s)", verb(work.action), seconds(work.span.seconds()))
}

fn about_call(name: &str, call: &Call, place: usize) -> String {
    let attempts = call.attempts.len();
    let attempt = call.attempts[place];
    let number = if attempts > 1 { format!(", attempt {} of {attempts}", place + 1) } else { String::new() };
    let since = if place == 0 { call.span.begin } else { call.attempts[place - 1].end };
    let queued = match attempt.begin - since {
        queued if queued > 0.001 => format!(", after {} of queueing", seconds(queued)),
        _ => String::new(),
    };
    format!("{name}\n{}{number}: {} at {:.2} s{queued}", call.operation, seconds(attempt.seconds()), attempt.begin)
}

/// Returns the verb for an action.
pub(super) fn verb(action: Action) -> &'static str {
    match action {
        Action::Create => "create",
        Action::Update => "update",
        Action::Replace => "replace",
        Action::Delete => "delete",
    }
}

/// Formats a duration as `12.3 s` or `45 ms`.
pub(super) fn seconds(seconds: f64) -> String {
    if seconds < 0.1 { format!("{:.0} ms", seconds * 1_000.0) } else { format!("{seconds:.1} s") }
}

/// Rounds to a tenth of a pixel.
fn px(pixels: f64) -> f64 {
    (pixels * 10.0).round() / 10.0
}

/// Shortens a name, and keeps its end, which distinguishes it.
fn cut(name: &str) -> String {
    match name.char_indices().rev().nth(NAME - 1) {
        Some((begin, _)) if begin > 0 => format!("…{}", &name[begin..]),
        _ => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{BUILDING, LEFT, NAME, Recording, Scale, WIDTH, cut, seconds};

    #[test]
    fn the_axis_has_round_steps() {
        for (end, step) in [(0.9, 0.1), (3.0, 0.5), (12.0, 2.0), (27.0, 5.0), (90.0, 10.0), (1_100.0, 200.0)] {
            let found = Scale::of(&Recording::default(), end).step();
            assert!((found - step).abs() < 1e-9, "{end}: {found}");
        }
    }

    #[test]
    fn a_long_build_leaves_the_room_to_what_comes_after_it() {
        let recording = Recording { phases: vec![(1.0, BUILDING), (61.0, "reading")], ..Recording::default() };
        let scale = Scale::of(&recording, 71.0);
        let share = |seconds| (scale.x(seconds) - LEFT) / WIDTH;
        assert!(share(0.0).abs() < 1e-9 && (share(71.0) - 1.0).abs() < 1e-9);
        assert!(share(1.0) > 0.08 && share(61.0) < 0.16, "{} {}", share(1.0), share(61.0));
        assert!(scale.ticks().all(|tick| !(1.5..60.5).contains(&tick)));
        // A short build is drawn to scale.
        let recording = Recording { phases: vec![(1.0, BUILDING), (1.2, "reading")], ..Recording::default() };
        assert!((Scale::of(&recording, 10.0).x(5.0) - (LEFT + WIDTH / 2.0)).abs() < 1e-9);
    }

    #[test]
    fn long_names_keep_their_end() {
        assert_eq!(cut("iam.role/collector"), "iam.role/collector");
        let long = cut(&format!("apigateway.integration_response/{}", "ö".repeat(60)));
        assert_eq!(long.chars().count(), NAME + 1);
        assert!(long.starts_with('…'));
    }

    #[test]
    fn short_times_are_milliseconds() {
        assert_eq!((seconds(0.0449).as_str(), seconds(0.1).as_str(), seconds(61.25).as_str()), ("45 ms", "0.1 s", "61.2 s"));
    }
}
