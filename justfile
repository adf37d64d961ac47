# Day to day without CUDA: it costs minutes at every build.
light := "--no-default-features --features trainer,dashboard"

# Lists the recipes.
default:
    @just --list

# Builds and tests without CUDA. In release: the tests train, and our own kernels crawl without optimization.
test *ARGS:
    cargo test --release {{light}} {{ARGS}}

# Rewrites the screens' snapshots; look at the difference before committing.
snapshots:
    INSTA_UPDATE=always cargo test --no-default-features --features dashboard --lib tui

# What CI runs.
ci:
    .ci/run

# Real FER-2013 through every importer: just fer2013 path/to/fer2013.tar.xz
fer2013 ARCHIVE:
    MIEN_FER2013={{ARCHIVE}} cargo test --release {{light}} --test all fer2013:: -- --ignored --nocapture

# Images a second of the CNN's training step, fused and plain.
bench:
    cargo bench {{light}} --bench cnn_step

# Fuzzes every reader of bytes from outside, ten minutes each unless said otherwise: just fuzz 60 pickle
fuzz *ARGS:
    scripts/fuzz {{ARGS}}
