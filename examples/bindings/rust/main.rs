// A compiled definition from Rust: classifier.graph of ../../builds, with
// `export predict(x=x) -> (y=y)`, x: float32 (N, 3), y: float32 (N, 2).

use std::ffi::{c_char, c_int, CStr};
use std::ptr;

/// What classifier.h declares; only ever behind a pointer.
#[repr(C)]
struct RawClassifier {
    _private: [u8; 0],
}

extern "C" {
    fn classifier_create(config: *const u8, out: *mut *mut RawClassifier) -> c_int;
    fn classifier_predict(net: *mut RawClassifier, n: i64, x: *const f32, y: *mut f32) -> c_int;
    fn classifier_destroy(net: *mut RawClassifier);
    fn graphrt_message() -> *const c_char;
}

/// One instance; destroyed with the value. A call needs it alone (`&mut`), as the interface asks.
struct Classifier(*mut RawClassifier);

// An instance may be used from any thread, by one at a time.
unsafe impl Send for Classifier {}

impl Classifier {
    fn new() -> Result<Classifier, String> {
        let mut raw = ptr::null_mut();
        check(unsafe { classifier_create(ptr::null(), &mut raw) })?;
        Ok(Classifier(raw))
    }

    fn predict(&mut self, x: &[[f32; 3]]) -> Result<Vec<[f32; 2]>, String> {
        let mut y = vec![[0.0; 2]; x.len()];
        check(unsafe {
            classifier_predict(
                self.0,
                x.len() as i64,
                x.as_ptr().cast(),
                y.as_mut_ptr().cast(),
            )
        })?;
        Ok(y)
    }
}

impl Drop for Classifier {
    fn drop(&mut self) {
        unsafe { classifier_destroy(self.0) }
    }
}

fn check(status: c_int) -> Result<(), String> {
    if status == 0 {
        return Ok(());
    }
    Err(unsafe { CStr::from_ptr(graphrt_message()) }
        .to_string_lossy()
        .into_owned())
}

fn main() -> Result<(), String> {
    let mut net = Classifier::new()?;
    println!("{:?}", net.predict(&[[1.0, 2.0, 3.0], [0.0, 0.0, 2.0]])?);
    let worker = std::thread::spawn(move || net.predict(&[]));
    println!("{:?}", worker.join().unwrap()?);
    Ok(())
}
