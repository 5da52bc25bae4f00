//! A [`Queue`] as a program, for tests of commands that start a service: `queue SERVERS MEAN_MS`, at the port
//! that is in `PORT`. It stays until it is killed.

use std::time::Duration;

use loadlab_e2e::Queue;

fn main() -> std::io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |text: Option<&String>| text.and_then(|text| text.parse::<u64>().ok());
    let port = std::env::var("PORT").ok();
    let (Some(servers), Some(mean_ms), Some(port)) =
        (number(arguments.first()), number(arguments.get(1)), number(port.as_ref()))
    else {
        return Err(std::io::Error::other("PORT=… queue SERVERS MEAN_MS is expected"));
    };
    let port = u16::try_from(port).map_err(std::io::Error::other)?;
    let servers = usize::try_from(servers).map_err(std::io::Error::other)?;
    let _queue = Queue::at(port, servers, Duration::from_millis(mean_ms), 1)?;
    loop {
        std::thread::park();
    }
}
