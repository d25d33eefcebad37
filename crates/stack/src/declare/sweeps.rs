//! The closed world: sweeps search for every kind that a stack can ever have created, whether this stack.yaml declares any of it or not.

use super::Declaring;
use aws::facts::{Sweep, Swept};
use resources::KINDS;

impl Declaring<'_> {
    /// Adds the sweeps of all kinds. `deployment` is the digest of the declared deployment, if there is one.
    pub(super) fn sweeps(&mut self, deployment: Option<&str>) {
        let stack = Swept { names: &self.names, deployment };
        for kind in KINDS {
            if let Sweep::Own(add) = kind.sweep {
                add(&mut self.graph, &stack);
            }
        }
    }
}
