//! What a user can ask for on the Inspect screen alone.

/// One request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InspectAction {
    /// To the next pane.
    NextPane,
    /// To the pane before.
    PreviousPane,
    /// The next image behind the cell.
    NextFace,
    /// The image before.
    PreviousFace,
    /// Counts, percent of the row, difference.
    Mode,
    /// Sort the images otherwise.
    Order,
    /// Test, validation, training images.
    Source,
    /// Look into the next run.
    NextRun,
    /// Look into the run before.
    PreviousRun,
    /// Hold the run against the next other one.
    Against,
    /// Hold it against none.
    Alone,
    /// One epoch back.
    EpochBack,
    /// One epoch on.
    EpochOn,
    /// To the first epoch.
    EpochFirst,
    /// To the last epoch.
    EpochLast,
    /// Show the training images with the largest loss.
    Suspects,
    /// Mark a training image as wrongly labelled, or take the mark off.
    Mark,
    /// Test the run again, which makes its predictions anew.
    Evaluate,
}
