//! A configuration file: what was understood and is printed, is understood as the same.
#![no_main]

// Two files of the command alone: the whole would bring everything that it runs.
#[path = "../../crates/countersign/src/config"]
mod config {
    mod period;
    mod spec;

    libfuzzer_sys::fuzz_target!(|text: &str| {
        if let Ok(spec) = toml::from_str::<spec::Spec>(text) {
            let printed = toml::to_string(&spec).expect("what TOML said can be said in TOML");
            assert_eq!(toml::from_str::<spec::Spec>(&printed).as_ref(), Ok(&spec));
        }
    });
}
