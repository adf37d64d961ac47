//! Published weights of VGG16 with their addresses and hashes.

use crate::cli::exit::CommandError;
use crate::domain::WeightsName;
use crate::download::{self, Digest};

/// A published file.
struct Published {
    name: &'static str,
    url: &'static str,
    expected: Option<Digest>,
}

const ALL: [Published; 3] = [
    // keras-vggface publishes no hash of its files.
    Published {
        name: "vggface",
        url: "https://github.com/rcmalli/keras-vggface/releases/download/v2.0/rcmalli_vggface_tf_notop_vgg16.h5",
        expected: None,
    },
    // The hash is the one that Keras itself checks.
    Published {
        name: "imagenet",
        url: "https://storage.googleapis.com/tensorflow/keras-applications/vgg16/\
              vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5",
        expected: Some(Digest::Md5("6d6bbae143d832006294945121d1f1fc")),
    },
    // torchvision puts the beginning of the hash into the file's name.
    Published {
        name: "torchvision",
        url: "https://download.pytorch.org/models/vgg16-397923af.pth",
        expected: Some(Digest::Sha256("397923af")),
    },
];

/// The address of a file of weights.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Source {
    pub(super) url: String,
    /// The name of published weights.
    pub(super) name: Option<WeightsName>,
    /// The published hash.
    pub(super) expected: Option<Digest>,
}

/// Returns the source of published weights by their name, or of an address.
pub(super) fn source(what: &str) -> Result<Source, CommandError> {
    if let Some(published) = ALL.iter().find(|published| published.name == what) {
        let name = WeightsName::new(published.name)?;
        return Ok(Source { url: published.url.to_owned(), name: Some(name), expected: published.expected });
    }
    // The written-out address of published weights is checked against the same hash.
    if download::is_address(what) {
        let expected = ALL.iter().find(|published| published.url == what).and_then(|published| published.expected);
        return Ok(Source { url: what.to_owned(), name: None, expected });
    }
    let names: Vec<&str> = ALL.iter().map(|published| published.name).collect();
    let names = names.join(", ");
    Err(CommandError::Usage(format!(
        "'{what}' is neither published weights nor an address: give {names}, or an address that begins with https://"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_addresses_are_understood() {
        for published in ALL {
            let by_name = source(published.name).expect("published");
            let by_url = source(published.url).expect("an address");
            assert_eq!((by_name.url.as_str(), by_name.expected), (published.url, published.expected));
            assert_eq!(by_url, Source { name: None, ..by_name });
        }
        let other = source("https://example.org/x.h5").expect("an address");
        assert_eq!((other.name, other.expected), (None, None));
        assert!(
            source("resnet")
                .expect_err("unknown")
                .to_string()
                .contains("give vggface, imagenet, torchvision, or an address")
        );
    }
}
