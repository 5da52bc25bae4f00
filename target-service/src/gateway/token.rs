//! Tokens: signed with a key that is made when the gateway starts, so they end with it.
//!
//! Their times are scenario time on the gateway's clock, counted from the real time of its start;
//! `exp` has fractions, since at speed 20 a second is too coarse.

use std::{
    fmt,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use http::{HeaderMap, header};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use loadlab_clock::RunClock;
use serde::{Deserialize, Serialize};

use crate::profile::GatewayProfile;

/// Makes tokens and reads them.
pub(super) struct Issuer {
    signing: EncodingKey,
    verifying: DecodingKey,
    validation: Validation,
    clock: RunClock,
    /// Seconds since 1970 when the clock was zero.
    started_s: f64,
    lifetime: Duration,
    leeway: Duration,
}

#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    /// The user.
    sub: String,
    /// Issued at.
    iat: f64,
    /// Not good from here on.
    exp: f64,
}

/// Why a request has no user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unauthorized {
    /// There is no `Authorization: Bearer`.
    Missing,
    /// The token is not one of ours.
    Bad,
    /// It was one of ours.
    Expired,
}

impl fmt::Display for Unauthorized {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "a bearer token is missing",
            Self::Bad => "the token is not valid",
            Self::Expired => "the token has expired",
        })
    }
}

impl Issuer {
    pub(super) fn new(profile: &GatewayProfile, clock: RunClock) -> Self {
        let key: [u8; 32] = rand::random();
        let mut validation = Validation::new(Algorithm::HS256);
        // The library's clock is real time in whole seconds; `exp` is checked here.
        validation.validate_exp = false;
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            signing: EncodingKey::from_secret(&key),
            verifying: DecodingKey::from_secret(&key),
            validation,
            clock,
            started_s: since_1970.as_secs_f64(),
            lifetime: profile.token_lifetime,
            leeway: profile.token_leeway,
        }
    }

    /// A token for a user, and how long it is good for.
    pub(super) fn issue(&self, user: &str) -> Result<(String, Duration), jsonwebtoken::errors::Error> {
        let now = self.now_s();
        let claims = Claims { sub: user.to_owned(), iat: now, exp: now + self.lifetime.as_secs_f64() };
        Ok((encode(&Header::new(Algorithm::HS256), &claims, &self.signing)?, self.lifetime))
    }

    /// The user whose token a request bears.
    pub(super) fn user_of(&self, headers: &HeaderMap) -> Result<String, Unauthorized> {
        let value = headers.get(header::AUTHORIZATION).ok_or(Unauthorized::Missing)?;
        let value = value.to_str().map_err(|_| Unauthorized::Bad)?;
        let token = value.strip_prefix("Bearer ").ok_or(Unauthorized::Missing)?;
        let claims = decode::<Claims>(token.trim(), &self.verifying, &self.validation)
            .map_err(|_| Unauthorized::Bad)?
            .claims;
        if self.now_s() >= claims.exp + self.leeway.as_secs_f64() {
            return Err(Unauthorized::Expired);
        }
        Ok(claims.sub)
    }

    fn now_s(&self) -> f64 {
        self.started_s + self.clock.now().as_secs_f64()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use loadlab_clock::Speed;

    use super::*;
    use crate::profile::Profile;

    fn issuer(started: Instant) -> Issuer {
        let mut profile = Profile::named("baseline").expect("it is shipped").gateway;
        profile.token_lifetime = Duration::from_secs(3600);
        Issuer::new(&profile, RunClock::starting_at(started, Speed::REAL))
    }

    fn bearing(authorization: &str) -> HeaderMap {
        HeaderMap::from_iter([(header::AUTHORIZATION, authorization.parse().expect("ascii"))])
    }

    #[test]
    fn a_token_names_its_user() {
        let issuer = issuer(Instant::now());
        let (token, lifetime) = issuer.issue("u1").expect("a token");
        assert_eq!(lifetime.as_secs(), 3600);
        assert_eq!(issuer.user_of(&bearing(&format!("Bearer {token}"))), Ok("u1".to_owned()));
    }

    #[test]
    fn what_is_no_token_of_ours_is_refused() {
        let issuer_here = issuer(Instant::now());
        let (token, _) = issuer_here.issue("u1").expect("a token");
        let (foreign, _) = issuer(Instant::now()).issue("u1").expect("a token");
        assert_eq!(issuer_here.user_of(&HeaderMap::new()), Err(Unauthorized::Missing));
        assert_eq!(issuer_here.user_of(&bearing("Basic dTpw")), Err(Unauthorized::Missing));
        // {"alg":"none"}.{"sub":"u1","iat":0,"exp":9e15}.
        let unsigned = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ1MSIsImlhdCI6MCwiZXhwIjo5ZTE1fQ.";
        let shortened = &token[..token.len() - 2];
        for bad in ["", "x.y.z", unsigned, shortened, foreign.as_str()] {
            let refused = issuer_here.user_of(&bearing(&format!("Bearer {bad}")));
            assert_eq!(refused, Err(Unauthorized::Bad), "{bad}");
        }
    }

    #[test]
    fn a_token_ends_after_its_lifetime_on_the_gateways_clock() {
        let mut issuer = issuer(Instant::now());
        let (token, _) = issuer.issue("u1").expect("a token");
        let headers = bearing(&format!("Bearer {token}"));
        let speed = Speed::try_new(100.0).expect("a speed");
        // The same clock, an hour of scenario time later: 36 seconds at speed 100.
        let origin = issuer.clock.origin().checked_sub(Duration::from_secs(36)).expect("the machine is up");
        issuer.clock = RunClock::starting_at(origin, speed);
        assert_eq!(issuer.user_of(&headers), Err(Unauthorized::Expired));
        issuer.leeway = Duration::from_secs(60);
        assert_eq!(issuer.user_of(&headers), Ok("u1".to_owned()));
    }
}
