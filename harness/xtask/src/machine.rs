//! What a figure was measured on. A figure without its machine says nothing.

use std::fs;

use serde::Serialize;

/// The machine, as far as it changes figures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Machine {
    /// As the kernel names it.
    cpu_model: String,
    /// Cores that this process may use.
    cores: usize,
    /// Memory, in MiB.
    memory_mib: u64,
    /// Kernel release.
    kernel: String,
}

impl Machine {
    /// This machine; what cannot be read is `unknown` or 0.
    pub(crate) fn here() -> Self {
        let kernel = read("/proc/sys/kernel/osrelease").trim().to_owned();
        let memory_kib = field(&read("/proc/meminfo"), "MemTotal")
            .and_then(|value| value.split(' ').next()?.parse::<u64>().ok());
        Self {
            cpu_model: field(&read("/proc/cpuinfo"), "model name").unwrap_or_else(|| "unknown".to_owned()),
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            memory_mib: memory_kib.unwrap_or(0) / 1024,
            kernel: if kernel.is_empty() { "unknown".to_owned() } else { kernel },
        }
    }

    /// Cores that this process may use.
    pub(crate) fn cores(&self) -> usize {
        self.cores
    }
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// The value of the first `name : value` line.
fn field(text: &str, name: &str) -> Option<String> {
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_as_the_kernel_writes_them() {
        let text = "processor\t: 0\nmodel name\t: Some CPU @ 2 GHz\nprocessor\t: 1\n";
        assert_eq!(field(text, "model name").as_deref(), Some("Some CPU @ 2 GHz"));
        assert_eq!(field(text, "vendor"), None);
    }
}
