//! The routes.

mod admin;
mod notices;
mod recommendations;

use crate::{
    desk::Desk,
    domain::{self, LINES_MAX, search::Words},
    error::Error,
    store::{Baskets, Catalogue, Notices, Store},
};
use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use contracts::{
    Code, FieldError, Product, ProductId,
    bodies::products::{ProductPage, ValidateRequest, ValidateResponse},
};
use platform::{
    ApiError, Json, page,
    request::{CalledBy, Callers, IfNoneMatch, PageQuery, Path, Query, etag},
    routes::{Routes, Who, get, post},
    tables::{Item, text},
};
use serde::Deserialize;
use std::{collections::BTreeSet, ops::Bound};

/// Browsers and the edge may keep a product for as long as our own copy may be old.
const CACHE: HeaderValue = HeaderValue::from_static("public, max-age=5");

/// Who asks before there is an order.
struct Shops;

impl Callers for Shops {
    const NAMES: &'static [&'static str] = &["orders", "frontend-api"];
}

pub(crate) fn routes(store: Store, baskets: Baskets, notices: Notices, desk: Desk) -> Routes {
    browsing()
        .with_state(store.clone())
        .merge(recommendations::routes(store.clone(), baskets))
        .merge(notices::routes(store, notices))
        .merge(admin::routes().with_state(desk))
}

fn browsing() -> Routes<Store> {
    Routes::new()
        .route(get("/", Who::Anyone, "A page of the catalogue").pages().gives::<ProductPage>(), list)
        .route(
            get("/{product_id}", Who::Anyone, "One product")
                .header("If-None-Match", "The versions that the caller has", false)
                .gives::<Product>()
                .also(&[304]),
            one,
        )
        .route(
            get("/category/{category}", Who::Anyone, "A page of the products of a category")
                .pages()
                .gives::<ProductPage>(),
            by_category,
        )
        .route(
            get("/search", Who::Anyone, "A page of the products that have all words of a text")
                .needs::<String>("q", "The words, in any case: parts of names, categories or tags")
                .field::<String>("category", "Only products of this category")
                .pages()
                .gives::<ProductPage>()
                .also(&[422]),
            search,
        )
        .route(
            post("/backend/validate", Who::services::<Shops>(), "Whether lines are what the catalogue says")
                .takes::<ValidateRequest>()
                .gives::<ValidateResponse>(),
            validate,
        )
}

async fn validate(
    State(store): State<Store>,
    _: CalledBy<Shops>,
    Json(request): Json<ValidateRequest>,
) -> Result<Json<ValidateResponse>, ApiError> {
    if request.products.len() > LINES_MAX {
        let fault = FieldError::new("products", "COUNT", format!("must have at most {LINES_MAX} lines"));
        return Err(Error::Invalid(vec![fault]).into());
    }
    let ids: BTreeSet<ProductId> = request.products.iter().map(|line| line.product_id).collect();
    // Not from the copy: a price that changed a second ago must not be accepted.
    let truth = store.read_now(ids.into_iter()).await.map_err(Error::from)?;
    Ok(Json(domain::validate(&request.products, &truth)))
}

async fn list(
    State(store): State<Store>,
    Query(asked): Query<PageQuery>,
) -> Result<Json<ProductPage>, ApiError> {
    let catalogue = store.catalogue().await.map_err(Error::from)?;
    page_of(&catalogue, &asked, |_| true)
}

async fn by_category(
    State(store): State<Store>,
    Path(category): Path<String>,
    Query(asked): Query<PageQuery>,
) -> Result<Json<ProductPage>, ApiError> {
    let catalogue = store.catalogue().await.map_err(Error::from)?;
    page_of(&catalogue, &asked, |product| product.category == category)
}

/// What is searched for.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SearchQuery {
    q: String,
    category: Option<String>,
    limit: Option<i64>,
    next_token: Option<String>,
}

async fn search(
    State(store): State<Store>,
    Query(asked): Query<SearchQuery>,
) -> Result<Json<ProductPage>, ApiError> {
    let SearchQuery { q, category, limit, next_token } = asked;
    let words = Words::read(&q).map_err(|fault| Error::Invalid(vec![fault]))?;
    let catalogue = store.catalogue().await.map_err(Error::from)?;
    page_of(&catalogue, &PageQuery { limit, next_token }, |product| {
        category.as_ref().is_none_or(|category| product.category == *category) && words.find(product)
    })
}

async fn one(
    State(store): State<Store>,
    Path(product_id): Path<ProductId>,
    held: Option<IfNoneMatch>,
) -> Result<Response, ApiError> {
    let catalogue = store.catalogue().await.map_err(Error::from)?;
    let product = catalogue.get(&product_id).filter(|product| product.active).ok_or(Error::NotFound)?;
    let etag = etag(product.version);
    let mut headers = HeaderMap::from_iter([(header::CACHE_CONTROL, CACHE)]);
    headers.insert(header::ETAG, HeaderValue::try_from(etag.as_str()).map_err(ApiError::internal)?);
    Ok(match held {
        Some(held) if held.matches(&etag) => (StatusCode::NOT_MODIFIED, headers).into_response(),
        _ => (headers, Json(product)).into_response(),
    })
}

/// A page of the products that are sold and wanted, in the order of their ids. The token is the last id, so
/// it is good in every region and survives changes of the catalogue.
fn page_of(
    catalogue: &Catalogue,
    asked: &PageQuery,
    wanted: impl Fn(&Product) -> bool,
) -> Result<Json<ProductPage>, ApiError> {
    let after = asked.next_token.as_deref().map(last_id).transpose()?;
    let limit = page::limit(asked.limit);
    let rest = catalogue.range((after.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded));
    let mut rest = rest.map(|(_, product)| product).filter(|product| product.active && wanted(product));
    let products: Vec<Product> = rest.by_ref().take(limit).cloned().collect();
    let last = products.last().filter(|_| rest.next().is_some());
    let next_token = last.map(|product| {
        page::encode(&Item::from([("productId".to_owned(), text(product.product_id.to_string()))]))
    });
    Ok(Json(ProductPage { products, next_token }))
}

fn last_id(token: &str) -> Result<ProductId, ApiError> {
    let key = page::decode(token).ok();
    let id = key.as_ref().and_then(|key| key.get("productId")?.as_s().ok()?.parse().ok());
    id.ok_or_else(|| ApiError::new(Code::BadRequest, "nextToken is not one of ours"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn catalogue() -> Catalogue {
        let products = crate::catalogue().expect("the embedded catalogue");
        products.into_iter().map(|product| (product.product_id, product)).collect()
    }

    fn walk(catalogue: &Catalogue, limit: i64, wanted: impl Fn(&Product) -> bool + Copy) -> Vec<ProductId> {
        let (mut seen, mut next_token) = (Vec::new(), None);
        loop {
            let asked = PageQuery { limit: Some(limit), next_token };
            let Json(page) = page_of(catalogue, &asked, wanted).expect("a page");
            seen.extend(page.products.iter().map(|product| product.product_id));
            next_token = page.next_token;
            if next_token.is_none() {
                return seen;
            }
        }
    }

    #[test]
    fn pages_of_any_size_show_every_product_once() {
        let catalogue = catalogue();
        let all: Vec<_> = catalogue.keys().copied().collect();
        for limit in [1, 7, 20, 100] {
            assert_eq!(walk(&catalogue, limit, |_| true), all);
        }
    }

    #[test]
    fn a_category_has_its_products_only_and_no_token_after_the_last() {
        let catalogue = catalogue();
        let robustos = catalogue.values().filter(|product| product.category == "robusto").count();
        assert_eq!(walk(&catalogue, 3, |product| product.category == "robusto").len(), robustos);
    }

    #[test]
    fn a_product_that_is_no_longer_sold_is_not_listed() {
        let mut catalogue = catalogue();
        let first = *catalogue.keys().next().expect("a product");
        if let Some(product) = catalogue.get_mut(&first) {
            product.active = false;
        }
        assert!(!walk(&catalogue, 20, |_| true).contains(&first));
    }

    #[test]
    fn a_token_that_is_not_ours_is_refused() {
        let asked = PageQuery { limit: None, next_token: Some("nonsense".into()) };
        assert_eq!(page_of(&catalogue(), &asked, |_| true).expect_err("refused").code(), Code::BadRequest);
    }
}
