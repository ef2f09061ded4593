//! 监督: who reads the personal data of a case, for what, and for how long.

mod name_reader;
mod read_reporter;
mod reading;

pub use name_reader::{NameReader, ReaderNamed};
pub use read_reporter::{ReadPurpose, ReadReporter, ReporterRead};
pub(crate) use reading::moment_of;
