//! django-post-office: a queue in a database and a command that sends it. The peer of the same shape.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::{CONNECTIONS, seconds};

const SCRIPT: &str = include_str!("django.py");

/// An installed django-post-office.
pub struct Django {
    directory: PathBuf,
}

impl Django {
    /// Installs it in a directory.
    ///
    /// # Errors
    /// If that fails, with what to do by hand.
    pub fn install(directory: PathBuf) -> Result<Self, String> {
        fs::create_dir_all(&directory).expect("a directory can be made");
        fs::write(directory.join("send.py"), SCRIPT).expect("a file can be written");
        let done = |program: &str, arguments: &[&str]| {
            let output = Command::new(program).args(arguments).current_dir(&directory).output();
            output.is_ok_and(|output| output.status.success())
        };
        let is_there = done("python3", &["-m", "venv", "venv"])
            && done("venv/bin/pip", &["install", "--quiet", "django", "django-post-office"]);
        let by_hand =
            "apt-get install python3-venv; python3 -m venv venv; venv/bin/pip install django django-post-office";
        if is_there { Ok(Self { directory }) } else { Err(by_hand.to_owned()) }
    }

    /// Enqueues and sends with this many processes, which share the connections; returns the seconds. The start of Python does
    /// not count.
    pub fn send(&self, port: u16, messages: usize, bytes: usize, processes: u32) -> f64 {
        let mut command = Command::new(self.directory.join("venv/bin/python"));
        let numbers = [u32::from(port), processes, CONNECTIONS / processes].map(|number| number.to_string());
        command.arg("send.py").args(numbers).args([messages.to_string(), bytes.to_string()]);
        seconds(command.current_dir(&self.directory))
    }
}
