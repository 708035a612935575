//! Draws calls: mostly ones that make sense, over few keys and attributes so that they meet.

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

/// A call as it goes to both engines.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) operation: &'static str,
    pub(super) body: Value,
}

impl Call {
    /// Whether it may change something.
    pub(super) fn writes(&self) -> bool {
        matches!(
            self.operation,
            "PutItem" | "UpdateItem" | "DeleteItem" | "BatchWriteItem" | "TransactWriteItems"
        )
    }
}

pub(super) const OPERATIONS: [&str; 10] = [
    "PutItem",
    "UpdateItem",
    "DeleteItem",
    "GetItem",
    "BatchGetItem",
    "BatchWriteItem",
    "TransactWriteItems",
    "TransactGetItems",
    "Query",
    "Scan",
];

const SHORT: &str = "ecommerce-test-short";
const LONG: &str = "ecommerce-test-long";
const TEXTS: &str = "ecommerce-test-texts";

/// What the placeholders of all drawn expressions stand for.
fn placeholders() -> (Value, Value) {
    let names = json!({ "#a": "a", "#m": "m", "#x": "x", "#id": "id", "#size": "size", "#nr": "nr" });
    let values = json!({
        ":zero": { "N": "0" }, ":one": { "N": "1.0" }, ":two": { "N": "2" }, ":less": { "N": "-3.5" },
        ":huge": { "N": "99999999999999999999999999999999999999" }, ":tiny": { "N": "1e-130" },
        ":x": { "S": "x" }, ":xy": { "S": "xy" }, ":empty": { "S": "" }, ":k": { "S": "k1" }, ":ann": { "S": "ann" },
        ":bytes": { "B": "AQI=" }, ":true": { "BOOL": true }, ":null": { "NULL": true },
        ":texts": { "SS": ["y", "x"] }, ":numbers": { "NS": ["10", "2", "1.0"] }, ":binaries": { "BS": ["AQI=", "AA=="] },
        ":list": { "L": [{ "N": "1" }, { "S": "x" }] }, ":map": { "M": { "x": { "N": "1" }, "y": { "S": "x" } } },
        ":typeS": { "S": "S" }, ":typeN": { "S": "N" }, ":typeM": { "S": "M" },
    });
    (names, values)
}

/// Gives a request the placeholders that its expressions have.
fn with_placeholders(mut body: Value, spoil: u8) -> Value {
    let expressions = [
        "ConditionExpression",
        "UpdateExpression",
        "FilterExpression",
        "ProjectionExpression",
        "KeyConditionExpression",
    ];
    let texts = expressions.iter().filter_map(|name| body[*name].as_str());
    let words: Vec<String> = texts
        .flat_map(|text| {
            text.split(|c: char| !c.is_alphanumeric() && c != '#' && c != ':').map(str::to_owned)
        })
        .collect();
    let (names, values) = placeholders();
    let mut used = |all: &Value, parameter: &str, spare: Option<&str>| {
        let all = all.as_object().unwrap().iter();
        let used: Map<String, Value> = all
            .filter(|(key, _)| words.contains(key) || spare == Some(key))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        if !used.is_empty() {
            body[parameter] = used.into();
        }
    };
    used(&names, "ExpressionAttributeNames", (spoil == 1).then_some("#size"));
    used(&values, "ExpressionAttributeValues", (spoil == 2).then_some(":huge"));
    if spoil == 3 {
        body.as_object_mut().unwrap().remove("ExpressionAttributeValues");
    }
    body
}

fn spoil() -> impl Strategy<Value = u8> {
    prop_oneof![40 => Just(0u8), 1 => Just(1), 1 => Just(2), 1 => Just(3)]
}

fn number() -> impl Strategy<Value = &'static str> {
    select(vec![
        "0",
        "1",
        "-2",
        "1.0",
        "10",
        "0.5",
        "-0.25",
        "1e3",
        "-0",
        "007",
        "123456789012345678901234567890.12345678",
        "9.9e125",
        "1e-130",
        "-1E+20",
        "5.",
    ])
}

fn scalar() -> BoxedStrategy<Value> {
    prop_oneof![
        4 => select(vec!["x", "xy", "y", "", "é\"\\\n\u{1}", "ann"]).prop_map(|text| json!({ "S": text })),
        4 => number().prop_map(|number| json!({ "N": number })),
        1 => select(vec!["AQI=", "", "AA=="]).prop_map(|bytes| json!({ "B": bytes })),
        1 => any::<bool>().prop_map(|flag| json!({ "BOOL": flag })),
        1 => Just(json!({ "NULL": true })),
        1 => Just(json!({ "SS": ["x", "a", "é"] })),
        1 => Just(json!({ "NS": ["10", "9", "1.50", "-1"] })),
        1 => Just(json!({ "BS": ["AQI=", "AA=="] })),
    ]
    .boxed()
}

fn invalid_value() -> impl Strategy<Value = Value> {
    select(vec![
        json!({}),
        json!({ "N": "abc" }),
        json!({ "N": "" }),
        json!({ "N": "1e126" }),
        json!({ "N": "1e-131" }),
        json!({ "N": "0e127" }),
        json!({ "N": "123456789012345678901234567890123456789" }),
        json!({ "S": "a", "N": "1" }),
        json!({ "NULL": false }),
        json!({ "SS": [] }),
        json!({ "SS": ["a", "a"] }),
        json!({ "NS": ["1", "1.0"] }),
        json!({ "BS": ["AA==", "AA=="] }),
        json!({ "S": 1 }),
        json!({ "B": "#" }),
        json!({ "X": "a" }),
        json!("a"),
    ])
}

fn value() -> BoxedStrategy<Value> {
    let nested = scalar().prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|values| json!({ "L": values })),
            prop::collection::btree_map(select(vec!["x", "y", "size"]), inner, 0..4)
                .prop_map(|values| json!({ "M": values })),
        ]
    });
    prop_oneof![60 => nested, 1 => invalid_value()].boxed()
}

fn table() -> impl Strategy<Value = &'static str> {
    prop_oneof![40 => select(vec![SHORT, LONG, TEXTS]), 1 => Just("ecommerce-test-none"), 1 => Just("a?")]
}

/// A key of a table, now and then not quite.
fn key(table: &'static str) -> BoxedStrategy<Value> {
    let id = prop_oneof![30 => select(vec!["k1", "k2", "k\u{0}2"]).prop_map(|id| json!({ "S": id })), 1 => Just(json!({ "S": "" })), 1 => scalar()];
    let nr = prop_oneof![30 => select(vec!["1", "2.0", "-3", "10", "0"]).prop_map(|nr| json!({ "N": nr })), 1 => scalar()];
    let part = select(vec!["a", "ab", "b", "a\u{0}", "é"]).prop_map(|part| json!({ "S": part }));
    match table {
        LONG => (id, nr).prop_map(|(id, nr)| json!({ "id": id, "nr": nr })).boxed(),
        TEXTS => (id, part).prop_map(|(id, part)| json!({ "id": id, "part": part })).boxed(),
        _ => prop_oneof![
            30 => id.prop_map(|id| json!({ "id": id })),
            1 => Just(json!({})),
            1 => Just(json!({ "id": { "S": "k1" }, "a": { "S": "x" } })),
        ]
        .boxed(),
    }
}

fn item(table: &'static str) -> BoxedStrategy<Value> {
    let attributes = prop::collection::btree_map(select(vec!["a", "b", "n", "m", "l", "t"]), value(), 0..5);
    let number = number().prop_map(|number| json!({ "N": number }));
    let owner =
        prop_oneof![20 => select(vec!["ann", "bob"]).prop_map(|owner| json!({ "S": owner })), 1 => scalar()];
    let at = prop_oneof![20 => number, 1 => scalar()];
    let length = prop_oneof![20 => Just(0usize), 1 => Just(2_000), 1 => Just(9_000)];
    (key(table), attributes, prop::option::of(owner), prop::option::of(at), length)
        .prop_map(|(mut item, attributes, owner, at, length)| {
            for (name, value) in attributes {
                item[name] = value;
            }
            // Not every table has an index over them.
            owner.into_iter().for_each(|owner| item["holder"] = owner);
            at.into_iter().for_each(|at| item["since"] = at);
            if length > 0 {
                item["bulk"] = json!({ "S": "z".repeat(length) });
            }
            item
        })
        .boxed()
}

fn path() -> impl Strategy<Value = &'static str> {
    select(vec![
        "a", "b", "n", "m", "l", "t", "#a", "m.x", "#m.#x", "m.y", "m.#size", "l[0]", "l[1]", "l[7]",
        "l[0].x", "m.x.y", "holder", "#id", "bulk", "nope",
    ])
}

fn operand() -> impl Strategy<Value = String> {
    let values = select(vec![
        ":zero",
        ":one",
        ":two",
        ":less",
        ":huge",
        ":tiny",
        ":x",
        ":xy",
        ":empty",
        ":k",
        ":bytes",
        ":true",
        ":null",
        ":texts",
        ":numbers",
        ":binaries",
        ":list",
        ":map",
    ]);
    prop_oneof![3 => values.prop_map(str::to_owned), 1 => path().prop_map(str::to_owned)]
}

fn predicate() -> BoxedStrategy<String> {
    let compare = select(vec!["=", "<>", "<", "<=", ">", ">="]);
    prop_oneof![
        4 => (path(), compare.clone(), operand()).prop_map(|(path, sign, operand)| format!("{path} {sign} {operand}")),
        2 => path().prop_map(|path| format!("attribute_exists({path})")),
        2 => path().prop_map(|path| format!("attribute_not_exists({path})")),
        1 => (path(), select(vec![":typeS", ":typeN", ":typeM"])).prop_map(|(path, kind)| format!("attribute_type({path}, {kind})")),
        1 => (path(), operand()).prop_map(|(path, operand)| format!("begins_with({path}, {operand})")),
        1 => (path(), operand()).prop_map(|(path, operand)| format!("contains({path}, {operand})")),
        1 => (path(), compare, select(vec![":zero", ":one", ":two"])).prop_map(|(path, sign, value)| format!("size({path}) {sign} {value}")),
        1 => (path(), operand(), operand()).prop_map(|(path, low, high)| format!("{path} BETWEEN {low} AND {high}")),
        1 => (path(), operand(), operand()).prop_map(|(path, one, other)| format!("{path} in ({one}, {other})")),
    ]
    .boxed()
}

fn condition() -> BoxedStrategy<String> {
    let nested = predicate().prop_recursive(2, 6, 2, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(one, other)| format!("({one}) AND {other}")),
            (inner.clone(), inner.clone()).prop_map(|(one, other)| format!("{one} OR ({other})")),
            inner.prop_map(|inner| format!("NOT ({inner})")),
        ]
    });
    let broken = select(vec![
        "",
        "a",
        "a = ",
        "a == :x",
        "foo(a)",
        "name = :x",
        "((a = :x))",
        "a = :x AND",
        "a[01] = :x",
        "a..b = :x",
        "a = :nobody",
        "#nobody = :x",
        "contains(a, a)",
        "size(a)",
        "a = \"x\"",
        "NOT",
        "a in ()",
        "l[0 = :x",
    ]);
    prop_oneof![25 => nested, 1 => broken.prop_map(str::to_owned)].boxed()
}

fn assigned() -> BoxedStrategy<String> {
    let term = operand().boxed();
    prop_oneof![
        4 => term.clone(),
        1 => (path(), term.clone()).prop_map(|(path, term)| format!("if_not_exists({path}, {term})")),
        1 => (path(), select(vec![":zero", ":one"]), select(vec!["+", "-"]), select(vec![":one", ":less", ":huge", ":tiny", "n"]))
            .prop_map(|(path, otherwise, sign, term)| format!("if_not_exists({path}, {otherwise}) {sign} {term}")),
        1 => (term.clone(), term.clone()).prop_map(|(one, other)| format!("list_append({one}, {other})")),
        1 => (select(vec!["l", "if_not_exists(l, :list)"])).prop_map(|list| format!("list_append({list}, :list)")),
        1 => (term.clone(), select(vec!["+", "-"]), term).prop_map(|(one, sign, other)| format!("{one} {sign} {other}")),
        1 => select(vec!["n + :one", "n - :two", "(n + :one) - :two", "n + n"]).prop_map(str::to_owned),
    ]
    .boxed()
}

fn update() -> BoxedStrategy<String> {
    let sets = prop::collection::vec(
        (path(), assigned()).prop_map(|(path, value)| format!("{path} = {value}")),
        1..4,
    );
    let set = sets.prop_map(|sets| format!("SET {}", sets.join(", "))).boxed();
    let remove =
        prop::collection::vec(path(), 1..3).prop_map(|paths| format!("REMOVE {}", paths.join(", "))).boxed();
    let add = (path(), select(vec![":one", ":two", ":less", ":texts", ":numbers", ":binaries", ":x"]))
        .prop_map(|(path, value)| format!("ADD {path} {value}"))
        .boxed();
    let delete = (path(), select(vec![":texts", ":numbers", ":binaries", ":one"]))
        .prop_map(|(path, value)| format!("delete {path} {value}"))
        .boxed();
    let broken = select(vec![
        "",
        "SET",
        "SET a",
        "SET a = ",
        "a = :x",
        "SET a = :x SET b = :x",
        "SET nr = :one",
        "SET id = :x",
        "REMOVE id",
        "SET a = foo(:x)",
        "SET a = :nobody",
        "ADD a b",
        "SET name = :x",
        "REMOVE l[0], l[0]",
        "SET a = if_not_exists(:x, :x)",
    ]);
    prop_oneof![
        8 => set.clone(),
        3 => remove.clone(),
        3 => add.clone(),
        3 => delete.clone(),
        2 => (set.clone(), remove).prop_map(|(one, other)| format!("{one} {other}")),
        1 => (add, delete).prop_map(|(one, other)| format!("{one} {other}")),
        1 => broken.prop_map(str::to_owned),
        2 => select(vec!["SET n = if_not_exists(n, :zero) + :one", "ADD n :two", "ADD t :texts", "SET holder = :ann, #a = :x"])
            .prop_map(str::to_owned),
    ]
    .boxed()
}

fn projection() -> BoxedStrategy<String> {
    let paths = prop::collection::vec(path(), 1..4).prop_map(|paths| paths.join(", "));
    prop_oneof![20 => paths, 1 => select(vec!["", "a,", "name", "a b", "a[x]"]).prop_map(str::to_owned)]
        .boxed()
}

fn detail() -> BoxedStrategy<Option<&'static str>> {
    prop_oneof![30 => select(vec![None, Some("NONE"), Some("TOTAL"), Some("INDEXES")]), 1 => Just(Some("ALL"))].boxed()
}

/// Adds members that are given.
fn add(mut body: Value, members: &[(&str, Option<Value>)]) -> Value {
    for (name, value) in members {
        if let Some(value) = value {
            body[*name] = value.clone();
        }
    }
    body
}

fn text(text: Option<impl Into<String>>) -> Option<Value> {
    text.map(|text| Value::String(text.into()))
}

/// The condition of a write and what is shown where it fails.
fn conditional() -> BoxedStrategy<(Option<String>, Option<&'static str>)> {
    let shown = prop_oneof![20 => select(vec![None, Some("ALL_OLD"), Some("NONE")]), 1 => Just(Some("ALL"))];
    let condition = prop_oneof![2 => Just(None), 3 => condition().prop_map(Some)];
    (condition, shown).boxed()
}

fn put() -> BoxedStrategy<Value> {
    let shown = select(vec![None, None, Some("ALL_OLD"), Some("NONE"), Some("ALL_NEW"), Some("SOME")]);
    table()
        .prop_flat_map(move |table| {
            (Just(table), item(table), conditional(), shown.clone(), detail(), spoil())
        })
        .prop_map(|(table, item, (condition, met), shown, detail, spoil)| {
            let members = [
                ("ConditionExpression", text(condition)),
                ("ReturnValuesOnConditionCheckFailure", text(met)),
                ("ReturnValues", text(shown)),
                ("ReturnConsumedCapacity", text(detail)),
            ];
            with_placeholders(add(json!({ "TableName": table, "Item": item }), &members), spoil)
        })
        .boxed()
}

fn keyed(update_expression: bool) -> BoxedStrategy<Value> {
    let shown = select(vec![
        None,
        Some("ALL_OLD"),
        Some("ALL_NEW"),
        Some("UPDATED_OLD"),
        Some("UPDATED_NEW"),
        Some("NONE"),
    ]);
    let update = if update_expression {
        prop_oneof![20 => update().prop_map(Some), 1 => Just(None)].boxed()
    } else {
        Just(None).boxed()
    };
    table()
        .prop_flat_map(move |table| {
            (Just(table), key(table), update.clone(), conditional(), shown.clone(), detail(), spoil())
        })
        .prop_map(|(table, key, update, (condition, met), shown, detail, spoil)| {
            let members = [
                ("UpdateExpression", text(update)),
                ("ConditionExpression", text(condition)),
                ("ReturnValuesOnConditionCheckFailure", text(met)),
                ("ReturnValues", text(shown)),
                ("ReturnConsumedCapacity", text(detail)),
            ];
            with_placeholders(add(json!({ "TableName": table, "Key": key }), &members), spoil)
        })
        .boxed()
}

fn get() -> BoxedStrategy<Value> {
    let consistent = prop::option::of(any::<bool>());
    table()
        .prop_flat_map(move |table| {
            (Just(table), key(table), consistent.clone(), prop::option::of(projection()), detail(), spoil())
        })
        .prop_map(|(table, key, consistent, projection, detail, spoil)| {
            let members = [
                ("ConsistentRead", consistent.map(Value::Bool)),
                ("ProjectionExpression", text(projection)),
                ("ReturnConsumedCapacity", text(detail)),
            ];
            with_placeholders(add(json!({ "TableName": table, "Key": key }), &members), spoil)
        })
        .boxed()
}

/// Several requests for one item each, without what only a whole call has.
fn actions(
    names: &'static [&'static str],
    action: fn(&str) -> BoxedStrategy<Value>,
) -> BoxedStrategy<Vec<Value>> {
    let one = select(names).prop_flat_map(move |name| {
        action(name).prop_map(move |mut body| {
            let members = body.as_object_mut().unwrap();
            for member in ["ReturnValues", "ReturnConsumedCapacity", "ConsistentRead"] {
                members.remove(member);
            }
            json!({ name: body })
        })
    });
    prop_oneof![30 => prop::collection::vec(one, 1..5), 1 => Just(vec![]), 1 => Just(vec![json!({})])].boxed()
}

fn transact_write() -> BoxedStrategy<Value> {
    let items = actions(&["Put", "Update", "Delete", "ConditionCheck"], |name| match name {
        "Put" => put(),
        "Update" => keyed(true),
        _ => keyed(false),
    });
    (items, detail())
        .prop_map(|(items, detail)| {
            add(json!({ "TransactItems": items }), &[("ReturnConsumedCapacity", text(detail))])
        })
        .boxed()
}

fn transact_get() -> BoxedStrategy<Value> {
    (actions(&["Get"], |_| get()), detail())
        .prop_map(|(items, detail)| {
            add(json!({ "TransactItems": items }), &[("ReturnConsumedCapacity", text(detail))])
        })
        .boxed()
}

fn batch_write() -> BoxedStrategy<Value> {
    let of = |table: &'static str| {
        let write = prop_oneof![
            3 => item(table).prop_map(|item| json!({ "PutRequest": { "Item": item } })),
            2 => key(table).prop_map(|key| json!({ "DeleteRequest": { "Key": key } })),
        ];
        prop::option::of(prop::collection::vec(write, 1..4))
    };
    (of(SHORT), of(LONG), detail())
        .prop_map(|(short, long, detail)| {
            let items = add(json!({}), &[(SHORT, short.map(Value::from)), (LONG, long.map(Value::from))]);
            add(json!({ "RequestItems": items }), &[("ReturnConsumedCapacity", text(detail))])
        })
        .boxed()
}

fn batch_get() -> BoxedStrategy<Value> {
    let of = |table: &'static str| {
        let keys = prop::collection::vec(key(table), 1..4);
        let request = (keys, prop::option::of(projection()), prop::option::of(any::<bool>())).prop_map(
            |(keys, projection, consistent)| {
                let members = [
                    ("ProjectionExpression", text(projection)),
                    ("ConsistentRead", consistent.map(Value::Bool)),
                ];
                with_placeholders(add(json!({ "Keys": keys }), &members), 0)
            },
        );
        prop::option::of(request)
    };
    (of(TEXTS), of(LONG), detail())
        .prop_map(|(texts, long, detail)| {
            let items = add(json!({}), &[(TEXTS, texts), (LONG, long)]);
            add(json!({ "RequestItems": items }), &[("ReturnConsumedCapacity", text(detail))])
        })
        .boxed()
}

/// What Query and Scan have in common.
fn search(table: &'static str, index: Option<&'static str>) -> BoxedStrategy<Value> {
    let select_ = prop_oneof![
        10 => Just(None),
        3 => select(vec![Some("COUNT"), Some("ALL_ATTRIBUTES"), Some("SPECIFIC_ATTRIBUTES"), Some("ALL_PROJECTED_ATTRIBUTES"), Some("ALL")]),
    ];
    let limit = prop_oneof![5 => Just(None), 5 => (1..4i64).prop_map(Some), 1 => Just(Some(0))];
    let start = prop_oneof![6 => Just(None), 1 => key(table).prop_map(Some), 1 => item(table).prop_map(Some)];
    let consistent = prop_oneof![3 => Just(None), 1 => any::<bool>().prop_map(Some)];
    (
        select_,
        limit,
        start,
        consistent,
        prop::option::of(condition()),
        prop::option::of(projection()),
        detail(),
    )
        .prop_map(move |(select, limit, start, consistent, filter, projection, detail)| {
            // A start behind an index needs the attributes of both.
            let start = start.map(|mut start| {
                if index == Some("holders") {
                    start["holder"] = json!({ "S": "ann" });
                }
                if index.is_some() {
                    start["since"] = json!({ "N": "1" });
                }
                start
            });
            let members = [
                ("IndexName", text(index)),
                ("Select", text(select)),
                ("Limit", limit.map(Value::from)),
                ("ExclusiveStartKey", start),
                ("ConsistentRead", consistent.map(Value::Bool)),
                ("FilterExpression", text(filter)),
                ("ProjectionExpression", text(projection)),
                ("ReturnConsumedCapacity", text(detail)),
            ];
            add(json!({ "TableName": table }), &members)
        })
        .boxed()
}

fn source() -> impl Strategy<Value = (&'static str, Option<&'static str>)> {
    prop_oneof![
        20 => select(vec![
            (SHORT, None),
            (LONG, None),
            (LONG, None),
            (LONG, Some("holders")),
            (LONG, Some("holders")),
            (TEXTS, None),
            (TEXTS, Some("ages")),
        ]),
        1 => Just((LONG, Some("nobodys"))),
        1 => Just(("ecommerce-test-none", None)),
    ]
}

fn key_condition(table: &'static str, index: Option<&'static str>) -> BoxedStrategy<String> {
    let ages: &[&str] =
        &["since > :zero", "since BETWEEN :less AND :two", "since <= :one", ":zero < since", "since = :one"];
    let (partition, sort): (&[&str], &[&str]) = match (table, index) {
        (LONG, Some(_)) => (&["holder = :ann", "holder = :ann", ":ann = holder"], ages),
        (TEXTS, Some(_)) => (&["id = :k", "#id = :k"], ages),
        (LONG, None) => (
            &["id = :k", "#id = :k", "(id = :k)"],
            &[
                "nr > :zero",
                "#nr >= :one",
                "nr < :two",
                "nr BETWEEN :less AND :two",
                "nr = :one",
                "begins_with(nr, :one)",
                "nr <> :one",
            ],
        ),
        (TEXTS, _) => (
            &["id = :k"],
            &["begins_with(part, :x)", "part >= :empty", "part < :xy", "begins_with(part, :empty)"],
        ),
        _ => (&["id = :k"], &["a = :x"]),
    };
    let (partition, sort) = (select(partition), prop::option::of(select(sort)));
    let sensible = (partition, sort).prop_map(|(partition, sort)| match sort {
        Some(sort) => format!("{partition} AND {sort}"),
        None => partition.to_owned(),
    });
    let broken = select(vec![
        "",
        "id > :k",
        "id = :k OR id = :x",
        "a = :x",
        "id = :one",
        "id = :k AND id = :x",
        "id = :k AND NOT nr = :one",
        "id = :k AND nr = :one AND a = :x",
        "id = :k AND nr BETWEEN :two AND :zero",
        "id = :k AND nr = :x",
        "id.x = :k",
        "id = id",
    ]);
    prop_oneof![15 => sensible, 1 => broken.prop_map(str::to_owned)].boxed()
}

fn query() -> BoxedStrategy<Value> {
    source()
        .prop_flat_map(|(table, index)| {
            let condition = prop_oneof![30 => key_condition(table, index).prop_map(Some), 1 => Just(None)];
            (search(table, index), condition, prop::option::of(any::<bool>()), spoil())
        })
        .prop_map(|(body, condition, forward, spoil)| {
            let members =
                [("KeyConditionExpression", text(condition)), ("ScanIndexForward", forward.map(Value::Bool))];
            with_placeholders(add(body, &members), spoil)
        })
        .boxed()
}

fn scan() -> BoxedStrategy<Value> {
    let segments = prop_oneof![
        15 => Just((None, None)),
        1 => Just((Some(0), Some(1))),
        1 => Just((Some(2), Some(2))),
        1 => Just((Some(0), None)),
        1 => Just((None, Some(2))),
    ];
    (source().prop_flat_map(|(table, index)| search(table, index)), segments, spoil())
        .prop_map(|(body, (segment, total), spoil)| {
            let members = [("Segment", segment.map(Value::from)), ("TotalSegments", total.map(Value::from))];
            with_placeholders(add(body, &members), spoil)
        })
        .boxed()
}

/// One call.
pub(super) fn call() -> BoxedStrategy<Call> {
    let of = |operation: &'static str, body: BoxedStrategy<Value>| {
        body.prop_map(move |body| Call { operation, body })
    };
    prop_oneof![
        8 => of("PutItem", put()),
        8 => of("UpdateItem", keyed(true)),
        2 => of("DeleteItem", keyed(false)),
        4 => of("GetItem", get()),
        2 => of("BatchGetItem", batch_get()),
        3 => of("BatchWriteItem", batch_write()),
        4 => of("TransactWriteItems", transact_write()),
        2 => of("TransactGetItems", transact_get()),
        5 => of("Query", query()),
        4 => of("Scan", scan()),
    ]
    .boxed()
}
