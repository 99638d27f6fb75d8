// Servers that hold some megabytes more in the end than in the beginning, and leak nothing, see server.h.
mod server;

use std::collections::{HashMap, VecDeque};

fn main() {
    let mut known: HashMap<usize, Vec<u8>> = HashMap::new();
    let mut order: VecDeque<usize> = VecDeque::new();
    let kind = std::env::args().nth(1).unwrap();

    server::run(|tick| match kind.as_str() {
        // The 4,000 that came last.
        "fifo" => {
            for i in 0..20 {
                known.insert(tick * 20 + i, vec![1; 1500]);
                order.push_back(tick * 20 + i);
                if order.len() > 4000 {
                    known.remove(&order.pop_front().unwrap());
                }
            }
        }
        // Each of 5,000 keys once.
        "memo" => {
            for i in 0..20 {
                let key = (tick * 20 + i) * 7919 * (1 + tick % 7) % 5000;
                known.entry(key).or_insert_with(|| vec![1; 1500]);
            }
        }
        _ => panic!(),
    });
}
