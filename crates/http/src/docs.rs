//! The OpenAPI document, and a page to try it: Swagger UI, served from this binary.

use std::sync::{Arc, LazyLock};

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponse, Redirect};
use bytes::Bytes;
use utoipa_swagger_ui::Config;

use crate::openapi;
use crate::problem::Fault;

/// Scripts, styles and requests of this origin only. Swagger UI sets styles inline and draws its icons from data.
const POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                      frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

static DOCUMENT: LazyLock<Bytes> = LazyLock::new(|| openapi::document().to_string().into());

/// Addresses are relative, so that the page also works below a path of a proxy. No validator on the internet is asked,
/// and tokens are forgotten when the page is closed.
static CONFIG: LazyLock<Arc<Config<'static>>> = LazyLock::new(|| {
    let config = Config::new(["../openapi.json"])
        .use_base_layout()
        .validator_url("none")
        .try_it_out_enabled(true)
        .persist_authorization(false)
        .doc_expansion("none")
        .default_models_expand_depth(-1);
    Arc::new(config)
});

/// The document.
pub(crate) async fn document() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-cache")], DOCUMENT.clone())
}

/// Where the page is.
pub(crate) async fn index() -> Redirect {
    Redirect::permanent("docs/index.html")
}

/// A file of the page.
pub(crate) async fn file(path: Result<Path<String>, PathRejection>) -> Result<impl IntoResponse, Fault> {
    let Path(name) = path.map_err(|rejection| Fault::PathInvalid(rejection.body_text()))?;
    let found = utoipa_swagger_ui::serve(&name, Arc::clone(&CONFIG)).ok().flatten().ok_or(Fault::NoSuchRoute)?;
    let media_type = HeaderValue::from_str(&found.content_type).map_err(|_| Fault::NoSuchRoute)?;
    let headers: [(HeaderName, HeaderValue); 3] = [
        (CONTENT_TYPE, media_type),
        (CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        (CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
    ];
    Ok((headers, found.bytes.into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(name: &str) -> String {
        let found = utoipa_swagger_ui::serve(name, Arc::clone(&CONFIG)).unwrap().unwrap();
        String::from_utf8(found.bytes.into_owned()).unwrap()
    }

    #[test]
    fn the_page_loads_nothing_from_elsewhere() {
        for name in ["index.html", "swagger-initializer.js", "index.css"] {
            let page = text(name);
            let elsewhere = ["://", "\"//", "'//"].iter().any(|mark| page.contains(mark));
            assert!(!elsewhere, "{name} names another origin: {page}");
        }
        assert!(text("swagger-initializer.js").contains("../openapi.json"));
    }
}
