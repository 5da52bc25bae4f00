//! How the keeper speaks: messages to the harness, notes to its log. Neither can stop it: a harness
//! that is gone or does not read costs the message, a full disk the note.

use std::{
    fmt,
    io::{self, Write as _},
    os::fd::BorrowedFd,
};

use rustix::{
    fs::{OFlags, fcntl_getfl, fcntl_setfl},
    io::write,
    stdio::stdout,
};

use crate::Message;

/// The way to the harness.
pub(super) struct Voice {
    pipe: BorrowedFd<'static>,
}

impl Voice {
    /// Standard output, made non-blocking: the pipe holds more than a keeper ever says, and if it is
    /// full the harness has stopped, which must not stop the clean-up.
    pub(super) fn open() -> Self {
        let pipe = stdout();
        let flags = fcntl_getfl(pipe).unwrap_or(OFlags::empty());
        if let Err(error) = fcntl_setfl(pipe, flags | OFlags::NONBLOCK) {
            note(format_args!("standard output stays blocking: {error}"));
        }
        Self { pipe }
    }

    /// One line of JSON. Rust ignores SIGPIPE, so a closed pipe is an error like others.
    pub(super) fn say(&self, message: &Message) {
        let said = serde_json::to_vec(message).map_err(io::Error::from).and_then(|mut line| {
            line.push(b'\n');
            write_all(self.pipe, &line)
        });
        if let Err(error) = said {
            note(format_args!("the harness does not hear: {error}"));
        }
    }
}

/// Past `std`'s buffer, which would keep a line that could not be written.
fn write_all(pipe: BorrowedFd<'_>, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match write(pipe, bytes) {
            Ok(written) => bytes = &bytes[written..],
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// A line in the keeper's log.
pub(super) fn note(text: fmt::Arguments<'_>) {
    // With the log gone there is nobody left to tell.
    drop(writeln!(io::stderr(), "keeper: {text}"));
}
