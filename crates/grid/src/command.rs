//! The commands of the district.

use crate::{
    CloseGrid, District, EstablishGrid, LoadDistrict, MapGrids, RegisterDepartment, ReparentGrid, WithdrawChanges,
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
        WithdrawChanges,
    }
}
