//! What a user can ask for on the Data screen alone.

/// One request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DataAction {
    /// Bars and faces of the next split.
    NextPart,
    /// The faces of the class on the whole screen.
    Faces,
    /// What training makes of a face.
    Variants,
    /// The next page of faces, or of epochs.
    NextPage,
    /// The page before.
    PreviousPage,
    /// Bring a dataset in.
    Import,
    /// Remove a dataset.
    Delete,
}
