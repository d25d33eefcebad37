//! Names of AWS regions.

use crate::diagnostic::{Problem, nearest};

/// Regions with all services of a stack, for suggestions only: a new region works without being here.
const REGIONS: [&str; 26] = [
    "af-south-1",
    "ap-east-1",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-south-2",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "ca-central-1",
    "ca-west-1",
    "eu-central-1",
    "eu-central-2",
    "eu-north-1",
    "eu-south-1",
    "eu-south-2",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
];

/// Returns the problem of a region's name, without a position.
pub(crate) fn region(region: &str) -> Option<Problem> {
    let parts: Vec<&str> = region.split('-').collect();
    let sound = match parts.as_slice() {
        [area, middle @ .., number] => {
            area.len() == 2
                && !middle.is_empty()
                && std::iter::once(area).chain(middle).all(|part| !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase()))
                && number.len() == 1
                && number.chars().all(|c| c.is_ascii_digit())
        }
        _ => false,
    };
    if sound {
        return None;
    }
    let problem = Problem::new(format!("`{region}` is not an AWS region")).expected("expected a region such as us-east-1");
    Some(match nearest(region, &REGIONS) {
        Some(known) => problem.help(format!("did you mean `{known}`?")),
        None => problem,
    })
}
