//! How long both engines take for the same calls. Says so; proves nothing, as machines differ:
//! `cargo test --release -p simulator --lib pace -- --ignored --nocapture`.

#![allow(clippy::disallowed_methods)] // a stopwatch

use std::time::Instant;

use serde_json::{Value, json};

use super::{Pair, SHORT};

const CALLS: usize = 5_000;

fn order(id: usize) -> Value {
    let line =
        json!({ "M": { "sku": { "S": "CUB-1001" }, "quantity": { "N": "3" }, "price": { "N": "1299" } } });
    json!({
        "id": { "S": format!("order-{id}") },
        "state": { "S": "PLACED" },
        "version": { "N": "1" },
        "lines": { "L": [line.clone(), line.clone(), line] },
        "address": { "M": { "city": { "S": "Lisboa" }, "street": { "S": "Rua da Prata 80" } } },
        "note": { "S": "a box of twenty, as a customer would order it ".repeat(10) },
    })
}

fn bodies(operation: &str, table: &str) -> Vec<String> {
    let body = |id: usize| match operation {
        "PutItem" => {
            json!({ "TableName": table, "Item": order(id), "ConditionExpression": "attribute_not_exists(id)" })
        }
        "GetItem" => json!({ "TableName": table, "Key": { "id": order(id)["id"] }, "ConsistentRead": true }),
        "UpdateItem" => json!({ "TableName": table, "Key": { "id": order(id)["id"] },
            "UpdateExpression": "SET #state = :state, version = version + :one", "ConditionExpression": "version = :one",
            "ExpressionAttributeNames": { "#state": "state" },
            "ExpressionAttributeValues": { ":state": { "S": "PAID" }, ":one": { "N": "1" } } }),
        "Query" => json!({ "TableName": table, "KeyConditionExpression": "id = :id",
            "ExpressionAttributeValues": { ":id": order(id)["id"] } }),
        _ => {
            let put = |id: usize| {
                json!({ "Put": { "TableName": table, "Item": order(id),
                "ConditionExpression": "attribute_not_exists(id)" } })
            };
            json!({ "TransactItems": [put(3 * id + CALLS), put(3 * id + CALLS + 1), put(3 * id + CALLS + 2)] })
        }
    };
    (0..CALLS).map(|id| body(id).to_string()).collect()
}

#[test]
#[ignore = "a measurement"]
fn both_engines_are_timed() {
    let pair = Pair::new();
    let table = SHORT.physical_name("test");
    for operation in ["PutItem", "GetItem", "Query", "UpdateItem", "TransactWriteItems"] {
        let bodies = bodies(operation, &table);
        let timed = |call: &dyn Fn(&str) -> u16| {
            let start = Instant::now();
            assert!(bodies.iter().all(|body| call(body) == 200));
            start.elapsed().as_secs_f64() * 1e6 / CALLS as f64
        };
        let ours = timed(&|body| pair.ours.call(operation, body).unwrap().status);
        let theirs = timed(&|body| pair.theirs.call(operation, body).0);
        println!("{operation:20} ours {ours:7.1} us, theirs {theirs:7.1} us, ratio {:.1}", theirs / ours);
    }
}
