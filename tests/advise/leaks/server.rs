// As server.h: TICKS are ten minutes, 600 MB are allocated and freed in each; ends when it is stopped.
use std::os::raw::{c_char, c_void};
use std::time::{Duration, Instant};

pub const TICKS: usize = 1000;
#[allow(dead_code)]
pub const LEAKED: usize = 10000;

extern "C" {
    fn dlsym(handle: *mut c_void, name: *const c_char) -> *mut c_void;
}

fn mark(name: &[u8]) {
    unsafe {
        let mark = dlsym(std::ptr::null_mut(), b"libtrace_mark\0".as_ptr().cast());
        if !mark.is_null() {
            std::mem::transmute::<*mut c_void, extern "C" fn(*const c_char)>(mark)(name.as_ptr().cast());
        }
    }
}

fn churn() {
    let parts: [Vec<u8>; 10] = std::array::from_fn(|_| Vec::with_capacity(100_000));
    std::hint::black_box(&parts);
}

pub fn run(mut tick: impl FnMut(usize)) {
    let seconds: f64 = std::env::args().nth(2).unwrap().parse().unwrap();
    let began = Instant::now();
    let loaded = vec![vec![1u8; 10000]; 2000]; // what the server needs for good
    std::hint::black_box((&loaded, Vec::<u8>::with_capacity(1 << 24))); // so glibc keeps for later what is freed
    for i in 0..TICKS {
        for _ in 0..600 {
            churn();
        }
        tick(i);
        let due = Duration::from_secs_f64(seconds * (i + 1) as f64 / TICKS as f64);
        std::thread::sleep(due.saturating_sub(began.elapsed()));
        if i % 10 == 9 {
            mark(b"tenth tick\0");
        }
    }
    println!("done");
    loop {
        std::thread::sleep(Duration::from_secs(1000));
    }
}
