//! Options that several commands have.

mod copy;
mod format;
mod launch;
mod limits;
mod number;
mod place;
mod recipe;
mod run;

pub(super) use copy::CopyOptions;
pub(super) use format::{Format, Output};
pub(super) use launch::{LaunchOptions, QueueOption};
pub(super) use limits::LimitOptions;
pub(super) use number::{take_negative_numbers, whole_number};
pub(super) use place::{DryRun, PlaceOption};
pub(super) use recipe::{
    AllSettings, CnnSettings, DeepSettings, FeaturesSettings, FinetuneSettings, RecipeOptions, StrategySettings,
};
pub(super) use run::{RunArgument, RunArguments};
