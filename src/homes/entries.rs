//! The datasets, weights and devices of a home, as `mien entries` prints them there and the dashboard here reads them.
//!
//! Only numbers and names are sent: images and weights stay there.

use serde::{Deserialize, Serialize};

use crate::data::overview::Overview;
use crate::data::{self, StoreError};
use crate::domain::text::printable;
use crate::domain::{DatasetName, WeightsName};
use crate::runs::{Home, Machine};
use crate::weights::{self, IgnoredTensors, Manifest, WeightsError};

/// The most bytes that a home may send.
pub const MAX_ENTRIES: usize = 64 << 20;

/// The most names of devices that are kept.
const MAX_DEVICES: usize = 64;

/// The datasets, weights and devices of a home. An entry that cannot be read has the reason.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HomeEntries {
    /// The datasets, by name.
    pub datasets: Vec<(DatasetName, Result<Overview, String>)>,
    /// The imported weights, by name.
    pub weights: Vec<(WeightsName, Result<Manifest, String>)>,
    /// The machine.
    pub machine: Machine,
    /// The devices on which runs can train there, a line each.
    pub devices: Vec<String>,
    /// Whether the program there can train.
    pub can_train: bool,
}

/// The reason why the entries of a home cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum EntriesError {
    /// The datasets cannot be listed.
    #[error(transparent)]
    Datasets(#[from] StoreError),
    /// The weights cannot be listed.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// The other side sent something else.
    #[error("the home sent something else than its datasets and weights")]
    Malformed,
}

impl HomeEntries {
    /// Reads the entries of a home on this machine. `devices` and `can_train` are those of this program.
    ///
    /// # Errors
    /// If the datasets or the weights cannot be listed.
    pub fn read(home: &Home, devices: Vec<String>, can_train: bool) -> Result<Self, EntriesError> {
        let dataset = |(name, manifest): (DatasetName, Result<data::Manifest, StoreError>)| {
            let read = manifest.map(|manifest| Overview::read(&home.dataset(&name), manifest));
            (name, read.map_err(|error| error.to_string()))
        };
        let datasets = data::list(&home.data())?.into_iter().map(dataset).collect();
        let listed = weights::list(&home.weights())?.into_iter();
        let weights = listed.map(|(name, manifest)| (name, manifest.map_err(|error| error.to_string()))).collect();
        Ok(Self { datasets, weights, machine: Machine::this(), devices, can_train })
    }

    /// Parses what a home on another machine sent. Texts lose their control characters, and an entry with impossible
    /// numbers becomes one that cannot be read.
    ///
    /// # Errors
    /// If it is something else.
    pub fn parse(bytes: &[u8]) -> Result<Self, EntriesError> {
        let mut entries: Self = serde_json::from_slice(bytes).map_err(|_| EntriesError::Malformed)?;
        for (_, dataset) in &mut entries.datasets {
            let checked = dataset.clone().and_then(Overview::checked);
            *dataset = checked.map_err(|words| short(&words));
        }
        for (_, weights) in &mut entries.weights {
            match weights {
                Ok(manifest) => {
                    // Texts about the file are not shown here.
                    (manifest.not_taken, manifest.parameters) =
                        (IgnoredTensors::default(), manifest.parameters.min(1 << 40));
                    let texts = [&mut manifest.hash, &mut manifest.source, &mut manifest.source_hash];
                    texts.into_iter().for_each(|text| *text = short(text));
                    (manifest.reason, manifest.licence) = (short(&manifest.reason), short(&manifest.licence));
                }
                Err(words) => *words = short(words),
            }
        }
        entries.machine.host = short(&entries.machine.host);
        entries.devices.truncate(MAX_DEVICES);
        entries.devices.iter_mut().for_each(|line| *line = short(line));
        Ok(entries)
    }
}

fn short(text: &str) -> String {
    printable(text).chars().take(400).collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::data::manifest::ImageShape;
    use crate::data::marked::Marks;
    use crate::data::writer::tests::manifest_of;
    use serde_json::json;

    /// Returns the entries of a home with the dataset `faces`, of three classes.
    pub(crate) fn entries(devices: &[&str], can_train: bool) -> HomeEntries {
        let manifest = manifest_of(&[("happy", [40, 4, 8]), ("neutral", [30, 3, 7]), ("sad", [20, 2, 6])]);
        let manifest = data::Manifest { image: ImageShape { width: 48, height: 48, channels: 1 }, ..manifest };
        let overview =
            Overview { manifest, groups: None, findings: Vec::new(), found: Vec::new(), marks: Ok(Marks::none("")) };
        HomeEntries {
            datasets: vec![(DatasetName::new("faces").expect("a name"), Ok(overview))],
            weights: Vec::new(),
            machine: Machine { host: "box2".into(), has_gpu: true },
            devices: devices.iter().map(|&line| line.to_owned()).collect(),
            can_train,
        }
    }

    #[test]
    fn the_entries_of_an_honest_home_arrive_unchanged() {
        let sent = entries(&["cpu"], true);
        let text = serde_json::to_vec(&sent).expect("JSON");
        assert_eq!(HomeEntries::parse(&text).expect("parsed"), sent);
        let folder = tempfile::tempdir().expect("a folder");
        let empty = HomeEntries::read(&Home::new(folder.path()), Vec::new(), false).expect("read");
        assert_eq!((empty.datasets.len(), empty.weights.len()), (0, 0));
    }

    #[test]
    fn an_entry_of_impossible_numbers_cannot_be_read_and_texts_steer_nothing() {
        let honest = serde_json::to_value(entries(&["cpu"], true)).expect("JSON");
        let overview = "/datasets/0/1/Ok";
        let marks = |images: serde_json::Value| json!({"Ok": {"fingerprint": "", "images": images}});
        let lies = [
            ("/manifest/image/width", json!(0)),
            ("/manifest/image/channels", json!(7)),
            ("/manifest/classes", json!([])),
            ("/manifest/classes/0/train", json!(u64::MAX)),
            ("/found", json!([["Duplicates", {"images": [7, 7]}]])),
            ("/marks", marks(json!([{"index": 4_000_000_000_u32, "source": "", "at": 0}]))),
            ("/marks", marks(json!([{"index": 1, "source": "", "class": 3, "at": 0}]))),
            ("/marks", marks(json!([{"index": 1, "source": "", "at": 0}, {"index": 1, "source": "", "at": 0}]))),
            ("/groups", json!({"sizes": [[[60_000, 3]]], "checksum": 0})),
        ];
        for (place, lie) in lies {
            let mut sent = honest.clone();
            *sent.pointer_mut(&format!("{overview}{place}")).expect(place) = lie;
            let parsed = HomeEntries::parse(sent.to_string().as_bytes());
            assert!(parsed.is_err() || parsed.is_ok_and(|entries| entries.datasets[0].1.is_err()), "{place}");
        }
        for (place, lie) in
            [("/datasets/0/0", json!("../x")), ("/weights", json!([["a/b", {"Err": ""}]])), ("", json!([]))]
        {
            let mut sent = honest.clone();
            *sent.pointer_mut(place).expect(place) = lie;
            assert!(HomeEntries::parse(sent.to_string().as_bytes()).is_err(), "{place}");
        }
        let mut sent = honest;
        let steer = "\u{1b}[2J";
        sent["devices"] = json!([steer]);
        sent["machine"]["host"] = json!(steer);
        sent["weights"] = json!([["faces", {"Err": steer}]]);
        sent["datasets"][0][1]["Ok"]["findings"] = json!([steer]);
        sent["datasets"][0][1]["Ok"]["marks"] = marks(json!([{"index": 1, "source": steer, "at": 0}]));
        sent["datasets"][0][1]["Ok"]["manifest"]["fingerprint"] = json!(steer);
        let entries = HomeEntries::parse(sent.to_string().as_bytes()).expect("parsed");
        let overview = entries.datasets[0].1.as_ref().expect("a dataset");
        let texts = [&entries.devices[0], &entries.machine.host, &overview.findings[0], &overview.manifest.fingerprint];
        assert!(texts.into_iter().all(|text| text == "·[2J"));
        assert_eq!(overview.marks.as_ref().expect("marks").images[0].source, "·[2J");
        assert_eq!(entries.weights[0].1, Err("·[2J".into()));
    }
}
