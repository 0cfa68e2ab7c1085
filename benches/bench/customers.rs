//! Generated customers.

use std::fs;
use std::io::Write as _;
use std::path::Path;

/// The number of contacts of each customer in turn: 2.45 on average, as in the sample data.
pub const AS_IN_SAMPLE: &[usize] = &[1, 2, 2, 3, 2, 3, 4, 2, 3, 2, 3, 2, 3, 2, 2, 3, 2, 3, 2, 3];

/// One contact each.
pub const ONE_EACH: &[usize] = &[1];

/// The region of one customer in five hundred.
pub const RARE_REGION: &str = "osl1";

/// Writes a customers file, with these numbers of contacts for one customer after the other, at 5,000 domains; returns the number of
/// contacts.
pub fn write(path: &Path, customers: usize, contacts: &[usize]) -> usize {
    let mut file = std::io::BufWriter::new(fs::File::create(path).expect("a file can be made"));
    let header = "account_id,customer_name,email,contact_name,role,locale,time_zone,attr.region,attr.service,attr.plan";
    writeln!(file, "{header}").expect("a file can be written");
    let roles = ["service", "technical", "security", "billing", "legal"];
    let mut written = 0;
    for customer in 0..customers {
        let (locale, zone) = if customer % 3 == 0 { ("en", "Europe/London") } else { ("sv", "Europe/Stockholm") };
        let region = if customer % 500 == 0 { RARE_REGION } else { ["sto1", "sto2", "lon1"][customer % 3] };
        for (index, role) in roles.iter().enumerate().take(contacts[customer % contacts.len()]) {
            writeln!(
                file,
                "C{customer:07},Kund {customer} AB,person{index}.{customer}@mail{}.example,Åsa {customer},{role},{locale},\
                 {zone},{region},compute;network,public",
                customer % 5000
            )
            .expect("a file can be written");
            written += 1;
        }
    }
    file.flush().expect("a file can be written");
    written
}
