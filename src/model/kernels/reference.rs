//! Switches the kernels off, so that a network can be computed by burn's operations and compared.

use std::cell::Cell;

thread_local! {
    static PLAIN: Cell<bool> = const { Cell::new(false) };
}

/// Calls `act`, in which kernels of this thread run as burn's own operations, in both passes and on every backend.
pub fn with_reference_kernels<T>(act: impl FnOnce() -> T) -> T {
    /// Restores the previous state, also after a panic.
    struct Before(bool);
    impl Drop for Before {
        fn drop(&mut self) {
            PLAIN.set(self.0);
        }
    }
    let _before = Before(PLAIN.replace(true));
    act()
}

/// Returns whether kernels are switched off on this thread.
pub(super) fn is_active() -> bool {
    PLAIN.get()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_previous_state_is_restored() {
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
