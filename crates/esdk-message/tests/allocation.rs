//! Forged lengths in a header cause no allocation that is larger than the longest accepted header.

// The trait of global allocators is unsafe. This allocator records sizes and passes every call on.
#![allow(unsafe_code)]

mod support;

use std::{
    alloc::{GlobalAlloc, Layout, System},
    sync::atomic::{AtomicUsize, Ordering},
};

use esdk_message::{MAX_HEADER_LEN, UnverifiedHeader};

use self::support::{plaintext, sealer};

static LARGEST: AtomicUsize = AtomicUsize::new(0);

struct Watched;

// SAFETY: every call is passed to the system's allocator unchanged.
unsafe impl GlobalAlloc for Watched {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LARGEST.fetch_max(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promises about `layout` are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises about `block` and `layout` are passed on.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Watched = Watched;

// This binary has no other test, because the allocations of another test would be recorded too.
#[test]
fn forged_lengths_allocate_no_more_than_a_header() {
    let object = sealer(4096).seal_message(&plaintext(100_000)).unwrap();
    let header_len = UnverifiedHeader::parse(&object).unwrap().len() as usize;
    LARGEST.store(0, Ordering::Relaxed);
    let mut refused = 0;
    for at in 0..header_len - 3 {
        // This sets every two-byte length and the frame length to their largest value.
        let mut forged = object[..20_000].to_vec();
        LARGEST.store(0, Ordering::Relaxed);
        forged[at..at + 4].fill(0xff);
        refused += usize::from(UnverifiedHeader::parse(&forged).is_err());
        let largest = LARGEST.load(Ordering::Relaxed);
        assert!(
            largest <= MAX_HEADER_LEN,
            "0xffffffff at offset {at} caused an allocation of {largest} bytes"
        );
    }
    assert!(refused > 0, "no forged length was refused");
}
