//! Writes every report of the made-up run into a folder, to look at while working on them:
//! `cargo run -p loadlab-report --example sample -- DIR`.

use std::{fs, path::Path};

use loadlab_analysis::judge;
use loadlab_record::synthetic::Synthetic;
use loadlab_report::{Format, TerminalOptions};

fn main() -> std::io::Result<()> {
    let folder = std::env::args().nth(1).unwrap_or_else(|| "sample".to_owned());
    fs::create_dir_all(&folder)?;
    let mut run = Synthetic::burst(100).run();
    judge(&mut run);
    for format in Format::ALL {
        let name = format.file_name().unwrap_or("terminal.txt");
        let options = TerminalOptions { width: 100, color: true };
        fs::write(Path::new(&folder).join(name), format.render(&run, &options))?;
    }
    Ok(())
}
