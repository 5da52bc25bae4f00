//! RESP, Redis's protocol: requests are read in [`request`], replies are written in [`reply`].

mod inline;
pub(super) mod reply;
pub(super) mod request;

pub(super) use reply::{Reply, Version};
pub(super) use request::{Arguments, ProtocolError, RequestParser};

/// Longest value and longest argument, in bytes: Redis's `proto-max-bulk-len`.
pub(super) const BULK_MAX: usize = 512 << 20;
