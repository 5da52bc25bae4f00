//! Where a run runs: read once, before it starts.

use loadlab_record::Environment;
use sysinfo::System;

/// The machine and the program, now. What the system does not tell is left empty.
pub fn read() -> Environment {
    let system = System::new_with_specifics(
        sysinfo::RefreshKind::nothing()
            .with_cpu(sysinfo::CpuRefreshKind::nothing())
            .with_memory(sysinfo::MemoryRefreshKind::nothing().with_ram()),
    );
    let cpu = system.as_ref().ok().and_then(|system| system.cpus().first());
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    Environment {
        started: jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        loadlab: env!("CARGO_PKG_VERSION").to_owned(),
        cpu_model: cpu.map(|cpu| cpu.brand().trim().to_owned()).unwrap_or_default(),
        cores: u32::try_from(cores).unwrap_or(u32::MAX),
        memory_bytes: system.as_ref().map(System::total_memory).unwrap_or_default(),
        kernel: System::kernel_version().unwrap_or_default(),
        os: System::long_os_version().unwrap_or_default(),
        command: command(),
        load_average: System::load_average().map(|load| load.one).unwrap_or_default(),
    }
}

/// The command line as typed, the program's path cut to its name.
fn command() -> Vec<String> {
    let mut arguments = std::env::args();
    let program = arguments.next().unwrap_or_default();
    let name = std::path::Path::new(&program)
        .file_name()
        .map_or(program.clone(), |name| name.to_string_lossy().into_owned());
    std::iter::once(name).chain(arguments).collect()
}
