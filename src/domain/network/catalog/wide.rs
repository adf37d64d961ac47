//! Nine convolutions with batch norm, trained from scratch: 7.1 million parameters and almost six times the arithmetic
//! of `deep`, for GPUs.

use super::deep::{Block, blocks};
use crate::domain::network::Architecture;

const BLOCKS: [Block; 4] = [(&[64, 64], true), (&[128, 128], true), (&[256, 256], true), (&[512, 512, 512], false)];

pub(super) fn architecture() -> Architecture {
    blocks("wide", &BLOCKS, 0.5)
}
