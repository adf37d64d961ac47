//! Performs effects on other threads. Effects on the same run or dataset are performed one after another, in the order
//! of their requests; all others at the same time.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::Notify;

use crate::tui::messages::{Effect, Target};

/// A requested effect that is not complete.
struct PendingEffect {
    number: u64,
    targets: Vec<Target>,
    /// The effect to start; `None` while it runs.
    effect: Option<Effect>,
}

/// The incomplete effects, in the order of their requests.
#[derive(Default)]
struct EffectQueue {
    pending: VecDeque<PendingEffect>,
    next: u64,
}

impl EffectQueue {
    fn push(&mut self, effect: Effect) {
        self.pending.push_back(PendingEffect { number: self.next, targets: effect.targets(), effect: Some(effect) });
        self.next += 1;
    }

    /// Takes the effects that no earlier one blocks, each with its number.
    fn take_ready(&mut self) -> Vec<(u64, Effect)> {
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

    /// Returns the runs and datasets that incomplete effects change.
    fn changing(&self) -> Vec<&Target> {
        self.pending.iter().flat_map(|pending| &pending.targets).collect()
    }
}

/// Performs effects by calling a function that may block.
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

    /// Performs an effect after the earlier effects on the same run or dataset.
    pub(super) fn perform(&self, effect: Effect) {
        self.queue().push(effect);
        self.begin(&Handle::current());
    }

    fn begin(&self, runtime: &Handle) {
        let ready = self.queue().take_ready();
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

    /// Waits until no run or dataset is being changed; otherwise a launch could leave a run without a worker. After
    /// `patience`, calls `notify` with the names of the runs and datasets in question.
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
        notify(&self.pending_names());
        idle.await;
    }

    fn pending_names(&self) -> String {
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

    fn unpause(name: &str) -> Effect {
        Effect::Runs(RunsEffect::Continue(id(name)))
    }

    /// Returns a performer whose effects report their start, then wait for permission to end.
    fn performer() -> (Performer, Receiver<Effect>, std::sync::mpsc::Sender<()>) {
        let ((start, started), (permit, permitted)) = (channel(), channel());
        let permitted = Mutex::new(permitted);
        let performer = Performer::new(move |effect| {
            start.send(effect).expect("a receiver");
            permitted.lock().expect("no panic before").recv().expect("a permission");
        });
        (performer, started, permit)
    }

    #[test]
    fn only_effects_on_the_same_run_wait_for_one_another() {
        let mut queue = EffectQueue::default();
        let both = Effect::Runs(RunsEffect::Delete(vec![id("one"), id("two")]));
        let effects = [
            pause("one"),
            unpause("one"),
            pause("two"),
            both.clone(),
            pause("three"),
            Effect::Train(TrainEffect::SuggestName),
        ];
        effects.iter().cloned().for_each(|effect| queue.push(effect));
        let ready = |queue: &mut EffectQueue| queue.take_ready().into_iter().collect::<Vec<_>>();
        let first = ready(&mut queue);
        assert_eq!(
            first,
            [(0, pause("one")), (2, pause("two")), (4, pause("three")), (5, Effect::Train(TrainEffect::SuggestName))]
        );
        assert!(ready(&mut queue).is_empty(), "each effect starts once");
        queue.finish(2);
        assert!(ready(&mut queue).is_empty(), "one of its runs is busy");
        queue.finish(0);
        assert_eq!(ready(&mut queue), [(1, unpause("one"))]);
        queue.finish(1);
        assert_eq!(ready(&mut queue), [(3, both)]);
        [3, 4, 5].into_iter().for_each(|number| queue.finish(number));
        assert!(queue.pending.is_empty());
    }

    #[tokio::test]
    async fn effects_on_one_run_are_performed_in_order() {
        let (performer, started, permit) = performer();
        performer.perform(pause("one"));
        performer.perform(unpause("one"));
        assert_eq!(started.recv().expect("a start"), pause("one"));
        // A read-only effect starts although another effect runs. Two permissions let both effects end.
        performer.perform(Effect::Train(TrainEffect::SuggestName));
        assert_eq!(
            started.recv().expect("a start"),
            Effect::Train(TrainEffect::SuggestName),
            "the second effect on the run waits"
        );
        permit.send(()).expect("waits");
        permit.send(()).expect("waits");
        assert_eq!(started.recv().expect("a start"), unpause("one"));
        permit.send(()).expect("waits");
        performer.finish(Duration::MAX, |_| ()).await;
    }

    #[tokio::test]
    async fn finish_waits_for_a_launch_and_names_its_run() {
        let (performer, started, permit) = performer();
        let recipe = Box::new(crate::domain::Recipe::sample(crate::domain::Strategy::Cnn));
        let launch = Effect::Train(TrainEffect::Launch { id: id("calm-heron"), recipe, on: None });
        performer.perform(launch.clone());
        performer.perform(unpause("calm-heron"));
        assert_eq!(started.recv().expect("a start"), launch);
        let mut notified = String::new();
        let notify = |names: &str| {
            names.clone_into(&mut notified);
            permit.send(()).expect("waits");
            permit.send(()).expect("will wait");
        };
        performer.finish(Duration::ZERO, notify).await;
        assert_eq!(notified, "calm-heron");
        assert_eq!(started.recv().expect("performed before finish returns"), unpause("calm-heron"));
    }
}
