// A line for each record, or one for all.
use std::fmt::Write;

fn main() {
    let mut sum = 0;
    let mut line = String::new(); // mended

    for i in 0..200000u64 {
        line.clear();                                                 // mended
        write!(line, "record {i}, of which there are many").unwrap(); // mended
        let line = format!("record {i}, of which there are many");    // faulty HERE
        sum += line.len();
    }
    println!("{sum}");
}
