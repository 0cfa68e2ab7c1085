//! A mail server that takes a connection and says nothing: whoever waits at a command learns within seconds for whom.

use std::process::Stdio;

use crate::app::{CUSTOMERS, maintenance};
use crate::cli::{Shell, ran};
use crate::relay::{Relay, Script, Step, on};

#[tokio::test(flavor = "multi_thread")]
async fn a_command_says_for_whom_it_waits_while_a_server_is_silent() {
    let relay = Relay::with(Script::default().rule(on(Step::Greeting).stall())).await;
    let shell = Shell::new().relay(relay.address.port()).env("BESKED__SMTP__GREETING", "10s");
    shell.write("customers.csv", CUSTOMERS);
    shell.run(&["customers", "import", "customers.csv"]).ok();
    shell.write("notice.md", &maintenance("all = true"));
    let commands: [(&[&str], &str); 3] = [
        (&["doctor"], "still checking relay primary, after "),
        (
            &["notice", "test", "notice.md", "--to", "me@example.com"],
            "still waiting for relay `primary` to answer, after ",
        ),
        (&["notice", "send", "notice.md", "--wait", "--yes"], "still waiting for an answer of relay `primary`, after "),
    ];
    let running = commands.map(|(arguments, said)| {
        let mut command = shell.command(arguments);
        (command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap(), said)
    });
    for (child, said) in running {
        let ended = ran(child.wait_with_output().unwrap());
        assert!(ended.err.contains(said), "{}", ended.err);
        assert_ne!(ended.code, 0, "{}", ended.err);
    }
}
