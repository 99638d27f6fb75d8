// Records with a town each, of which there are few: each has its own text, or they share them.
use std::collections::HashSet;
use std::io::{Read, Write};
use std::rc::Rc;

struct Record {
    town: String,  // faulty
    town: Rc<str>, // mended
}

fn read(line: &str, known: &mut HashSet<Rc<str>>) -> Record {
    if !known.contains(line) {     // mended
        known.insert(line.into()); // mended
    }                              // mended
    Record {
        town: line.to_string(),                 // faulty HERE
        town: known.get(line).unwrap().clone(), // mended
    }
}

fn main() {
    let mut known = HashSet::new();
    let records: Vec<Record> = (0..50000)
        .map(|i| read(&format!("a town by the sea, not far from mile {} of the coast road", i % 30), &mut known))
        .collect();

    println!("waiting");
    std::io::stdout().flush().unwrap();
    std::io::stdin().read(&mut [0]).unwrap();
    std::process::exit(records[1].town.starts_with('x') as i32);
}
