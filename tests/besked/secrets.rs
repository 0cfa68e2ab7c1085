//! Passwords, wherever people put them: no command prints one, at whatever level it logs.

use crate::cli::{Ran, Shell};
use crate::relay::Relay;

/// Characters that mean something in URLs, TOML, shells or logs.
const CHARACTERS: [&str; 18] =
    ["#", "/", "?", "@", ":", "[", "]", "%", "&", "+", " ", "\"", "'", "\\", "$", "å", "=", "%41"];

const HEAD: &str = "S3cret";
const TAIL: &str = "T41l";

fn prints_nothing_of_it(ran: &Ran, what: &str) {
    for part in [HEAD, TAIL] {
        assert!(!ran.out.contains(part) && !ran.err.contains(part), "{what}:\n{}\n{}", ran.out, ran.err);
    }
}

/// A shell that logs all there is to log.
fn shell() -> Shell {
    Shell::new().env("BESKED_LOG", "trace")
}

#[test]
fn no_place_for_a_password_in_the_environment_leaks_it() {
    for character in CHARACTERS {
        let password = format!("{HEAD}{character}{TAIL}");
        for (name, value) in [
            ("BESKED__DATABASE__URL", format!("postgres://drift:{password}@127.0.0.1:1/b")),
            ("BESKED__DATABASE__URL", format!("postgres://127.0.0.1:1/b?user=drift&password={password}")),
            ("BESKED__DATABASE__URL", format!("postgres://drift:{password}@/b?host=/nowhere")),
            ("BESKED__DATABASE__URL", format!("mysql://drift:{password}@127.0.0.1:1/b")),
            ("BESKED__DATABASE__PASSWORD", password.clone()),
            ("BESKED__RELAY__0__URL", format!("smtp://drift:{password}@127.0.0.1:1?tls=none")),
            ("BESKED__RELAY__0__PASSWORD", password.clone()),
            ("BESKED__RELAY__0__PASSWRD", password.clone()),
            ("BESKED__RELAY__0__CONNECTIONS", password.clone()),
            ("BESKED__RELAY__PASSWORD", password.clone()),
            ("BESKED__ORGANISATION__PUBLIC_URL", format!("https://drift:{password}@example.com")),
        ] {
            let shell = shell().env(name, &value);
            for command in [&["config", "check"][..], &["--json", "config", "check"], &["config", "show"], &["doctor"]]
            {
                prints_nothing_of_it(&shell.run(command), &format!("{name}={value} {command:?}"));
            }
            prints_nothing_of_it(&shell.run(&["customers", "list"]), &format!("{name}={value} customers list"));
        }
    }
}

#[test]
fn no_place_for_a_password_in_a_file_leaks_it() {
    let shell = shell();
    let original = std::fs::read_to_string(shell.directory.path().join("config/besked.toml")).unwrap();
    for character in CHARACTERS {
        let password = format!("{HEAD}{character}{TAIL}");
        for line in [
            format!("password = \"{password}\""),
            format!("password = {password}"),
            format!("password_file = \"{password}"),
            format!("passwort = '{password}'"),
            format!("url = \"smtp://drift:{password}@127.0.0.1:1\""),
            password.clone(),
        ] {
            shell.write("config/besked.toml", &format!("{original}\n[[relay]]\nname = \"other\"\n{line}\n"));
            for command in [&["config", "check"][..], &["config", "show"], &["doctor"]] {
                let ran = shell.run(command);
                assert_ne!(ran.code, 0, "{line}");
                prints_nothing_of_it(&ran, &format!("{line} {command:?}"));
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_is_used_is_in_no_log() {
    let relay = Relay::start().await;
    let shell = shell().env("BESKED__RELAY__0__PASSWORD", format!("{HEAD}#{TAIL}"));
    let url = format!("smtp://drift@127.0.0.1:{}?tls=none", relay.address.port());
    let shell = shell.env("BESKED__RELAY__0__URL", url);
    let encoded = ["UzNjcmV0I1Q0MWw", "AGRyaWZ0AFMzY3JldCNUNDFs"];
    for command in [&["doctor"][..], &["config", "show"], &["dispatch", "--until-idle"], &["relays"]] {
        let ran = shell.run(command);
        prints_nothing_of_it(&ran, &format!("{command:?}"));
        for encoded in encoded {
            assert!(!ran.err.contains(encoded) && !ran.out.contains(encoded), "{command:?}: {}", ran.err);
        }
    }
    assert!(relay.connections() > 0, "somebody logged in");
}
