//! The bus on a real nats-server, as durable as in production.

extern crate dualgrid_bus as bus; // The name by which every other crate knows it.

#[cfg(test)]
mod accounts;
#[cfg(test)]
mod commands;
#[cfg(test)]
mod connection;
#[cfg(test)]
mod department;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod losses;
#[cfg(test)]
mod origin;
#[cfg(test)]
mod publishing;
#[cfg(test)]
mod tls;
#[cfg(test)]
mod vec_log;
#[cfg(test)]
mod world;
