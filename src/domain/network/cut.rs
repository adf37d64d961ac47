//! The border between the frozen and the trained part of a resolved network, and the counts of either part.

use std::ops::Range;

use super::{ResolveError, ResolvedLayer, ResolvedNetwork, ResolvedUnit, TrainedStages};

/// The border between the frozen and the trained part of a network: the first trained layer with parameters. Pooling
/// below a head thus belongs to the frozen part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    /// The number of frozen units.
    frozen: usize,
    /// The number of units below the head.
    base: usize,
    /// The number of all units.
    all: usize,
}

impl Cut {
    /// Returns the range of the frozen units.
    #[must_use]
    pub fn frozen(self) -> Range<usize> {
        0..self.frozen
    }

    /// Returns the range of the trained units.
    #[must_use]
    pub fn trained(self) -> Range<usize> {
        self.frozen..self.all
    }

    /// Returns whether any unit is frozen.
    #[must_use]
    pub fn freezes(self) -> bool {
        self.frozen > 0
    }
}

impl ResolvedNetwork {
    /// Returns every layer, in order; those of branches one after the other.
    pub fn layers(&self) -> impl Iterator<Item = &ResolvedLayer> {
        self.layers_of(0..self.units.len())
    }

    /// Returns the layers of some units.
    pub fn layers_of(&self, units: Range<usize>) -> impl Iterator<Item = &ResolvedLayer> {
        self.units[units].iter().flat_map(ResolvedUnit::layers)
    }

    /// Returns the border of the frozen part if these stages are trained.
    ///
    /// # Errors
    /// If the architecture has no such stage.
    pub fn cut(&self, trained: TrainedStages<'_>) -> Result<Cut, ResolveError> {
        let head = self.architecture.stages.len() - 1;
        let lowest = match trained {
            TrainedStages::All => 0,
            TrainedStages::Head => head,
            TrainedStages::From(name) => self.architecture.stage_index(name).ok_or_else(|| {
                let known: Vec<&str> = self.architecture.base().iter().map(|stage| stage.name.as_str()).collect();
                let network = self.architecture.name;
                ResolveError::NoStage { network, stage: name.to_string(), known: known.join(", ") }
            })?,
        };
        let has_parameters = |unit: &ResolvedUnit| unit.layers().any(|layer| layer.parameters() > 0);
        let first = |stage: usize| self.units.iter().position(|unit| unit.stage >= stage).unwrap_or(self.units.len());
        // Training from scratch freezes nothing, not even a first layer without parameters.
        let frozen = match trained {
            TrainedStages::All => 0,
            _ if lowest == 0 => 0,
            _ => {
                let from = first(lowest);
                from + self.units[from..].iter().position(has_parameters).unwrap_or(0)
            }
        };
        Ok(Cut { frozen, base: first(head), all: self.units.len() })
    }

    /// Returns the trained part's input shape `[channels, height, width]`.
    #[must_use]
    pub fn trained_input(&self, cut: Cut) -> [usize; 3] {
        cut.frozen.checked_sub(1).map_or(self.input, |last| self.units[last].output())
    }

    /// Returns the name of the trained part's input: `input`, the last frozen stage, or the last frozen layer of the
    /// head.
    #[must_use]
    pub fn trained_input_name(&self, cut: Cut) -> &str {
        let Some(last) = cut.frozen.checked_sub(1).map(|last| &self.units[last]) else { return "input" };
        match last.body.last() {
            Some(layer) if cut.frozen > cut.base => &layer.name,
            _ => &self.architecture.stages[last.stage].name,
        }
    }

    /// Returns the largest number of values in one output among some units, for one image.
    #[must_use]
    pub fn widest(&self, units: Range<usize>) -> usize {
        self.layers_of(units).map(|layer| layer.output.iter().product()).max().unwrap_or(0)
    }

    /// Returns the number of parameters of some units.
    #[must_use]
    pub fn parameters_of(&self, units: Range<usize>) -> usize {
        self.layers_of(units).map(ResolvedLayer::parameters).sum()
    }

    /// Returns the number of parameters of every layer.
    #[must_use]
    pub fn parameters(&self) -> usize {
        self.parameters_of(0..self.units.len())
    }

    /// Returns the multiplications and additions of a forward pass of one image through some units.
    #[must_use]
    pub fn forward_operations(&self, units: Range<usize>) -> u64 {
        self.layers_of(units).map(|layer| 2 * layer.multiply_adds).sum()
    }

    /// Returns the multiplications and additions of a training step for one image through the trained units. The step
    /// computes the outputs, the gradients of the weights, and the gradients of all inputs except the first one.
    #[must_use]
    pub fn training_operations(&self, cut: Cut) -> u64 {
        let forward = self.forward_operations(cut.trained());
        let first = self.layers_of(cut.trained()).find(|layer| layer.multiply_adds > 0);
        3 * forward - first.map_or(0, |layer| 2 * layer.multiply_adds)
    }

    /// Returns how many numbers a training step stores for one image: each step's output and its gradient.
    #[must_use]
    pub fn stored_numbers(&self, units: Range<usize>) -> usize {
        2 * self.plan(units).stored_numbers()
    }
}
