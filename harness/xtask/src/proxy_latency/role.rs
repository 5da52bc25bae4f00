//! The fault proxy in a process of its own, as `loadlab proxy` runs it, with one toxic from the start.

use std::{io, net::SocketAddr};

use loadlab_chaos::proxy::{Options, Proxies};
use loadlab_clock::Seed;
use serde_json::{Value, json};

use crate::child;

/// Serves one proxy before `upstream` until the parent is gone; its first line is its address.
pub(crate) fn serve(upstream: &str, toxic: &str) -> io::Result<()> {
    let toxic: Value = serde_json::from_str(toxic)?;
    let config = json!([{ "name": "measured", "upstream": upstream, "toxics": [toxic] }]);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let _inside = runtime.enter();
    let proxies = Proxies::new(Options { seed: Seed::new(1), ..Options::default() });
    let made = proxies.populate_json(config.to_string().as_bytes()).map_err(io::Error::other)?;
    for proxy in made {
        println!("{}", proxy.listen);
    }
    child::wait_for_end_of_lease();
    Ok(())
}

/// The first address in what a server said.
pub(crate) fn first_address(line: &str) -> Option<SocketAddr> {
    line.split(' ').next()?.parse().ok()
}
