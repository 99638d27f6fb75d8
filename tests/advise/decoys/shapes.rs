// Shapes of several sizes, which have to be in a box each; texts that are made one by one and kept; numbers that are collected
// for each of them, all of different lengths.
trait Shape {
    fn area(&self) -> f64;
}

struct Square(f64);
struct Rectangle([f64; 2]);
struct Polygon([f64; 20]);

impl Shape for Square {
    fn area(&self) -> f64 {
        self.0 * self.0
    }
}

impl Shape for Rectangle {
    fn area(&self) -> f64 {
        self.0[0] * self.0[1]
    }
}

impl Shape for Polygon {
    fn area(&self) -> f64 {
        self.0.iter().sum()
    }
}

fn shape(i: u32) -> Box<dyn Shape> {
    match i % 3 {
        0 => Box::new(Square(i as f64)),
        1 => Box::new(Rectangle([i as f64, 2.0])),
        _ => Box::new(Polygon([i as f64; 20])),
    }
}

fn main() {
    let shapes: Vec<_> = (0..20000).map(shape).collect();
    let names: Vec<_> = (0..20000).map(|i| format!("shape number {i}, with a name of its own")).collect();
    let mut sum = 0.0;

    for (shape, name) in shapes.iter().zip(&names) {
        let parts: Vec<f64> = (0..name.len() % 7).map(|part| part as f64).collect();
        sum += shape.area() + parts.iter().sum::<f64>();
    }
    println!("{sum}");
}
