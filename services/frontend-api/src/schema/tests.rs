use super::*;
use async_graphql::{Request, Variables};
use contracts::graphql;
use serde_json::{Value, json};

fn address() -> Value {
    json!({ "name": "Ann", "streetAddress": "1 Calle Ocho", "city": "Miami", "country": "US", "phoneNumber": "+1" })
}

fn line() -> Value {
    let package = json!({ "width": 100, "length": 200, "height": 50, "weight": 400 });
    json!({ "productId": "0190c2f4-0000-7000-8000-000000000001", "name": "Robusto", "package": package,
            "price": 1200, "quantity": 2 })
}

/// Every document that clients send, with variables for it.
fn documents() -> Vec<(&'static str, Value)> {
    let id = "0190c2f4-0000-7000-8000-000000000002";
    let order = json!({ "products": [line()], "address": address(), "deliveryPrice": 1500, "paymentToken": "t",
                        "currency": "USD", "idempotencyKey": "k", "allowBackorder": false, "acceptPartial": true });
    let packaging = json!({ "input": { "orderId": id, "reason": "dropped" } });
    let delivery = json!({ "input": { "orderId": id, "adultSignature": true } });
    let units = json!({ "input": { "orderId": id, "productId": id, "quantity": 1 } });
    vec![
        (graphql::GET_PRODUCTS, json!({ "limit": 5, "nextToken": null })),
        (graphql::GET_PRODUCT, json!({ "productId": id })),
        (graphql::SEARCH_PRODUCTS, json!({ "query": "robusto" })),
        (graphql::GET_RECOMMENDATIONS, json!({ "productId": id, "limit": 4 })),
        (graphql::NOTIFY_WHEN_BACK, json!({ "productId": id, "on": false })),
        (graphql::MY_NOTICES, json!({})),
        (graphql::GET_DELIVERY_ESTIMATE, json!({ "orderId": id })),
        (graphql::PUT_CART_ITEM, json!({ "input": { "productId": id, "quantity": 1 } })),
        (graphql::GET_CART, json!({ "cartId": id })),
        (graphql::MERGE_CART, json!({ "anonymousCartId": id })),
        (graphql::ME, json!({})),
        (graphql::START_AGE_VERIFICATION, json!({})),
        (graphql::GET_DELIVERY_PRICING, json!({ "input": { "products": [line()], "address": address() } })),
        (graphql::CREATE_ORDER, json!({ "order": order })),
        (
            graphql::CANCEL_ORDER,
            json!({ "input": { "orderId": id, "reason": "late", "idempotencyKey": "k" } }),
        ),
        (
            graphql::UPDATE_PAYMENT,
            json!({ "input": { "orderId": id, "paymentToken": "t", "idempotencyKey": "k" } }),
        ),
        (
            graphql::REQUEST_RETURN,
            json!({ "input": { "orderId": id, "idempotencyKey": "k",
            "lines": [{ "productId": id, "quantity": 1 }] } }),
        ),
        (graphql::GET_ORDER, json!({ "orderId": id, "minVersion": 3 })),
        (graphql::GET_ORDER_BY_KEY, json!({ "idempotencyKey": "k" })),
        (graphql::GET_ORDERS, json!({ "nextToken": null, "limit": 3 })),
        (graphql::GET_ORDERS_NEEDING_ATTENTION, json!({ "nextToken": null })),
        (graphql::GET_REGIONS, json!({})),
        (graphql::GET_NEW_PACKAGING, json!({})),
        (graphql::GET_PACKAGING, packaging.clone()),
        (graphql::START_PACKAGING, packaging.clone()),
        (graphql::UPDATE_PACKAGING, units),
        (graphql::COMPLETE_PACKAGING, packaging.clone()),
        (graphql::FAIL_PACKAGING, packaging),
        (
            graphql::RECEIVE_STOCK,
            json!({ "input": { "productId": id, "warehouseId": "wh", "quantity": 5, "reference": "slip 1" } }),
        ),
        (graphql::PUT_PRODUCT, json!({ "product": line(), "ifVersion": 1 })),
        (graphql::DELETE_PRODUCT, json!({ "productId": id, "ifVersion": 1 })),
        (graphql::GET_NEW_DELIVERIES, json!({})),
        (graphql::START_DELIVERY, delivery.clone()),
        (graphql::COMPLETE_DELIVERY, delivery.clone()),
        (graphql::FAIL_DELIVERY, delivery),
    ]
}

/// Runs a document where nothing is behind the schema. A document that is valid fails in a field, which has
/// a path; one that is not fails before any field.
async fn faults(document: &str, variables: Value) -> Vec<String> {
    let request = Request::new(document).variables(Variables::from_json(variables));
    let answer = limited(builder()).execute(request).await;
    assert!(!answer.errors.is_empty(), "nothing is behind the schema, so nothing can succeed: {document}");
    answer.errors.into_iter().filter(|error| error.path.is_empty()).map(|error| error.message).collect()
}

#[tokio::test]
async fn every_document_of_the_contract_is_valid() {
    for (document, variables) in documents() {
        assert_eq!(faults(document, variables).await, Vec::<String>::new(), "{document}");
    }
}

#[tokio::test]
async fn a_document_outside_the_schema_is_refused() {
    for document in ["{ getProducts { nonsense } }", "{ getOrder { orderId } }", "mutation { dropTables }"] {
        assert_ne!(faults(document, json!({})).await, Vec::<String>::new(), "{document}");
    }
}

#[tokio::test]
async fn a_query_that_asks_for_too_much_is_refused() {
    let many = (0..40).map(|number| {
        format!("a{number}: getProducts {{ products {{ productId name price category currency version }} }} ")
    });
    let wide = format!("{{ {} }}", many.collect::<String>());
    assert_eq!(faults(&wide, json!({})).await, ["Query is too complex."]);
    let deep =
        "{ __schema { types { fields { type { ofType { ofType { ofType { ofType { name } } } } } } } } }";
    assert_eq!(faults(deep, json!({})).await, ["Query is nested too deep."]);
}

/// The schema as its readers find it in the repository. A change of it shows in review.
#[test]
fn the_schema_is_the_one_on_record() {
    let recorded = include_str!("../../../../infra/graphql/schema.graphql");
    let sdl = empty().sdl();
    assert!(
        sdl.trim_end() == recorded.trim_end(),
        "infra/graphql/schema.graphql differs: `cargo run -p frontend-api -- schema` writes it anew"
    );
}
