//! The shared vectors: other people's data, beside the checkout.

/// A folder of them. Without it there is nothing to test, which CI does not accept.
pub(crate) fn folder(name: &str) -> Option<String> {
    let path = format!("{}/../../../shared/vectors/{name}", env!("CARGO_MANIFEST_DIR"));
    if std::fs::exists(&path).expect("the folder above can be read") {
        return Some(path);
    }
    assert!(std::env::var("CI").as_deref() != Ok("true"), "no {path}");
    eprintln!("skipped: no {path}");
    None
}
