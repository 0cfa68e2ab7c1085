//! Nodemailer, with a pool of connections: a library that sends, without a queue or a record.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::{CONNECTIONS, seconds};

const SCRIPT: &str = include_str!("nodemailer.js");

/// An installed Nodemailer.
pub struct Nodemailer {
    directory: PathBuf,
}

impl Nodemailer {
    /// Installs it in a directory.
    ///
    /// # Errors
    /// Says what to do by hand where that does not work.
    pub fn install(directory: PathBuf) -> Result<Self, String> {
        fs::create_dir_all(&directory).expect("a directory can be made");
        fs::write(directory.join("send.js"), SCRIPT).expect("a file can be written");
        let done = Command::new("npm").args(["install", "--silent", "nodemailer"]).current_dir(&directory).output();
        let is_there = done.is_ok_and(|done| done.status.success());
        if is_there { Ok(Self { directory }) } else { Err("apt-get install npm; npm install nodemailer".to_owned()) }
    }

    /// Sends, and gives the seconds from the first call to the last answer; the start of Node.js does not count.
    pub fn send(&self, port: u16, messages: usize, bytes: usize) -> f64 {
        let mut command = Command::new("node");
        command.arg("send.js").args([
            port.to_string(),
            CONNECTIONS.to_string(),
            messages.to_string(),
            bytes.to_string(),
        ]);
        seconds(command.current_dir(&self.directory))
    }
}
