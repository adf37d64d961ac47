//! Runs on disk: the layout of a run's folder, the store of all runs, and a run's summary as a fold of its events.
//!
//! Depends on `domain`, `durable`, `events` and `checkpoint`. Never burn: the dashboard and the command line read runs
//! only through this module.

pub mod annotations;
pub mod check;
pub mod comparison;
mod default_place;
pub mod detail;
pub mod endings;
pub mod ensemble;
pub mod estimate;
pub mod event_text;
pub mod facts;
pub mod followed;
pub mod generation;
pub mod holder;
#[cfg(any(test, fuzzing))]
pub(crate) mod hostile;
pub mod inspection;
pub mod job;
pub mod job_report;
pub mod layout;
pub mod list_view;
pub mod manage;
pub mod mirrored;
pub mod notice_failure;
pub mod placement;
pub mod predictions;
pub mod probabilities;
pub mod prune;
pub mod query;
pub mod queue;
pub mod requests;
pub mod saved_fold;
pub mod schedule_change;
pub mod statistics;
pub mod steps;
pub mod store;
pub mod summary;
pub mod worker_death;

pub use crate::durable::versioned::FileError;
pub use annotations::Annotations;
pub use comparison::Comparison;
pub use detail::RunDetail;
pub use endings::Ending;
pub use ensemble::{Ensemble, EnsembleError};
pub use estimate::{Estimate, Forecast, Machine, estimate, forecast, images_to_compute};
pub use facts::RunFacts;
pub use followed::FollowedRun;
pub use generation::Generation;
pub use holder::Holder;
pub use inspection::Inspection;
pub use job::Job;
pub use job_report::{JobReport, JobState, PlacedJob};
pub use layout::{Home, RunFolder};
pub use list_view::ListView;
pub use manage::ManageError;
pub use notice_failure::NoticeFailure;
pub use placement::{Liveness, Placement};
pub use predictions::Predictions;
pub use probabilities::ProbabilityMetrics;
pub use query::{Query, SortKey};
pub use queue::Queue;
pub use schedule_change::{describe_limits, describe_schedule_change};
pub use steps::Steps;
pub use store::{FindError, RunStore};
pub use summary::Summary;
pub use worker_death::WorkerDeath;
