// A tree whose nodes lie in one vector and refer to each other by index; and boxes that come and go in another order.
struct Node {
    value: u64,
    left: Option<usize>,
    right: Option<usize>,
}

fn insert(nodes: &mut Vec<Node>, value: u64) {
    let new = nodes.len();
    let mut at = 0;

    nodes.push(Node { value, left: None, right: None });
    while at < new {
        let node = &mut nodes[at];
        let next = if value < node.value { &mut node.left } else { &mut node.right };
        at = *next.get_or_insert(new);
    }
}

fn main() {
    let mut nodes = Vec::with_capacity(50000);
    let mut random = 1u64;
    let mut queue: Vec<Option<Box<[u64; 12]>>> = (0..5000).map(|_| None).collect();

    for i in 0..50000u64 {
        random = random.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        insert(&mut nodes, random >> 20);
        queue[(random >> 33) as usize % 5000] = Some(Box::new([i; 12]));
    }
    println!("{}", nodes.len() + queue.iter().flatten().count());
}
