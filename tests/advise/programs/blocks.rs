// A buffer for each block that is read, or one for all.
use std::io::Read;

fn main() {
    let mut sum = 0;
    let mut buffer = vec![0u8; 4096]; // mended

    for i in 0..20000u32 {
        let mut buffer = vec![0u8; 4096]; // faulty HERE
        let count = std::io::repeat(i as u8).take(4000).read(&mut buffer).unwrap();
        sum += buffer[..count].iter().map(|&byte| byte as u64).sum::<u64>();
    }
    println!("{sum}");
}
