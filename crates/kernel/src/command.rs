//! Commands of an aggregate, and the macro that joins its verbs into one enum.

use crate::needs::Needs;
use crate::{Aggregate, VerbSpec};

/// Why the body of a command could not be read. The caller must change it.
#[derive(Debug, thiserror::Error)]
pub enum ParseError {
    /// No command has that name.
    #[error("no command is called `{0}`")]
    UnknownCommand(String),
    /// The body does not fit the command.
    #[error("the body of {name} does not fit: {reason}")]
    Body {
        /// The command's name.
        name: String,
        /// What serde found, with line and column.
        reason: String,
    },
}

/// The commands of one aggregate. Made by [`commands!`](crate::commands).
pub trait Command: Sized + Clone + std::fmt::Debug + PartialEq + Send + Sync + 'static {
    /// The aggregate.
    type Of: Aggregate<Command = Self>;
    /// Every verb.
    const VERBS: &'static [VerbSpec];

    /// The name of this command.
    fn name(&self) -> &'static str;
    /// Reads the command called `name` from a JSON body.
    fn parse(name: &str, body: &[u8]) -> Result<Self, ParseError>;
    /// What must be known to decide it.
    fn needs(&self, of: &Self::Of) -> Needs;
    /// What names the aggregate that it begins, where that is not the id of the command.
    fn natural_key(&self) -> Option<String>;
    /// One example of every command.
    fn examples() -> Vec<Self>;

    /// The verb that is called `name`.
    fn verb(name: &str) -> Option<&'static VerbSpec> {
        Self::VERBS.iter().find(|verb| verb.name == name)
    }
}

/// Declares the enum of an aggregate's commands, one line a verb.
///
/// ```ignore
/// kernel::commands! {
///     /// What can be asked of a pledge.
///     pub enum PledgeCommand of Pledge { MakePledge, ReportPledge, WithdrawPledge, }
/// }
/// ```
#[macro_export]
macro_rules! commands {
    (
        $(#[$doc:meta])*
        pub enum $enum:ident of $of:ty { $($variant:ident,)* }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq)]
        pub enum $enum {
            $(
                #[doc = concat!("See [`", stringify!($variant), "`](struct@", stringify!($variant), ").")]
                $variant($variant),
            )*
        }

        $(impl From<$variant> for $enum {
            fn from(command: $variant) -> Self {
                Self::$variant(command)
            }
        })*

        impl $crate::Command for $enum {
            type Of = $of;
            const VERBS: &'static [$crate::VerbSpec] = &[$($crate::VerbSpec::of::<$variant>()),*];

            fn name(&self) -> &'static str {
                match self { $(Self::$variant(_) => <$variant as $crate::Verb>::NAME,)* }
            }
            fn parse(name: &str, body: &[u8]) -> Result<Self, $crate::command::ParseError> {
                $(if name == <$variant as $crate::Verb>::NAME {
                    return $crate::serde_json::from_slice(body).map(Self::$variant).map_err(|error| {
                        $crate::command::ParseError::Body { name: name.to_owned(), reason: error.to_string() }
                    });
                })*
                Err($crate::command::ParseError::UnknownCommand(name.to_owned()))
            }
            fn needs(&self, of: &Self::Of) -> $crate::Needs {
                match self { $(Self::$variant(verb) => $crate::Verb::needs(verb, of),)* }
            }
            fn natural_key(&self) -> Option<String> {
                match self { $(Self::$variant(verb) => $crate::Verb::natural_key(verb),)* }
            }
            fn examples() -> Vec<Self> {
                vec![$(<$variant as $crate::Verb>::example().into()),*]
            }
        }
    };
}
