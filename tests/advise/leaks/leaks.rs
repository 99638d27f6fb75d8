// Servers that leak 1 MB a minute, see server.h. Each says in its line LEAK which kind it is.
mod server;

use server::LEAKED;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

struct Node {
    next: RefCell<Option<Rc<Node>>>,
    text: [u8; 960],
}

/// Objects that count themselves.
fn cycles(tick: usize) {
    for _ in 0..LEAKED / 1000 {
        let node = Rc::new(Node { next: RefCell::new(None), text: [tick as u8; 960] }); // LEAK cycles
        assert!(node.text[0] == tick as u8);
        *node.next.borrow_mut() = Some(node.clone());
    }
}

fn main() {
    let mut sessions: HashMap<usize, Vec<u8>> = HashMap::new();
    let kind = std::env::args().nth(1).unwrap();

    server::run(|tick| match kind.as_str() {
        "cycles" => cycles(tick),
        "table" => {
            for i in 0..LEAKED / 1000 {
                sessions.insert(tick * 10 + i, vec![tick as u8; 1000]); // LEAK table
            }
        }
        _ => panic!(),
    });
}
