//! Commands of an aggregate, and the macro that gives each variant its public name.

/// Why the body of a command could not be read. The caller has to change it.
#[derive(Debug, thiserror::Error)]
pub enum ParseError {
    /// No command has that name.
    #[error("no command is called {0:?}")]
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

/// The commands of one aggregate: each has a public name, used in URLs and NATS subjects.
pub trait Command: Sized + Clone + std::fmt::Debug + Send + Sync + 'static {
    /// Every name in kebab case, for example `accept-order`.
    const NAMES: &'static [&'static str];

    /// The name of this command.
    fn name(&self) -> &'static str;
    /// Reads the command called `name` from a JSON body.
    fn parse(name: &str, body: &[u8]) -> Result<Self, ParseError>;
    /// The JSON Schema of the body of every command, by name.
    fn schemas() -> Vec<(&'static str, schemars::Schema)>;
}

/// Declares the enum of an aggregate's commands, one line a command with its public name.
#[macro_export]
macro_rules! commands {
    (
        $(#[$doc:meta])*
        pub enum $enum:ident { $($variant:ident = $name:literal,)* }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq)]
        pub enum $enum {
            $(
                #[doc = concat!("`", $name, "`")]
                $variant($variant),
            )*
        }

        $(impl From<$variant> for $enum {
            fn from(command: $variant) -> Self {
                Self::$variant(command)
            }
        })*

        impl $crate::Command for $enum {
            const NAMES: &'static [&'static str] = &[$($name),*];

            fn name(&self) -> &'static str {
                match self { $(Self::$variant(_) => $name,)* }
            }
            fn parse(name: &str, body: &[u8]) -> Result<Self, $crate::command::ParseError> {
                match name {
                    $($name => $crate::serde_json::from_slice(body).map(Self::$variant),)*
                    _ => return Err($crate::command::ParseError::UnknownCommand(name.to_owned())),
                }
                .map_err(|error| $crate::command::ParseError::Body { name: name.to_owned(), reason: error.to_string() })
            }
            fn schemas() -> Vec<(&'static str, $crate::schemars::Schema)> {
                vec![$(($name, $crate::schemars::schema_for!($variant))),*]
            }
        }
    };
}
