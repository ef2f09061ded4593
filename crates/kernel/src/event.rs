//! Events of an aggregate, and the macro that gives each variant its stored name.

use serde_json::value::RawValue;

use crate::DepartmentCode;

/// Why a stored event could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// No event of this aggregate has that name. A reader stops here; it never skips.
    #[error("no event is called {0:?}; a newer dualgrid may have written it")]
    UnknownType(String),
    /// The data does not fit the event.
    #[error("the data of {name} cannot be read")]
    Data {
        /// The stored name.
        name: String,
        /// What serde found.
        #[source]
        source: serde_json::Error,
    },
}

/// The events of one aggregate: each has a stored name that never changes.
pub trait Event: Sized + Clone + std::fmt::Debug + Send + Sync + 'static {
    /// The stream category, for example `case`.
    const CATEGORY: &'static str;
    /// Every stored name, for example `cn.dualgrid.case.order_accepted.v1`.
    const NAMES: &'static [&'static str];

    /// The stored name of this event.
    fn name(&self) -> &'static str;
    /// Its data as JSON.
    fn data(&self) -> Result<Box<RawValue>, serde_json::Error>;
    /// Reads the event called `name` from its data. Only names of today are known: a retired version is turned into
    /// the next one, JSON to JSON, before it comes here, in `app::event::read_as`.
    fn read(name: &str, data: &str) -> Result<Self, ReadError>;
    /// The department whose order the event is about; such an event goes to that department.
    fn department(&self) -> Option<&DepartmentCode>;
    /// The JSON Schema of the data of every event, by stored name.
    fn schemas() -> Vec<(&'static str, schemars::Schema)>;
}

/// Declares the enum of an aggregate's events, one line an event with its stored name. The events differ much in size, and
/// are handed on often: each is kept in a box.
///
/// ```ignore
/// kernel::events! {
///     /// The events of a case.
///     pub enum CaseEvent in "case" {
///         OrderAccepted = "cn.dualgrid.case.order_accepted.v1",
///     }
///     department = |event| event.department_of();
/// }
/// ```
#[macro_export]
macro_rules! events {
    (
        $(#[$doc:meta])*
        pub enum $enum:ident in $category:literal { $($variant:ident = $name:literal,)* }
        department = $department:expr;
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq)]
        pub enum $enum {
            $(
                #[doc = concat!("`", $name, "`")]
                $variant(Box<$variant>),
            )*
        }

        $(impl From<$variant> for $enum {
            fn from(event: $variant) -> Self {
                Self::$variant(Box::new(event))
            }
        })*

        impl $crate::Event for $enum {
            const CATEGORY: &'static str = $category;
            const NAMES: &'static [&'static str] = &[$($name),*];

            fn name(&self) -> &'static str {
                match self { $(Self::$variant(_) => $name,)* }
            }
            fn data(&self) -> Result<Box<$crate::serde_json::value::RawValue>, $crate::serde_json::Error> {
                match self { $(Self::$variant(event) => $crate::serde_json::value::to_raw_value(event),)* }
            }
            fn read(name: &str, data: &str) -> Result<Self, $crate::event::ReadError> {
                match name {
                    $($name => $crate::serde_json::from_str(data).map(|event| Self::$variant(Box::new(event))),)*
                    _ => return Err($crate::event::ReadError::UnknownType(name.to_owned())),
                }
                .map_err(|source| $crate::event::ReadError::Data { name: name.to_owned(), source })
            }
            fn department(&self) -> Option<&$crate::DepartmentCode> {
                let department: fn(&$enum) -> Option<&$crate::DepartmentCode> = $department;
                department(self)
            }
            fn schemas() -> Vec<(&'static str, $crate::schemars::Schema)> {
                vec![$(($name, $crate::schemars::schema_for!($variant))),*]
            }
        }
    };
}
