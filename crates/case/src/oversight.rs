//! 监督: who reads the personal data of a case, for what, and for how long.

mod name_reader;
mod purpose;
mod read_reporter;
mod reading;

pub use name_reader::{NameReader, ReaderNamed};
pub use purpose::ReadPurpose;
pub use read_reporter::{ReadReporter, ReporterRead};
