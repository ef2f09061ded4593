//! The bus on a real nats-server, as durable as in production.

extern crate dualgrid_bus as bus; // The name by which every other crate knows it.

mod commands;
mod connection;
mod department;
mod faults;
mod publishing;
mod vec_log;
mod world;
