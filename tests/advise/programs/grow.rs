// A vector that is told of each element, or grows by itself.
use std::ffi::{c_char, c_void, CStr};

extern "C" {
    fn dlsym(handle: *mut c_void, name: *const c_char) -> *mut c_void;
}

/// As trace_mark() of trace.h does it: nothing, if nobody traces.
fn mark(name: &CStr) {
    unsafe {
        let mark = dlsym(std::ptr::null_mut(), c"libtrace_mark".as_ptr());
        if !mark.is_null() {
            std::mem::transmute::<*mut c_void, extern "C" fn(*const c_char)>(mark)(name.as_ptr());
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
            mark(c"a tenth");
        }
    }
    println!("{}", values.iter().sum::<u64>());
}
