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

/// The domains of the addresses.
const DOMAINS: usize = 5_000;

/// Shares out customers among domains by Zipf's law, as real lists are: the first domain has a ninth of them, the second half as many
/// as the first, the tenth a tenth. The same customer has the same domain in every run.
struct Zipf {
    /// For each domain, its own share and those of the domains before it; the last is 1.
    shares: Vec<f64>,
}

impl Zipf {
    fn new() -> Self {
        let total: f64 = (1..=DOMAINS).map(|rank| 1.0 / rank as f64).sum();
        let mut sum = 0.0;
        let share = |rank: usize| {
            sum += 1.0 / (rank as f64 * total);
            sum
        };
        Self { shares: (1..=DOMAINS).map(share).collect() }
    }

    /// The rank of a customer's domain, from 0.
    fn domain(&self, customer: usize) -> usize {
        // The golden ratio's multiples are spread evenly: no run of customers is at one domain.
        let place = (customer as f64 * 0.618_033_988_75).fract();
        self.shares.partition_point(|share| *share < place).min(DOMAINS - 1)
    }
}

/// Writes a customers file, with these numbers of contacts for one customer after the other, at 5,000 domains of which a few have most
/// customers; returns the number of contacts.
pub fn write(path: &Path, customers: usize, contacts: &[usize]) -> usize {
    let mut file = std::io::BufWriter::new(fs::File::create(path).expect("a file can be made"));
    let header = "account_id,customer_name,email,contact_name,role,locale,time_zone,attr.region,attr.service,attr.plan";
    writeln!(file, "{header}").expect("a file can be written");
    let roles = ["service", "technical", "security", "billing", "legal"];
    let domains = Zipf::new();
    let mut written = 0;
    for customer in 0..customers {
        let (locale, zone) = if customer % 3 == 0 { ("en", "Europe/London") } else { ("sv", "Europe/Stockholm") };
        let region = if customer % 500 == 0 { RARE_REGION } else { ["sto1", "sto2", "lon1"][customer % 3] };
        for (index, role) in roles.iter().enumerate().take(contacts[customer % contacts.len()]) {
            writeln!(
                file,
                "C{customer:07},Kund {customer} AB,person{index}.{customer}@mail{}.example,Åsa {customer},{role},{locale},\
                 {zone},{region},compute;network,public",
                domains.domain(customer)
            )
            .expect("a file can be written");
            written += 1;
        }
    }
    file.flush().expect("a file can be written");
    written
}
