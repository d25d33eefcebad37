//! Looks up the event history with as few calls as possible.

use super::{Author, Subject, event::Event};
use crate::{
    aws::Aws,
    engine::{Error, Id, Result},
};
use aws_sdk_cloudtrail::{
    config::{Builder, Region},
    operation::lookup_events::LookupEventsOutput,
    types::{LookupAttribute, LookupAttributeKey},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// Limit of look-ups in one run: at two a second, they take 6 s.
const MOST: usize = 12;
/// Limit of pages of 50 events for one look-up. Reads are events as well, and CloudTrail cannot filter for writes of one
/// resource.
const PAGES: usize = 3;
/// Time limit of all look-ups: other clients share the request limit.
const PATIENCE: Duration = Duration::from_secs(15);

/// Result of the look-ups.
#[derive(Debug, Default)]
pub struct Answer {
    /// Author of each change.
    pub authors: BTreeMap<Id, Author>,
    /// Error that ended the look-ups early.
    pub trouble: Option<Error>,
}

/// Looks up the authors of changes to these subjects; never fails.
///
/// Each subject is looked up by its name first. AWS does not document for all services what CloudTrail takes for a resource's
/// name, nor does the local AWS support it for all. So for subjects not found, the newest events of their service are searched,
/// once for all of them.
pub async fn authors(aws: &Aws, subjects: &[Subject]) -> Answer {
    let mut answer = Answer::default();
    let mut left = MOST;
    let asked = tokio::time::timeout(PATIENCE, ask(aws, subjects, &mut left, &mut answer.authors)).await;
    answer.trouble = asked.unwrap_or_else(|_| Err(Error::refused(LOOK_UP, "no answer in time"))).err();
    answer
}

const LOOK_UP: &str = "cloudtrail:LookupEvents";

async fn ask(aws: &Aws, subjects: &[Subject], left: &mut usize, authors: &mut BTreeMap<Id, Author>) -> Result<()> {
    let mut open: Vec<&Subject> = subjects.iter().collect();
    for key in [LookupAttributeKey::ResourceName, LookupAttributeKey::EventSource] {
        // Subjects with one name share a look-up: a role and its policy, a function and its alias.
        let value = |subject: &Subject| match key {
            LookupAttributeKey::ResourceName => subject.names[0].clone(),
            _ => format!("{}.amazonaws.com", subject.source()),
        };
        let mut asked = BTreeSet::new();
        // Some look-ups are reserved for subjects not found by name.
        let reserve = if key == LookupAttributeKey::ResourceName { MOST / 3 } else { 0 };
        for subject in open.clone() {
            let (value, global) = (value(subject), subject.is_global());
            if *left <= reserve || !asked.insert((value.clone(), global)) {
                continue;
            }
            let same: Vec<&Subject> = open.iter().copied().filter(|other| self::same(other, global, &value, &key)).collect();
            let found = look_up(aws, &same, &key, &value, global, left).await?;
            open.retain(|subject| !found.contains_key(&subject.id));
            authors.extend(found.into_iter().filter_map(|(id, author)| Some((id, author?))));
        }
    }
    Ok(())
}

/// Returns true if a look-up covers this subject.
fn same(subject: &Subject, global: bool, value: &str, key: &LookupAttributeKey) -> bool {
    let by_name = *key == LookupAttributeKey::ResourceName;
    let named = if by_name { subject.names[0] == value } else { value.split('.').next() == Some(subject.source()) };
    named && subject.is_global() == global
}

/// Looks up one value, page by page, until all of its subjects are explained. `None` for subjects that nothing outside changed.
async fn look_up(
    aws: &Aws,
    subjects: &[&Subject],
    key: &LookupAttributeKey,
    value: &str,
    global: bool,
    left: &mut usize,
) -> Result<BTreeMap<Id, Option<Author>>> {
    let attribute = LookupAttribute::builder().attribute_key(key.clone()).attribute_value(value).build();
    let attribute = attribute.map_err(|error| Error::refused(LOOK_UP, error.to_string()))?;
    let region = if global { &aws.target.global_region } else { &aws.target.region };
    let (mut found, mut events) = (BTreeMap::new(), Vec::new());
    let mut pages = PAGES.min(*left);
    let send = |token| {
        let request = aws.cloudtrail.lookup_events().lookup_attributes(attribute.clone()).set_next_token(token);
        request.customize().config_override(Builder::new().region(Region::new(region.clone()))).send()
    };
    aws.pages("cloudtrail:LookupEvents", send, |page: LookupEventsOutput| {
        (*left, pages) = (left.saturating_sub(1), pages.saturating_sub(1));
        events.extend(page.events().iter().filter_map(|event| {
            let names = event.resources().iter().filter_map(|resource| resource.resource_name());
            Event::read(event.cloud_trail_event()?, names)
        }));
        for subject in subjects {
            if let Some(event) = subject.explained(&events) {
                found.insert(subject.id.clone(), (!event.ours).then(|| event.author.clone()));
            }
        }
        Ok(page.next_token.filter(|_| pages > 0 && found.len() < subjects.len()))
    })
    .await?;
    Ok(found)
}
