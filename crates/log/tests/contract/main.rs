//! One contract for every adapter: the log on memory, SQLite and PostgreSQL, views and vault on both databases.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

// As every other crate calls it.
extern crate dualgrid_log as log;

#[macro_use]
mod place;
mod appending;
mod commands;
mod evidence;
mod faults;
mod halting;
mod losses;
mod opening;
mod parts;
mod processes;
mod reading;
mod rights;
mod silence;
mod tls;
mod uploads;
mod vault;
mod views;
mod waking;
