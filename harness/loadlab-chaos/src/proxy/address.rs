//! Where a proxy listens: the text that clients send, as an address to bind.

use std::{
    fmt, io,
    net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs as _},
};

/// A listen text that is no address, or one that may not be bound.
#[derive(Debug)]
pub enum AddressError {
    /// There is no `:port`.
    MissingPort {
        /// What was asked for.
        listen: String,
    },
    /// The port is no number up to 65535.
    Port {
        /// What was asked for.
        listen: String,
    },
    /// The host has no address.
    Resolve {
        /// The host.
        host: String,
        /// What the system says.
        source: io::Error,
    },
    /// The address is not of this machine alone, and that is not allowed.
    NotLoopback {
        /// The address.
        address: SocketAddr,
    },
}

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MissingPort { listen } => {
                write!(f, "listen tcp: address {listen}: missing port in address")
            }
            Self::Port { listen } => write!(f, "listen tcp: address {listen}: invalid port"),
            Self::Resolve { host, .. } => write!(f, "listen tcp: lookup {host}: no such host"),
            Self::NotLoopback { address } => {
                write!(f, "listen tcp {address}: only loopback addresses may be bound here")
            }
        }
    }
}

impl std::error::Error for AddressError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Resolve { source, .. } => Some(source),
            _ => None,
        }
    }
}

/// The address that `listen` means. Nothing is `127.0.0.1:0`, and so is a missing host; a name is
/// looked up, which may block.
pub(crate) fn listen_address(listen: &str, any_interface: bool) -> Result<SocketAddr, AddressError> {
    let address = parse(listen)?;
    if any_interface || address.ip().is_loopback() {
        Ok(address)
    } else {
        Err(AddressError::NotLoopback { address })
    }
}

/// Whether two listen texts mean one address, as far as that can be told without looking names up.
pub(crate) fn is_same_listen(one: &str, other: &str) -> bool {
    one == other || (normal(one).is_some() && normal(one) == normal(other))
}

fn normal(listen: &str) -> Option<SocketAddr> {
    let (host, port) = split(listen).ok()?;
    Some(SocketAddr::new(literal(host)?, port))
}

fn parse(listen: &str) -> Result<SocketAddr, AddressError> {
    let (host, port) = split(listen)?;
    if let Some(ip) = literal(host) {
        return Ok(SocketAddr::new(ip, port));
    }
    let resolve = |source| AddressError::Resolve { host: host.to_owned(), source };
    let mut found = (host, port).to_socket_addrs().map_err(resolve)?;
    found.next().ok_or_else(|| resolve(io::Error::from(io::ErrorKind::NotFound)))
}

fn split(listen: &str) -> Result<(&str, u16), AddressError> {
    if listen.is_empty() {
        return Ok(("", 0));
    }
    let (host, port) =
        listen.rsplit_once(':').ok_or_else(|| AddressError::MissingPort { listen: listen.to_owned() })?;
    let port = if port.is_empty() { Ok(0) } else { port.parse() };
    let port = port.map_err(|_| AddressError::Port { listen: listen.to_owned() })?;
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    Ok((bare.unwrap_or(host), port))
}

/// The address of a host that needs no look-up.
fn literal(host: &str) -> Option<IpAddr> {
    if host.is_empty() || host.eq_ignore_ascii_case("localhost") {
        return Some(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    host.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_and_localhost_are_this_machine() {
        let cases = [
            ("", "127.0.0.1:0"),
            (":80", "127.0.0.1:80"),
            ("localhost:80", "127.0.0.1:80"),
            ("127.0.0.1:80", "127.0.0.1:80"),
            ("[::1]:80", "[::1]:80"),
        ];
        for (text, address) in cases {
            assert_eq!(listen_address(text, false).expect(text).to_string(), address, "{text}");
        }
    }

    #[test]
    fn other_interfaces_need_leave() {
        for text in ["0.0.0.0:0", "[::]:0", "10.1.2.3:80"] {
            let error = listen_address(text, false).expect_err(text).to_string();
            assert!(error.contains("only loopback addresses"), "{error}");
            assert!(listen_address(text, true).is_ok());
        }
    }

    #[test]
    fn what_is_no_address_says_why() {
        let cases = [
            ("80", "listen tcp: address 80: missing port in address"),
            ("127.0.0.1:99999", "listen tcp: address 127.0.0.1:99999: invalid port"),
            ("localhost:http", "listen tcp: address localhost:http: invalid port"),
        ];
        for (text, said) in cases {
            assert_eq!(listen_address(text, false).expect_err(text).to_string(), said);
        }
    }

    #[test]
    fn one_address_has_several_texts() {
        assert!(is_same_listen("localhost:80", "127.0.0.1:80"));
        assert!(is_same_listen("db.internal:80", "db.internal:80"));
        assert!(!is_same_listen("127.0.0.1:0", "127.0.0.1:4000"));
    }
}
