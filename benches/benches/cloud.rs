//! The embedded DynamoDB through its in-process door, with the real SDK: a get, a put, a transaction; fresh, and again
//! after 50,000 writes, which must cost about the same. Beside it the same calls into dynoxide, an emulator over SQLite.
#![allow(missing_docs)] // criterion's macros

use benches::shelf::Shelf;
use criterion::{Criterion, criterion_group, criterion_main};
use tokio::runtime::Runtime;

/// Writes between the two measurements.
const WRITES: u64 = 50_000;

fn dynamodb(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let shelves = [("embedded DynamoDB", runtime.block_on(Shelf::start())), ("dynoxide", Shelf::of_peer())];
    for (name, shelf) in shelves {
        runtime.block_on(shelf.put());
        for state in ["fresh", "after 50,000 writes"] {
            measure(criterion, &runtime, &shelf, &format!("{name}, {state}"));
            runtime.block_on(async {
                while shelf.written() < WRITES {
                    shelf.put().await;
                }
            });
        }
    }
}

fn measure(criterion: &mut Criterion, runtime: &Runtime, shelf: &Shelf, name: &str) {
    let mut group = criterion.benchmark_group(name);
    group.bench_function("get", |bencher| bencher.to_async(runtime).iter(|| shelf.get()));
    group.bench_function("put", |bencher| bencher.to_async(runtime).iter(|| shelf.put()));
    group.bench_function("transaction of 3", |bencher| bencher.to_async(runtime).iter(|| shelf.transact()));
    group.finish();
}

criterion_group!(benches, dynamodb);
criterion_main!(benches);
