//! The commands of the district.

use crate::{
    AppointPost, CloseGrid, District, EndPost, EstablishGrid, LoadDistrict, MapGrids, RegisterDepartment, ReparentGrid,
    WithdrawChanges,
};

kernel::commands! {
    /// The commands of the district.
    pub enum DistrictCommand of District {
        LoadDistrict,
        EstablishGrid,
        CloseGrid,
        ReparentGrid,
        RegisterDepartment,
        MapGrids,
        AppointPost,
        EndPost,
        WithdrawChanges,
    }
}
