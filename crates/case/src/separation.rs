//! Whether somebody may take a step in a case, after what they did in it before (不相容职责分离). Which steps one person does not take
//! together is data of the rules; who took which step is what the events say.

use kernel::separation::{Earlier, Later};
use kernel::{Context, DepartmentCode, OrderId};

use crate::{CaseFile, Refusal, Verification};

/// Whoever took a step: their id, and the department whose order it was.
type Taker<'a> = (&'a str, Option<&'a DepartmentCode>);

impl CaseFile {
    /// Refuses a step to whoever took one before that does not go with it, to whom a department lends that took it, and to a program:
    /// nobody knows who stands behind that. `order` is the one that the step is about.
    pub(crate) fn check_apart(&self, later: Later, order: Option<OrderId>, context: &Context) -> Result<(), Refusal> {
        let by = &context.by;
        for pair in context.facts.incompatible.iter().filter(|pair| pair.later == later) {
            for (taker, department) in self.takers_of(pair.earlier, order) {
                let (earlier, later) = (pair.earlier.as_str(), later.as_str());
                if taker == by.id {
                    return Err(Refusal::AnotherPersonNeeded { earlier, later });
                }
                if let Some(department) = department.filter(|taken| by.seconded_by.as_ref() == Some(taken)) {
                    return Err(Refusal::PersonSeconded { department: department.clone(), earlier, later });
                }
                if !by.is_person() {
                    return Err(Refusal::PersonUnknown { earlier, later });
                }
            }
        }
        Ok(())
    }

    /// Whoever took a step in this round of work. Of what is done again, the last time counts: what it replaced has no effect.
    fn takers_of(&self, earlier: Earlier, order: Option<OrderId>) -> Vec<Taker<'_>> {
        let cycle = &self.cycle;
        match earlier {
            Earlier::Discover => vec![(self.discovered.by.as_str(), None)],
            Earlier::Dispose => {
                let orders = self.orders.values().filter(|order| order.sent.cycle == cycle.number);
                let parts = orders.flat_map(|order| &order.disposed);
                let parts = parts.map(|part| (part.by.as_str(), Some(&part.order.department)));
                parts.chain(cycle.grid_done.iter().map(|done| (done.by.as_str(), None))).collect()
            }
            Earlier::Verify => alone(cycle.verified.last().map(Verification::by)),
            // What was said when the finder was reached stays, whoever tried again in vain.
            Earlier::Hear => {
                let reached = cycle.answered.iter().rfind(|heard| heard.contacted);
                alone(reached.or(cycle.answered.last()).map(|heard| &heard.by))
            }
            Earlier::RequestReturn => {
                let asked = order.and_then(|order| self.orders.get(&order)?.return_requested.as_ref());
                asked.map(|asked| (asked.by.as_str(), Some(&asked.order.department))).into_iter().collect()
            }
            Earlier::RefuseFiling => alone(cycle.refused.last().map(|refused| &refused.by)),
        }
    }
}

/// A step that one person took, in a post of the grids or of their centre.
fn alone(by: Option<&String>) -> Vec<Taker<'_>> {
    by.map(|by| (by.as_str(), None)).into_iter().collect()
}

#[cfg(test)]
mod tests;
