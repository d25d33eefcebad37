//! The requests for which API Gateway may invoke a function: its routes, one by one as long as a function's policy has room for them.

use crate::sections::Route;
use crate::sections::functions::ANY;
use std::collections::BTreeSet;

/// Largest policy of a function, in bytes (Lambda developer guide, Lambda quotas: "resource-based policy", 20 KB).
const LARGEST: usize = 20 * 1024;

/// Bytes of a statement without the two ARNs in it, as Lambda writes it: Sid, effect, principal, action, and the condition's operator.
const STATEMENT: usize = 250;

/// Returns the requests as `METHOD/path`, with `*` for any method and for variables. `rest` is the length of a statement's ARNs without that, and
/// `others` the number of further statements of the policy.
///
/// Groups routes where one statement for each would not fit: all methods of a path share one, then all paths below a first segment, then everything.
pub(super) fn requests(routes: &[Route], rest: usize, others: usize) -> BTreeSet<String> {
    let method = |route: &Route| if route.method == ANY { "*".to_owned() } else { route.method.clone() };
    let ways: [&dyn Fn(&Route) -> String; 4] = [
        &|route| format!("{}{}", method(route), route.pattern()),
        &|route| format!("*{}", route.pattern()),
        &|route| match route.pattern()[1..].split_once('/') {
            Some((first, _)) => format!("*/{first}/*"),
            None => format!("*{}", route.pattern()),
        },
        &|_| "*/*".to_owned(),
    ];
    let all = ways.map(|way| routes.iter().map(way).collect::<BTreeSet<String>>());
    let size = |requests: &BTreeSet<String>| {
        others * (STATEMENT + rest) + requests.iter().map(|request| STATEMENT + rest + request.len()).sum::<usize>()
    };
    let [.., everything] = &all;
    all.iter().find(|requests| size(requests) <= LARGEST).unwrap_or(everything).clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Length of the ARNs of a function and an API with names of a usual length.
    const REST: usize = 150;

    fn routes(text: impl IntoIterator<Item = String>) -> Vec<Route> {
        let route = |text: String| text.split_once(' ').map(|(method, path)| Route { method: method.to_owned(), path: path.to_owned() });
        text.into_iter().filter_map(route).collect()
    }

    #[test]
    fn each_route_is_named_with_wildcards_for_what_varies() {
        let named = requests(&routes(["GET /", "ANY /{proxy+}", "POST /a/{id}/b", "GET /a"].map(str::to_owned)), REST, 0);
        assert_eq!(named, BTreeSet::from(["GET/", "*/*", "POST/a/*/b", "GET/a"].map(str::to_owned)));
    }

    #[test]
    fn routes_share_statements_once_the_policy_has_no_room() {
        let paths = |count: usize| (0..count).map(|index| format!("/group{}/item{index}", index % 3));
        let of = |count: usize| {
            let both = paths(count).flat_map(|path| [format!("GET {path}"), format!("POST {path}")]);
            requests(&routes(both), REST, 0)
        };
        assert_eq!(of(20).len(), 40);
        assert_eq!(of(30).len(), 30, "one for each path: 60 would not fit");
        assert_eq!(of(100), BTreeSet::from(["*/group0/*", "*/group1/*", "*/group2/*"].map(str::to_owned)));
        let apart = |count: usize| requests(&routes((0..count).map(|index| format!("GET /item{index}"))), REST, 0);
        assert_eq!(apart(200), BTreeSet::from(["*/*".to_owned()]));
        for count in 0..200 {
            let size: usize = of(count).iter().map(|request| STATEMENT + REST + request.len()).sum();
            assert!(size <= LARGEST, "{count} paths take {size} bytes");
        }
    }
}
