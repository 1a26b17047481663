//! The origin allow-list: which pages may open a socket.

use axum::http::{HeaderMap, HeaderValue, header};

/// Which pages may open a socket.
///
/// A browser names the page's origin in every handshake, and no page can change it. A request without an `Origin`
/// header comes from no page and is let through: only the token speaks for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Origins {
    /// Pages whose origin has the host and port of the request's own `Host` header. Behind a proxy that rewrites
    /// `Host`, list the origins instead.
    #[default]
    SameHost,
    /// These origins, each as a browser writes it: `https://app.example.com`, the port only if it is not the
    /// scheme's own.
    List(Vec<String>),
    /// Every page of every site. Right only where no cookie and no network position gives a page any power.
    Any,
}

impl Origins {
    pub(crate) fn allow(&self, headers: &HeaderMap) -> bool {
        let Some(origin) = headers.get(header::ORIGIN) else {
            return true;
        };
        match self {
            Self::Any => true,
            Self::SameHost => is_host(origin, headers.get(header::HOST)),
            Self::List(list) => list
                .iter()
                .any(|allowed| origin.as_bytes().eq_ignore_ascii_case(allowed.as_bytes())),
        }
    }
}

fn is_host(origin: &HeaderValue, host: Option<&HeaderValue>) -> bool {
    let authority = origin
        .to_str()
        .ok()
        .and_then(|origin| origin.split_once("://"))
        .map(|(_, authority)| authority.as_bytes());
    match (authority, host) {
        (Some(authority), Some(host)) => authority.eq_ignore_ascii_case(host.as_bytes()),
        (None, _) | (_, None) => false,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn each_policy_lets_its_own_origins_in() {
        let list = Origins::List(vec!["https://app.example.com".to_owned()]);
        for (policy, origin, allowed) in [
            (&Origins::SameHost, "http://localhost:8080", true),
            (&Origins::SameHost, "http://LOCALHOST:8080", true),
            (&Origins::SameHost, "http://localhost:8081", false),
            (&Origins::SameHost, "null", false),
            (&list, "https://app.example.com", true),
            (&list, "http://app.example.com", false),
            (&list, "https://app.example.com.evil.test", false),
            (&Origins::Any, "null", true),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, "localhost:8080".parse().unwrap());
            assert!(policy.allow(&headers), "no origin");
            headers.insert(header::ORIGIN, origin.parse().unwrap());
            assert_eq!(policy.allow(&headers), allowed, "{policy:?} {origin}");
        }
    }
}
