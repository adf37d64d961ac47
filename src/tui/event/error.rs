//! Why something was not done that was asked of a run.

use std::sync::Arc;

use crate::supervise::{LaunchError, LaunchSeriesError, StopError};

/// Why something was not done that was asked of a run. Cheap to copy.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ActionError {
    /// No worker was started.
    #[error(transparent)]
    Launch(Arc<LaunchError>),
    /// Not all runs are on their way.
    #[error(transparent)]
    LaunchSeries(Arc<LaunchSeriesError>),
    /// The worker was not asked to stop.
    #[error(transparent)]
    Stop(Arc<StopError>),
    /// A fault of this program.
    #[error("{0}")]
    Fault(&'static str),
}

impl From<LaunchError> for ActionError {
    fn from(error: LaunchError) -> Self {
        Self::Launch(Arc::new(error))
    }
}

impl From<LaunchSeriesError> for ActionError {
    fn from(error: LaunchSeriesError) -> Self {
        Self::LaunchSeries(Arc::new(error))
    }
}

impl From<StopError> for ActionError {
    fn from(error: StopError) -> Self {
        Self::Stop(Arc::new(error))
    }
}
