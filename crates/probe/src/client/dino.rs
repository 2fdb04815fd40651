//! Dino: it has no option for an account, and reads those that it has from its database.

use countersign_judge::probe::Service;

use super::Account;
use super::recipe::{PYTHON, Recipe, shared};

pub(super) fn recipe(service: &Service, account: &Account) -> Recipe {
    Recipe::of(&["sh", &shared("dino.sh"), PYTHON, &shared("dino.py"), &shared("password")])
        .arguments([format!("{}@{}", account.user, service.domain)])
        .file("dino.sh", include_str!("dino.sh"))
        .file("dino.py", include_str!("dino.py"))
        .file("password", &account.password)
        .with_key_log()
}
