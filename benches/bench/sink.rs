//! Postfix's own test programs: `smtp-sink`, which accepts everything, and `smtp-source`, which sends as fast as it can.

use std::path::Path;
use std::process::{Child, Command};
use std::time::Instant;

use super::{free_port, until};

/// A running `smtp-sink`.
pub struct Sink {
    child: Child,
    pub port: u16,
}

impl Sink {
    /// Starts one on loopback.
    pub fn start(directory: &Path) -> Self {
        let port = free_port();
        let child = Command::new("smtp-sink")
            .args(["-u", "postfix", &format!("127.0.0.1:{port}"), "1000"])
            .current_dir(directory)
            .spawn()
            .expect("smtp-sink can be started: apt-get install postfix");
        until("smtp-sink listens", || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
        Self { child, port }
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends this many messages of this many bytes to a port, each to another recipient, on reused connections; returns the
/// seconds it took.
pub fn smtp_source(port: u16, messages: usize, bytes: usize, connections: u32) -> f64 {
    let started = Instant::now();
    let done = Command::new("smtp-source")
        .args(["-d", "-N", "-s", &connections.to_string(), "-m", &messages.to_string(), "-l", &bytes.to_string()])
        .args(["-f", "a@example.com", "-t", "b@example.com", &format!("127.0.0.1:{port}")])
        .status()
        .expect("smtp-source can be started: apt-get install postfix");
    assert!(done.success(), "smtp-source failed");
    started.elapsed().as_secs_f64()
}
