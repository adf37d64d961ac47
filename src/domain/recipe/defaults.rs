//! The default recipes of the strategies.

use super::{OPTIMIZATION_VERSION, PLAIN_VERSION};
use crate::domain::hyperparameter::Patience;
use crate::domain::{
    Augmentation, Balance, DatasetName, DeviceRequest, EarlyStopping, FineTuning, LeftOutImages, Monitor, Optimizer,
    Precision, Recipe, RelabelledImages, RunId, Schedule, Strategy, Transfer, Views, WeightsName,
};

impl Recipe {
    /// Returns the default recipe of the `cnn` strategy on a dataset.
    #[must_use]
    pub fn cnn(dataset: DatasetName, fingerprint: String, created_at: u64) -> Self {
        Self {
            version: PLAIN_VERSION,
            created_at,
            strategy: Strategy::Cnn,
            network: None,
            dataset,
            fingerprint,
            epochs: 50,
            batch_size: 64,
            learning_rate: 2e-3,
            schedule: Schedule::OneCycle,
            weight_decay: 0.0,
            label_smoothing: 0.0,
            optimizer: Optimizer::Adam,
            warmup: 0,
            clip_norm: 0.0,
            average: 0.0,
            fraction: 1.0,
            balance: Balance::None,
            crop: 0,
            standardize: false,
            views: Views::One,
            early_stopping: EarlyStopping::with_patience(10),
            augmentation: Some(Augmentation::REFERENCE),
            seed: 42,
            device: DeviceRequest::Auto,
            precision: Precision::F32,
            transfer: None,
            after: None,
            left_out: LeftOutImages::default(),
            relabelled: RelabelledImages::default(),
            fold: None,
        }
    }

    /// Returns the default recipe of the `deep` strategy. `side` is the shortest side of the dataset's images, in
    /// pixels. docs/networks.md holds the measurements on validation behind the defaults.
    #[must_use]
    pub fn deep(dataset: DatasetName, fingerprint: String, created_at: u64, side: u32) -> Self {
        Self {
            version: OPTIMIZATION_VERSION,
            strategy: Strategy::Deep,
            epochs: 100,
            batch_size: 128,
            learning_rate: 0.1,
            schedule: Schedule::Cosine,
            weight_decay: 5e-4,
            label_smoothing: 0.1,
            optimizer: Optimizer::Sgd,
            warmup: 5,
            crop: side - side / 8,
            standardize: true,
            views: Views::Ten,
            early_stopping: EarlyStopping {
                monitor: Monitor::ValAccuracy,
                ..EarlyStopping::with_patience(Patience::OFF)
            },
            augmentation: Some(Augmentation::STRONG),
            ..Self::cnn(dataset, fingerprint, created_at)
        }
    }

    /// Returns the default recipe of the `features` strategy on a base of this name and hash.
    #[must_use]
    pub fn features(
        dataset: DatasetName,
        fingerprint: String,
        created_at: u64,
        weights: WeightsName,
        base: String,
    ) -> Self {
        Self {
            strategy: Strategy::Features,
            learning_rate: 1e-3,
            schedule: Schedule::PLATEAU,
            early_stopping: EarlyStopping::with_patience(6),
            transfer: Some(Transfer { weights, base, size: 224, variants: 0, fine_tuning: None }),
            ..Self::cnn(dataset, fingerprint, created_at)
        }
    }

    /// Returns the default recipe of the `finetune` strategy, which continues from the run `from` with its base, image
    /// size and variants.
    ///
    /// # Panics
    /// Never: the network of fine-tuning has stages below its head.
    #[must_use]
    pub fn finetune(
        dataset: DatasetName,
        fingerprint: String,
        created_at: u64,
        from: RunId,
        transfer: Transfer,
    ) -> Self {
        let network = Strategy::Finetune.network().architecture();
        let highest =
            network.stage_names().next_back().expect("a network on imported weights has stages below its head");
        let fine_tuning = FineTuning { from, unfreeze: highest, base_learning_rate: 1e-5 };
        let early_stopping = EarlyStopping::with_patience(6);
        Self {
            strategy: Strategy::Finetune,
            learning_rate: 1e-4,
            schedule: Schedule::PLATEAU,
            early_stopping,
            transfer: Some(Transfer { fine_tuning: Some(fine_tuning), ..transfer }),
            ..Self::cnn(dataset, fingerprint, created_at)
        }
    }

    /// Returns the default recipe of fine-tuning from the run `from`, whose recipe is `start`. Dataset, base, image
    /// size, variants, augmentation, precision, corrections, network and fold are those of `start`. Returns `None`
    /// if `start` has no base.
    #[must_use]
    pub fn fine_tuning_from(start: &Self, from: RunId, created_at: u64) -> Option<Self> {
        let (dataset, fingerprint) = (start.dataset.clone(), start.fingerprint.clone());
        let mut recipe = Self::finetune(dataset, fingerprint, created_at, from, start.transfer.clone()?);
        recipe.set_network(start.network_name());
        let before = start.transfer.as_ref().and_then(Transfer::unfrozen).cloned();
        let lowest = before.or_else(|| recipe.architecture().stage_names().next_back());
        let fine_tuning = recipe.transfer.as_mut().and_then(|transfer| transfer.fine_tuning.as_mut());
        if let (Some(fine_tuning), Some(unfrozen)) = (fine_tuning, lowest) {
            fine_tuning.unfreeze = unfrozen;
        }
        recipe.set_precision(start.precision);
        recipe.correct(start.corrections());
        recipe.set_fold(start.fold);
        Some(Self { augmentation: start.augmentation, ..recipe })
    }

    /// Returns a recipe of a strategy with every default and invented names, for reading defaults and trying values.
    ///
    /// # Panics
    /// Never: the names are valid.
    #[must_use]
    pub fn sample(strategy: Strategy) -> Self {
        let dataset = DatasetName::new("any").expect("a name");
        let weights = WeightsName::new("any").expect("a name");
        match strategy {
            Strategy::Cnn => Self::cnn(dataset, String::new(), 0),
            Strategy::Deep => Self::deep(dataset, String::new(), 0, 48),
            Strategy::Features => Self::features(dataset, String::new(), 0, weights, String::new()),
            Strategy::Finetune => {
                let from = RunId::new("any").expect("a name");
                let transfer = Transfer { weights, base: String::new(), size: 224, variants: 0, fine_tuning: None };
                Self::finetune(dataset, String::new(), 0, from, transfer)
            }
        }
    }
}
