// A Rust program with generics of the standard library, closures and boxed functions.
use std::collections::HashMap;

struct Shop {
    items: HashMap<String, Vec<u64>>,
}

impl Shop {
    fn add(&mut self, key: &str, count: u64) {
        self.items.entry(key.to_string()).or_default().push(count);
    }

    fn total(&self) -> u64 {
        self.items.values().flat_map(|v| v.iter()).map(|x| x * 2).sum()
    }
}

fn main() {
    let mut shop = Shop { items: HashMap::new() };
    for i in 0..10 {
        shop.add(&format!("k{}", i), i);
    }
    let steps: Vec<Box<dyn Fn(u64) -> u64>> = vec![Box::new(|x| x + 1), Box::new(|x| x * 3)];
    println!("{}", steps.iter().fold(shop.total(), |sum, step| step(sum)));
}
