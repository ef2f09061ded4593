//! End-to-end stories on real servers.
