//! The kernels switched off for a while, so that the same network can be computed in another way and held against them.

use std::cell::Cell;

thread_local! {
    static PLAIN: Cell<bool> = const { Cell::new(false) };
}

/// Does something while blocks called by this thread run as burn's own operations, forward and back, on every backend.
pub fn with_reference_kernels<T>(act: impl FnOnce() -> T) -> T {
    /// Puts back what was, on the way out of a panic too.
    struct Before(bool);
    impl Drop for Before {
        fn drop(&mut self) {
            PLAIN.set(self.0);
        }
    }
    let _before = Before(PLAIN.replace(true));
    act()
}

/// Whether that is so now.
pub(super) fn is_active() -> bool {
    PLAIN.get()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_is_put_back() {
        with_reference_kernels(|| {
            assert!(is_active());
            with_reference_kernels(|| assert!(is_active()));
            assert!(is_active());
        });
        assert!(!is_active());
        assert!(std::panic::catch_unwind(|| with_reference_kernels(|| panic!("no"))).is_err());
        assert!(!is_active());
    }
}
