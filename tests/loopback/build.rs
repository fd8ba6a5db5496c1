//! Under ThreadSanitizer: puts `src/tsan.rs` between the tests and the standard library.

/// What `src/tsan.rs` stands before.
const WRAPPED: [&str; 3] = [
    "__tsan_atomic64_fetch_sub",
    "_RNvMNtNtNtNtCsjrHSEGnQ3l9_3std3sys4sync5mutex5futexNtB2_5Mutex14lock_contended",
    "_RNvMs0_NtNtNtNtCsjrHSEGnQ3l9_3std3sys4sync4once5futexNtB5_4Once4call",
];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_SANITIZE").is_ok_and(|sanitizers| sanitizers.contains("thread")) {
        println!("cargo::rustc-cfg=tsan");
        for symbol in WRAPPED {
            println!("cargo::rustc-link-arg-tests=-Wl,--wrap={symbol}");
        }
    }
}
