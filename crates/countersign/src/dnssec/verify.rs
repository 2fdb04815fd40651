//! `countersign dnssec verify`: what a proof shows, to whoever has nothing else.

use std::fs::File;
use std::io::Read as _;

use countersign_dns::proof::{PROOF_BYTES_MAX, Proof, Unproved};
use countersign_net::Clock;

use super::walked;
use crate::ExitStatus;
use crate::args::VerifyArgs;
use crate::failure::Failure;
use crate::print::Printer;
use crate::way_out;

/// Verifies a proof.
pub(super) fn run(args: &VerifyArgs, printer: &mut Printer) -> anyhow::Result<ExitStatus> {
    let path = &args.file;
    let mut bytes = Vec::new();
    // One byte more than a proof may have, so that it is seen to be too long.
    let most = u64::try_from(PROOF_BYTES_MAX).expect("usize has at most 64 bits") + 1;
    File::open(path)
        .and_then(|file| file.take(most).read_to_end(&mut bytes))
        .map_err(|error| Failure::read(path, &error))?;
    let proof = Proof::parse(&bytes).map_err(|why| {
        Failure::new(format!("{} is no DNSSEC proof: {why}", path.display()))
            .hint("a proof is what `countersign dnssec prove NAME TYPE --out FILE` writes")
    })?;
    let at = args.at.map(|when| when.seen_from(Clock::system().now()));
    let settings = way_out::walk_settings(args.anchors.as_deref())?;
    let (query, as_of) = (proof.query(), at.unwrap_or(proof.validated_at()));
    match proof.verify(&settings, at) {
        Ok(found) => {
            let security = &found.security;
            walked::print(query, security, as_of, Some(&found), Some(&proof), printer)?;
            Ok(ExitStatus::Expected)
        }
        Err(Unproved::Security(security)) => {
            walked::print(query, &security, as_of, None, None, printer)?;
            Ok(ExitStatus::Findings)
        }
        Err(why) => {
            let what = format!("{} proves nothing: {why}", path.display());
            Err(Failure::new(what).hint("somebody has added to it or changed it").into())
        }
    }
}
