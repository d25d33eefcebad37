//! `composite_alarms`: alarms on the states of other alarms.

use super::{Declaring, StackFile};
use crate::diagnostic::Problem;
use crate::problems::Problems;

/// Checks the rules.
pub(crate) fn check(file: &StackFile, problems: &mut Problems) {
    for (name, rule) in &file.composite_alarms {
        if rule.is_empty() {
            let problem = Problem::new(format!("`{name}` has no rule")).expected("expected a rule such as TRUE");
            problems.value(&["composite_alarms", name], problem);
        }
    }
}

/// Declares all composite alarms.
pub(crate) fn declare(declaring: &mut Declaring<'_>) {
    for (name, rule) in &declaring.stack.composite_alarms {
        let physical = declaring.names.alarm(name);
        let alarm = resources::CompositeAlarm {
            family: declaring.names.alarm_family(),
            rule: rule.clone(),
            tags: declaring.tags(&physical),
            name: physical,
        };
        declaring.graph.add(name, alarm);
    }
}
