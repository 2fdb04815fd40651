//! Where a client is run that should reach a relay of ours and nothing else: namespaces of its own, in which the name of
//! the service leads to a listener that we hold outside.
//!
//! ```text
//!  in the cage:  client ──> 192.0.2.1:PORT, the only address there is      (its name servers: the same)
//!                                  │ the listener, handed over when it was made
//!  outside:                      relay ──> the service
//! ```
//! There is no route, and no rule that could be wrong: the network in the cage has one address, its own. So a client
//! needs no option for a proxy, and speaks to the name and the port that its user would give it. It is the same for root
//! and for everybody else: whoever makes a cage is root in it, as far as its own user goes, and the client is not even
//! that. The first process of the cage ends with its client or its time, and everything that is in there with it.
//!
//! # Limitations
//!
//! A client sees the files that its user sees, apart from those in `/run` and `/tmp`. Systems that let nobody make user
//! namespaces (containers often do not) have no cages; [`CageError::Failed`] says so.

mod hand;
mod names;

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use countersign_judge::probe::Service;
use tokio::net::{TcpListener, UdpSocket, UnixStream};
use tokio::process::Command;
use tokio::time::timeout;

pub use hand::give;
use names::Names;

use crate::process::{PATH, Program};

/// What is run in a cage.
#[derive(Clone, Copy, Debug)]
pub struct Inmate<'a> {
    /// The program and its arguments.
    pub command: &'a [OsString],
    /// All the variables it has, besides those of [`VARIABLES`].
    pub variables: &'a [(&'static str, OsString)],
    /// What it wants to reach.
    pub service: &'a Service,
    /// How long it may take, whatever becomes of us.
    pub deadline: Duration,
}

/// A cage with a client in it. Everything in it ends when this is dropped.
#[derive(Debug)]
pub struct Cage {
    /// Where the client connects to.
    pub listener: TcpListener,
    /// The client, and what led to it.
    pub program: Program,
    /// Where it asks for names.
    pub names: NameServer,
}

/// Tells the client where its service is. As long as it is there, the client's standard input stays open.
#[derive(Debug)]
pub struct NameServer {
    names: Names,
    socket: UdpSocket,
    _stdin: UnixStream,
}

impl Cage {
    /// Starts a client in a cage. `folder` is where it finds what it is given, [`SHARED`], and can leave something;
    /// `helper` is the program `countersign-cage`.
    pub async fn enter(
        inmate: Inmate<'_>,
        folder: &Path,
        helper: &Path,
    ) -> Result<Self, CageError> {
        let names = Names::of(inmate.service)
            .ok_or_else(|| CageError::NoName(inmate.service.domain.clone()))?;
        furnish(folder, helper).map_err(CageError::Folder)?;
        let (ours, theirs) = UnixStream::pair().map_err(CageError::Start)?;
        let theirs = blocking(theirs).map_err(CageError::Start)?;
        let mut program = Program::start(&mut command(inmate, folder), theirs).map_err(|why| {
            if why.kind() == io::ErrorKind::NotFound {
                CageError::NoUnshare
            } else {
                CageError::Start(why)
            }
        })?;
        // It says why before it ends.
        let taken = timeout(ENTER_WAIT, async {
            tokio::select! {
                biased;
                taken = hand::take(&ours) => taken,
                ended = program.ended() => ended.map(|_| None),
            }
        });
        match taken.await {
            Ok(Ok(Some(hand::Sockets { listener, names: socket }))) => {
                Ok(Self { listener, program, names: NameServer { names, socket, _stdin: ours } })
            }
            Ok(Ok(None)) | Err(_) => {
                let said = program.end().await.map_err(CageError::Start)?;
                Err(CageError::Failed { said: said.text().trim().to_owned() })
            }
            Ok(Err(why)) => Err(CageError::Start(why)),
        }
    }
}

impl NameServer {
    /// Answers until it is given up, or fails.
    pub async fn serve(&self) -> io::Error {
        self.names.serve(&self.socket).await
    }
}

/// What a cage needs: `unshare` and the rest of util-linux, iproute2.
fn command(inmate: Inmate<'_>, folder: &Path) -> Command {
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--mount", "--net", "--pid", "--uts", "--ipc"]);
    command.args(["--fork", "--kill-child", "--mount-proc"]);
    command.args(["sh", "-c", include_str!("cage/enter.sh"), "cage"]);
    // Only if we are no longer there to end it.
    let seconds = inmate.deadline.as_secs() + BEYOND_SECONDS;
    command.arg(seconds.to_string());
    command.arg(Path::new(SHARED).join(HELPER)).arg(inmate.service.port.to_string());
    // Root may do anything to a network, if only to this one.
    command.args(["setpriv", "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"]);
    // The client's variables are for nobody before it: a library to preload, for one.
    command.arg("env");
    for (name, value) in inmate.variables {
        let mut variable = OsString::from(name);
        variable.push("=");
        variable.push(value);
        command.arg(variable);
    }
    command.args(inmate.command);
    command.env_clear().envs(VARIABLES).current_dir(folder);
    command
}

/// Puts into the folder what `enter.sh` wants there.
fn furnish(folder: &Path, helper: &Path) -> io::Result<()> {
    let etc = folder.join("etc");
    fs::create_dir(&etc)?;
    fs::write(etc.join("hosts"), "127.0.0.1 localhost\n")?;
    fs::write(etc.join("nsswitch.conf"), "passwd: files\ngroup: files\nhosts: files dns\n")?;
    fs::write(etc.join("resolv.conf"), "nameserver 127.0.0.1\n")?;
    // A copy: it can be in a folder that the cage covers.
    fs::copy(helper, folder.join(HELPER))?;
    Ok(())
}

fn blocking(socket: UnixStream) -> io::Result<Stdio> {
    let socket = socket.into_std()?;
    socket.set_nonblocking(false)?;
    Ok(Stdio::from(std::os::fd::OwnedFd::from(socket)))
}

/// Why there is no cage.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CageError {
    /// The service's domain cannot be looked up.
    #[error("{0:?} is not a name that can be looked up")]
    NoName(String),
    /// The folder that is shared with the cage.
    #[error("cannot prepare the folder for a client")]
    Folder(#[source] io::Error),
    /// `unshare` is missing.
    #[error("there is no unshare to run clients with; util-linux has it")]
    NoUnshare,
    /// The system did not start it.
    #[error("cannot start a client")]
    Start(#[source] io::Error),
    /// It did not come to be.
    #[error("cannot make a network for a client: {said}")]
    Failed {
        /// What was said about it, printable.
        said: String,
    },
}

impl CageError {
    /// What to do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NoUnshare => Some("install util-linux"),
            Self::Failed { .. } => Some(
                "clients need user namespaces: a container has to be allowed them, Ubuntu has kernel.apparmor_restrict_unprivileged_userns; and iproute2",
            ),
            Self::NoName(_) | Self::Folder(_) | Self::Start(_) => None,
        }
    }
}

/// The folder that is shared, as the client sees it.
pub const SHARED: &str = "/run/cage";
/// The client's home, which goes with the cage.
pub const HOME: &str = "/run/home";
/// What the helper is called.
pub const HELPER: &str = "countersign-cage";

/// What every client is told: nothing about who runs it.
pub const VARIABLES: [(&str, &str); 5] = [
    ("PATH", PATH),
    ("HOME", HOME),
    ("LANG", "C.UTF-8"),
    ("TERM", "xterm"),
    // Everything that is kept goes with the cage.
    ("XDG_RUNTIME_DIR", HOME),
];

/// Making one takes 30 ms; many at a time on a busy machine, longer.
const ENTER_WAIT: Duration = Duration::from_secs(10);
/// We end it at its deadline; it ends by itself a little later.
const BEYOND_SECONDS: u64 = 5;

/// Whether a program is where programs are.
pub fn is_installed(program: &OsStr) -> bool {
    PATH.split(':').any(|folder| Path::new(folder).join(program).is_file())
}
