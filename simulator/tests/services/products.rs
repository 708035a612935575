//! The catalogue.

use contracts::{Code, OrderLine, bodies::products::*};
use http::Method;
use serde_json::{Value, json};

use crate::outside::Outside;
use crate::support::Running;

async fn shop() -> Running {
    let place = Outside::new().region("us-east-1").await;
    products::seed(&place.platform).await.unwrap();
    products::seed(&place.platform).await.unwrap();
    place
}

fn lines(count: usize) -> Vec<OrderLine> {
    let products = products::catalogue().unwrap().into_iter().take(count);
    let line = |product: contracts::Product| OrderLine {
        product_id: product.product_id,
        name: product.name,
        package: product.package,
        price: product.price,
        quantity: 1,
    };
    products.map(line).collect()
}

#[tokio::test]
async fn anybody_can_page_through_the_whole_catalogue() {
    let place = shop().await;
    let (mut seen, mut token) = (0, String::new());
    loop {
        let page = place.ask("", Method::GET, &format!("/products/?limit=25{token}"), &Value::Null).await;
        assert_eq!(page.0, 200);
        seen += page.1["products"].as_array().unwrap().len();
        match page.1["nextToken"].as_str() {
            Some(next) => token = format!("&nextToken={next}"),
            None => break,
        }
    }
    assert_eq!(seen, products::catalogue().unwrap().len());
    let robustos = place.ask("", Method::GET, "/products/category/robusto", &Value::Null).await;
    assert!(robustos.1["products"].as_array().unwrap().iter().all(|found| found["category"] == "robusto"));
    let bad = place.ask("", Method::GET, "/products/?nextToken=nonsense", &Value::Null).await;
    assert_eq!((bad.0, &bad.1["code"]), (400, &json!("BAD_REQUEST")));
}

#[tokio::test]
async fn a_product_that_is_known_already_is_not_sent_again() {
    let place = shop().await;
    let path = format!("/products/{}", lines(1)[0].product_id);
    let (status, headers, _) = place.send(Method::GET, &path, &[], &Value::Null).await;
    let etag = headers["etag"].to_str().unwrap();
    assert_eq!((status, etag), (200, "\"1\""));
    let (status, ..) = place.send(Method::GET, &path, &[("if-none-match", etag)], &Value::Null).await;
    assert_eq!(status, 304);
    let unknown =
        place.ask("", Method::GET, "/products/00000000-0000-0000-0000-000000000000", &Value::Null).await;
    assert_eq!((unknown.0, &unknown.1["code"]), (404, &json!("NOT_FOUND")));
    let no_id = place.ask("", Method::GET, "/products/nothing", &Value::Null).await;
    assert_eq!(no_id.0, 400);
}

#[tokio::test]
async fn lines_are_valid_when_every_one_is_what_the_catalogue_says() {
    let place = shop().await;
    let ask = async |products: Vec<OrderLine>| -> ValidateResponse {
        place
            .call("orders", Method::POST, "products", "/backend/validate", &ValidateRequest { products })
            .await
            .unwrap()
    };
    assert_eq!(ask(lines(7)).await.message, ALL_VALID);
    let mut lines = lines(2);
    let free = OrderLine { price: 0, quantity: 50, ..lines[1].clone() };
    lines.insert(0, free);
    let answer = ask(lines).await;
    assert_ne!(answer.message, ALL_VALID);
    assert_eq!(answer.products.unwrap().len(), 1);
}

#[tokio::test]
async fn validation_is_for_orders_only_and_bad_bodies_have_one_clear_answer() {
    let place = shop().await;
    let request = ValidateRequest { products: lines(1) };
    let other = place
        .call::<ValidateResponse>("warehouse", Method::POST, "products", "/backend/validate", &request)
        .await;
    assert_eq!(other.unwrap_err().code(), Some(Code::Forbidden));
    let unsigned = place.ask("", Method::POST, "/products/backend/validate", &json!({})).await;
    assert_eq!((unsigned.0, &unsigned.1["code"]), (401, &json!("UNAUTHENTICATED")));
    let missing = place
        .call::<ValidateResponse>("orders", Method::POST, "products", "/backend/validate", &json!({}))
        .await;
    let missing = missing.unwrap_err();
    assert_eq!(missing.code(), Some(Code::BadRequest));
    assert!(missing.to_string().contains("Missing 'products' in body"), "{missing}");
}
