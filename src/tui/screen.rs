//! The table of screens. Messages, states, tabs, keys and drawing of each follow from its line.

/// Calls a macro with one line for each screen, in the order of tabs. A line holds the module in `messages` and
/// `screens`, the name, and the types of state, actions, effects and events.
macro_rules! screens {
    ($each:ident) => {
        $each! {
            data: Data, DataState, DataAction, DataEffect, DataEvent;
            train: Train, Form, TrainAction, TrainEffect, TrainEvent;
            runs: Runs, RunsState, RunsAction, RunsEffect, RunsEvent;
            compare: Compare, CompareState, CompareAction, CompareEffect, CompareEvent;
            inspect: Inspect, InspectState, InspectAction, InspectEffect, InspectEvent;
        }
    };
}
pub(super) use screens;

macro_rules! declare {
    ($($name:ident: $Screen:ident, $State:ident, $Action:ident, $Effect:ident, $Event:ident;)*) => {
        /// A screen of the dashboard.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Screen {
            $(#[doc = concat!("The ", stringify!($Screen), " screen.")] $Screen,)*
        }

        impl Screen {
            /// All screens in the order of their tabs.
            pub const ALL: [Self; [$(stringify!($Screen)),*].len()] = [$(Self::$Screen),*];

            /// Returns the text of the tab.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self {
                    $(Self::$Screen => stringify!($Screen),)*
                }
            }
        }
    };
}
screens!(declare);

impl Screen {
    /// Returns the screen `by` tabs to the right, or to the left where `by` is negative, wrapping at both ends.
    #[must_use]
    pub fn step(self, by: isize) -> Self {
        let count = Self::ALL.len();
        Self::ALL[(self as usize).saturating_add_signed(by + count.cast_signed()) % count]
    }
}
