#![no_main]
//! See `plimsoll_fuzz_bodies::network`.

libfuzzer_sys::fuzz_target!(|data: &[u8]| plimsoll_fuzz_bodies::network(data));
