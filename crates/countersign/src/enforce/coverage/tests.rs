use std::os::unix::fs::PermissionsExt as _;

use super::*;

#[test]
fn the_loaders_lines_are_read() {
    let lines = [
        ("\tlinux-vdso.so.1 (0x00007ffd)", "linux-vdso.so.1"),
        ("\tlibssl.so.3 => /lib/x/libssl.so.3 (0x00007fe2)", "/lib/x/libssl.so.3"),
        ("\t/lib64/ld-linux-x86-64.so.2 (0x00007f)", "/lib64/ld-linux-x86-64.so.2"),
        ("\tlibgone.so.1 => not found", "libgone.so.1"),
    ];
    for (line, expected) in lines {
        assert_eq!(library_of(line), expected);
    }
}

/// Looks at an executable file with this text.
fn check(name: &str, text: &str, expected: &str) {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let file = folder.path().join(name);
    fs::write(&file, text).expect("it can be written");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).expect("it is ours");
    let coverage = look(&file, Path::new("/nonexistent"), OsStr::new(""));
    let Ok(Coverage::No { why, .. }) = coverage else { panic!("{coverage:?}") };
    assert!(why.contains(expected), "{why}");
}

#[test]
fn what_starts_a_sandbox_is_not_covered() {
    check("flatpak", "", "in a sandbox");
    check("dino", "#!/bin/sh\nexec flatpak run im.dino.Dino\n", "flatpak run");
    check("exim4", "", "plain text");
}

#[test]
fn what_a_wrapper_starts_is_looked_at() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let flatpak = folder.path().join("flatpak");
    fs::write(&flatpak, "").expect("it can be written");
    fs::set_permissions(&flatpak, fs::Permissions::from_mode(0o755)).expect("it is ours");
    let text = format!("#!/bin/sh\nFLAGS=\nexec \"{}\" $FLAGS \"$@\"\n", flatpak.display());
    check("wrapper", &text, "in a sandbox");
    let own = started_by(Path::new("/usr/bin/flatpak"), b"exec $LIBDIR/x; exec /nonexistent/y");
    assert_eq!(own, Vec::<PathBuf>::new());
}

#[test]
fn a_browser_is_known_by_what_lies_beside_it() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    assert_eq!(beside(&folder.path().join("firefox")), None);
    fs::write(folder.path().join("libxul.so"), "").expect("it can be written");
    assert_eq!(beside(&folder.path().join("firefox")), Some("NSS"));
}

#[test]
fn what_is_no_program_is_not_covered() {
    check("picture", "GIF89a", "neither an executable");
}

#[test]
fn a_library_that_is_built_in_is_found_across_windows() {
    let file = tempfile::NamedTempFile::new().expect("a file for the test");
    let mut bytes = vec![b'x'; 1024 * 1024 - 5];
    bytes.extend(b"/rustls-0.23.1/src");
    fs::write(file.path(), &bytes).expect("it can be written");
    assert_eq!(built_in(file.path()), Some("rustls"));
    fs::write(file.path(), &bytes[..bytes.len() - 12]).expect("it can be written");
    assert_eq!(built_in(file.path()), None);
}
