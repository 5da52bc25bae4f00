//! Printing. Standard output is the result, standard error is progress and talk; colours only where
//! a terminal reads.

use std::io::{IsTerminal as _, Write as _};

use crate::exit::Exit;

/// Widest text that is printed; a terminal may be narrower.
const WIDTH_MAX: u16 = 100;
/// Width where there is no terminal to ask.
const WIDTH_DEFAULT: u16 = 100;

/// Prints a result. A reader that went away (`| head`) is no error.
pub fn result(text: &str) {
    let mut out = anstream::stdout().lock();
    let _ = out.write_all(text.as_bytes());
    if !text.ends_with('\n') {
        let _ = out.write_all(b"\n");
    }
    let _ = out.flush();
}

/// Prints a JSON document as the result.
pub fn json(value: &impl serde::Serialize) -> Exit {
    match serde_json::to_string_pretty(value) {
        Ok(text) => {
            result(&text);
            Exit::Pass
        }
        Err(error) => fail(Exit::Internal, &format!("the result cannot be written as JSON: {error}"), None),
    }
}

/// Says something on the way.
pub fn say(text: &str) {
    let mut err = anstream::stderr().lock();
    let _ = writeln!(err, "{text}");
}

/// Says what went wrong and what to do about it, and gives the exit on.
pub fn fail(exit: Exit, message: &str, hint: Option<&str>) -> Exit {
    let red = anstyle::AnsiColor::Red.on_default().bold();
    say(&format!("{red}error:{red:#} {message}"));
    if let Some(hint) = hint {
        say(&format!("  hint: {hint}"));
    }
    exit
}

/// Whether standard error is a terminal that shows a moving line.
pub fn progress_moves() -> bool {
    std::io::stderr().is_terminal()
}

/// Whether the result may be coloured: a terminal reads, and nobody said `NO_COLOR`.
pub fn color() -> bool {
    anstream::AutoStream::choice(&std::io::stdout()) != anstream::ColorChoice::Never
}

/// Columns for the result, at most 100.
pub fn width() -> u16 {
    let columns = rustix::termios::tcgetwinsize(std::io::stdout()).map_or(WIDTH_DEFAULT, |size| size.ws_col);
    if columns == 0 { WIDTH_DEFAULT } else { columns.min(WIDTH_MAX) }
}
