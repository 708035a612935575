//! Where the two engines differ on purpose.

use serde_json::Value;

use super::Compared;
use super::draw::Call;

type Is = fn(&Call, &Compared) -> bool;

/// Each difference: what we do and why, and how it is known.
const DIFFERENCES: [(&str, Is); 12] = [
    (
        "the operands of BETWEEN, begins_with and contains are checked before anything is read in filters and \
         transactions too; the peer does so for simple writes only, and the developer guide makes no difference",
        |call, compared| {
            matches!(call.operation, "Query" | "Scan" | "TransactWriteItems")
                && refused(compared, "ValidationException")
                && ["The BETWEEN operator requires", "Incorrect operand type", "must be distinct"]
                    .iter()
                    .any(|text| compared.reply.contains(text))
        },
    ),
    (
        "a placeholder that is not defined is a fault of the request wherever it stands; the peer meets it only when \
         it evaluates a filter, a transaction's update, or a condition without an update",
        |call, compared| {
            matches!(call.operation, "Query" | "Scan" | "TransactWriteItems" | "UpdateItem")
                && refused(compared, "ValidationException")
                && compared.reply.contains("is not defined")
        },
    ),
    (
        "a value that no expression uses is a fault of every UpdateItem, as of every other write; the peer looks for \
         it only where there is an update",
        |call, compared| {
            call.operation == "UpdateItem"
                && call.body.get("UpdateExpression").is_none()
                && refused(compared, "ValidationException")
                && compared.reply.contains("unused in expressions")
        },
    ),
    (
        "a key with an attribute too many is no key; the peer takes it for the item that the rest of it names before \
         it says so",
        |call, compared| {
            call.operation == "TransactWriteItems"
                && refused(compared, "TransactionCanceledException")
                && kind(&compared.theirs.1) == "ValidationException"
                && compared.reply.contains("does not match the schema")
        },
    ),
    (
        "a request that is wrong in itself and names no table is refused for what is wrong in it; the peer may look \
         for the table first",
        |call, compared| {
            let kinds = [kind(&compared.ours.1), kind(&compared.theirs.1)];
            kinds.contains(&"ValidationException")
                && kinds.contains(&"ResourceNotFoundException")
                && ["ecommerce-test-none", "a?"].iter().any(|name| call.body.to_string().contains(name))
        },
    ),
    (
        "a query of a table without sort key that goes on behind an item finds nothing more; the peer finds the \
         item again",
        |call, compared| {
            call.operation == "Query"
                && call.body["TableName"] == "ecommerce-test-short"
                && call.body.get("ExclusiveStartKey").is_some()
                && compared.ours.0 == 200
                && compared.theirs.0 == 200
        },
    ),
    (
        "a segment is scanned in the order of the keys; the peer scans it in the order of their hashes, and the \
         service promises none",
        |call, compared| {
            call.body.get("Segment").is_some() && compared.ours.0 == 200 && compared.theirs.0 == 200
        },
    ),
    (
        "a scan cannot go on behind a key that is empty, as a query cannot; the peer lets it",
        |call, compared| {
            call.operation == "Scan"
                && refused(compared, "ValidationException")
                && compared.reply.contains("The provided starting key is invalid")
        },
    ),
    (
        "a transaction cannot change a key attribute, as an UpdateItem cannot; the peer lets it, and keeps the item \
         under its old key",
        |call, compared| {
            call.operation == "TransactWriteItems"
                && refused(compared, "TransactionCanceledException")
                && compared.reply.contains("This attribute is part of the key")
        },
    ),
    ("an update that creates an item has no old image to show; the peer shows the key", |call, compared| {
        call.operation == "UpdateItem"
            && call.body["ReturnValues"] == "ALL_OLD"
            && compared.ours.1.get("Attributes").is_none()
            && compared.theirs.0 == 200
    }),
    (
        "of a value that cannot be read and another fault of the same request, either may be told; and what cannot be \
         read is malformed wherever it stands, where the peer calls some of it invalid",
        |_, compared| {
            let kinds = [kind(&compared.ours.1), kind(&compared.theirs.1)];
            kinds.contains(&"SerializationException") && kinds.contains(&"ValidationException")
        },
    ),
    (
        "keys whose numbers are written in two ways are the same key; the peer compares how they are written",
        |call, compared| {
            call.operation == "BatchGetItem"
                && refused(compared, "ValidationException")
                && compared.reply.contains("contains duplicates")
        },
    ),
];

/// Why these answers may differ; `None` where they may not.
pub(super) fn wanted(call: &Call, compared: &Compared) -> Option<&'static str> {
    DIFFERENCES.iter().find(|(_, is)| is(call, compared)).map(|(why, _)| *why)
}

fn kind(answer: &Value) -> &str {
    answer["__type"].as_str().unwrap_or_default()
}

fn refused(compared: &Compared, kind_of_ours: &str) -> bool {
    kind(&compared.ours.1) == kind_of_ours
}
