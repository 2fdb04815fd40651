//! The Nth question fails, for every N: nothing is found that is not there, and what was missed is told.

use std::sync::atomic::{AtomicUsize, Ordering};

use countersign_dns::Name;
use countersign_judge::delegation::Before;
use countersign_lab::dns::{Change, Forgery, Reply};
use countersign_lab::log::Group;

use crate::world::World;

/// How many questions are answered before one fails.
static LEFT: AtomicUsize = AtomicUsize::new(usize::MAX);

/// Counts down, and fails at the end.
fn fail(reply: &mut Reply) {
    if LEFT.fetch_sub(1, Ordering::SeqCst) == 0 {
        *reply = Reply::error(2);
    }
}

#[tokio::test]
async fn any_question_may_fail() {
    let mut world = World::new().await;
    world.check(&[]).await;
    let known = world.before.clone();
    world.responder.forge(Group::A, &Forgery::below(Name::root(), Change::By(fail)));
    let mut missed = 0;
    for nth in 0.. {
        assert!(nth < 1000, "a look asks no end of questions");
        world.ways = vec![world.way("direct", Group::A)];
        world.before = known.clone();
        LEFT.store(nth, Ordering::SeqCst);
        let seen = world.check(&[]).await;
        // What was known is not forgotten.
        assert_eq!(world.before.known.len(), known.known.len());
        missed += usize::from(!seen.unseen.is_empty());
        if LEFT.load(Ordering::SeqCst) <= nth {
            // It was not used up: all questions went through.
            break;
        }
    }
    // Those that a server of the zone or the parent was asked in vain. The others were answered by a second try.
    assert!(missed > 15, "{missed}");
    // And from nothing: what is learned then is true.
    LEFT.store(usize::MAX, Ordering::SeqCst);
    world.before = Before::default();
    world.check(&[]).await;
}
