//! Who holds the posts around a grid.

use kernel::facts::{GridFacts, Seat};
use kernel::{GridCode, Party, Role};

/// Who acts in a role of the grid centre: whoever holds that post at the centre, else nearest above it, else nearest below it on the way
/// to the case; else the post at the centre, to which somebody must be appointed. No other role steps in: it could not do what is asked.
pub(crate) fn nearest_of_centre(seat: &Seat, role: Role) -> Party {
    let GridFacts { path, centre, .. } = &seat.grid;
    let at = path.iter().position(|grid| grid == centre).unwrap_or(path.len());
    let (below, above) = path.split_at(at);
    let is_held = |grid: &&GridCode| seat.posts.get(*grid).is_some_and(|roles| roles.contains(&role));
    let nearest = above.iter().chain(below.iter().rev()).find(is_held);
    Party::in_grid(role, nearest.unwrap_or(centre))
}

/// Who acts in a role so many levels above the grid: whoever holds that post there, else the nearest grid leader or residential
/// secretary from there up, else the post itself, to which somebody must be appointed.
pub(crate) fn nearest(seat: &Seat, level: usize, role: Role) -> Party {
    let path = &seat.grid.path;
    let own = level.min(path.len().saturating_sub(1));
    let is_held = |grid: &GridCode, role: &Role| seat.posts.get(grid).is_some_and(|roles| roles.contains(role));
    let held = |grid: &GridCode| {
        let roles = [role, Role::GridLeader, Role::ResidentialSecretary];
        Some(Party::in_grid(roles.into_iter().find(|role| is_held(grid, role))?, grid))
    };
    let nearest = path.iter().skip(own).find_map(held);
    nearest.unwrap_or_else(|| Party::in_grid(role, path.get(own).unwrap_or(&seat.grid.centre)))
}
