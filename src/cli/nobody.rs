//! Addresses that nobody has.

use super::failure::Failure;
use crate::app::App;
use crate::domain::actor::Actor;
use crate::domain::address::Address;
use crate::people::subjects::Whose;

/// Says that nobody has an address: a typing error would lose the wish unremarked.
pub async fn warn_of_nobody(app: &App, actor: &Actor, email: &Address) -> Result<(), Failure> {
    match app.subjects.whose(actor, email).await? {
        Whose::Somebodys => {}
        Whose::Nobodys => eprintln!(
            "warning: no contact has the address {email}, and nothing was sent to it: it is stored, and counts if somebody gets this \
             address. Is it spelled as in `besked customers list`?"
        ),
        Whose::Erased => {
            eprintln!("warning: the person with the address {email} was erased: the address is stored again")
        }
    }
    Ok(())
}
