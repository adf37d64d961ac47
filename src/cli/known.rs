//! Weights that are known by a name: where they are published, and what their files have to be.

use crate::domain::WeightsName;
use crate::download::{self, Digest};

/// Published weights of VGG16.
struct Known {
    name: &'static str,
    url: &'static str,
    expected: Option<Digest>,
}

const KNOWN: [Known; 3] = [
    // keras-vggface publishes no hash of its files.
    Known {
        name: "vggface",
        url: "https://github.com/rcmalli/keras-vggface/releases/download/v2.0/rcmalli_vggface_tf_notop_vgg16.h5",
        expected: None,
    },
    // The hash is the one that Keras itself checks.
    Known {
        name: "imagenet",
        url: "https://storage.googleapis.com/tensorflow/keras-applications/vgg16/\
              vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5",
        expected: Some(Digest::Md5("6d6bbae143d832006294945121d1f1fc")),
    },
    // torchvision puts the beginning of the hash into the file's name.
    Known {
        name: "torchvision",
        url: "https://download.pytorch.org/models/vgg16-397923af.pth",
        expected: Some(Digest::Sha256("397923af")),
    },
];

/// What to fetch.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Source {
    pub(super) url: String,
    /// What it is called, if it is known.
    pub(super) name: Option<WeightsName>,
    pub(super) expected: Option<Digest>,
}

/// The known weights of this name, or an address.
pub(super) fn source(what: &str) -> Result<Source, String> {
    if let Some(known) = KNOWN.iter().find(|known| known.name == what) {
        let name = WeightsName::new(known.name).map_err(|error| error.to_string())?;
        return Ok(Source { url: known.url.to_owned(), name: Some(name), expected: known.expected });
    }
    // The address of known weights, written out, is held against the same hash.
    if download::is_address(what) {
        let expected = KNOWN.iter().find(|known| known.url == what).and_then(|known| known.expected);
        return Ok(Source { url: what.to_owned(), name: None, expected });
    }
    let names: Vec<&str> = KNOWN.iter().map(|known| known.name).collect();
    Err(format!("'{what}' is nothing to fetch: say {}, or an address that begins with https://", names.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_addresses_are_understood() {
        for known in KNOWN {
            let by_name = source(known.name).expect("known");
            let by_url = source(known.url).expect("an address");
            assert_eq!((by_name.url.as_str(), by_name.expected), (known.url, known.expected));
            assert_eq!(by_url, Source { name: None, ..by_name });
        }
        let other = source("https://example.org/x.h5").expect("an address");
        assert_eq!((other.name, other.expected), (None, None));
        assert!(source("resnet").expect_err("unknown").contains("say vggface, imagenet, torchvision, or an address"));
    }
}
