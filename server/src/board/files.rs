//! The page, the built package, and the headers that every answer carries.

use axum::Router;
use axum::http::{HeaderName, HeaderValue, header};
use everwire_server::Origins;
use tower_http::cors::{self, AllowOrigin, CorsLayer};
use tower_http::services::ServeDir;
use tower_http::set_header::SetResponseHeaderLayer;

use super::options::Options;

const HEADERS: [(HeaderName, &str); 3] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::CACHE_CONTROL, "no-cache"),
];

/// Adds the page under `/` and the package under `/pkg/`, and lets pages of other origins call if they may.
pub fn with_files(routes: Router, options: &Options) -> Router {
    let mut routes = routes
        .nest_service("/pkg", ServeDir::new(&options.pkg))
        .fallback_service(ServeDir::new(&options.www));
    if let Some(origins) = foreign(&options.origins) {
        let cors = CorsLayer::new()
            .allow_origin(origins)
            .allow_methods(cors::Any)
            .allow_headers([
                header::AUTHORIZATION,
                header::CONTENT_TYPE,
                HeaderName::from_static("x-user"),
            ]);
        routes = routes.layer(cors);
    }
    for (name, value) in HEADERS {
        let value = HeaderValue::from_static(value);
        routes = routes.layer(SetResponseHeaderLayer::overriding(name, value));
    }
    routes
}

/// The origins beside the server's own that may call.
fn foreign(origins: &Origins) -> Option<AllowOrigin> {
    match origins {
        Origins::Any => Some(AllowOrigin::any()),
        Origins::List(list) => Some(AllowOrigin::list(
            list.iter()
                .filter_map(|origin| origin.parse::<HeaderValue>().ok()),
        )),
        Origins::SameHost => None,
    }
}
