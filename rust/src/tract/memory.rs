//! What one call of Tract's allocates, counted, and what it may take, limited: models come from
//! guests, and Tract asks for whatever memory their shapes say.
//!
//! Tract computes in the calling thread, so the count is the thread's. What is refused, like what the
//! system has not, becomes a panic there, which `guard` catches, instead of the end of the process.
use std::alloc::{GlobalAlloc, Layout, System, set_alloc_error_hook};
use std::cell::Cell;

#[derive(Clone, Copy)]
struct Count {
    counts: bool,
    bytes: i64,
    limit: i64,
    refused: bool,
}

thread_local! {
    static COUNT: Cell<Count> =
        const { Cell::new(Count { counts: false, bytes: 0, limit: 0, refused: false }) };
}

/// How the calling thread's allocations went since `count_up_to`.
pub struct Counted {
    pub bytes: u64,
    pub refused: bool,
}

/// Counts the calling thread's allocations until `stop_counting`.
pub fn count_up_to(limit: u64) {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    COUNT.set(Count { counts: true, bytes: 0, limit, refused: false });
}

pub fn stop_counting() -> Counted {
    let count = COUNT.get();
    COUNT.set(Count { counts: false, ..count });
    Counted { bytes: count.bytes.max(0) as u64, refused: count.refused }
}

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Makes memory that there is not a panic, in threads that count.
pub fn panic_without_memory() {
    set_alloc_error_hook(|layout| {
        let mut count = COUNT.get();
        if count.counts {
            count.refused = true;
            COUNT.set(count);
            panic!("no memory for {} bytes", layout.size());
        }
    });
}

/// Whether the thread may have `size` bytes more. After a refusal it may: a panic takes some, and
/// nothing else follows.
fn take(size: usize) -> bool {
    let mut count = COUNT.get();
    if !count.counts {
        return true;
    }
    let bytes = count.bytes.saturating_add(i64::try_from(size).unwrap_or(i64::MAX));
    let refused = bytes > count.limit && !count.refused;
    if refused {
        count.refused = true;
    } else {
        count.bytes = bytes;
    }
    COUNT.set(count);
    !refused
}

fn give(size: usize) {
    let mut count = COUNT.get();
    if count.counts {
        count.bytes -= size as i64;
        COUNT.set(count);
    }
}

// SAFETY: the system's, of which some requests are refused.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if !take(layout.size()) {
            return std::ptr::null_mut();
        }
        unsafe { System.alloc(layout) }
    }
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if !take(layout.size()) {
            return std::ptr::null_mut();
        }
        unsafe { System.alloc_zeroed(layout) }
    }
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        give(layout.size());
        unsafe { System.dealloc(block, layout) }
    }
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if size > layout.size() && !take(size - layout.size()) {
            return std::ptr::null_mut();
        }
        let moved = unsafe { System.realloc(block, layout, size) };
        if !moved.is_null() && size < layout.size() {
            give(layout.size() - size);
        }
        moved
    }
}
