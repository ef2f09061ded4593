//! Who needs to know who reported a case, and until when: by a duty that is live, and for a stated time after it.

use chrono::{DateTime, TimeDelta, Utc};
use kernel::facts::SealedPerson;
use kernel::{Actor, Allowed, Obligation, Role, Step, Verb, reach_of};

use crate::{
    Case, CaseEvent, CaseFile, CloseCase, ConcludeDeliberation, Confidential, DecideReturn, DispatchCase,
    EscalateIssue, FileCase, HandleInGrid, HoldMeeting, OpenDeliberation, Order, RecordFeedback, RecordProgress,
    RefuseFiling, RegisterIssue, Standing, VerifyCase,
};

/// Who may take a step, except departments: theirs are the orders.
fn takers(step: &Step) -> &'static [Allowed] {
    const ROUTE: &[Allowed] = &[HandleInGrid::BY, OpenDeliberation::BY, EscalateIssue::BY];
    const WORK: &[Allowed] = &[HandleInGrid::BY, RecordProgress::BY];
    const TABLE: &[(Step, &[Allowed])] = &[
        (Step::REGISTER, &[RegisterIssue::BY]),
        (Step::ROUTE, ROUTE),
        (Step::ROUTE_AGAIN, ROUTE),
        (Step::WORK_IN_GRID, WORK),
        (Step::REWORK, WORK),
        (Step::DELIBERATE, &[HoldMeeting::BY, ConcludeDeliberation::BY]),
        (Step::FILE, &[FileCase::BY, RefuseFiling::BY]),
        (Step::REVIEW_REFUSAL, &[EscalateIssue::BY]),
        (Step::DISPATCH, &[DispatchCase::BY]),
        (Step::DECIDE_RETURN, &[DecideReturn::BY]),
        (Step::VERIFY, &[VerifyCase::BY]),
        (Step::COLLECT_FEEDBACK, &[RecordFeedback::BY]),
        (Step::CLOSE, &[CloseCase::BY]),
    ];
    TABLE.iter().find(|(known, _)| known == step).map_or(&[], |(_, takers)| *takers)
}

fn may_take(role: Role, step: &Step) -> bool {
    takers(step).iter().any(|allowed| reach_of(allowed, role).is_some())
}

/// Whether it must be done in the grids or at their centre. What a department must do is its order.
fn is_of_grid(next: &Obligation) -> bool {
    next.by.department.is_none()
}

impl Standing {
    /// Everything that must be done, in whichever part.
    pub(crate) fn open(&self) -> impl Iterator<Item = &Obligation> {
        let parts = &self.parts;
        let of_case = [
            parts.own.next.as_ref(),
            parts.grid_work.as_ref().and_then(|part| part.next.as_ref()),
            parts.deliberation.as_ref().and_then(|part| part.next.as_ref()),
        ];
        of_case.into_iter().flatten().chain(parts.orders.iter().filter_map(|part| part.next.as_ref()))
    }
}

impl Case {
    /// Whether they need to know who reported it at that moment: they have a duty in it, or had one not so many days ago.
    pub(crate) fn is_needed_by(&self, by: &Actor, at: DateTime<Utc>, days_after: u32) -> bool {
        let Some(file) = &self.file else { return false };
        let is_within = |ended: DateTime<Utc>| {
            let until = ended.checked_add_signed(TimeDelta::days(days_after.into()));
            until.is_none_or(|until| at < until)
        };
        let until_over = || file.over_since().is_none_or(is_within);
        if file.is_named(by) && until_over() {
            return true;
        }
        match (by.role, by.department()) {
            (Role::DepartmentClerk, Some(department)) => {
                let orders = file.orders.values().filter(|order| order.sent.order.department == *department);
                orders.filter(|order| !self.is_taken_back(order)).any(|order| file.ended(order).is_none_or(is_within))
            }
            (Role::DutyOfficer, _) => until_over(),
            (role, _) => {
                let is_open = self.standing.open().any(|next| is_of_grid(next) && may_take(role, &next.step));
                is_open || file.steps_ended.iter().any(|(step, ended)| may_take(role, step) && is_within(*ended))
            }
        }
    }

    /// Whether the order was returned or withdrawn: it is as if its department had never had to do with the case.
    fn is_taken_back(&self, order: &Order) -> bool {
        let part = self.standing.order(order.sent.order.order);
        part.is_none_or(|part| part.status == crate::OrderStatus::Returned)
    }

    /// Notes which steps an event ended. A step that goes on in another part goes on.
    pub(crate) fn note_ended(&mut self, before: Vec<Obligation>, moment: Option<DateTime<Utc>>) {
        let Some(file) = self.file.as_deref_mut() else { return };
        for next in before.into_iter().filter(is_of_grid) {
            if self.standing.open().all(|open| !is_of_grid(open) || open.step != next.step) {
                // Where the event does not say when, from when on it was to be taken: the earlier one.
                file.steps_ended.insert(next.step, moment.unwrap_or(next.due.derivation.from));
            }
        }
    }
}

impl CaseFile {
    /// Keeps who read, and who may.
    pub(crate) fn note_of_reading(&mut self, event: CaseEvent) {
        match event {
            CaseEvent::ReporterRead(read) => {
                self.readings.retain(|earlier| !read.replaces(earlier));
                self.readings.push(*read);
            }
            CaseEvent::ReaderNamed(named) => self.readers.push(*named),
            _ => {}
        }
    }

    /// Since when nobody must act on it any more.
    fn over_since(&self) -> Option<DateTime<Utc>> {
        let closed = self.cycle.closed.as_ref().map(|closed| closed.reopen_until.derivation.from);
        let merged = self.merged.as_ref().map(|merged| merged.merged_at);
        closed.or(merged).or_else(|| self.voided.as_ref().map(|voided| voided.voided_at))
    }

    /// When the round of work ended in which an order was sent.
    fn ended(&self, order: &Order) -> Option<DateTime<Utc>> {
        if order.sent.cycle == self.cycle.number {
            return self.over_since();
        }
        let cycle = self.earlier_cycles.iter().find(|cycle| cycle.number == order.sent.cycle)?;
        cycle.closed.as_ref().map(|closed| closed.reopen_until.derivation.from)
    }

    fn is_named(&self, by: &Actor) -> bool {
        self.readers.iter().any(|named| named.reader == by.id)
    }

    /// Whoever reported it, as far as that may be shown to somebody who needs to know.
    pub(crate) fn reporters_for(&self, by: &Actor) -> Vec<SealedPerson> {
        let is_trusted = by.role == Role::DutyOfficer || self.is_named(by);
        let later = self.reports.iter().map(|report| (&report.reporter, report.confidential));
        let reports = std::iter::once((&self.discovered.reporter, self.discovered.confidential)).chain(later);
        let confidential: Vec<_> = reports
            .filter(|(_, confidential)| *confidential == Some(Confidential::CentreOnly))
            .filter_map(|(reporter, _)| Some(reporter.as_ref()?.person))
            .collect();
        let mut shown = self.reporter_data();
        shown.retain(|reporter| is_trusted || !confidential.contains(&reporter.person));
        shown
    }
}
