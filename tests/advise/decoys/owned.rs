// Messages of which each belongs to the one who got it: all are kept by another thread, which drops them at its end.
use std::sync::mpsc::channel;

fn main() {
    let (there, messages) = channel::<String>();
    let keeper = std::thread::spawn(move || {
        let kept: Vec<String> = messages.iter().collect();
        kept.iter().map(|message| message.len()).sum::<usize>()
    });

    for i in 0..120000 {
        there.send(format!("message {i} for the other thread, which is no small block and is not written by anybody else")).unwrap();
    }
    drop(there);
    println!("{}", keeper.join().unwrap());
}
