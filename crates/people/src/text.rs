//! Texts of one form as they are stored: each is read by its `try_new`, and written as it is.

/// How serde reads and writes a text that has `try_new`.
macro_rules! stored {
    ($($name:ident or $invalid:ident;)*) => {$(
        impl TryFrom<String> for $name {
            type Error = $invalid;
            fn try_from(text: String) -> Result<Self, $invalid> {
                Self::try_new(&text)
            }
        }

        impl From<$name> for String {
            fn from(text: $name) -> String {
                text.0
            }
        }
    )*};
}

pub(crate) use stored;
