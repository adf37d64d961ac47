//! What a user can ask for on the Compare screen alone.

/// One request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CompareAction {
    /// The keyboard to the next pane.
    NextPane,
    /// The keyboard to the pane before.
    PreviousPane,
    /// The pane on the whole screen, or back among the others.
    Zoom,
    /// Make the selected run the one that the others are held against.
    Baseline,
    /// Take the mark off the selected run.
    Unmark,
    /// Move the selected run's column to the left.
    MoveLeft,
    /// Move the selected run's column to the right.
    MoveRight,
    /// Show the published figures, or hide them.
    Reference,
    /// Fold runs that differ only in the seed, or unfold them.
    Fold,
    /// Draw the next figure.
    Curve,
    /// Epochs or elapsed time.
    Axis,
    /// Logarithmic or linear.
    Log,
    /// Smooth more.
    Smoother,
    /// Smooth less.
    Rougher,
    /// Look into the difference of the selected run and the baseline.
    Inspect,
}
