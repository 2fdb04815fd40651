use std::collections::HashMap;

use super::*;

type Variable<'a> = (&'a str, &'a str);

/// What is in force with these variables, and what is told.
fn check(variables: &[Variable<'_>], problems: &[&str]) -> Settings {
    let variables: HashMap<_, _> = variables.iter().copied().collect();
    let settings = read(|name| variables.get(name).map(OsString::from));
    let told = &settings.problems;
    assert_eq!(told.len(), problems.len(), "{told:?}");
    for (told, expected) in told.iter().zip(problems) {
        assert!(told.contains(expected), "{told} does not say {expected}");
    }
    settings
}

fn is_built_in(settings: &Settings) -> bool {
    *settings.enforcer.list() == SignedList::built_in()
}

#[test]
fn without_variables_what_is_built_in_is_in_force() {
    let settings = check(&[("COUNTERSIGN_LIST", ""), ("COUNTERSIGN_VERBOSE", "")], &[]);
    assert!(is_built_in(&settings) && settings.memory_file.is_none() && !settings.is_verbose);
}

#[test]
fn a_mistake_is_told_and_turns_nothing_off() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).expect("the folder can be written");
        path.to_str().expect("UTF-8").to_owned()
    };
    let (nonsense, absent) = (file("nonsense", "nonsense"), "/nonexistent/file");
    let long = file("long", &"x".repeat(KEYS_BYTES_MAX + 1));
    let cases: [(&[Variable<'_>], &[&str]); 8] = [
        (&[("COUNTERSIGN_LIST", &nonsense)], &["go together"]),
        (&[("COUNTERSIGN_LIST_KEYS", &nonsense)], &["go together"]),
        (
            &[("COUNTERSIGN_LIST", &nonsense), ("COUNTERSIGN_LIST_KEYS", &nonsense)],
            &["not a set of keys"],
        ),
        (
            &[("COUNTERSIGN_LIST", &nonsense), ("COUNTERSIGN_LIST_KEYS", absent)],
            &["cannot read /nonexistent/file"],
        ),
        (
            &[("COUNTERSIGN_LIST", &nonsense), ("COUNTERSIGN_LIST_KEYS", &long)],
            &["more than 16384 bytes"],
        ),
        (&[("COUNTERSIGN_PUBLIC_ROOTS", &nonsense)], &["no certificate in PEM"]),
        (&[("COUNTERSIGN_MEMORY", &nonsense)], &["not what an enforcer has remembered"]),
        (&[("COUNTERSIGN_PROFILE", "strict")], &["taken for high-risk"]),
    ];
    for (variables, problems) in cases {
        assert!(is_built_in(&check(variables, problems)), "{variables:?}");
    }
}

#[test]
fn public_roots_can_be_a_folder() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let write = |name: &str, text: &str| {
        fs::write(folder.path().join(name), text).expect("the folder can be written");
    };
    write("README", "not looked at");
    write("broken.crt", "-----BEGIN CERTIFICATE-----\nAAAA");
    write("empty.pem", "");
    let mut problems = add_roots(&mut PublicRoots::default(), folder.path());
    problems.sort();
    let [broken, empty] = &problems[..] else { panic!("{problems:?}") };
    assert!(broken.contains("broken.crt") && empty.contains("empty.pem"), "{problems:?}");
}

#[test]
fn what_is_named_is_read_besides_the_folder_of_the_system() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    fs::write(folder.path().join("systems.crt"), "").expect("the folder can be written");
    let named = PathBuf::from("/nonexistent/named.pem");
    let (roots, problems) = public_roots(folder.path(), Some(named));
    let [systems, named] = &problems[..] else { panic!("{problems:?}") };
    assert!(systems.contains("systems.crt") && named.contains("named.pem"), "{problems:?}");
    assert_eq!(roots, PublicRoots::built_in());
    let (_, problems) = public_roots(Path::new("/nonexistent/folder"), None);
    assert_eq!(problems, Vec::<String>::new());
}
