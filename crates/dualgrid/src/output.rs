//! What the command line says: the one place that writes to standard output and to standard error.
//!
//! INVARIANT: a reader that has seen enough (`dualgrid … | head -1`) stops nothing: what was begun is done to its end, nothing more is
//! written, and the exit code is that of the work. Any other fault of writing, for example a full disk, is told at the end.

use std::fmt;
use std::io::{self, Write};
use std::sync::Mutex;

/// The first fault of writing that was not a closed pipe.
static FAULT: Mutex<Option<io::Error>> = Mutex::new(None);

/// Says a line on standard output.
macro_rules! say {
    ($($argument:tt)*) => {
        $crate::output::text(format_args!("{}\n", format_args!($($argument)*)))
    };
}

pub(crate) use say;

/// Writes a text to standard output as it is.
pub(crate) fn text(text: fmt::Arguments<'_>) {
    if let Err(error) = write(&mut io::stdout().lock(), text)
        && let Ok(mut fault) = FAULT.lock()
    {
        fault.get_or_insert(error);
    }
}

/// Says what went wrong on standard error. Where that cannot be written, nobody reads it.
pub(crate) fn complain(what: fmt::Arguments<'_>) {
    drop(write(&mut io::stderr().lock(), format_args!("dualgrid: {what}\n")));
}

/// The first fault of writing to standard output, where there was one.
pub(crate) fn fault() -> Option<io::Error> {
    FAULT.lock().ok()?.take()
}

/// Writes a text. A reader that has gone away is no fault.
fn write(to: &mut impl Write, text: fmt::Arguments<'_>) -> io::Result<()> {
    // In one piece: a text that is written in parts may be cut between them.
    match to.write_all(text.to_string().as_bytes()).and_then(|()| to.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A reader that takes so many bytes and then fails.
    struct Ends(usize, io::ErrorKind);

    impl Write for Ends {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let taken = bytes.len().min(self.0);
            self.0 -= taken;
            if taken == 0 { Err(self.1.into()) } else { Ok(taken) }
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_has_seen_enough_is_no_fault_and_a_full_disk_is_one() {
        let said = |kind| write(&mut Ends(3, kind), format_args!("静安寺\n")).map_err(|error| error.kind());
        assert_eq!(said(io::ErrorKind::BrokenPipe), Ok(()));
        assert_eq!(said(io::ErrorKind::StorageFull), Err(io::ErrorKind::StorageFull));
    }
}
