//! Somebody's own servers in place of the stand-in stores.

use std::{collections::BTreeMap, fmt};

/// Real services in place of stand-ins.
#[derive(Debug, Clone, Default)]
pub struct External {
    /// A Redis.
    pub redis: Option<StoreUrl>,
    /// A PostgreSQL.
    pub database: Option<StoreUrl>,
}

impl External {
    /// Role name to address.
    pub fn by_role(&self) -> BTreeMap<String, String> {
        let roles = [("redis", &self.redis), ("sql", &self.database)];
        let named = roles.into_iter().filter_map(|(role, url)| Some((role, url.as_ref()?)));
        named.map(|(role, url)| (role.to_owned(), url.0.clone())).collect()
    }
}

/// The URL of a server that is there already.
#[derive(Clone)]
pub struct StoreUrl(String);

impl fmt::Debug for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&without_password(&self.0))
    }
}

/// What was written is no URL of that kind; says what is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadStoreUrl {
    accepted: &'static str,
}

impl fmt::Display for BadStoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is expected", self.accepted)
    }
}

impl std::error::Error for BadStoreUrl {}

impl StoreUrl {
    /// A Redis's.
    pub fn redis(text: &str) -> Result<Self, BadStoreUrl> {
        Self::of(text, &["redis"], "redis://HOST:PORT")
    }

    /// A PostgreSQL's.
    pub fn database(text: &str) -> Result<Self, BadStoreUrl> {
        Self::of(text, &["postgres", "postgresql"], "postgres://USER@HOST:PORT/DB")
    }

    fn of(text: &str, schemes: &[&str], accepted: &'static str) -> Result<Self, BadStoreUrl> {
        let bad = BadStoreUrl { accepted };
        let uri: http::Uri = text.parse().map_err(|_| bad)?;
        let scheme = uri.scheme_str().is_some_and(|scheme| schemes.contains(&scheme));
        let host = uri.host().is_some_and(|host| !host.is_empty());
        if scheme && host { Ok(Self(text.to_owned())) } else { Err(bad) }
    }
}

/// An address as it may stand in a run file.
pub(crate) fn without_password(address: &str) -> String {
    let Some((scheme, rest)) = address.split_once("://") else { return address.to_owned() };
    match rest.rsplit_once('@') {
        Some((login, place)) => {
            let user = login.split_once(':').map_or(login, |(user, _)| user);
            format!("{scheme}://{user}@{place}")
        }
        None => address.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_password_stands_in_a_run_file() {
        let cases = [
            ("postgres://me:p@ss@db:5432/shop", "postgres://me@db:5432/shop"),
            ("redis://:secret@cache:6379/1", "redis://@cache:6379/1"),
            ("postgres://me@db/shop", "postgres://me@db/shop"),
            ("redis://cache:6379", "redis://cache:6379"),
            ("127.0.0.1:6379", "127.0.0.1:6379"),
        ];
        for (address, expected) in cases {
            assert_eq!(without_password(address), expected);
        }
    }

    #[test]
    fn a_url_has_the_scheme_of_its_store_and_a_host() {
        for good in ["redis://127.0.0.1:6379", "redis://:secret@cache/1"] {
            assert!(StoreUrl::redis(good).is_ok(), "{good}");
        }
        for bad in ["127.0.0.1:6379", "http://cache", "redis://", "postgres://db/x", ""] {
            assert_eq!(
                StoreUrl::redis(bad).map(|_| ()),
                Err(BadStoreUrl { accepted: "redis://HOST:PORT" }),
                "{bad}"
            );
        }
        assert!(StoreUrl::database("postgresql://me@db:5432/shop").is_ok());
        let text = StoreUrl::database("redis://cache").expect_err("another store's").to_string();
        assert_eq!(text, "postgres://USER@HOST:PORT/DB is expected");
    }
}
