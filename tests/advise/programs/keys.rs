// A map that grows to its size, or has it from the beginning.
use std::collections::HashMap;

fn main() {
    let mut map: HashMap<u64, u64> = HashMap::new();                  // faulty
    let mut map: HashMap<u64, u64> = HashMap::with_capacity(1000000); // mended

    for i in 0..1000000 {
        map.insert(i * 7919, i); // faulty HERE
        map.insert(i * 7919, i); // mended
    }
    println!("{}", map.values().sum::<u64>());
}
