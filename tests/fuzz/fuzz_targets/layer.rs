#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| loadline_fuzz::check("layer", bytes));
