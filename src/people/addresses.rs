//! The addresses of a person: the one that is named, what it was corrected to, and what was corrected to it. What a person asks for
//! counts for all of them: mail that was sent to an old address has a link that still works, and may still wait in the queue.

use crate::domain::address::{Address, AddressKey};
use crate::store::people::rectifications;
use crate::store::{Conn, StoreError};

/// The addresses of a person, the one that is named first.
pub(in crate::people) async fn of_person(conn: &mut Conn, address: &Address) -> Result<Vec<Address>, StoreError> {
    let mut addresses = vec![address.clone()];
    for rectification in rectifications::of_address(conn, &address.key()).await? {
        for other in [Address::parse(&rectification.old).ok(), Some(rectification.new)].into_iter().flatten() {
            if addresses.iter().all(|known| known.key() != other.key()) {
                addresses.push(other);
            }
        }
    }
    Ok(addresses)
}

/// The keys of these addresses.
pub(in crate::people) async fn keys(conn: &mut Conn, address: &Address) -> Result<Vec<AddressKey>, StoreError> {
    Ok(of_person(conn, address).await?.iter().map(Address::key).collect())
}
