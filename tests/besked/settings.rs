//! Configurations as people bring them from other programs, shells and editors, after public threads of other projects: what is shown
//! of each, word by word.

use besked::config::{Config, ConfigError, load, parse};

use crate::messages;

/// A relay, whose URL may be another one.
const RELAY: &str = "[[relay]]\nname = \"a\"\nurl = \"smtp://h.example\"\n";

/// With a user.
const USER: &str = "[[relay]]\nname = \"a\"\nurl = \"smtp://u@h.example\"\n";

/// What is said of a configuration; nothing if it is read.
fn shown(read: &Result<Config, ConfigError>) -> String {
    match read {
        Ok(_) => String::new(),
        Err(error) => {
            let text = error.to_string();
            messages::note_error("config check", &text);
            text.lines().map(|line| line.strip_prefix("c: ").unwrap_or(line)).collect::<Vec<_>>().join("\n")
        }
    }
}

#[track_caller]
fn says(what: &str, text: &str, wanted: &str) {
    assert_eq!(shown(&parse(text, "c", &[])), wanted, "{what}: {text}");
}

#[test]
fn a_file_with_the_habits_of_other_formats_says_how_to_write_it() {
    let of_yaml = "this is not YAML: write `key = \"text\"`, and lists as `[\"one\", \"two\"]`";
    let lines = "a line is `key = value`, the name of a table in brackets, or a comment that begins with `#`";
    let in_quotes = "text stands in straight quotes, as in `key = \"text\"`";
    for (what, text, wanted) in [
        ("YAML", "sender:\n  from: a@example.com\n".to_owned(), format!("line 1: {of_yaml}\nline 2: {of_yaml}")),
        ("a colon", format!("{RELAY}connections: 8\n"), format!("line 4: {of_yaml}")),
        (
            "JSON",
            "{\"relay\": []}\n".to_owned(),
            "line 1: this is not JSON: write `key = \"text\"` on a line of its own, below its `[table]`".to_owned(),
        ),
        ("a comment of INI", format!("; relay\n{RELAY}"), format!("line 1: {lines}")),
        ("a comment of C", format!("// relay\n{RELAY}"), format!("line 1: {lines}")),
        ("an env file", "BESKED__DATABASE__URL=sqlite://x.db\n".to_owned(), format!("line 1: {in_quotes}")),
        ("export", "export X=1\n".to_owned(), "line 1: the name of a key has no blanks in it".to_owned()),
        ("no quotes", "[sender]\nfrom = a@example.com\n".to_owned(), format!("line 2: {in_quotes}")),
        (
            "quotes of a word processor",
            "[sender]\nfrom = \u{201c}a@example.com\u{201d}\n".to_owned(),
            "line 2: is not text in straight quotes: write \" in place of \u{201c} (U+201C)".to_owned(),
        ),
        (
            "a space of a web page",
            RELAY.replace("name =", "name\u{a0}="),
            "line 2: has U+00A0 NO-BREAK SPACE, which looks like a space or cannot be seen: write a space or nothing".to_owned(),
        ),
        (
            "a path of Windows",
            format!("{RELAY}ca_file = \"C:\\Users\\anna\\ca.pem\"\n"),
            "line 4: a backslash in text is written `\\\\`; or put the text in single quotes".to_owned(),
        ),
        ("a comma at the end", RELAY.replace("example\"", "example\","), "line 3: a line does not end with a comma".to_owned()),
        (
            "an apostrophe",
            "[organisation]\nname = 'Anna's AB'\n".to_owned(),
            "line 2: text with a ' in it stands in double quotes".to_owned(),
        ),
        ("CRLF", RELAY.replace('\n', "\r\n"), String::new()),
        (
            "CR alone",
            RELAY.replace('\n', "\r"),
            "line 1: the line ends with a carriage return alone: save the file with the line breaks of Linux or Windows".to_owned(),
        ),
        ("tabs", RELAY.replace("name =", "\tname\t=\t"), String::new()),
        ("a comma in a list", format!("{RELAY}lanes = [\"critical\", \"normal\", \"bulk\",]\n"), String::new()),
        (
            "an open list",
            format!("[ledger]\ncheckpoint_to = [\"a@example.com\"\n{RELAY}"),
            "line 3: the list that begins above has no `]` at its end".to_owned(),
        ),
        (
            "an open bracket",
            "[[relay]\nname = \"a\"\n".to_owned(),
            "line 1: the name of a table in a list stands in double brackets, as in `[[name]]`".to_owned(),
        ),
    ] {
        says(what, &text, &wanted);
    }
}

#[test]
fn a_file_with_the_keys_and_values_of_other_programs_says_what_is_meant() {
    let in_url = "it is part of the `url`, as in `smtp://user@smtp.example.com:587`";
    let is_list = "`relay` is a list of tables: each of them begins with `[[relay]]` in double brackets";
    let form = "is not a relay such as `smtps://user@smtp.example.com:465`; in a user, `@` is written `%40`, `/` `%2F`, `#` `%23`, \
                `?` `%3F` and `%` `%25`, and the password is no part of it, but in `password_file` or the environment";
    for (what, text, wanted) in [
        ("one bracket", RELAY.replace("[[relay]]", "[relay]"), format!("line 1: {is_list}")),
        (
            "one bracket, twice",
            RELAY.replace("[[relay]]", "[relay]").repeat(2),
            "line 4: `[relay]` is there twice: each table of a list begins with `[[relay]]` in double brackets".to_owned(),
        ),
        ("a URL alone", "relay = \"smtp://h.example\"\n".to_owned(), format!("line 1: {is_list}")),
        ("a path of keys", "relay.0.url = \"smtp://h.example\"\n".to_owned(), format!("line 1: {is_list}")),
        (
            "a key twice",
            format!("{RELAY}connections = 4\nconnections = 8\n"),
            "line 5: this key or table is there twice: remove one of them".to_owned(),
        ),
        (
            "a table twice",
            "[sender]\nfrom = \"a@example.com\"\n[sender]\nreply_to = \"b@example.com\"\n".to_owned(),
            "line 3: `[sender]` is there twice: all of its keys stand below one of them".to_owned(),
        ),
        (
            "ssl",
            format!("{RELAY}ssl = true\n"),
            "line 4: `ssl` is no key here: it is part of the `url`, as in `smtps://user@host:465` (TLS from the first byte) or \
             `smtp://user@host:587` (STARTTLS)"
                .to_owned(),
        ),
        (
            "host and port",
            "[[relay]]\nname = \"a\"\nhost = \"h.example\"\nport = 587\n".to_owned(),
            format!("line 1: lacks `url`\nline 3: `host` is no key here: {in_url}\nline 4: `port` is no key here: {in_url}"),
        ),
        (
            "another file",
            format!("include = \"other.toml\"\n{RELAY}"),
            "line 1: `include` is no key here: there is one file, and the environment changes single keys of it: \
             `BESKED__DATABASE__URL=...`"
                .to_owned(),
        ),
        (
            "a password",
            format!("{USER}password = \"hunter2\"\n"),
            "line 4: a `password` belongs in a `password_file` or the environment, not in this file".to_owned(),
        ),
        (
            "a password in the URL",
            "[[relay]]\nname = \"a\"\nurl = \"smtp://user:p@ss@h.example\"\n".to_owned(),
            "line 3: `relay.0.url`: must be without the password, which belongs in `password_file` or the environment".to_owned(),
        ),
        (
            "a password with # in the URL",
            "[[relay]]\nname = \"a\"\nurl = \"smtp://user:p#ss@h.example\"\n".to_owned(),
            format!("line 3: `relay.0.url`: {form}"),
        ),
        (
            "a port by name",
            "[[relay]]\nname = \"a\"\nurl = \"smtp://h.example:smtp\"\n".to_owned(),
            format!("line 3: `relay.0.url`: {form}"),
        ),
        (
            "a number in quotes",
            format!("{RELAY}connections = \"8\"\n"),
            "line 4: `relay.0.connections`: must be a whole number, not text: leave out the quotes".to_owned(),
        ),
        (
            "a negative number",
            format!("{RELAY}connections = -1\n"),
            "line 4: `relay.0.connections`: must be a whole number, 0 or above".to_owned(),
        ),
        (
            "a decimal comma",
            format!("{RELAY}rate_per_second = 1,5\n"),
            "line 4: a number has a decimal point, as in 1.5; as text it stands in straight quotes, as in `\"1,5\"`".to_owned(),
        ),
        (
            "a size without quotes",
            format!("[limits]\nmessage_size = 1MB\n{RELAY}"),
            "line 2: a value with more than a number in it is text and stands in straight quotes, as in `\"1 MB\"`".to_owned(),
        ),
        (
            "a time without unit",
            format!("[dispatch]\ndrain = 20\n{RELAY}"),
            "line 2: `dispatch.drain`: must be text in quotes, not a number".to_owned(),
        ),
        (
            "yes",
            format!("{RELAY}allow_cleartext_password = yes\n"),
            "line 4: write `true` or `false`, in small letters and without quotes".to_owned(),
        ),
        (
            "yes in quotes",
            format!("{RELAY}allow_cleartext_password = \"yes\"\n"),
            "line 4: `relay.0.allow_cleartext_password`: must be `true` or `false`, not text: leave out the quotes".to_owned(),
        ),
        (
            "an address for a list",
            "[ledger]\ncheckpoint_to = \"a@example.com\"\n".to_owned(),
            "line 2: `ledger.checkpoint_to`: must be a list such as `[\"one\", \"two\"]`, not text".to_owned(),
        ),
        (
            "the home folder",
            format!("{RELAY}ca_file = \"~/ca.pem\"\n"),
            "line 4: `relay.0.ca_file`: `~` is not filled in here as in a shell: write the whole path".to_owned(),
        ),
        (
            "a key at home",
            format!("{RELAY}[[dkim]]\ndomain = \"example.com\"\nselector = \"s\"\nkey_file = \"~/dkim.pem\"\n"),
            "line 7: `dkim.0.key_file`: `~` is not filled in here as in a shell: write the whole path".to_owned(),
        ),
        (
            "a variable",
            format!("{RELAY}ca_file = \"$HOME/ca.pem\"\n"),
            "line 4: `relay.0.ca_file`: a variable is not filled in here: write it out, or set `BESKED__RELAY__0__CA_FILE` where the \
             shell fills it in"
                .to_owned(),
        ),
        (
            "a credential of systemd",
            format!("{USER}password_file = \"${{CREDENTIALS_DIRECTORY}}/smtp\"\n"),
            "line 4: `relay.0.password_file`: a variable is not filled in here: leave out the key, and write \
             `Environment=BESKED__RELAY__0__PASSWORD_FILE=%d/smtp` into the unit of systemd, which fills in `%d`"
                .to_owned(),
        ),
        (
            "a ledger at home",
            format!("[database]\nurl = \"sqlite://~/besked.db\"\n{RELAY}"),
            "line 2: `database.url`: `~` is not filled in here as in a shell: write the whole path".to_owned(),
        ),
        (
            "a file that is not there",
            format!("{USER}password_file = \"/nowhere/smtp\"\n"),
            "line 4: `relay.0.password_file`: `/nowhere/smtp` cannot be read: there is no such file or folder".to_owned(),
        ),
    ] {
        says(what, &text, &wanted);
    }
}

/// What is wrong with an entry of a list hides nothing else, and the entries keep their numbers.
#[test]
fn an_entry_with_a_wrong_key_is_checked_to_its_end() {
    let told = shown(&parse(
        "[[relay]]\nname = \"a\"\nurl = \"http://h.example\"\npassword_file = \"/nowhere/a\"\n\
         [[relay]]\nurl = \"smtp://u@h.example\"\nconnections = 0\n\
         [[dkim]]\ndomain = \"a b\"\nselector = \"s 1\"\nkey_file = \"/nowhere/a.pem\"\n\
         [[dkim]]\ndomain = \"example.com\"\nselector = \"s_2\"\nkey_file = \"/nowhere/b.pem\"\n",
        "c",
        &[],
    ));
    let wanted = [
        "line 3: `relay.0.url`: ",
        "line 4: `relay.0.password_file`: `/nowhere/a` cannot be read",
        "line 5: lacks `name`",
        "line 7: `relay.1` `connections` must be 1 to 1000",
        "line 9: `dkim.0.domain`: ",
        "line 10: `dkim.0.selector` must be",
        "line 11: `dkim.0.key_file` `/nowhere/a.pem`",
        "line 15: `dkim.1.key_file` `/nowhere/b.pem`",
    ];
    for (line, begin) in told.lines().zip(wanted) {
        assert!(line.starts_with(begin) || line.starts_with(&begin.replace("` `", ".")), "{line}\n{begin}\n{told}");
    }
    assert_eq!(told.lines().count(), wanted.len(), "{told}");
}

#[test]
fn what_cannot_work_is_refused_or_warned_of() {
    for (text, part) in [
        ("[smtp]\nconnect = \"0s\"\n", "`smtp.connect` must be at least `1s`"),
        ("[retry]\ngive_up_after = \"1s\"\n", "`retry.give_up_after` must be at least the first wait"),
        ("[limits]\ndomain_rate_per_second = { \"@gmail.com\" = 1.0 }\n", "which no domain has"),
        ("[limits]\ndomain_rate_per_second = { \"*.se\" = 1.0 }\n", "which no domain has"),
        ("[ledger]\nkey_file = \"\"\n", "`ledger.key_file` must be the path of a file"),
        ("[ledger]\nstate_file = \"\"\n", "`ledger.state_file` must be the path of a file"),
        ("[organisation]\nname = \"A\\u202EB\"\n", "U+202E"),
        ("[sender]\nfrom = \"A\\u202EB <a@example.com>\"\n", "U+202E"),
        ("[database]\nurl = \"sqlite://x.db?mode=ro\"\n", "nothing could be recorded"),
        ("[sender]\nreturn_path = \"none\"\n", "`none` is none of `delivery`, `from`"),
        ("[limits]\ndomain_connections = 1.5\n", "must be a whole number, without a decimal point"),
    ] {
        let told = shown(&parse(&format!("{text}{RELAY}"), "c", &[]));
        assert!(told.contains(part) && told.lines().count() == 1, "{text}: {told}");
    }
    for (text, part) in [
        (RELAY.replace("h.example", "h.example:465"), "port 465 speaks TLS from the first byte: write `smtps://`"),
        (RELAY.replace("smtp://h.example", "smtps://h.example:587"), "begins without TLS: write `smtp://`"),
        (String::new(), "no `[[relay]]` is configured, so nothing is sent"),
    ] {
        let warnings = parse(&text, "c", &[]).unwrap().warnings().join("\n");
        assert!(warnings.contains(part), "{text}: {warnings}");
    }
}

/// Windows writes a mark before a text, and some tools pack certificates otherwise.
#[test]
fn a_file_of_certificates_says_what_it_is() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let told = |bytes: &[u8]| {
        std::fs::write(file.path(), bytes).unwrap();
        let text = format!("{RELAY}ca_file = \"{}\"\n", file.path().display());
        shown(&parse(&text, "c", &[]))
    };
    let mut named = rcgen::CertificateParams::new(["h.example".to_owned()]).unwrap();
    named.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let pem = named.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap().pem();
    assert_eq!(told(format!("\u{feff}{}", pem.replace('\n', "\r\n")).as_bytes()), "");
    assert!(told(b"\x30\x82\x09\x00\x02\x01\x03\x30").contains("is PKCS#12: turn it into PEM with `openssl pkcs12"));
    assert!(told(b"\x30\x82\x09\x00\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02").contains("`openssl pkcs7"));
    assert!(told(b"\x30\x82\x09\x00\x30\x82").contains("`openssl x509 -inform der"));
}

#[test]
fn the_environment_is_read_as_its_tools_leave_it() {
    for (what, name, value, wanted) in [
        ("quotes that docker keeps", "RELAY__0__CONNECTIONS", "\"3\"", ""),
        ("single quotes", "RELAY__0__URL", "'smtp://h.example:25'", ""),
        (
            "a variable that is empty",
            "RELAY__0__URL",
            "",
            "is not a relay such as `smtps://user@smtp.example.com:465`: it begins with `smtp://` or `smtps://`",
        ),
        (
            "a variable that was not filled in",
            "RELAY__0__URL",
            "smtp://${SMTP_USER}@h.example",
            "`relay.0.url`: a variable is not filled in here: write it out, or set `BESKED__RELAY__0__URL` where the shell fills it in",
        ),
        (
            "a port of Kubernetes",
            "HTTP__LISTEN",
            "tcp://10.0.0.1:8080",
            "`tcp://10.0.0.1:8080` is not an IP address with a port, such as `127.0.0.1:8080` for this host alone, or `0.0.0.0:8080` \
             for all its networks",
        ),
        ("yes", "RELAY__0__ALLOW_CLEARTEXT_PASSWORD", "yes", "must be `true` or `false`"),
        ("1", "RELAY__0__ALLOW_CLEARTEXT_PASSWORD", "1", "must be `true` or `false`, not a number"),
        (
            "a list with commas",
            "LEDGER__CHECKPOINT_TO",
            "a@example.com,b@example.com",
            "must be a list such as `[\"one\", \"two\"]`",
        ),
        ("a table", "LOG", "info", "names a table: add the key, as in `BESKED__LOG__LEVEL` for `[log] level`"),
        ("a key without number", "RELAY__URL", "smtp://h.example", "`relay` is a list: name an entry by its number"),
    ] {
        let name = format!("BESKED__{name}");
        let wanted = if wanted.is_empty() { String::new() } else { format!("{name}: {wanted}") };
        assert_eq!(shown(&parse(RELAY, "c", &[(name, value.to_owned())])), wanted, "{what}");
    }
    let kept = [("BESKED__RELAY__0__PASSWORD".to_owned(), "\"hunter2\"".to_owned())];
    let warnings = parse(USER, "c", &kept).unwrap().warnings().join("\n");
    assert!(
        warnings
            .contains("the password of relay `a` begins and ends with a quote: some tools keep those of an env file")
            && !warnings.contains("hunter2"),
        "{warnings}"
    );
}

#[test]
fn a_file_in_another_encoding_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("c");
    let utf16: Vec<u8> = [0xff, 0xfe].into_iter().chain(RELAY.encode_utf16().flat_map(u16::to_le_bytes)).collect();
    for (what, bytes, wanted) in [
        ("a byte order mark", ["\u{feff}".as_bytes(), RELAY.as_bytes()].concat(), ""),
        ("UTF-16", utf16, "the file is UTF-16, as PowerShell writes it with `>`: save it as UTF-8"),
        (
            "Latin-1",
            b"[organisation]\nname = \"R\xe4ksm\xf6rg\xe5s\"\n".to_vec(),
            "line 2: is not UTF-8: save the file as UTF-8",
        ),
    ] {
        std::fs::write(&file, bytes).unwrap();
        let place = format!("{}: ", file.display());
        assert_eq!(shown(&load(Some(&file), &[]).map(|loaded| loaded.config)).replace(&place, ""), wanted, "{what}");
    }
}
