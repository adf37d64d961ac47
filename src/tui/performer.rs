//! Performs effects on threads of their own: those that change the same run or dataset one after another, in the order
//! in which they were asked for, and all others at once.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::Notify;

use crate::tui::messages::{Effect, Target};

/// An effect that was asked for and is not over.
struct Pending {
    number: u64,
    targets: Vec<Target>,
    /// `None` while it is performed.
    effect: Option<Effect>,
}

/// All that is not over, in the order in which it was asked for.
#[derive(Default)]
struct EffectQueue {
    pending: VecDeque<Pending>,
    next: u64,
}

impl EffectQueue {
    fn push(&mut self, effect: Effect) {
        self.pending.push_back(Pending { number: self.next, targets: effect.targets(), effect: Some(effect) });
        self.next += 1;
    }

    /// Takes the effects that nothing before them holds up, each with its number.
    fn ready(&mut self) -> Vec<(u64, Effect)> {
        let (mut ready, mut busy) = (Vec::new(), Vec::new());
        for pending in &mut self.pending {
            if !pending.targets.iter().any(|target| busy.contains(target)) {
                ready.extend(pending.effect.take().map(|effect| (pending.number, effect)));
            }
            busy.extend(pending.targets.iter().cloned());
        }
        ready
    }

    fn finish(&mut self, number: u64) {
        self.pending.retain(|pending| pending.number != number);
    }

    /// The runs and datasets that are still being changed.
    fn changing(&self) -> Vec<&Target> {
        self.pending.iter().flat_map(|pending| &pending.targets).collect()
    }
}

/// Performs effects by a function that may take its time.
#[derive(Clone)]
pub(super) struct Performer {
    queue: Arc<Mutex<EffectQueue>>,
    perform: Arc<dyn Fn(Effect) + Send + Sync>,
    finished: Arc<Notify>,
}

impl Performer {
    pub(super) fn new(perform: impl Fn(Effect) + Send + Sync + 'static) -> Self {
        Self { queue: Arc::default(), perform: Arc::new(perform), finished: Arc::default() }
    }

    fn queue(&self) -> MutexGuard<'_, EffectQueue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Performs an effect once those before it that change the same are over.
    pub(super) fn perform(&self, effect: Effect) {
        self.queue().push(effect);
        self.begin(&Handle::current());
    }

    fn begin(&self, runtime: &Handle) {
        let ready = self.queue().ready();
        for (number, effect) in ready {
            let (performer, handle) = (self.clone(), runtime.clone());
            runtime.spawn_blocking(move || {
                (performer.perform)(effect);
                performer.queue().finish(number);
                performer.begin(&handle);
                performer.finished.notify_one();
            });
        }
    }

    /// Waits until nothing is being changed any more: a launch that is cut off leaves a run without a worker. Calls
    /// `notify` with what is waited for if that takes longer than `patience`.
    pub(super) async fn finish(&self, patience: Duration, notify: impl FnOnce(&str)) {
        let idle = async {
            while !self.queue().changing().is_empty() {
                self.finished.notified().await;
            }
        };
        tokio::pin!(idle);
        if tokio::time::timeout(patience, &mut idle).await.is_ok() {
            return;
        }
        notify(&self.waits_for());
        idle.await;
    }

    fn waits_for(&self) -> String {
        let queue = self.queue();
        let mut names: Vec<&str> = queue.changing().into_iter().map(Target::name).collect();
        names.dedup();
        names.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, channel};

    use super::*;
    use crate::domain::RunId;
    use crate::tui::messages::{RunsEffect, TrainEffect};

    fn id(name: &str) -> RunId {
        RunId::new(name).expect("an id")
    }

    fn pause(name: &str) -> Effect {
        Effect::Runs(RunsEffect::Pause(id(name)))
    }

    fn go_on(name: &str) -> Effect {
        Effect::Runs(RunsEffect::Continue(id(name)))
    }

    /// A performer whose effects say that they have begun and then wait for leave to end.
    fn performer() -> (Performer, Receiver<Effect>, std::sync::mpsc::Sender<()>) {
        let ((begun, begins), (leave, left)) = (channel(), channel());
        let left = Mutex::new(left);
        let performer = Performer::new(move |effect| {
            begun.send(effect).expect("somebody listens");
            left.lock().expect("no panic before").recv().expect("somebody gives leave");
        });
        (performer, begins, leave)
    }

    #[test]
    fn what_changes_the_same_run_waits_and_all_else_does_not() {
        let mut queue = EffectQueue::default();
        let both = Effect::Runs(RunsEffect::Delete(vec![id("one"), id("two")]));
        let effects = [
            pause("one"),
            go_on("one"),
            pause("two"),
            both.clone(),
            pause("three"),
            Effect::Train(TrainEffect::SuggestName),
        ];
        effects.iter().cloned().for_each(|effect| queue.push(effect));
        let ready = |queue: &mut EffectQueue| queue.ready().into_iter().collect::<Vec<_>>();
        let first = ready(&mut queue);
        assert_eq!(
            first,
            [(0, pause("one")), (2, pause("two")), (4, pause("three")), (5, Effect::Train(TrainEffect::SuggestName))]
        );
        assert!(ready(&mut queue).is_empty(), "each once");
        queue.finish(2);
        assert!(ready(&mut queue).is_empty(), "a run of it is busy");
        queue.finish(0);
        assert_eq!(ready(&mut queue), [(1, go_on("one"))]);
        queue.finish(1);
        assert_eq!(ready(&mut queue), [(3, both)]);
        [3, 4, 5].into_iter().for_each(|number| queue.finish(number));
        assert!(queue.pending.is_empty());
    }

    #[tokio::test]
    async fn keys_on_one_run_act_in_their_order() {
        let (performer, begins, leave) = performer();
        performer.perform(pause("one"));
        performer.perform(go_on("one"));
        assert_eq!(begins.recv().expect("begun"), pause("one"));
        // A read begins all the same, and ends: with one more leave than effects that have begun before it.
        performer.perform(Effect::Train(TrainEffect::SuggestName));
        assert_eq!(begins.recv().expect("begun"), Effect::Train(TrainEffect::SuggestName), "not the second of the run");
        leave.send(()).expect("waits");
        leave.send(()).expect("waits");
        assert_eq!(begins.recv().expect("begun"), go_on("one"));
        leave.send(()).expect("waits");
        performer.finish(Duration::MAX, |_| ()).await;
    }

    #[tokio::test]
    async fn leaving_waits_for_a_launch_and_says_so() {
        let (performer, begins, leave) = performer();
        let recipe = Box::new(crate::domain::Recipe::sample(crate::domain::Strategy::Cnn));
        let launch = Effect::Train(TrainEffect::Launch { id: id("calm-heron"), recipe });
        performer.perform(launch.clone());
        performer.perform(go_on("calm-heron"));
        assert_eq!(begins.recv().expect("begun"), launch);
        let mut notified = String::new();
        let notify = |words: &str| {
            words.clone_into(&mut notified);
            leave.send(()).expect("waits");
            leave.send(()).expect("will wait");
        };
        performer.finish(Duration::ZERO, notify).await;
        assert_eq!(notified, "calm-heron");
        assert_eq!(begins.recv().expect("performed before the end"), go_on("calm-heron"));
    }
}
