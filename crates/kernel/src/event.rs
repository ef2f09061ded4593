//! Events of an aggregate, and the macro that gives each its stored name and its audience.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{DepartmentCode, GridCode};

/// Why a stored event could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// No event of this aggregate has that name. A reader stops here; it never skips.
    #[error("no event is called `{0}`; a newer dualgrid may have written it")]
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

/// Whom an event is for, as its kind declares it. Each event has exactly one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AudienceKind {
    /// The department whose order it is about.
    Order,
    /// The street or town in which it happened.
    Street,
    /// The whole district.
    District,
    /// Nobody outside: reads, persons, administration.
    Internal,
}

impl AudienceKind {
    /// The stored name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Order => "order",
            Self::Street => "street",
            Self::District => "district",
            Self::Internal => "internal",
        }
    }
}

/// Whom one event is for: the prefix of its NATS subject, and what integrators are granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Audience<'a> {
    /// The department whose order it is about.
    Order(&'a DepartmentCode),
    /// The street or town in which it happened.
    Street(&'a GridCode),
    /// The whole district.
    District,
    /// Nobody outside.
    Internal,
}

impl fmt::Display for Audience<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Order(department) => write!(f, "order.{department}"),
            Self::Street(grid) => write!(f, "street.{grid}"),
            Self::District => f.write_str("district"),
            Self::Internal => f.write_str("internal"),
        }
    }
}

/// An event that nobody could be told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{event} is for {audience}, and names none", audience = .audience.as_str())]
pub struct NoAudience {
    /// The stored name of the event.
    pub event: &'static str,
    /// Whom it is for.
    pub audience: AudienceKind,
}

/// What the registry knows of an event.
#[derive(Clone, Copy, Debug)]
pub struct EventSpec {
    /// The stored name, for example `cn.dualgrid.case.order_accepted.v1`.
    pub name: &'static str,
    /// Whom it is for.
    pub audience: AudienceKind,
    /// The JSON Schema of its data.
    pub schema: fn() -> schemars::Schema,
}

/// The events of one aggregate: each has a stored name that never changes. Made by [`events!`](crate::events).
pub trait Event: Sized + Clone + fmt::Debug + PartialEq + Send + Sync + 'static {
    /// The stream category, for example `case` (lower-case ASCII letters).
    const CATEGORY: &'static str;
    /// Every event.
    const EVENTS: &'static [EventSpec];

    /// What is known of this event.
    fn spec(&self) -> &'static EventSpec;
    /// Its data as JSON.
    fn data(&self) -> Result<Box<RawValue>, serde_json::Error>;
    /// Reads the event called `name` from its data. Only current names are known: a retired version is turned into the next
    /// one, JSON to JSON, before it comes here.
    fn read(name: &str, data: &str) -> Result<Self, ReadError>;
    /// The department whose order the event is about.
    fn department(&self) -> Option<&DepartmentCode>;
    /// The street that the event itself is for, where that is not the one in which its aggregate was before it.
    fn street(&self) -> Option<&GridCode>;

    /// The stored name of this event.
    fn name(&self) -> &'static str {
        self.spec().name
    }

    /// Whom it is for, where its aggregate is in `street`.
    ///
    /// # Errors
    /// An event about an order that names no department, or one for a street where there is none.
    fn audience<'a>(&'a self, street: Option<&'a GridCode>) -> Result<Audience<'a>, NoAudience> {
        let spec = self.spec();
        let nobody = NoAudience { event: spec.name, audience: spec.audience };
        match spec.audience {
            AudienceKind::Order => self.department().map(Audience::Order).ok_or(nobody),
            AudienceKind::Street => self.street().or(street).map(Audience::Street).ok_or(nobody),
            AudienceKind::District => Ok(Audience::District),
            AudienceKind::Internal => Ok(Audience::Internal),
        }
    }
}

/// Declares the enum of an aggregate's events, one line an event with its stored name and its audience (`order`, `street`,
/// `district` or `internal`). The events differ much in size and are handed on often: each is kept in a box.
///
/// ```ignore
/// kernel::events! {
///     /// The events of a case.
///     pub enum CaseEvent in "case" {
///         CaseFiled = "cn.dualgrid.case.case_filed.v1" to Street,
///         OrderAccepted = "cn.dualgrid.case.order_accepted.v1" to Order,
///     }
///     department = CaseEvent::department_of;
///     street = CaseEvent::street_of;
/// }
/// ```
///
/// `department = …;` is left out where no event is about an order, `street = …;` where none moves its aggregate to another street.
#[macro_export]
macro_rules! events {
    (
        $(#[$doc:meta])*
        pub enum $enum:ident in $category:literal {
            $($variant:ident = $name:literal to $audience:ident,)*
        }
        $(department = $department:expr;)?
        $(street = $street:expr;)?
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
            const EVENTS: &'static [$crate::EventSpec] = &[$($crate::EventSpec {
                name: $name,
                audience: $crate::event::AudienceKind::$audience,
                schema: || $crate::schemars::schema_for!($variant),
            }),*];

            fn spec(&self) -> &'static $crate::EventSpec {
                $crate::events!(@index Self::EVENTS, self, $($variant)*)
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
                let departments: &[fn(&$enum) -> Option<&$crate::DepartmentCode>] = &[$($department)?];
                departments.first().and_then(|department| department(self))
            }
            fn street(&self) -> Option<&$crate::GridCode> {
                let streets: &[fn(&$enum) -> Option<&$crate::GridCode>] = &[$($street)?];
                streets.first().and_then(|street| street(self))
            }
        }
    };
    (@index $events:expr, $self:ident, $($variant:ident)*) => {{
        #[derive(Clone, Copy)]
        enum Index { $($variant),* }
        let index = match $self { $(Self::$variant(_) => Index::$variant),* };
        &$events[index as usize]
    }};
}
