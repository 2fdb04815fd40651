//! A recipe of the document, played in a temporary directory. Every machine of it is a folder that holds what would
//! be its `/etc`, `/var/lib`, `/run` and `/usr/local/bin`; all of them are at 127.0.0.1.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::document::{Action, Block, Daemon, blocks};
use crate::oracle::Ds;
use crate::programs::{Ended, folders, free_ports, started};

pub(crate) struct Recipe {
    dir: TempDir,
    blocks: Vec<Block>,
    /// The blocks that were played, by their places.
    played: BTreeSet<usize>,
    primary_port: u16,
    pub(crate) public_port: u16,
    /// What the transfers are signed with.
    secret: String,
    /// The DS records that were printed so far, the first key's first.
    pub(crate) ds: Vec<Ds>,
    daemons: Vec<(String, Ended)>,
}

impl Recipe {
    pub(crate) fn new(name: &str) -> Self {
        let mut blocks = blocks();
        blocks.retain(|block| block.recipe == name || block.recipe == "every");
        let [primary_port, public_port] = free_ports();
        let random = Command::new("openssl").args(["rand", "-base64", "32"]).output().unwrap();
        let recipe = Self {
            dir: tempfile::tempdir().unwrap(),
            blocks,
            played: BTreeSet::new(),
            primary_port,
            public_port,
            secret: String::from_utf8(random.stdout).unwrap().trim().to_owned(),
            ds: Vec::new(),
            daemons: Vec::new(),
        };
        fs::create_dir(recipe.folder("stick")).unwrap();
        for block in &recipe.blocks {
            recipe.set_up_machine(&block.machine);
        }
        recipe
    }

    /// What the document shows, and what the test puts in its place. Of rows that begin alike the longer is first.
    fn substitutions(&self, machine: &str) -> Vec<(&'static str, String)> {
        let root = self.folder(machine).display().to_string();
        let [old_key, trusted] = [self.ds.first(), self.ds.last()];
        let tag = old_key.map_or(0, |ds| ds.tag);
        vec![
            ("runuser -u knot -- ", String::new()),
            ("192.0.2.1@53", format!("127.0.0.1@{}", self.primary_port)),
            ("192.0.2.1", "127.0.0.1".to_owned()),
            ("198.51.100.53@53", format!("127.0.0.1@{}", self.public_port)),
            ("@198.51.100.53", format!("@127.0.0.1 -p {}", self.public_port)),
            ("198.51.100.53", "127.0.0.1".to_owned()),
            ("PUT-THE-SECRET-HERE", self.secret.clone()),
            // The first key, padded as in names of files, and the one that the parent zone names.
            ("+12345", format!("+{tag:05}")),
            (
                "12345 13 2 \"PUT-YOUR-DIGEST-HERE\"",
                trusted.map_or(String::new(), |ds| format!("{} 13 2 \"{}\"", ds.tag, ds.digest)),
            ),
            ("12345", tag.to_string()),
            // Knot waits as long as these before the next step of a change of keys.
            ("dnskey-ttl: 1h", "dnskey-ttl: 1s".to_owned()),
            ("propagation-delay: 1h", "propagation-delay: 1s".to_owned()),
            ("/etc/", format!("{root}/etc/")),
            ("/var/lib/", format!("{root}/var/lib/")),
            ("/run/", format!("{root}/run/")),
            ("/usr/local/bin/", format!("{root}/usr/local/bin/")),
            ("/media/stick/", format!("{}/", self.folder("stick").display())),
        ]
    }

    /// The text as this machine gets it. What was put in is not looked at again.
    fn substituted(&self, machine: &str, text: &str) -> String {
        let rows = self.substitutions(machine);
        let (mut result, mut rest) = (String::new(), text);
        while let Some(character) = rest.chars().next() {
            let row = rows.iter().find_map(|(shown, put)| Some((rest.strip_prefix(shown)?, put)));
            if let Some((after, put)) = row {
                result += put;
                rest = after;
            } else {
                result.push(character);
                rest = &rest[character.len_utf8()..];
            }
        }
        result
    }

    /// The folders that packages and systemd make, and the file that NSD brings.
    fn set_up_machine(&self, machine: &str) {
        let root = self.folder(machine);
        for folder in DEBIAN_FOLDERS {
            fs::create_dir_all(root.join(folder)).unwrap();
        }
        let nsd = format!(
            "server:\n username: \"\"\n chroot: \"\"\n database: \"\"\n zonesdir: \"{root}/var/lib/nsd\"\n \
             xfrdir: \"{root}/var/lib/nsd\"\n xfrdfile: \"{root}/var/lib/nsd/xfrd.state\"\n \
             zonelistfile: \"{root}/var/lib/nsd/zone.list\"\n pidfile: \"{root}/run/nsd/nsd.pid\"\n\
             include: \"{root}/etc/nsd/nsd.conf.d/*.conf\"\n",
            root = root.display()
        );
        fs::write(root.join("etc/nsd/nsd.conf"), nsd).unwrap();
    }

    /// Plays all blocks of a step, in the order of the document. What they printed.
    pub(crate) fn play(&mut self, step: &str) -> String {
        self.try_play(step).unwrap_or_else(|why| panic!("{step}: {why}"))
    }

    /// Whether the document has this step for this recipe.
    pub(crate) fn has(&self, step: &str) -> bool {
        self.blocks.iter().any(|block| block.steps.iter().any(|known| known == step))
    }

    /// As [`Recipe::play`], where a command may fail.
    pub(crate) fn try_play(&mut self, step: &str) -> Result<String, String> {
        assert!(self.has(step), "the document has no step {step:?}");
        let mut printed = String::new();
        for (at, block) in self.blocks.clone().iter().enumerate() {
            if !block.steps.iter().any(|known| known == step) {
                continue;
            }
            self.played.insert(at);
            let text = self.substituted(&block.machine, &block.text);
            match &block.action {
                Action::File(path) => {
                    fs::write(self.substituted(&block.machine, path), text).unwrap();
                }
                Action::Run => printed += &self.run(&block.machine, &text)?,
                Action::Start(daemon) => self.start(&block.machine, *daemon),
            }
        }
        Ok(printed)
    }

    /// Runs a script on a machine until it ends. What it printed, also if it failed.
    pub(crate) fn run(&self, machine: &str, script: &str) -> Result<String, String> {
        let ended = Command::new("timeout")
            .args(["60", "bash", "-euo", "pipefail", "-c", script])
            .current_dir(self.folder(machine))
            .env("HOME", self.folder(machine))
            .env("PATH", folders())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if ended.status.success() {
            return Ok(text(&ended.stdout));
        }
        Err(format!("{script}{}{}", text(&ended.stdout), text(&ended.stderr)))
    }

    fn start(&mut self, machine: &str, daemon: Daemon) {
        let root = self.folder(machine);
        let what = match daemon {
            Daemon::Knot => "knotd -c etc/knot/knot.conf",
            Daemon::Nsd => "nsd -d -c etc/nsd/nsd.conf",
        };
        let mut command = Command::new("bash");
        command.args(["-c", &format!("exec {what} >daemon.out 2>&1")]);
        self.daemons.push((machine.to_owned(), started(command, &root)));
    }

    /// Prints the DS records. If there is one that was not there before, it is now the last of [`Recipe::ds`].
    pub(crate) fn learns_ds(&mut self) -> bool {
        let printed = self.play("ds");
        let mut new: Vec<Ds> = printed.lines().filter_map(Ds::read).collect();
        new.retain(|ds| !self.ds.contains(ds));
        assert!(new.len() < 2, "there should be one new key: {printed}");
        self.ds.extend(new.iter().cloned());
        !new.is_empty()
    }

    /// The blocks that were not played yet.
    pub(crate) fn left(&self) -> Vec<&Block> {
        let blocks = self.blocks.iter().enumerate();
        blocks.filter(|(at, _)| !self.played.contains(at)).map(|(_, block)| block).collect()
    }

    /// Where a machine has its files.
    pub(crate) fn folder(&self, machine: &str) -> PathBuf {
        self.dir.path().join(machine)
    }

    /// The files and sockets that the daemons of this machine have open, those of their children as well.
    pub(crate) fn open_files(&self, machine: &str) -> Vec<PathBuf> {
        let daemons = self.daemons.iter().filter(|(place, _)| place == machine);
        let mut processes: Vec<u32> = daemons.map(|(_, process)| process.0.id()).collect();
        let mut open = Vec::new();
        while let Some(process) = processes.pop() {
            let place = PathBuf::from(format!("/proc/{process}"));
            let children = fs::read_to_string(place.join(format!("task/{process}/children")));
            let children = children.unwrap();
            processes.extend(children.split_whitespace().map(|id| id.parse::<u32>().unwrap()));
            let files = fs::read_dir(place.join("fd")).unwrap();
            // One may be closed before it was looked at.
            open.extend(files.filter_map(|file| fs::read_link(file.unwrap().path()).ok()));
        }
        open
    }
}

impl Drop for Recipe {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        for (machine, _) in &self.daemons {
            let said = fs::read_to_string(self.folder(machine).join("daemon.out"));
            eprintln!("-- {machine}\n{}", said.unwrap_or_default());
        }
    }
}

/// Every file below this folder, with what is in it.
pub(crate) fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.is_file() {
            let content = fs::read(&path).unwrap();
            found.push((path, content));
        }
    }
    found
}

const DEBIAN_FOLDERS: [&str; 7] = [
    "etc/knot",
    "etc/nsd/nsd.conf.d",
    "var/lib/knot",
    "var/lib/nsd",
    "run/knot",
    "run/nsd",
    "usr/local/bin",
];
