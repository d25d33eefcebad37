//! The closed world: every kind that a stack can ever have made is searched for, whether this stack.yaml declares any of it or not.

use super::Declaring;
use aws::facts::{Sweep, Swept};
use resources::KINDS;

impl Declaring<'_> {
    /// `deployment` is the digest of the declared deployment, if there is one.
    pub(super) fn sweeps(&mut self, deployment: Option<&str>) {
        let stack = Swept { names: &self.names, deployment };
        for kind in KINDS {
            if let Sweep::Own(add) = kind.sweep {
                add(&mut self.graph, &stack);
            }
        }
    }
}
