// Points in a box each, or side by side.
struct Point {
    x: f64,
    y: f64,
}

fn main() {
    let mut points: Vec<Box<Point>> = Vec::with_capacity(200000); // faulty
    let mut points: Vec<Point> = Vec::with_capacity(200000);      // mended

    for i in 0..200000 {
        let point = Point { x: i as f64, y: 0.5 };
        points.push(Box::new(point)); // faulty HERE
        points.push(point);           // mended
    }
    println!("{}", points.iter().map(|point| point.x * point.y).sum::<f64>());
}
