//! The commands of the district.

use chrono::{DateTime, Utc};

use crate::{AppointPost, CloseGrid, EndPost, EstablishGrid, LoadDistrict, MapGrids, RegisterDepartment, ReparentGrid};

kernel::commands! {
    /// Everything that can be asked of the district.
    pub enum DistrictCommand {
        LoadDistrict = "load-district",
        EstablishGrid = "establish-grid",
        CloseGrid = "close-grid",
        ReparentGrid = "reparent-grid",
        RegisterDepartment = "register-department",
        MapGrids = "map-grids",
        AppointPost = "appoint-post",
        EndPost = "end-post",
    }
}

/// A command and the moment at which it is given.
#[derive(Clone, Debug, PartialEq)]
pub struct Instruction {
    /// What is to be done.
    pub command: DistrictCommand,
    /// Now. Also the effective date of a command that names none.
    pub at: DateTime<Utc>,
}
