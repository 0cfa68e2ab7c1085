//! Keys in the configuration: read in every form, refused with what is wrong.

use std::fs;
use std::path::Path;

use besked::config::parse;

use super::{ED25519, RSA, key_file, table};

/// The error of loading a configuration with these tables.
fn refused(tables: &str) -> String {
    parse(tables, "besked.toml", &[]).unwrap_err().to_string()
}

#[test]
fn keys_of_every_form_are_read_and_unfit_ones_refused() {
    let directory = tempfile::tempdir().unwrap();
    let make = |name: &str, arguments: &[&str]| key_file(directory.path(), name, arguments);
    let pkcs8 = make("pkcs8.pem", RSA);
    let pkcs1 = make("pkcs1.pem", &["rsa", "-in", pkcs8.to_str().unwrap(), "-traditional"]);
    assert!(fs::read_to_string(&pkcs1).unwrap().starts_with("-----BEGIN RSA PRIVATE KEY-----"));
    let bits = |bits: &str| make(bits, &["genpkey", "-quiet", "-algorithm", "rsa", "-pkeyopt", bits]);
    // As Notepad saves it.
    let marked = directory.path().join("marked.pem");
    let text = fs::read_to_string(&pkcs8).unwrap();
    fs::write(&marked, format!("\u{feff}{}", text.replace('\n', "\r\n"))).unwrap();
    for good in [&pkcs8, &pkcs1, &make("ed25519.pem", ED25519), &bits("rsa_keygen_bits:3072"), &marked] {
        let config = parse(&table("example.com", "s1", good), "besked.toml", &[]).unwrap();
        let shown = format!("{config:?}{}", toml::to_string(&config).unwrap());
        let pem = fs::read_to_string(good).unwrap();
        assert!(shown.contains("key_file") && !shown.contains(&pem[60..100]), "a key is never printed: {shown}");
    }
    let public = make("public.pem", &["pkey", "-in", pkcs8.to_str().unwrap(), "-pubout"]);
    let secret = ["pkey", "-in", pkcs8.to_str().unwrap(), "-aes256", "-passout", "pass:x"];
    for (bad, told) in [
        (&bits("rsa_keygen_bits:1024"), "RSA key of less than 2048 bits"),
        (
            &make("ec.pem", &["genpkey", "-algorithm", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]),
            "neither an RSA nor",
        ),
        (&make("old-ec.pem", &["ecparam", "-genkey", "-noout", "-name", "prime256v1"]), "neither an RSA nor"),
        (&make("ed448.pem", &["genpkey", "-algorithm", "ed448"]), "neither an RSA nor"),
        (&make("encrypted.pem", &secret), "is encrypted"),
        (&public, "holds no private key"),
        (&directory.path().join("none.pem"), "cannot be read"),
    ] {
        let problem = refused(&table("example.com", "s1", bad));
        assert!(problem.contains("`dkim.0.key_file` ") && problem.contains(told), "{problem}");
        assert!(!problem.contains("MII"), "{problem}");
    }
}

#[test]
fn all_problems_are_reported_at_once() {
    let none = Path::new("no/such.pem");
    let tables = [("example", "s0"), ("example.com", "a b"), ("example.com", "s1"), ("EXAMPLE.com", "S1")];
    let problem = refused(&tables.map(|(domain, selector)| table(domain, selector, none)).concat());
    for told in [
        "line 2: `dkim.0.domain`: `example` has no dot",
        "line 4: `dkim.0.key_file` `no/such.pem` cannot be read",
        "line 7: `dkim.1.selector` must be",
        "line 8: `dkim.1.key_file` ",
        "line 12: `dkim.2.key_file` ",
        "line 16: `dkim.3.key_file` ",
        "line 15: `dkim.3.selector` is used twice: `S1._domainkey.example.com`",
    ] {
        assert!(problem.contains(told), "`{told}` is not in:\n{problem}");
    }
    assert!(refused("[[dkim]]\ndomain = \"example.com\"\nkey_file = \"x\"\n").contains("lacks `selector`"));
}
