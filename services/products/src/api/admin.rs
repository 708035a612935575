//! Routes by which administrators change the catalogue.

use crate::{
    desk::Desk,
    domain::{change::Command, draft},
    error::Error,
};
use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};
use contracts::{Product, ProductId, bodies::products::ProductDraft};
use platform::{
    ApiError, Deadline, Json, Staff,
    identity::Admin,
    request::{Path, etag},
    routes::{Routes, Who, delete, put},
};

pub(super) fn routes() -> Routes<Desk> {
    let admin = Who::staff::<Admin>();
    Routes::new()
        .route(
            put("/admin/{product_id}", admin, "Lists a product or changes it, once; repeats give the same")
                .header("If-Match", "The product's version as its ETag; absent where it is to be new", false)
                .takes::<ProductDraft>()
                .gives::<Product>()
                .also(&[409, 412]),
            put_product,
        )
        .route(
            delete("/admin/{product_id}", admin, "Takes a product out of the catalogue, for good")
                .header("If-Match", "The product's version as its ETag", true)
                .gives::<Product>()
                .also(&[409, 412]),
            delete_product,
        )
}

async fn put_product(
    State(desk): State<Desk>,
    _: Staff<Admin>,
    Path(product_id): Path<ProductId>,
    deadline: Deadline,
    headers: HeaderMap,
    Json(draft): Json<ProductDraft>,
) -> Result<Response, ApiError> {
    let if_version = if_match(&headers)?;
    let faults = draft::faults(product_id, &draft);
    if !faults.is_empty() {
        return Err(Error::Invalid(faults).into());
    }
    let command = Command::Put { draft: Box::new(draft), if_version };
    answer(desk.carry_out(product_id, &command, token(&headers), deadline).await?)
}

async fn delete_product(
    State(desk): State<Desk>,
    _: Staff<Admin>,
    Path(product_id): Path<ProductId>,
    deadline: Deadline,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let if_version = if_match(&headers)?.ok_or(Error::IfMatch("there"))?;
    let command = Command::Delete { if_version };
    answer(desk.carry_out(product_id, &command, token(&headers), deadline).await?)
}

fn answer(product: Product) -> Result<Response, ApiError> {
    let etag = HeaderValue::try_from(etag(product.version)).map_err(ApiError::internal)?;
    Ok(([(header::ETAG, etag)], Json(product)).into_response())
}

/// The version in `If-Match`, where there is one. A weak tag never matches, nor do lists make sense here.
fn if_match(headers: &HeaderMap) -> Result<Option<u64>, Error> {
    let Some(value) = headers.get(header::IF_MATCH) else { return Ok(None) };
    let version =
        value.to_str().ok().and_then(|text| text.strip_prefix('"')?.strip_suffix('"')?.parse().ok());
    version.map(Some).ok_or(Error::IfMatch("the version as its ETag, such as \"7\""))
}

/// The caller's own token, to be passed on.
fn token(headers: &HeaderMap) -> HeaderValue {
    headers.get(header::AUTHORIZATION).cloned().unwrap_or(HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &'static str) -> Option<Option<u64>> {
        let headers = HeaderMap::from_iter([(header::IF_MATCH, HeaderValue::from_static(text))]);
        if_match(&headers).ok()
    }

    #[test]
    fn if_match_is_one_strong_tag_with_a_version() {
        assert_eq!(read("\"7\""), Some(Some(7)));
        for bad in ["7", "*", "W/\"7\"", "\"7\", \"8\"", "\"seven\"", "\"-1\"", ""] {
            assert_eq!(read(bad), None, "{bad}");
        }
        assert!(if_match(&HeaderMap::new()).is_ok_and(|absent| absent.is_none()));
    }
}
