//! Keeps the transformed kernels of a network whose weights no longer change.
//!
//! Winograd's algorithm transforms the kernels of a layer in each forward pass. For a single image of few pixels that
//! takes longer than the convolution itself (`benches/RESULTS.md`).

use std::cell::RefCell;
use std::sync::{Arc, Mutex, PoisonError};

use burn::tensor::TensorMetadata;
use burn_flex::FlexTensor;

use super::flex::f32s;
use super::geometry::Geometry;
use super::winograd::Kernels;

/// The most layers that are kept; more than the networks of the catalog have.
const MOST: usize = 64;

thread_local! {
    static ACTIVE: RefCell<Option<KeptTransforms>> = const { RefCell::new(None) };
}

/// The transformed kernels of one network. They take up to four times the memory of its weights.
#[derive(Clone, Default)]
pub struct KeptTransforms(Arc<Mutex<Vec<Layer>>>);

struct Layer {
    /// The weights. While they are held here, no other tensor has their address.
    weight: FlexTensor,
    kernels: Arc<Kernels>,
}

impl KeptTransforms {
    /// Calls `act`, in which forward passes on this thread keep and reuse transformed kernels; only on the CPU.
    pub fn during<T>(&self, act: impl FnOnce() -> T) -> T {
        /// Restores the previous state, also after a panic.
        struct Before(Option<KeptTransforms>);
        impl Drop for Before {
            fn drop(&mut self) {
                ACTIVE.replace(self.0.take());
            }
        }
        let _before = Before(ACTIVE.replace(Some(self.clone())));
        act()
    }

    fn find_or_transform(&self, geometry: &Geometry, weight: &FlexTensor) -> Arc<Kernels> {
        let mut layers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = layers.iter().find(|layer| is_same(&layer.weight, weight) && layer.kernels.fit(geometry));
        if let Some(layer) = known {
            return Arc::clone(&layer.kernels);
        }
        let kernels = Arc::new(Kernels::transform(geometry, f32s(weight)));
        if layers.len() < MOST {
            layers.push(Layer { weight: weight.clone(), kernels: Arc::clone(&kernels) });
        }
        kernels
    }
}

/// Returns whether two contiguous tensors are the same memory in the same shape.
fn is_same(one: &FlexTensor, other: &FlexTensor) -> bool {
    one.shape() == other.shape() && std::ptr::eq(f32s(one), f32s(other))
}

/// Returns the transformed kernels of `weight` `[c_out, c_in, 3, 3]`, contiguous, kept ones where they are.
pub(super) fn of(geometry: &Geometry, weight: &FlexTensor) -> Arc<Kernels> {
    match ACTIVE.with_borrow(Clone::clone) {
        Some(kept) => kept.find_or_transform(geometry, weight),
        None => Arc::new(Kernels::transform(geometry, f32s(weight))),
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::TensorData;

    use super::super::geometry::Pool;
    use super::*;

    fn weight(seed: u32) -> FlexTensor {
        #[allow(clippy::cast_precision_loss)] // small
        let numbers: Vec<f32> = (0..64 * 64 * 9).map(|i| ((i * seed) % 17) as f32).collect();
        FlexTensor::from_data(TensorData::new(numbers, [64, 64, 3, 3]))
    }

    fn geometry(side: usize) -> Geometry {
        Geometry { n: 1, c_in: 64, c_out: 64, h: side, w: side, relu: true, pool: Pool::None }
    }

    #[test]
    fn kernels_are_transformed_once_for_each_layer_and_tile() {
        let (kept, one, other) = (KeptTransforms::default(), weight(3), weight(5));
        kept.during(|| {
            let first = of(&geometry(12), &one);
            assert!(Arc::ptr_eq(&first, &of(&geometry(12), &one.clone())));
            assert!(!Arc::ptr_eq(&first, &of(&geometry(12), &other)), "another layer");
            assert!(!Arc::ptr_eq(&first, &of(&geometry(9), &one)), "tiles of three");
        });
        assert_eq!(kept.0.lock().expect("not poisoned").len(), 3);
        assert!(!Arc::ptr_eq(&of(&geometry(12), &one), &of(&geometry(12), &one)), "not outside");
    }

    #[test]
    fn kernels_of_a_dropped_tensor_are_not_those_of_the_next_one() {
        let kept = KeptTransforms::default();
        for seed in 1..100 {
            let own = weight(seed);
            let kernels = kept.during(|| of(&geometry(12), &own));
            assert_eq!(kernels.numbers(), Kernels::transform(&geometry(12), f32s(&own)).numbers(), "{seed}");
        }
        assert_eq!(kept.0.lock().expect("not poisoned").len(), MOST);
    }
}
