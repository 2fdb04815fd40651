//! What is in a scope, against a second implementation that compares label lists.

use proptest::prelude::*;

use super::*;

fn scope(items: &str) -> Scope {
    items.parse().expect("a scope")
}

#[track_caller]
fn check(items: &str, name: &str, expected: bool) {
    assert_eq!(scope(items).covers(name), expected, "{items} / {name}");
}

#[test]
fn a_name_covers_itself() {
    check("example.org", "example.org", true);
    check("example.org", "www.example.org", false);
    check("www.example.org", "example.org", false);
    check("example.org", "example.org.test", false);
    check("example.org", "badexample.org", false);
    check("192.0.2.1 2001:db8::1", "192.0.2.1", true);
    check("192.0.2.1 2001:db8::1", "2001:db8::1", true);
    check("192.0.2.1", "192.0.2.10", false);
}

#[test]
fn a_tree_covers_all_below_it() {
    check(".example.org", "example.org", true);
    check(".example.org", "a.b.example.org", true);
    check(".example.org", "badexample.org", false);
    check(".example.org", "org", false);
    check(".org", "example.org", true);
    check(".", "example.org", true);
    check(".", "", true);
}

#[test]
fn a_wildcard_is_covered_as_one_only() {
    check("*.example.org", "*.example.org", true);
    check(".example.org", "*.example.org", true);
    check(".org", "*.example.org", true);
    check("www.example.org example.org", "*.example.org", false);
    check(".www.example.org", "*.example.org", false);
    check("*.example.org", "www.example.org", false);
    check("*.example.org", "example.org", false);
    check("*.example.org", "*.a.example.org", false);
    check("*.example.org", "w*.example.org", false);
    check("*.example.org", "*.*.example.org", false);
    check("www.example.org", "w*.example.org", false);
    check("www.example.org", "?.example.org", false);
    check(".example.org", "?.example.org", true);
    check(".example.org", "*.org", false);
    check(".example.org", "*", false);
    check(".example.org", "example.*", false);
}

#[test]
fn spelling_is_not_a_way_in_or_out() {
    check("Example.ORG.", "example.org", true);
    check("example.org", "EXAMPLE.org.", true);
    check("example.org", "example.org..", false);
    check(".example.org", "a..example.org", false);
    check(".example.org", ".example.org.", false);
    check(".example.org", "a\0.example.org", true);
    check("example.org", "example.org\0", false);
    check("bücher.example", "xn--bcher-kva.example", true);
    check("xn--bcher-kva.example", "bücher.example", false);
    check("example.org", "", false);
    check("", "", false);
    check("", "example.org", false);
    check("example.org", ".", false);
}

#[track_caller]
fn check_refused(item: &str) {
    assert!(Scope::new([item]).is_err(), "{item}");
}

#[test]
fn what_is_no_item_is_refused() {
    for item in ["", "*", "*.", "*..", "*.*.example.org", "*..example.org", "w*.example.org"] {
        check_refused(item);
    }
    for item in ["*.192.0.2.1", "*.2001:db8::1", "https://example.org", "a b", "192.0.2.0/24"] {
        check_refused(item);
    }
}

#[test]
fn a_scope_has_one_text() {
    let text = ". .b.example .example.org *.example.org 192.0.2.1 a.example";
    assert_eq!(
        scope("a.example, .Example.org\n. 192.0.2.1 *.EXAMPLE.org,.b.example").to_string(),
        text
    );
    assert_eq!(scope("").to_string(), "");
    assert_eq!(Scope::everything(), scope("."));
    assert!(scope(" , ").is_empty());
}

#[track_caller]
fn check_holds(outer: &str, inner: &str, expected: bool) {
    assert_eq!(scope(outer).holds(&scope(inner)), expected, "{outer} / {inner}");
}

#[test] // A host may only speak for names that it was given.
fn a_scope_holds_another() {
    check_holds(".example.org", "a.example.org *.b.example.org .c.example.org", true);
    check_holds(".example.org", ".example.org", true);
    check_holds(".", ".", true);
    check_holds(".", "a.example .org 192.0.2.1", true);
    check_holds(".example.org", ".", false);
    check_holds(".example.org", ".org", false);
    check_holds("example.org", ".example.org", false);
    check_holds("*.example.org", "www.example.org", false);
    check_holds(".example.org", "a.example.org b.example.net", false);
    check_holds("example.org", "", true);
    check_holds("", "example.org", false);
}

fn named(name: &str, guard: &str, reading: &str) -> Named {
    Named { name: name.into(), guard: guard.into(), reading: reading.into() }
}

#[track_caller]
fn check_named(items: &str, named: &Named, covers: bool, touches: bool) {
    assert_eq!(scope(items).covers_named(named), covers, "{items} covers {named:?}");
    assert_eq!(scope(items).touches(named), touches, "{items} touches {named:?}");
}

#[test]
fn a_doubtful_name_is_covered_by_all_of_its_guard() {
    let raw = named("www.example.org", ".example.org", "raw-utf-16");
    check_named("www.example.org", &raw, false, true);
    check_named("other.example.org", &raw, false, true);
    check_named(".www.example.org", &raw, false, true);
    check_named(".example.org", &raw, true, true);
    check_named(".org", &raw, true, true);
    check_named(".", &raw, true, true);
    check_named(".example.net", &raw, false, false);
    let exact = named("example.org", "example.org", "san-dns-split");
    check_named("example.org", &exact, false, true);
    check_named(".example.org", &exact, true, true);
    let everything = Named::unread();
    check_named(".example.org", &everything, false, true);
    check_named(".", &everything, true, true);
    check_named("", &everything, false, false);
}

#[test]
fn a_policy_is_touched_by_whatever_could_be_meant() {
    let wildcard = named("*.example.org", ".example.org", "san-dns");
    check_named("www.example.org", &wildcard, false, true);
    check_named(".www.example.org", &wildcard, false, true);
    check_named("a.www.example.org", &wildcard, false, false);
    check_named("www.example.net", &wildcard, false, false);
    let redacted = named("?.example.org", ".example.org", "san-dns-redacted");
    check_named("www.example.org", &redacted, false, true);
    let plain = named("www.example.org", ".example.org", "san-dns");
    check_named("www.example.org", &plain, true, true);
    check_named("other.example.org", &plain, false, false);
}

/// Covers, said once more and slowly: compares lists of labels, item by item.
fn slow_covers(items: &[String], name: &str) -> bool {
    let labels = |text: &str| text.split('.').map(str::to_owned).collect::<Vec<_>>();
    let name = labels(name);
    if items.iter().any(|item| item == ".") {
        return true;
    }
    if name.iter().any(String::is_empty) {
        return false;
    }
    items.iter().any(|item| match item.strip_prefix('.') {
        Some(tree) => name.ends_with(&labels(tree)),
        None => labels(item) == name,
    })
}

/// Few labels, so that they meet.
fn name() -> impl Strategy<Value = String> {
    proptest::collection::vec("[ab]|ab|\\*|", 0..5).prop_map(|labels| labels.join("."))
}

fn item() -> impl Strategy<Value = String> {
    let plain = proptest::collection::vec("[ab]|ab", 1..4).prop_map(|labels| labels.join("."));
    prop_oneof![
        8 => ("|\\.|\\*\\.", plain).prop_map(|(before, name)| before + &name),
        1 => Just(".".to_owned()),
    ]
}

proptest! {
    #[test]
    fn covering_is_what_it_says(items in proptest::collection::vec(item(), 0..4), name in name()) {
        let scope = Scope::new(&items).unwrap();
        // A dot at the end is the root's (RFC 1034 §3.1).
        let rooted = name.strip_suffix('.').unwrap_or(&name);
        prop_assert_eq!(scope.covers(&name), slow_covers(&items, rooted));
    }

    #[test]
    fn holding_is_covering_all(
        outer in proptest::collection::vec(item(), 0..4),
        inner in proptest::collection::vec(item(), 0..4),
        name in name(),
    ) {
        let (outer, inner) = (Scope::new(&outer).unwrap(), Scope::new(&inner).unwrap());
        prop_assert!(!outer.holds(&inner) || !inner.covers(&name) || outer.covers(&name));
        prop_assert!(outer.holds(&outer));
    }

    #[test]
    fn covered_is_touched(
        items in proptest::collection::vec(item(), 0..4),
        name in name(),
        guard in item(),
        reading in "san-dns|raw-ascii|certificate|",
    ) {
        let scope = Scope::new(&items).unwrap();
        let named = named(&name, &guard, &reading);
        prop_assert!(!scope.covers_named(&named) || scope.touches(&named));
    }

    #[test]
    fn a_scope_reads_back(items in proptest::collection::vec(item(), 0..6)) {
        let scope = Scope::new(&items).unwrap();
        prop_assert_eq!(&scope.to_string().parse::<Scope>().unwrap(), &scope);
        prop_assert_eq!(Scope::new(scope.items()).unwrap(), scope);
    }

    #[test]
    fn any_text_is_a_scope_that_reads_back_or_an_error(text in "\\PC*|[a-z0-9.:*, é-]{0,24}") {
        if let Ok(scope) = text.parse::<Scope>() {
            prop_assert_eq!(scope.to_string().parse(), Ok(scope));
        }
    }

    #[test]
    fn any_name_is_answered(name: String, guard: String, reading: String) {
        let scope = scope("a.example .b.example *.c.example 192.0.2.1");
        scope.touches(&named(&name, &guard, &reading));
    }
}
