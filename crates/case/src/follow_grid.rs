//! What happens to an open case when its grid is closed, split, merged or moved: it follows.

use chrono::{DateTime, Utc};
use kernel::facts::GridFacts;
use kernel::needs::SeatOf;
use kernel::{Allowed, CaseId, Context, DepartmentCode, GridCode, Needs, Obligation, OrderId, Party, Role, Verb};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::access::SYSTEM;
use crate::case::{Case, Decision};
use crate::seat::{nearest, nearest_of_centre};
use crate::{CaseEvent, CaseFile, OrderPart, Part, examples};

/// The case follows its grid: to the one that took over, or to another place in the tree.
///
/// Given by the system once the change of the district takes effect. Nothing happens where the case is in its place already, or
/// where nobody must act on it any more: closed, merged and voided cases stay in the grid in which they ended. Who must act
/// changes, and nothing else: steps, due times, orders, deliberations and the consent rule that is pinned stay as they are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FollowGrid {
    /// When the change took effect.
    pub since: DateTime<Utc>,
}

/// An open case went to a grid with another grid centre. For the street that it left; what happened from its place on is told to
/// the other one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CaseLeft {
    pub case: CaseId,
    /// The case number for people, once it is filed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// What the case is about.
    pub title: String,
    /// The grid in which it was and every grid above it, itself first.
    pub from: Vec<GridCode>,
    /// The grid in which it is now and every grid above it, itself first.
    pub grids: Vec<GridCode>,
}

/// An open case followed its grid. For the street in which it is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CaseMoved {
    pub case: CaseId,
    /// The case number for people, once it is filed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// What the case is about.
    pub title: String,
    /// The grid in which it was and every grid above it, itself first.
    pub from: Vec<GridCode>,
    /// The grid in which it is, as of that time.
    pub grid: GridFacts,
    /// Who leads its work from now on: the leader of the grid; where nobody holds that post, the nearest grid leader or
    /// residential secretary above.
    pub leader: Party,
    /// Who convenes and decides one level up, found in the same way.
    pub secretary: Party,
    /// Who acts in each role of the grid centre: there; where nobody holds that post, nearest above or below it.
    pub centre: Vec<Party>,
    /// What must be done next in the part that gives the case its stage, and who must do it now.
    pub next: Obligation,
    /// The orders that are open. Each stays with its department.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub orders: Vec<OpenOrder>,
}

/// An open order of a case that moved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OpenOrder {
    pub order: OrderId,
    pub department: DepartmentCode,
    pub part: Part,
    /// What must be done next on it, and who must do it now.
    pub next: Obligation,
}

/// The roles of the grid centre of which steps are asked.
const OF_CENTRE: [Role; 3] = [Role::DutyOfficer, Role::Dispatcher, Role::Verifier];

impl Verb for FollowGrid {
    const NAME: &'static str = "follow-grid";
    const BY: Allowed = SYSTEM;
    type Of = Case;

    fn needs(&self, case: &Case) -> Needs {
        let Some(file) = &case.file else { return Needs::none() };
        let location = &file.discovered.location;
        let (grid, point) = (file.grid_code().clone(), location.longitude.zip(location.latitude));
        Needs::none().seat(SeatOf { grid, point, since: self.since })
    }
    fn example() -> Self {
        Self { since: examples::moment() }
    }
}

impl FollowGrid {
    /// What follows does not depend on the command: it only says since when the case may look where it belongs.
    pub(crate) fn decide(case: &Case, context: &Context) -> Decision {
        let file = case.opened()?;
        let Some(next) = case.standing.next() else { return Ok(vec![]) };
        let seat = context.seat(file.grid_code())?;
        if (&seat.grid.path, &seat.grid.centre) == (&file.grid().path, &file.grid().centre) {
            return Ok(vec![]);
        }
        let mut moved = CaseMoved {
            case: file.discovered.case,
            number: file.filed.as_ref().map(|filed| filed.number.clone()),
            title: file.discovered.title.clone(),
            from: file.grid().path.clone(),
            grid: seat.grid.clone(),
            leader: nearest(seat, 0, Role::GridLeader),
            secretary: nearest(seat, 1, Role::ResidentialSecretary),
            centre: OF_CENTRE.map(|role| nearest_of_centre(seat, role)).into(),
            next: next.clone(),
            orders: Vec::new(),
        };
        moved.next = moved.handed_over(next);
        let open = |part: &OrderPart| {
            let (department, next) = (part.department.clone(), moved.handed_over(part.next.as_ref()?));
            Some(OpenOrder { order: part.order, department, part: part.part, next })
        };
        moved.orders = case.standing.parts.orders.iter().filter_map(open).collect();
        let left = moved.left(file);
        Ok(left.map(Into::into).into_iter().chain([moved.into()]).collect())
    }
}

impl CaseEvent {
    /// The street to which the event brings the case: it is told to that one, and not to the one that the case left.
    pub(crate) fn street_of(&self) -> Option<&GridCode> {
        match self {
            Self::CaseMoved(moved) => Some(&moved.grid.centre),
            _ => None,
        }
    }
}

impl CaseMoved {
    /// The same obligation of whoever must meet it from now on. A department keeps its own.
    pub(crate) fn handed_over(&self, next: &Obligation) -> Obligation {
        let by = match (next.by.role, &next.by.grid) {
            (_, None) => next.by.clone(),
            (Role::GridLeader | Role::ResidentialSecretary, grid) if grid.as_ref() == self.from.first() => {
                self.leader.clone()
            }
            (Role::GridLeader | Role::ResidentialSecretary, _) => self.secretary.clone(),
            (role, _) => self.of_centre(role),
        };
        Obligation { by, ..next.clone() }
    }

    /// Who acts in a role of the grid centre.
    pub(crate) fn of_centre(&self, role: Role) -> Party {
        let known = self.centre.iter().find(|party| party.role == role).cloned();
        known.unwrap_or_else(|| Party::in_grid(role, &self.grid.centre))
    }

    /// The open orders of assisting departments: each has an obligation beside that of the case.
    pub(crate) fn assisting(&self) -> impl Iterator<Item = &OpenOrder> {
        self.orders.iter().filter(|open| open.part == Part::Assist)
    }

    /// What the street is told that it left, where that is another one.
    fn left(&self, file: &CaseFile) -> Option<CaseLeft> {
        (file.grid().centre != self.grid.centre).then(|| CaseLeft {
            case: self.case,
            number: self.number.clone(),
            title: self.title.clone(),
            from: self.from.clone(),
            grids: self.grid.path.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use kernel::facts::Seat;
    use kernel::{Audience, Event, Key, Step, Unfit};

    use super::*;
    use crate::testing::{
        ASSIST, CASE, GRID, LEAD, NOW, closed_case, community, concluded, consent, department, discovered,
        dispatched_case, disposed_case, escalated, given, grid_started, hearing, held, merged, merged_answered, opened,
        order_id, proposal, register, registered, reopened, return_requested, rows, verified_case, voided,
    };
    use crate::{CaseEvent, CaseSummaryView, DepartmentOrderView, OpenObligationView, Refusal};

    fn follow() -> FollowGrid {
        FollowGrid { since: NOW }
    }

    fn grid(code: &str) -> GridCode {
        code.parse().unwrap()
    }

    /// A seat in the grid at the end of that path, the root first, in which these posts are held.
    fn seat(path: &[&str], posts: &[(&str, Role)]) -> Seat {
        let path: Vec<_> = path.iter().rev().map(|code| grid(code)).collect();
        let facts = GridFacts { centre: path[path.len() - 1].clone(), path, ..::given::grid_facts() };
        Seat { grid: facts, posts: posts.iter().map(|(code, role)| (grid(code), [*role].into())).collect() }
    }

    fn beside() -> Seat {
        let posts = [("BZ-R01-B02", Role::GridLeader), ("BZ-R01", Role::ResidentialSecretary)];
        seat(&["BZ", "BZ-R01", "BZ-R01-B02"], &posts)
    }

    fn another_street() -> Seat {
        let posts = [("JAS-R03-M01", Role::GridLeader), ("JAS-R03", Role::ResidentialSecretary)];
        seat(&["JAS", "JAS-R03", "JAS-R03-M01"], &posts)
    }

    fn following(events: impl IntoIterator<Item = CaseEvent>, to: Seat) -> ::given::When<Case> {
        given(events).knowing(|facts| facts.seat = Some(to)).when(follow())
    }

    fn moved(events: Vec<CaseEvent>, to: Seat) -> CaseMoved {
        match following(events, to).events().pop() {
            Some(CaseEvent::CaseMoved(moved)) => *moved,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_open_case_follows_its_grid_once() {
        let events = following([discovered()], beside()).events();
        let [CaseEvent::CaseMoved(event)] = &events[..] else { panic!("{events:?}") };
        assert_eq!((&event.from, &event.grid), (&::given::grid_facts().path, &beside().grid));
        assert_eq!((&event.next.step, &event.next.by), (&Step::REGISTER, &event.leader));
        assert_eq!(event.leader, Party::in_grid(Role::GridLeader, &grid("BZ-R01-B02")));
        let after = || [discovered()].into_iter().chain(events.clone());
        following(after(), beside()).then_nothing();
        following([discovered()], seat(&["BZ", "BZ-R01", GRID], &[])).then_nothing();
        assert_eq!(following(after(), another_street()).events().len(), 2, "and again, where it moves again");
    }

    #[test]
    fn both_streets_are_told() {
        let events = following(dispatched_case(), another_street()).events();
        let [left, moved] = &events[..] else { panic!("{events:?}") };
        let (CaseEvent::CaseLeft(told), CaseEvent::CaseMoved(event)) = (left, moved) else { panic!("{events:?}") };
        assert_eq!((&told.from, &told.grids, &told.number), (&event.from, &event.grid.path, &event.number));
        let (old, new) = (grid("BZ"), grid("JAS"));
        assert_eq!(left.audience(Some(&old)), Ok(Audience::Street(&old)));
        assert_eq!(moved.audience(Some(&old)), Ok(Audience::Street(&new)));
    }

    #[test]
    fn whoever_must_act_is_found_in_the_new_grid_and_when_it_is_due_stays() {
        let deliberating = || vec![discovered(), community(), opened(), held(hearing()), proposal(1), consent()];
        let into = CaseId::named("target");
        for (events, step, role, code) in [
            (vec![discovered()], Step::REGISTER, Role::GridLeader, "JAS-R03-M01"),
            (vec![discovered(), registered()], Step::ROUTE, Role::GridLeader, "JAS-R03-M01"),
            (vec![discovered(), community(), grid_started()], Step::WORK_IN_GRID, Role::GridLeader, "JAS-R03-M01"),
            (deliberating(), Step::DELIBERATE, Role::ResidentialSecretary, "JAS-R03"),
            ([deliberating(), vec![concluded()]].concat(), Step::WORK_IN_GRID, Role::GridLeader, "JAS-R03-M01"),
            (vec![discovered(), registered(), escalated()], Step::FILE, Role::DutyOfficer, "JAS"),
            (disposed_case(), Step::VERIFY, Role::Verifier, "JAS"),
            (verified_case(), Step::COLLECT_FEEDBACK, Role::DutyOfficer, "JAS"),
            ([closed_case(), vec![reopened()]].concat(), Step::ROUTE_AGAIN, Role::Dispatcher, "JAS"),
            (
                vec![discovered(), merged(into), merged_answered(into, 1, "已改建")],
                Step::COLLECT_FEEDBACK,
                Role::DutyOfficer,
                "JAS",
            ),
        ] {
            let before = given(events.clone()).state().standing.next().unwrap().clone();
            let event = moved(events.clone(), another_street());
            assert_eq!((&event.next.step, &event.next.due), (&step, &before.due));
            assert_eq!(event.next.by, Party::in_grid(role, &grid(code)), "{step}");
            let after = events.into_iter().chain([event.clone().into()]);
            assert_eq!(given(after).state().standing.next(), Some(&event.next));
        }
    }

    #[test]
    fn orders_stay_with_their_departments_and_who_decides_on_a_return_changes() {
        let events = || [dispatched_case(), vec![return_requested(ASSIST)]].concat();
        let event = moved(events(), another_street());
        let by = |code: &str| event.orders.iter().find(|open| open.order == order_id(code)).unwrap().next.by.clone();
        assert_eq!(by(LEAD), Party::at_department(&department(LEAD)));
        assert_eq!(by(ASSIST), Party::in_grid(Role::DutyOfficer, &grid("JAS")));
        let after = || events().into_iter().chain([event.clone().into()]);
        let (before, orders) = (rows::<DepartmentOrderView>(events()), rows::<DepartmentOrderView>(after()));
        for code in [LEAD, ASSIST] {
            let (key, before, open) = (Key::Id(order_id(code).uuid()), &before, by(code));
            let row = &orders[&key];
            assert_eq!((row.status, &row.sent), (before[&key].status, &before[&key].sent));
            assert_eq!(row.next.as_ref().map(|next| &next.by), Some(&open));
        }
        let obligations = rows::<OpenObligationView>(after());
        for key in [Key::Id(CASE.uuid()), Key::Id(order_id(ASSIST).uuid())] {
            assert_eq!(obligations[&key].grids, another_street().grid.path);
        }
        assert_eq!(obligations[&Key::Id(order_id(ASSIST).uuid())].next.by, by(ASSIST));
    }

    #[test]
    fn the_rows_of_a_case_go_to_the_board_of_its_new_grid() {
        let event = moved(vec![discovered()], beside());
        let summary = rows::<CaseSummaryView>([discovered(), event.into()]);
        let row = &summary[&Key::Id(CASE.uuid())];
        assert_eq!(
            (&row.grids, row.next.as_ref().map(|next| next.by.role)),
            (&beside().grid.path, Some(Role::GridLeader))
        );
        let mut found = Vec::new();
        for filter in ["grid", "open_in"] {
            <CaseSummaryView as kernel::View>::values(row, filter, &mut |value| found.push(value.to_owned()));
        }
        assert_eq!(found, ["BZ-R01-B02", "BZ-R01", "BZ", "BZ-R01-B02"]);
    }

    #[test]
    fn where_nobody_leads_the_grid_whoever_leads_above_it_does() {
        let leader =
            |posts: &[(&str, Role)]| moved(vec![discovered()], seat(&["BZ", "BZ-R01", "BZ-R01-B02"], posts)).leader;
        let above = ("BZ-R01", Role::ResidentialSecretary);
        assert_eq!(leader(&[above]), Party::in_grid(Role::ResidentialSecretary, &grid("BZ-R01")));
        assert_eq!(leader(&[("BZ", Role::GridLeader)]), Party::in_grid(Role::GridLeader, &grid("BZ")));
        let vacant = Party::in_grid(Role::GridLeader, &grid("BZ-R01-B02"));
        assert_eq!(leader(&[("BZ", Role::DutyOfficer)]), vacant, "the post itself, to be filled");
        let fallen = moved(vec![discovered()], seat(&["BZ", "BZ-R01"], &[above]));
        assert_eq!(fallen.leader, Party::in_grid(Role::ResidentialSecretary, &grid("BZ-R01")));
        let after = given([discovered(), fallen.into()]).when(register()).state();
        assert_eq!(after.standing.next().map(|next| &next.by), Some(&leader(&[above])), "and so from then on");
    }

    #[test]
    fn what_is_over_stays_where_it_ended() {
        let into = CaseId::named("target");
        for over in [closed_case(), vec![discovered(), merged(into)], vec![discovered(), voided()]] {
            following(over, another_street()).then_nothing();
        }
        given([]).when(follow()).then_refused(Refusal::UnknownCase);
        given([discovered()]).when(follow()).then_refused(Unfit::UnknownGrid { grid: grid(GRID) });
    }

    #[test]
    fn whoever_was_responsible_before_is_not_any_more() {
        let event = moved(vec![discovered()], another_street());
        let place = kernel::Aggregate::place(&given([discovered(), event.into()]).state()).unwrap();
        let leader = |code: &str| kernel::Actor {
            id: "leader".into(),
            role: Role::GridLeader,
            scope: kernel::Scope::Grid(grid(code)),
            seconded_by: None,
        };
        let reaches = |code: &str| place.is_reached(kernel::Reach::Grid, &leader(code));
        assert!(reaches("JAS-R03-M01") && reaches("JAS") && !reaches(GRID) && !reaches("BZ"));
        assert_eq!(place.street, Some(grid("JAS")));
    }
}
