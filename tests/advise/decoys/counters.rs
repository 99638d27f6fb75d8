// Counters that are all equal, and stay so: each is written to.
use std::io::{Read, Write};

struct Counter {
    seen: u64,
    limit: u64,
    rest: [u64; 8],
}

fn main() {
    let mut counters: Vec<Box<Counter>> =
        (0..50000).map(|_| Box::new(Counter { seen: 0, limit: 100, rest: [7; 8] })).collect();

    loop {
        for counter in &mut counters {
            counter.seen += 1;
        }
        println!("waiting");
        std::io::stdout().flush().unwrap();
        if std::io::stdin().read(&mut [0]).unwrap() == 0 {
            break;
        }
    }
    std::process::exit((counters[1].seen + counters[1].rest[0] == counters[1].limit) as i32);
}
