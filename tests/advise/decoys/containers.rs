// What containers do by themselves: they grow by factors, and keep what they have.
use std::collections::{BTreeMap, HashMap, VecDeque};

fn main() {
    let mut vector = Vec::new();
    let mut queue = VecDeque::new();
    let mut text = String::new();
    let mut map = HashMap::new();
    let mut tree = BTreeMap::new();
    let mut reserved = Vec::with_capacity(20000);

    for i in 0..20000u64 {
        vector.push(i);
        queue.push_back(i);
        text += "some words ";
        map.insert(i % 1000, format!("the value {i}"));
        tree.insert(i * 31 % 1000, i.to_string());
        reserved.push("x".repeat(30 + i as usize % 40));
    }
    println!("{}", vector.len() + queue.len() + text.len() + map.len() + tree.len() + reserved.len());
}
