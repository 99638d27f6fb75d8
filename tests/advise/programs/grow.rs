// A vector that is told of each element, or grows by itself.
use std::os::raw::{c_char, c_void};

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

fn main() {
    let count = 20000;
    let mut values: Vec<u64> = Vec::new();

    for i in 0..count {
        values.reserve_exact(1); // faulty HERE
        values.push(i * 7 % 1000);
        if i % (count / 10) == count / 20 {
            mark(b"a tenth\0");
        }
    }
    println!("{}", values.iter().sum::<u64>());
}
