//! What `docs/api.md` shows works as it is written there.

use std::process::{Command, Stdio};

use besked::domain::operator::Role;

use super::Server;
use crate::database::Engine;

/// The examples of a page, one after the other.
fn examples(page: &str) -> String {
    page.split("```sh\n").skip(1).map(|it| it.split("```").next().unwrap()).collect::<Vec<_>>().join("\n")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_examples_work_as_written() {
    let server = Server::staffed(Engine::Sqlite).await;
    let folder = tempfile::tempdir().unwrap();
    for role in Role::ALL {
        std::fs::write(folder.path().join(format!("{role}.key")), server.key(role.as_str()).await).unwrap();
    }
    let written = examples(include_str!("../../../docs/api.md"));
    let script = written.replace("127.0.0.1:8080", &server.node.at.to_string());
    assert_ne!(written, script);
    let run = Command::new("bash")
        .args(["-euo", "pipefail", "-c", &script])
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let (out, err) = (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    assert!(run.status.success(), "{out}\n{err}");
    server.app.run_until_idle().await;
    let subjects: Vec<String> = server.app.relay.received().iter().map(|it| it.header("Subject").unwrap()).collect();
    assert_eq!(subjects.iter().filter(|it| it.contains("F-1") || it.contains("F-2")).count(), 2, "{subjects:?}");
    let record = std::fs::read_to_string(folder.path().join("record.json")).unwrap();
    assert!(record.contains("info@ett.example"));
    server.node.end().await;
}
