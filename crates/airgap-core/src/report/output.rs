//! The two output streams, written so that a failed write is never a panic.

use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

use indicatif::TermLike;

/// Writes all of the text to stdout.
///
/// # Errors
/// The system's. `std::io::stdout` would hide one: a stdout that is not open for writing.
pub(super) fn to_stdout(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.flush()?;
    #[cfg(unix)]
    let mut out = Unbuffered(out);
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Writes a line to stderr. If that fails, the line is lost: there is no other place for it.
pub(super) fn to_stderr(line: &str) {
    let _ = io::stderr().lock().write_all(format!("{line}\n").as_bytes());
}

#[cfg(unix)]
struct Unbuffered<T>(T);

#[cfg(unix)]
impl<T: std::os::fd::AsFd> Write for Unbuffered<T> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(rustix::io::write(&self.0, bytes)?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The terminal under the progress bars. It reports no failure, as the bars' library panics if a
/// write fails.
#[derive(Debug, Default)]
pub(super) struct Terminal {
    pending: Mutex<String>,
}

impl Terminal {
    fn put(&self, text: &str) -> io::Result<()> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner).push_str(text);
        Ok(())
    }

    fn escape(&self, count: usize, code: char) -> io::Result<()> {
        if count == 0 { Ok(()) } else { self.put(&format!("\u{1b}[{count}{code}")) }
    }
}

impl TermLike for Terminal {
    fn width(&self) -> u16 {
        size().0
    }

    fn height(&self) -> u16 {
        size().1
    }

    fn move_cursor_up(&self, n: usize) -> io::Result<()> {
        self.escape(n, 'A')
    }

    fn move_cursor_down(&self, n: usize) -> io::Result<()> {
        self.escape(n, 'B')
    }

    fn move_cursor_right(&self, n: usize) -> io::Result<()> {
        self.escape(n, 'C')
    }

    fn move_cursor_left(&self, n: usize) -> io::Result<()> {
        self.escape(n, 'D')
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.put(&format!("{text}\n"))
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        self.put(text)
    }

    fn clear_line(&self) -> io::Result<()> {
        self.put("\r\u{1b}[2K")
    }

    fn flush(&self) -> io::Result<()> {
        let text =
            std::mem::take(&mut *self.pending.lock().unwrap_or_else(PoisonError::into_inner));
        let _ = io::stderr().lock().write_all(text.as_bytes());
        Ok(())
    }
}

/// Returns the columns and rows of the terminal at stderr.
fn size() -> (u16, u16) {
    #[cfg(unix)]
    if let Ok(size) = rustix::termios::tcgetwinsize(io::stderr())
        && size.ws_col > 0
    {
        return (size.ws_col, size.ws_row);
    }
    (80, 24)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_bars_reach_the_terminal_when_flushed() {
        let terminal = Terminal::default();
        terminal.clear_line().unwrap();
        terminal.move_cursor_up(0).unwrap();
        terminal.move_cursor_up(2).unwrap();
        terminal.write_line("a").unwrap();
        terminal.write_str("b").unwrap();
        assert_eq!(*terminal.pending.lock().unwrap(), "\r\u{1b}[2K\u{1b}[2Aa\nb");
        terminal.flush().unwrap();
        assert!(terminal.pending.lock().unwrap().is_empty());
    }
}
