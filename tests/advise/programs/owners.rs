// Orders and their customers, who know each other: neither is freed as long as the other one holds it.
use std::cell::RefCell;
use std::os::raw::{c_char, c_void};
use std::rc::{Rc, Weak};

struct Customer {
    name: [u8; 200],
    orders: RefCell<Vec<Rc<Order>>>,
}

struct Order {
    customer: RefCell<Option<Rc<Customer>>>, // faulty
    customer: RefCell<Weak<Customer>>,       // mended
    lines: [u64; 40],
}

extern "C" {
    fn dlsym(handle: *mut c_void, name: *const c_char) -> *mut c_void;
}

/// As trace_mark() of trace.h does it: nothing, if nobody traces.
fn mark(name: &[u8]) {
    unsafe {
        let mark = dlsym(std::ptr::null_mut(), b"libtrace_mark\0".as_ptr().cast());
        if !mark.is_null() {
            std::mem::transmute::<*mut c_void, extern "C" fn(*const c_char)>(mark)(name.as_ptr().cast());
        }
    }
}

fn serve(number: u64) -> u64 {
    let customer = Rc::new(Customer { name: [number as u8; 200], orders: RefCell::new(Vec::new()) });
    let order = Rc::new(Order { // HERE
        customer: Default::default(),
        lines: [number; 40],
    });
    *order.customer.borrow_mut() = Some(customer.clone());   // faulty
    *order.customer.borrow_mut() = Rc::downgrade(&customer); // mended
    customer.orders.borrow_mut().push(order.clone());
    order.lines.iter().sum::<u64>() + customer.name[0] as u64
}

fn main() {
    let mut sum = 0;

    for batch in 0..20 {
        for i in 0..1000 {
            sum += serve(batch * 1000 + i);
        }
        mark(b"batch\0");
    }
    println!("{sum}");
}
