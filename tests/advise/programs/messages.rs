// Messages from one thread to another: each made for its way and dropped by who reads it, or handed back.
use std::fmt::Write;
use std::sync::mpsc::sync_channel;

fn main() {
    let (there, messages) = sync_channel::<String>(64);
    let (back, used) = sync_channel::<String>(256); // mended
    let producer = std::thread::spawn(move || {
        for i in 0..150000u64 {
            let mut message = String::with_capacity(100);                                    // faulty HERE
            let mut message = used.try_recv().unwrap_or_else(|_| String::with_capacity(100)); // mended
            message.clear();
            write!(message, "message {i}").unwrap();
            there.send(message).unwrap();
        }
    });
    let mut sum = 0;

    for message in messages {
        sum += message.len();
        let _ = back.try_send(message); // mended
    }
    producer.join().unwrap();
    println!("{sum}");
}
