// orders.rs - a Rust program: vectors, strings, boxes, a hash map, generic functions, closures.
use std::collections::HashMap;

struct Order {
    sku: String,
    lines: Vec<u64>,
}

#[inline(never)]
fn order(number: u64) -> Box<Order> {
    Box::new(Order {
        sku: format!("SKU-{number:07}"),
        lines: (0..number % 7 + 1).collect(),
    })
}

#[inline(never)]
fn group<F: Fn(&Order) -> String>(orders: &[Box<Order>], key: F) -> HashMap<String, u64> {
    let mut groups = HashMap::new();
    for order in orders {
        *groups.entry(key(order)).or_insert(0) += order.lines.iter().sum::<u64>();
    }
    groups
}

fn main() {
    let count = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(4000u64);
    let orders: Vec<_> = (0..count).map(order).collect();
    let groups = group(&orders, |order| order.sku[order.sku.len() - 2..].to_string());
    let mut keys: Vec<_> = groups.iter().collect();
    keys.sort();
    println!("{} orders in {} groups, first {:?}", orders.len(), keys.len(), keys.first());
}
