// A text that is made anew with each word, or gets the words appended.
use std::fmt::Write;

fn main() {
    let mut text = String::new();

    for i in 0..10000 {
        text = format!("{text}{} ", i % 100);  // faulty HERE
        write!(text, "{} ", i % 100).unwrap(); // mended
    }
    println!("{}", text.len());
}
