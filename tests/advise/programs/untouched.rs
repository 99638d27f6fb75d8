// Room for all that might come, or for what comes.
use std::io::{Read, Write};

fn main() {
    let room = 64 << 20; // faulty
    let room = 1 << 20;  // mended
    let mut text: Vec<u8> = Vec::with_capacity(room); // HERE

    text.resize(1 << 20, b'x');
    println!("waiting");
    std::io::stdout().flush().unwrap();
    std::io::stdin().read(&mut [0]).unwrap();
    std::process::exit((unsafe { text.as_ptr().add(1).read_volatile() } == b'y') as i32);
}
