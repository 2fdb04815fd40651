//! The list for clients on its whole way: built, signed by two of three, published in a log, served, fetched and
//! verified, each step by the command as a process of its own; and what is done to it on the way is seen.

#![expect(clippy::unwrap_used, reason = "a test ends where its world is not as it made it")]

mod desk;

use std::fs;
use std::path::Path;

use desk::{Desk, sources};
use serde_json::Value;

#[test]
fn the_built_in_list_is_what_build_makes_of_the_real_ones() {
    let Some(sources) = sources() else { return };
    let desk = Desk::new();
    let built = desk.run(&format!("build {sources} --issued 2026-08-22T00:00:00Z --out list"));
    let built = built.ended(0);
    let ours = Path::new(env!("CARGO_MANIFEST_DIR"));
    let ours =
        fs::read_to_string(ours.join("../../libs/sct/src/signed_list/built_in.txt")).unwrap();
    assert_eq!(desk.read("list"), ours);
    let row = built.row();
    assert_eq!((&row["type"], &row["version"]), (&"list".into(), &1.into()));
    assert_eq!(row["logs"], ours.lines().filter(|line| line.starts_with("log ")).count());
    // Of each log it is said what was decided.
    let decided = |what: &str| built.rows.iter().filter(|row| row["decision"] == what).count();
    assert_eq!(decided("added") + decided("retired"), row["logs"]);
    assert!(built.rows.iter().any(|row| row["decision"] == "refused" && row["why"].is_string()));
    assert_eq!(decided("dropped"), 0);
}

#[test]
fn a_log_that_no_programme_trusts_any_more_is_for_a_person_to_look_at() {
    let Some(sources) = sources() else { return };
    let desk = Desk::new();
    desk.build("last", 40, None);
    // The same lists without those of one operator.
    let apple = sources.split_whitespace().find(|word| word.starts_with("Apple=")).unwrap();
    let apple = fs::read_to_string(apple.rsplit_once(':').unwrap().1).unwrap();
    desk.write("apple.json", &apple.replace("\"usable\"", "\"pending\""));
    let mozilla = sources.split_whitespace().find(|word| word.starts_with("Mozilla=")).unwrap();
    let mozilla = fs::read_to_string(mozilla.rsplit_once(':').unwrap().1).unwrap();
    desk.write("mozilla.json", &mozilla.replace("\"usable\"", "\"pending\""));
    let built = desk.run(
        "build --source M=programme:mozilla.json --source A=programme:apple.json --last last --out list",
    );
    let built = built.ended(1);
    assert!(built.rows.iter().any(|row| row["decision"] == "dropped"), "{built:?}");
    assert_eq!(built.row()["version"], 2);
}

/// A folder with a list that two of three have signed, and what a client has before its first update.
struct Published {
    desk: Desk,
    log: String,
}

impl Published {
    fn new() -> Option<Self> {
        sources()?;
        let desk = Desk::new();
        desk.build("one", 20, None);
        let keys: Vec<String> =
            ["a", "b", "c"].map(|name| format!("--key {}", desk.key(name))).into();
        desk.run(&format!("keys {} --threshold 2 --out keys", keys.join(" "))).ended(0);
        let log = desk.key("log.example");
        desk.sign("one", None, &["a", "b"]);
        desk.run("publish pub --list one --keys keys --log-key log.example.key").ended(0);
        desk.copy("keys", "client.keys");
        Some(Self { desk, log })
    }

    /// A next list, signed by these.
    fn next(&self, days_ago: u32, last: &str, out: &str, signers: &[&str]) {
        self.desk.build(out, days_ago, Some(last));
        self.desk.sign(out, Some(last), signers);
    }

    fn publish(&self, list: &str) {
        self.desk.run(&format!("publish pub --list {list} --log-key log.example.key")).ended(0);
    }

    fn update(&self, from: &str) -> desk::Outcome {
        let log = &self.log;
        self.desk.run(&format!("update --from {from} --to client --keys client.keys --log {log}"))
    }

    /// What is offered in `from` is refused for this, and nothing changes here.
    #[track_caller]
    fn refused(&self, from: &str, why: &str) {
        let files = || {
            ["client", "client.keys", "client.proof"]
                .map(|file| fs::read(self.desk.path(file)).ok())
        };
        let before = files();
        let outcome = self.update(from).ended(1);
        let row = outcome.row();
        assert_eq!(row["result"], "refused");
        assert!(row["refused"].as_str().unwrap().contains(why), "{row}");
        assert_eq!(files(), before);
    }

    /// A copy of the folder in which a file is another.
    fn tampered(&self, name: &str, with: impl FnOnce(String) -> String) -> String {
        let copy = "tampered".to_owned();
        let _none_before = fs::remove_dir_all(self.desk.path(&copy));
        copy_folder(&self.desk.path("pub"), &self.desk.path(&copy));
        let path = format!("{copy}/{name}");
        // A file that was not there is added.
        let text = fs::read_to_string(self.desk.path(&path)).unwrap_or_default();
        self.desk.write(&path, &with(text));
        copy
    }
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_folder(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

#[test]
fn a_list_goes_its_whole_way() {
    let Some(place) = Published::new() else { return };
    let desk = &place.desk;
    let server = desk.serve("pub");
    let updated = place.update(&server.url).ended(0);
    let row = updated.row();
    assert_eq!((&row["result"], &row["version"]), (&"updated".into(), &1.into()));
    assert_eq!((&row["previous_version"], &row["log_size"]), (&Value::Null, &1.into()));
    assert_eq!(desk.read("client"), desk.read("one"));
    let again = place.update(&server.url).ended(0);
    assert_eq!(again.row()["result"], "up-to-date");
    let log = &place.log;
    let verify = format!("verify client --keys client.keys --proof client.proof --log {log}");
    let verified = desk.run(&verify).ended(0);
    let row = verified.row();
    assert_eq!(
        (&row["ok"], &row["rung"], &row["log_index"]),
        (&true.into(), &"strict".into(), &0.into())
    );
    assert_eq!(row["signed_by"], serde_json::json!(["a", "b"]));

    // The next one, while the server goes on.
    place.next(10, "one", "two", &["b", "c"]);
    place.publish("two");
    let updated = place.update(&server.url).ended(0);
    let row = updated.row();
    assert_eq!((&row["version"], &row["previous_version"]), (&2.into(), &1.into()));
    assert_eq!((&row["log_index"], &row["log_size"]), (&1.into(), &2.into()));
    desk.run(&verify).ended(0);
    // From the folder it is the same; publishing again changes nothing.
    assert_eq!(place.update("pub").ended(0).row()["result"], "up-to-date");
    let again = desk.run("publish pub --list two --log-key log.example.key").ended(0);
    assert_eq!((&again.row()["was_logged"], &again.row()["log_size"]), (&true.into(), &2.into()));

    assert_eq!(server.stopped(), Some(0));
    // Nobody there: nothing could be seen, and nothing is lost.
    let gone = place.update("http://127.0.0.1:1").ended(2);
    assert!(gone.rows.is_empty() && gone.stderr.contains("error:"), "{gone:?}");
    desk.run(&verify).ended(0);
}

#[test]
fn keys_are_changed_and_followed() {
    let Some(place) = Published::new() else { return };
    let desk = &place.desk;
    place.update("pub").ended(0);
    // One key is replaced: two of the old and two of the new sign, and two of the new sign the list.
    let key = |name: &str| desk.read(&format!("{name}.vkey"));
    for line in desk.read("keys").lines().filter_map(|line| line.strip_prefix("key ")) {
        desk.write(&format!("{}.vkey", line.split('+').next().unwrap()), line);
    }
    desk.write("d.vkey", &desk.key("d"));
    desk.run(&format!(
        "keys --last keys --key {} --key {} --key {} --out keys-2",
        key("b"),
        key("c"),
        key("d")
    ))
    .ended(0);
    place.next(10, "one", "two", &["c", "d"]);
    // Too few have signed the keys.
    let publish = "publish pub --list two --keys keys-2 --log-key log.example.key";
    desk.sign("keys-2", Some("keys"), &["c"]);
    assert!(desk.run(publish).ended(2).stderr.contains("1 of the known keys have signed"));
    desk.sign("keys-2", Some("keys"), &["b"]);
    desk.run(publish).ended(0);
    let server = desk.serve("pub");
    let row = place.update(&server.url).ended(0).row().clone();
    assert_eq!((&row["keys_version"], &row["previous_keys_version"]), (&2.into(), &1.into()));
    assert_eq!(row["version"], 2);
    assert!(desk.read("client.keys").contains("version 2\n"));
    let log = &place.log;
    desk.run(&format!("verify client --keys client.keys --proof client.proof --log {log}"))
        .ended(0);
    assert_eq!(place.update(&server.url).ended(0).row()["result"], "up-to-date");
    // The key that is no longer one counts no more, and the way back is closed.
    place.next(5, "two", "three", &["a", "b"]);
    let refused = desk.run("publish pub --list three --log-key log.example.key").ended(2);
    assert!(refused.stderr.contains("1 of the known keys have signed, 2 must"), "{refused:?}");
    let from = place.tampered("list", |_| desk.read("three"));
    place.refused(&from, "1 of the known keys have signed");
    // The keys as clients keep them, without signatures, do not take the place of those with.
    desk.copy("client.keys", "bare");
    desk.run("publish pub --list two --keys bare --log-key log.example.key").ended(0);
    // A client that is behind a step, and is shown keys that nobody has signed, or a version too far on.
    desk.copy("keys", "client.keys");
    for forged in
        [desk.read("keys").replace("version 1", "version 2"), "garbage\n".to_owned(), String::new()]
    {
        let from = place.tampered("keys-2", |_| forged);
        place.refused(&from, "the keys 2");
    }
    let from = place.tampered("keys-2", |keys| keys.replace("version 2", "version 3"));
    place.refused(&from, "the keys 2");
    // It comes along with the right ones.
    assert_eq!(place.update("pub").ended(0).row()["keys_version"], 2);
}

#[test]
fn what_is_old_or_of_another_is_refused() {
    let Some(place) = Published::new() else { return };
    let desk = &place.desk;
    copy_folder(&desk.path("pub"), &desk.path("old"));
    place.update("pub").ended(0);
    place.next(10, "one", "two", &["a", "b"]);
    // Another of the same version: signed for one victim.
    desk.build("other", 9, Some("one"));
    desk.sign("other", Some("one"), &["a", "b"]);
    place.publish("two");
    place.update("pub").ended(0);
    place.refused("old", "version 1 is offered, and 2 is here");
    let from = place.tampered("list", |_| desk.read("other"));
    place.refused(&from, "another list of version 2");
    // A proof of the list before, of none, and a list that is in no log.
    let from = place.tampered("list.proof", |_| desk.read("old/list.proof"));
    place.refused(&from, "not proven to be in the log");
    let from = place.tampered("list.proof", |_| "x".to_owned());
    place.refused(&from, "the proof");
    place.next(8, "two", "three", &["a", "b"]);
    let from = place.tampered("list", |_| desk.read("three"));
    place.refused(&from, "not proven to be in the log");
    fs::remove_file(desk.path(&format!("{from}/list.proof"))).unwrap();
    place.refused(&from, "there is no proof");
    // The issuer does not sign it, nor is it published.
    let old = desk.run("sign --key c.key --last two one").ended(2);
    assert!(old.stderr.contains("it has version 1, and the last list had 2"), "{old:?}");
    desk.run("publish pub --list other --log-key log.example.key").ended(2);
    desk.run("publish pub --list one --log-key log.example.key").ended(2);
    // Who demands no proof has the next list; a proof is then demanded of nobody.
    let update = format!("update --from {from} --to free --keys client.keys");
    assert_eq!(desk.run(&update).ended(0).row()["version"], 3);
}

#[test]
fn a_log_that_forks_is_found_by_those_who_were_there_before() {
    let Some(place) = Published::new() else { return };
    let desk = &place.desk;
    copy_folder(&desk.path("pub"), &desk.path("fork"));
    place.next(10, "one", "two", &["a", "b"]);
    place.publish("two");
    place.update("pub").ended(0);
    // The operator shows this client a log in which the second list was another.
    desk.build("other", 9, Some("one"));
    desk.sign("other", Some("one"), &["a", "b"]);
    desk.run("publish fork --list other --log-key log.example.key").ended(0);
    place.next(5, "other", "three", &["a", "b"]);
    desk.run("publish fork --list three --log-key log.example.key").ended(0);
    place.refused("fork", "the log is not the one of the last time");
}

#[test]
fn every_tampered_file_is_noticed() {
    let Some(place) = Published::new() else { return };
    place.update("pub").ended(0);
    place.next(10, "one", "two", &["a", "b"]);
    place.publish("two");
    let log_name = |text: String, from: &str, to: &str| text.replacen(from, to, 1);
    let from = place.tampered("list", |text| log_name(text, "Cloudflare", "Cloudfiare"));
    place.refused(&from, "0 of the known keys have signed, 2 must");
    let from = place
        .tampered("list", |text| text.trim_end().rsplit_once('\n').unwrap().0.to_owned() + "\n");
    place.refused(&from, "1 of the known keys have signed, 2 must");
    let from = place.tampered("list", |text| {
        let last = text.trim_end().rsplit_once('\n').unwrap().1.to_owned();
        let text = text.trim_end().rsplit_once('\n').unwrap().0.to_owned();
        let first = text.rsplit_once('\n').unwrap().0.to_owned();
        format!("{first}\n{last}\n{last}\n")
    });
    place.refused(&from, "1 of the known keys have signed, 2 must");
    let from = place.tampered("list", |text| text[..text.len() / 2].to_owned());
    place.refused(&from, "the list");
    let from = place.tampered("list", |_| String::new());
    place.refused(&from, "the list");
    let from = place.tampered("list", |text| text.replace('\n', "\r\n"));
    place.refused(&from, "the list");
    let from = place.tampered("list.proof", |text| log_name(text, "index 1", "index 0"));
    place.refused(&from, "not proven to be in the log");
    let from = place.tampered("list.proof", |text| log_name(text, "\n2\n", "\n3\n"));
    place.refused(&from, "not proven to be in the log");
    // Where the tree does not show that it has grown out of the last one.
    let tile = "log/tile/0/000.p/2";
    let from = place.tampered("list", |text| text);
    fs::write(place.desk.path(&format!("{from}/{tile}")), [0; 64]).unwrap();
    place.refused(&from, "the log is not the one of the last time");
    // Files that no client needs change nothing for it.
    let from = place.tampered("keys", |_| "x".to_owned());
    assert_eq!(place.update(&from).ended(0).row()["version"], 2);
}

#[test]
fn a_server_that_is_held_back_is_told() {
    let Some(_) = sources() else { return };
    let place = Published::new().unwrap();
    let desk = &place.desk;
    // The newest that it has is 36 days old: there may be a newer one, and nobody begins with this.
    desk.build("old", 40, None);
    desk.sign("old", None, &["a", "b"]);
    desk.build("aged", 36, Some("old"));
    desk.sign("aged", Some("old"), &["a", "c"]);
    desk.run("publish aged.pub --list aged --keys keys --log-key log.example.key").ended(0);
    let update = "update --from aged.pub --to aged.client --keys client.keys";
    let refused = desk.run(update).ended(1);
    assert_eq!(refused.row()["result"], "refused");
    assert!(refused.row()["refused"].as_str().unwrap().contains("36 days old"), "{refused:?}");
    assert!(!desk.path("aged.client").exists());
    // For whoever has an older one it is a step forward.
    desk.copy("old", "aged.client");
    let updated = desk.run(update).ended(1);
    assert_eq!(
        (&updated.row()["result"], &updated.row()["held_back"]),
        (&"updated".into(), &true.into())
    );
    assert!(updated.stderr.contains("held back"), "{updated:?}");
    assert_eq!(desk.run(update).ended(1).row()["result"], "up-to-date");
    // And how old a list is.
    for (days, rung, status) in
        [(69, "strict", 0), (71, "degraded", 1), (179, "degraded", 1), (181, "too-old", 1)]
    {
        desk.build("old", days, None);
        desk.sign("old", None, &["a", "b"]);
        let verified = desk.run("verify old --keys keys").ended(status);
        assert_eq!(
            (&verified.row()["rung"], &verified.row()["age_days"]),
            (&rung.into(), &days.into())
        );
    }
}

#[test]
fn nobody_begins_with_a_list_from_before_the_built_in_one() {
    let Some(sources) = sources() else { return };
    let place = Published::new().unwrap();
    let desk = &place.desk;
    desk.run(&format!("build {sources} --issued 2026-08-21T23:59:59Z --out old")).ended(0);
    desk.sign("old", None, &["a", "b"]);
    desk.run("publish old.pub --list old --keys keys --log-key log.example.key").ended(0);
    place.refused("old.pub", "before the built-in list (2026-08-22T00:00:00Z)");
    assert!(!desk.path("client").exists() && !desk.path("client.proof").exists());
    // Nor with one in place of something that is no list.
    desk.write("client", "no list\n");
    place.refused("old.pub", "before the built-in list");
}

#[test]
fn a_list_from_the_future_gets_nowhere() {
    let Some(sources) = sources() else { return };
    let place = Published::new().unwrap();
    let desk = &place.desk;
    place.update("pub").ended(0);
    let build = format!("build {sources} --last one --out late");
    let built = desk.run(&format!("{build} --issued 2062-11-28")).ended(2);
    assert!(built.stderr.contains("more than a day from now"), "{built:?}");
    assert!(!desk.path("late").exists());
    // As a tool that does not look would make it.
    desk.build("two", 10, Some("one"));
    let two = desk.read("two");
    let (head, logs) = two.split_once("operator ").unwrap();
    let issued = head.lines().find(|line| line.starts_with("issued ")).unwrap();
    let expires = head.lines().find(|line| line.starts_with("expires ")).unwrap();
    let late = two
        .replace(issued, "issued 2062-11-28T00:00:00Z")
        .replace(expires, "expires 2063-11-28T00:00:00Z");
    let leap =
        format!("{}operator {logs}", head.replace("version 2\n", "version 18446744073709551615\n"));
    for (name, text, why) in
        [("late", late, "more than a day from now"), ("leap", leap, "more than 1000 after 1")]
    {
        desk.write(name, &text);
        let signed = desk.run(&format!("sign --last one --key a.key {name}")).ended(2);
        assert!(signed.stderr.contains(why), "{signed:?}");
        assert_eq!(desk.read(name), text, "nothing was signed");
        // As two holders of keys would sign it who do not look either.
        desk.copy(name, "signed");
        desk.sign_anything("signed", &["a", "b"]);
        let published = desk.run("publish pub --list signed --log-key log.example.key").ended(2);
        assert!(published.stderr.contains(why), "{published:?}");
        let from = place.tampered("list", |_| desk.read("signed"));
        place.refused(&from, why);
    }
    // Nor does anybody begin with one.
    fs::remove_file(desk.path("client")).unwrap();
    let from = place.tampered("list", |_| desk.read("signed"));
    place.refused(&from, "more than 1000 after 0");
}

#[test]
fn who_signs_is_shown_what_differs() {
    let Some(sources) = sources() else { return };
    let desk = Desk::new();
    desk.key("a");
    let x = desk.key("x");
    let y = desk.key("y");
    desk.build("one", 20, None);
    desk.build("two", 10, Some("one"));
    // Whoever signs says after what.
    let silent = desk.run("sign --key a.key two").ended(2);
    assert!(silent.stderr.contains("--last <FILE>"), "{silent:?}");
    desk.run("sign --key a.key --first --last one two").ended(2);
    let row = desk.run("sign --key a.key --last one two").ended(0).row().clone();
    let none = Value::Array(Vec::new());
    assert_eq!((&row["differences"], &row["suspensions"]), (&none, &none));
    assert!(row["issued"].is_string() && row["expires"].is_string());
    // One log retired, one renamed and one of another's key: the counts are the same.
    let text = desk.read("one").replace("version 1\n", "version 2\n");
    let logs: Vec<_> = text.lines().filter(|line| line.starts_with("log ")).collect();
    let mut two = text.clone();
    let fields: Vec<_> = logs[0].splitn(6, ' ').collect();
    let retired = logs[0].replacen(" - ", " 2026-12-24T00:00:00Z ", 1);
    two = two.replace(logs[0], &retired);
    two = two.replace(logs[1], &format!("{} (renamed)", logs[1]));
    two = two.replacen("operator Cloudflare\n", "operator Cloudfiare\n", 1);
    desk.write("three", &two);
    let row = desk.run("sign --key a.key --last one three").ended(0).row().clone();
    let differences: Vec<_> =
        row["differences"].as_array().unwrap().iter().map(|one| one.as_str().unwrap()).collect();
    let about = |what: &str| differences.iter().filter(|one| one.contains(what)).count();
    assert_eq!(
        about("operator \"Cloudflare\" -> \"Cloudfiare\""),
        differences.len(),
        "{differences:?}"
    );
    assert_eq!(about(", retired at 2026-12-24T00:00:00Z\""), 1, "{differences:?}");
    assert!(differences[0].contains(fields[5]), "{differences:?}");
    assert_eq!(about("(renamed)"), 1);
    // The first list is compared with the built-in one: here a log is gone, and nothing else differs.
    let gone = text.replace("version 2\n", "version 1\n").replace(&format!("{}\n", logs[3]), "");
    desk.write("first", &gone);
    let row = desk.run("sign --key a.key --first first").ended(0).row().clone();
    assert_eq!(row["differences"].as_array().unwrap().len(), 1);
    assert!(row["differences"][0].as_str().unwrap().starts_with("removed: "), "{row}");
    // Each suspension in full.
    let suspension = "way python until 2026-09-05T00:00:00Z a release is broken";
    let mut build = desk.command(&format!("build {sources} --issued 2026-08-22 --out broken"));
    assert!(build.arg("--suspend").arg(suspension).output().unwrap().status.success());
    let row = desk.run("sign --key a.key --first broken").ended(0).row().clone();
    assert_eq!(row["suspensions"], serde_json::json!([suspension]));
    let said = desk.said("sign --key a.key --first broken");
    assert!(said.contains(&format!("suspended: {suspension}\n")), "{said}");
    assert!(said.contains("\n0 differences from the built-in list\n"), "{said}");
    let said = desk.said("sign --key a.key --last one three");
    assert!(said.contains("differences from the last list\nchanged: "), "{said}");
    // Keys likewise.
    desk.run(&format!("keys --key {x} --key {y} --out keys")).ended(0);
    let z = desk.key("z");
    desk.run(&format!("keys --last keys --key {y} --key {z} --out keys-2")).ended(0);
    desk.run("sign --key x.key --first keys-2").ended(2);
    let row = desk.run("sign --key x.key --last keys keys-2").ended(0).row().clone();
    let expected = [format!("added: {z}"), format!("removed: {x}")];
    assert_eq!(row["differences"], serde_json::json!(expected));
}

#[test]
fn an_update_that_cannot_write_all_writes_nothing() {
    let Some(place) = Published::new() else { return };
    let desk = &place.desk;
    let key = |name: &str| {
        let keys = desk.read("keys");
        let line = keys.lines().find(|line| line.starts_with(&format!("key {name}+"))).unwrap();
        line.strip_prefix("key ").unwrap().to_owned()
    };
    let d = desk.key("d");
    desk.run(&format!(
        "keys --last keys --key {} --key {} --key {d} --out keys-2",
        key("b"),
        key("c")
    ))
    .ended(0);
    desk.sign("keys-2", Some("keys"), &["b", "c"]);
    // A name that is as long as a name can be: there is none left for what is written beside it.
    let long = "k".repeat(250);
    desk.copy("keys", &long);
    let update = format!("update --from pub --to here --keys {long}");
    desk.run(&update).ended(0);
    let before = desk.read("here");
    place.next(10, "one", "two", &["c", "d"]);
    desk.run("publish pub --list two --keys keys-2 --log-key log.example.key").ended(0);
    let failed = desk.run(&update).ended(2);
    assert!(failed.stderr.contains("cannot write"), "{failed:?}");
    assert_eq!(desk.read("here"), before);
    let left = fs::read_dir(desk.path("")).unwrap();
    let left = left.filter(|entry| {
        entry.as_ref().unwrap().path().extension().is_some_and(|ending| ending == "new")
    });
    assert_eq!(left.count(), 0);
    // With a name that has room for it, all is taken.
    desk.copy(&long, "short");
    desk.run("update --from pub --to here --keys short").ended(0);
    assert_eq!(desk.read("here"), desk.read("two"));
}

#[test]
fn an_update_reads_the_keys_after_it_has_waited() {
    let Some(place) = Published::new() else { return };
    let desk = &place.desk;
    place.update("pub").ended(0);
    let lock = fs::File::options().write(true).open(desk.path("client.keys.lock")).unwrap();
    lock.lock().unwrap();
    let log = &place.log;
    let update = format!("update --from pub --to client --keys client.keys --log {log}");
    let mut waits = desk.command(&update).spawn().unwrap();
    // What another update writes meanwhile; here it is something that is no set of keys, so that it is seen.
    std::thread::park_timeout(std::time::Duration::from_millis(500));
    assert!(waits.try_wait().unwrap().is_none());
    desk.write("client.keys", "no keys\n");
    drop(lock);
    assert_eq!(waits.wait().unwrap().code(), Some(2));
}

#[test]
fn nothing_is_compared_while_somebody_else_publishes() {
    let Some(place) = Published::new() else { return };
    let desk = &place.desk;
    let lock = fs::File::options().write(true).open(desk.path("pub/log/lock")).unwrap();
    lock.lock().unwrap();
    place.next(10, "one", "two", &["a", "b"]);
    // The list that is published is not even read: it could be another in a moment.
    fs::rename(desk.path("pub/list"), desk.path("pub/elsewhere")).unwrap();
    desk.write("pub/list", "no list\n");
    let refused = desk.run("publish pub --list two --log-key log.example.key").ended(2);
    assert!(refused.stderr.contains("somebody else appends"), "{refused:?}");
    drop(lock);
    fs::rename(desk.path("pub/elsewhere"), desk.path("pub/list")).unwrap();
    place.publish("two");
}

#[test]
fn keys_are_made_with_care() {
    let desk = Desk::new();
    let (a, b) = (desk.key("a"), desk.key("b"));
    let again = desk.run("keygen a --out a.key").ended(2);
    assert!(again.stderr.contains("it is there already"), "{again:?}");
    desk.run("keygen with+plus --out x.key").ended(2);
    // One key is one person to be coerced.
    desk.run(&format!("keys --key {a} --key {b} --threshold 1 --out keys")).ended(2);
    desk.run(&format!("keys --key {a} --key {a} --out keys")).ended(2);
    desk.run(&format!("keys --key {a} --out keys")).ended(2);
    let row = desk.run(&format!("keys --key {a} --key {b} --out keys")).ended(0).row().clone();
    assert_eq!((&row["version"], &row["threshold"]), (&1.into(), &2.into()));
    desk.run(&format!("keys --key {a} --key {b} --out keys")).ended(2);
    // Only what can be read is signed, and with a secret that others cannot read.
    desk.write("no-list", "sign this\n");
    desk.run("sign --first --key a.key no-list").ended(2);
    desk.copy("a.key", "open.key");
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    fs::set_permissions(desk.path("open.key"), open).unwrap();
    desk.run("sign --first --key open.key keys").ended(2);
    let signed = desk.run("sign --first --key a.key keys").ended(0);
    assert_eq!((&signed.row()["kind"], &signed.row()["signatures"]), (&"keys".into(), &1.into()));
    // A second signature of the same key takes the place of the first.
    assert_eq!(desk.run("sign --first --key a.key keys").ended(0).row()["signatures"], 1);
}

#[test]
fn suspensions_are_short() {
    let Some(sources) = sources() else { return };
    let desk = Desk::new();
    let build = |until: &str, out: &str| {
        let mut command = desk.command(&format!("build {sources} --issued 2026-08-22 --out {out}"));
        command.arg("--suspend").arg(format!("way python until {until} a release is broken"));
        command.output().unwrap()
    };
    assert_eq!(build("2026-09-05T00:00:00Z", "list").status.code(), Some(0));
    let line = "suspend way python until 2026-09-05T00:00:00Z a release is broken\n";
    assert!(desk.read("list").contains(line));
    let long = build("2026-09-05T00:00:01Z", "long");
    assert_eq!(long.status.code(), Some(2));
    assert!(String::from_utf8(long.stderr).unwrap().contains("14 days"));
    assert!(!desk.path("long").exists());
}

#[test]
fn every_field_is_in_the_manual() {
    let Some(place) = Published::new() else { return };
    let manual = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/json.md");
    let manual = fs::read_to_string(manual).unwrap();
    let desk = &place.desk;
    let sources = sources().unwrap();
    let log = &place.log;
    for command in [
        format!("build {sources} --out list"),
        "keygen x --out x.key".to_owned(),
        format!("keys --key {log} --key {} --out other.keys", desk.key("y")),
        "sign --first --key c.key one".to_owned(),
        "verify one --keys keys".to_owned(),
        "publish pub --list one --log-key log.example.key".to_owned(),
        "update --from pub --to here --keys client.keys".to_owned(),
    ] {
        let rows = desk.run(&command).ended(0).rows;
        for key in rows.iter().filter_map(Value::as_object).flat_map(|row| row.keys()) {
            assert!(manual.contains(&format!("`{key}`")), "{command}: {key}");
        }
    }
}
