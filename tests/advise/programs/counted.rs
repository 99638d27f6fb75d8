// A line at a time, by an allocator of the program's own that counts, too: it is the caller who can do without.
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

struct Counted;

static COUNT: AtomicUsize = AtomicUsize::new(0);

unsafe impl GlobalAlloc for Counted {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.fetch_add(1, Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        COUNT.fetch_add(1, Relaxed);
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counted = Counted;

fn main() {
    let mut sum = 0;
    let mut line = Vec::new(); // mended

    for i in 0..200000 {
        line.clear();                      // mended
        line.resize(10 + i % 20, 0u8);     // mended
        let line = vec![0u8; 10 + i % 20]; // faulty HERE
        sum += line.len() + unsafe { line.as_ptr().read_volatile() } as usize;
    }
    println!("{}", sum + (COUNT.load(Relaxed) == 0) as usize);
}
