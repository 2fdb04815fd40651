//! The known word that was probably meant.

/// The known word at the smallest distance, if that is near enough to be a slip.
pub(super) fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let far = word.chars().count().div_ceil(3).min(SLIPS_MAX);
    known.map(|k| (distance(word, k), k)).filter(|(d, _)| *d <= far).min().map(|(_, k)| k)
}

/// Letters to insert, delete, replace or swap with the next to get from one word to the other
/// (optimal string alignment).
fn distance(from: &str, to: &str) -> usize {
    let (from, to): (Vec<char>, Vec<char>) = (from.chars().collect(), to.chars().collect());
    let mut rows: Vec<Vec<usize>> = vec![(0..=to.len()).collect()];
    for i in 1..=from.len() {
        let mut row = vec![i];
        for j in 1..=to.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(from[i - 1] != to[j - 1]);
            let mut least = replaced.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[from.len()][to.len()]
}

/// With more slips than this it is another word.
const SLIPS_MAX: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(word: &str, meant: Option<&str>) {
        assert_eq!(nearest(word, ["guard", "poll", "jobs-per-log"].into_iter()), meant);
    }

    #[test]
    fn slips_are_found() {
        check("guards", Some("guard"));
        check("gaurd", Some("guard"));
        check("polll", Some("poll"));
        check("jobs_per_log", Some("jobs-per-log"));
        check("pole", Some("poll"));
    }

    #[test]
    fn other_words_are_not() {
        check("telephone", None);
        check("", None);
    }
}
