//! Entries of a static-ct log: each has the precertificate and, as the log itself made it, what it signed.

use countersign_sct::{embedded_list, precert_tbs};

use crate::vector;

/// The first `N` bytes of `rest`, as a number.
fn number<const N: usize>(rest: &mut &[u8]) -> usize {
    take(rest, N).iter().fold(0, |number, octet| number << 8 | usize::from(*octet))
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> &'a [u8] {
    let (taken, after) = rest.split_at(length);
    *rest = after;
    taken
}

/// Reads a data tile (c2sp.org/static-ct-api, "Log entries"). Gives the number of precertificates.
fn check_tile(tile: &[u8]) -> usize {
    let mut rest = tile;
    let mut precertificates = 0;
    while !rest.is_empty() {
        take(&mut rest, 8);
        let is_precertificate = number::<2>(&mut rest) == 1;
        if is_precertificate {
            take(&mut rest, 32);
        }
        let length = number::<3>(&mut rest);
        let entry = take(&mut rest, length);
        let length = number::<2>(&mut rest);
        take(&mut rest, length);
        if is_precertificate {
            let length = number::<3>(&mut rest);
            let precertificate = take(&mut rest, length);
            assert_eq!(precert_tbs(precertificate).unwrap(), entry);
            assert_eq!(embedded_list(precertificate), Ok(None));
            precertificates += 1;
        }
        let length = number::<2>(&mut rest);
        take(&mut rest, length);
    }
    precertificates
}

#[test]
fn a_precertificate_gives_what_the_log_signed() {
    let mut precertificates = 0;
    for tile in ["000", "001", "002", "003", "003.p/10"] {
        let path = format!("ct/static-tiles/navigli2025h2/tile/data/{tile}");
        let Some(tile) = vector(&path) else { return };
        precertificates += check_tile(&tile);
    }
    assert_eq!(precertificates, 1_034);
}
