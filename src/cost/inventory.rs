//! Inventory of billable resources: as declared, and as they exist now.

use crate::{
    aws::facts::Billable,
    engine::{Action, Entry, Field, Fields, Id, Resource, State, Step},
    resources::kind,
};
use serde_json::Value;
use std::collections::BTreeMap;

/// Billable resources, with the properties that determine their price.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Inventory {
    billables: BTreeMap<Id, Billable>,
}

/// Numbers of added, removed and changed resources of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Kind in the singular, such as `alarm`.
    pub noun: &'static str,
    /// Number of resources that exist only after.
    pub added: usize,
    /// Number of resources that exist only before.
    pub removed: usize,
    /// Number of resources with a change that affects their price.
    pub changed: usize,
}

impl Inventory {
    /// Returns the declared billable resources.
    pub fn declared<'a, C: crate::engine::Cloud>(entries: impl IntoIterator<Item = &'a Entry<C>>) -> Self {
        Self::of(entries.into_iter().map(|entry| (entry.id.clone(), entry.desired())))
    }

    fn of(declared: impl IntoIterator<Item = (Id, Fields)>) -> Self {
        let part = |(id, fields): (Id, Fields)| {
            let values: BTreeMap<&str, &Value> = fields.iter().filter_map(|(path, field)| Some((path, known(field)?))).collect();
            billable(&id, |path| values.get(path).copied().cloned()).map(|part| (id, part))
        };
        Self { billables: declared.into_iter().filter_map(part).collect() }
    }

    /// Returns the billable resources that exist now, by the plan's steps.
    #[must_use]
    pub fn before(&self, steps: &[Step]) -> Self {
        let mut billables = self.billables.clone();
        for step in steps {
            match (step.state, step.action) {
                (State::Orphan, _) => billables.extend(billable(&step.id, |_| None).map(|part| (step.id.clone(), part))),
                (State::Missing, _) | (_, Some(Action::Create)) => drop(billables.remove(&step.id)),
                _ => {
                    let Some(billable) = billables.get_mut(&step.id) else { continue };
                    for change in step.changes.iter() {
                        billable.set(&change.path, change.from.as_ref().and_then(known));
                    }
                }
            }
        }
        Self { billables }
    }

    /// Returns the differences from `before` by kind. Parts of a function or an API are not listed beside it.
    pub fn since(&self, before: &Self) -> Vec<Difference> {
        let mut differences: BTreeMap<&'static str, Difference> = BTreeMap::new();
        for (id, billable) in self.billables.iter().chain(&before.billables) {
            let (now, then) = (self.billables.get(id), before.billables.get(id));
            let noun = billable.noun();
            let difference = differences.entry(noun).or_insert(Difference { noun, added: 0, removed: 0, changed: 0 });
            match (now, then) {
                (Some(_), None) if billable.stands_alone() => difference.added += 1,
                (None, Some(_)) if billable.stands_alone() => difference.removed += 1,
                // The resource is in both lists and counts once.
                (Some(now), Some(then)) if now != then && std::ptr::eq(now, billable) => difference.changed += 1,
                _ => {}
            }
        }
        differences.into_values().filter(|difference| difference.added + difference.removed + difference.changed > 0).collect()
    }

    /// Returns true if no resource is billable.
    pub fn is_empty(&self) -> bool {
        self.billables.is_empty()
    }

    pub(super) fn get<R: Resource>(&self, name: &str) -> Option<Billable> {
        self.billable(&Id::new::<R>(name))
    }

    pub(super) fn billable(&self, id: &Id) -> Option<Billable> {
        self.billables.get(id).copied()
    }

    pub(super) fn billables(&self) -> impl Iterator<Item = (&Id, Billable)> {
        self.billables.iter().map(|(id, billable)| (id, *billable))
    }

    pub(super) fn has_distribution(&self) -> bool {
        self.billables.values().any(|billable| *billable == Billable::Distribution)
    }

    /// Returns true if methods have metrics of their own.
    pub(super) fn has_method_metrics(&self) -> bool {
        self.billables.values().any(|billable| matches!(billable, Billable::Stage { metrics: true }))
    }
}

/// Returns the billable part of a resource by its fields, with AWS's defaults for unknown ones.
fn billable(id: &Id, value: impl Fn(&str) -> Option<Value>) -> Option<Billable> {
    let mut billable = kind(id.kind())?.billable?;
    for field in ["point_in_time_recovery", "class", "memory", "architecture", "metrics", "retention_days"] {
        if let Some(value) = value(field) {
            billable.set(field, Some(&value));
        }
    }
    Some(billable)
}

fn known(field: &Field) -> Option<&Value> {
    match field {
        Field::Known(value) => Some(value),
        Field::Pending(_) | Field::Secret(_) => None,
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::{Billable, Inventory};
    use crate::{
        engine::{Action, Changes, Fields, Id, State, Step},
        resources::{Alarm, ApiStage, Function, LogGroup, Role, Table},
    };
    use serde_json::{Value, json};

    pub(in crate::cost) fn inventory(declared: &[(Id, Value)]) -> Inventory {
        Inventory::of(declared.iter().map(|(id, spec)| (id.clone(), Fields::of(spec))))
    }

    fn step(id: Id, state: State, action: Option<Action>, from: &Value, to: &Value) -> Step {
        let changes = Changes::between(&Fields::of(from), &Fields::of(to));
        Step { id, name: String::new(), state, action, changes, fixed: &[], cause: None, objection: None }
    }

    #[test]
    fn only_what_has_a_price_is_kept_with_what_it_depends_on() {
        let billables = inventory(&[
            (Id::new::<Role>("stats"), json!({})),
            (Id::new::<Function>("stats"), json!({ "memory": 256, "architecture": "x86_64", "timeout": 3 })),
            (Id::new::<Function>("local"), json!({ "memory": 512, "architecture": null })),
            (Id::new::<LogGroup>("stats"), json!({ "retention_days": 7 })),
            (Id::new::<ApiStage>("dev"), json!({ "metrics": true })),
        ]);
        assert_eq!(billables.billables().count(), 4);
        assert_eq!(billables.get::<Function>("stats"), Some(Billable::Function { memory: 0.25, arm: false }));
        assert_eq!(billables.get::<Function>("local"), Some(Billable::Function { memory: 0.5, arm: true }));
        assert_eq!(billables.get::<LogGroup>("stats"), Some(Billable::Logs { days: 7.0 }));
        assert!(billables.has_method_metrics());
    }

    #[test]
    fn what_is_there_now_follows_from_the_plan() {
        let (kept, new, gone) = (Id::new::<Alarm>("kept"), Id::new::<Alarm>("new"), Id::new::<Alarm>("gone"));
        let (function, table) = (Id::new::<Function>("f"), Id::new::<Table>("t"));
        let declared = inventory(&[
            (kept.clone(), json!({})),
            (new.clone(), json!({})),
            (function.clone(), json!({ "memory": 512, "architecture": "arm64" })),
            (table.clone(), json!({ "point_in_time_recovery": true })),
        ]);
        let none = json!({});
        let before = declared.before(&[
            step(kept.clone(), State::InSync, None, &none, &none),
            step(new.clone(), State::Missing, Some(Action::Create), &none, &none),
            step(gone.clone(), State::Orphan, Some(Action::Delete), &none, &none),
            step(function, State::Drifted, Some(Action::Update), &json!({ "memory": 128 }), &json!({ "memory": 512 })),
            step(
                table,
                State::Drifted,
                Some(Action::Update),
                &json!({ "point_in_time_recovery": false }),
                &json!({ "point_in_time_recovery": true }),
            ),
        ]);
        assert!(before.billable(&kept).is_some() && before.billable(&gone).is_some() && before.billable(&new).is_none());
        assert_eq!(before.get::<Function>("f"), Some(Billable::Function { memory: 0.125, arm: true }));
        assert_eq!(before.get::<Table>("t"), Some(Billable::Table { recovery: false, infrequent: false }));
        let words = |inventory: &Inventory, other: &Inventory| -> Vec<String> {
            let word = |difference: &super::Difference| {
                format!("{} +{} -{} ~{}", difference.noun, difference.added, difference.removed, difference.changed)
            };
            inventory.since(other).iter().map(word).collect()
        };
        assert_eq!(words(&declared, &before), ["alarm +1 -1 ~0", "function +0 -0 ~1", "table +0 -0 ~1"]);
        assert!(words(&declared, &declared).is_empty());
    }

    #[test]
    fn a_stack_in_sync_costs_what_it_did() {
        let declared = inventory(&[(Id::new::<Alarm>("a"), json!({}))]);
        assert_eq!(declared.before(&[]), declared);
        assert!(!declared.is_empty() && inventory(&[]).is_empty());
    }
}
