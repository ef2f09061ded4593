//! The macro that joins the verbs of an aggregate into one enum.

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
            fn parse(name: &str, body: &$crate::serde_json::Value) -> Result<Self, $crate::ParseError> {
                $(if name == <$variant as $crate::Verb>::NAME {
                    return $crate::aggregate::read_body(name, body).map(Self::$variant);
                })*
                Err($crate::ParseError::UnknownCommand(name.to_owned()))
            }
            fn body(&self) -> $crate::serde_json::Value {
                let body = match self { $(Self::$variant(verb) => $crate::serde_json::to_value(verb),)* };
                body.expect("a coverage test writes every example")
            }
            fn canonical(&self) -> $crate::Canonical {
                match self { $(Self::$variant(verb) => $crate::Canonical::of(verb),)* }
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
