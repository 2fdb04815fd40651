# Short names. What they do is in ./check and fuzz/run, which need no `just`.

# What CI runs.
check:
    ./check

# Formatting, clippy, tests.
quick:
    ./check --quick

# The tests, or some of them: `just test -p countersign-tlog`.
test *args:
    INSTA_UPDATE=no cargo test --workspace --locked {{args}}

# Look at changed snapshots one by one; needs cargo-insta.
review:
    cargo insta test --review --workspace

# One fuzz target until it finds something, or what `fuzz/run` says of options and files.
fuzz *args:
    fuzz/run {{args}}

# The measurements.
bench *args:
    cargo bench --workspace --locked {{args}}

# Play the scenes of the lab, or some of them.
lab *scenes:
    cargo run --release --locked -- lab {{scenes}}
