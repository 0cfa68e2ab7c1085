//! An SMTP server that accepts everything, at its own pace: each step is answered after a delay, and it records when it accepted what.

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::bench::pause;

/// How a sink answers.
#[derive(Clone, Copy)]
pub struct Manner {
    /// Time from a command to its answer; a group of commands that came together has one delay.
    pub delay: Duration,
    /// Whether it offers PIPELINING.
    pub pipelining: bool,
}

impl Manner {
    /// As fast as it can.
    pub const AT_ONCE: Self = Self { delay: Duration::ZERO, pipelining: true };
}

/// A sink on a port of loopback. It lives as long as the process.
pub struct Sink {
    pub port: u16,
    taken: Arc<Mutex<HashMap<String, Taken>>>,
}

/// What was accepted of one category.
#[derive(Clone, Default)]
pub struct Taken {
    /// How many messages.
    pub count: usize,
    /// The first and the last answer to a final dot.
    pub span: Option<(Instant, Instant)>,
    /// When each recipient was first answered, if that is wanted.
    pub recipients: HashMap<String, Instant>,
}

impl Taken {
    /// Messages a second from the first to the last.
    pub fn rate(&self) -> f64 {
        let (first, last) = self.span.expect("messages were taken");
        (self.count - 1) as f64 / last.duration_since(first).as_secs_f64()
    }
}

impl Sink {
    /// Starts one, which remembers the recipients of one category.
    pub fn start(manner: Manner, remembered: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let port = listener.local_addr().expect("it has an address").port();
        let sink = Self { port, taken: Arc::default() };
        let taken = sink.taken.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let taken = taken.clone();
                // A client that goes away ends its thread.
                std::thread::spawn(move || Session { stream, manner, remembered, taken }.run());
            }
        });
        sink
    }

    /// What was accepted of a category until now.
    pub fn taken(&self, category: &str) -> Taken {
        lock(&self.taken).get(category).cloned().unwrap_or_default()
    }

    /// How much was accepted of a category until now, and of all.
    pub fn count(&self, category: &str) -> usize {
        lock(&self.taken).get(category).map_or(0, |taken| taken.count)
    }

    /// Clears the record of a category.
    pub fn forget(&self, category: &str) {
        lock(&self.taken).remove(category);
    }
}

fn lock(taken: &Mutex<HashMap<String, Taken>>) -> MutexGuard<'_, HashMap<String, Taken>> {
    taken.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Session {
    stream: TcpStream,
    manner: Manner,
    remembered: &'static str,
    taken: Arc<Mutex<HashMap<String, Taken>>>,
}

impl Session {
    fn run(mut self) -> std::io::Result<()> {
        self.stream.set_nodelay(true)?;
        self.stream.write_all(b"220 sink.example ESMTP\r\n")?;
        let (mut input, mut recipient) = (Vec::new(), String::new());
        let mut behind = None;
        loop {
            if !self.read(&mut input, |input| input.ends_with(b"\n"))? {
                return Ok(());
            }
            // Commands behind a message came with it: one delay for all.
            let arrived = behind.take().unwrap_or_else(Instant::now);
            let commands = String::from_utf8_lossy(&input).into_owned();
            input.clear();
            let mut data = false;
            let mut answers = String::new();
            for command in commands.lines() {
                match command.get(..4).unwrap_or_default().to_ascii_uppercase().as_str() {
                    "EHLO" => answers.push_str(self.greeting()),
                    "DATA" => {
                        answers.push_str("354 go on\r\n");
                        data = true;
                    }
                    "RCPT" => {
                        recipient = command.to_owned();
                        answers.push_str("250 2.1.5 ok\r\n");
                    }
                    _ => answers.push_str("250 2.0.0 ok\r\n"),
                }
            }
            self.answer(arrived, answers.as_bytes())?;
            if data {
                if !self.read(&mut input, |input| end_of_message(input).is_some())? {
                    return Ok(());
                }
                let arrived = Instant::now();
                let category = category(&input);
                input.drain(..end_of_message(&input).unwrap_or(input.len()));
                behind = (!input.is_empty()).then_some(arrived);
                self.answer(arrived, b"250 2.0.0 taken\r\n")?;
                self.note(category, &recipient);
            }
        }
    }

    fn greeting(&self) -> &'static str {
        if self.manner.pipelining {
            "250-sink.example\r\n250-PIPELINING\r\n250 8BITMIME\r\n"
        } else {
            "250-sink.example\r\n250 8BITMIME\r\n"
        }
    }

    /// Reads until there is enough; false if the client is gone.
    fn read(&mut self, input: &mut Vec<u8>, is_enough: impl Fn(&[u8]) -> bool) -> std::io::Result<bool> {
        let mut buffer = [0; 16 * 1024];
        while !is_enough(input) {
            match self.stream.read(&mut buffer)? {
                0 => return Ok(false),
                length => input.extend_from_slice(&buffer[..length]),
            }
        }
        Ok(true)
    }

    fn answer(&mut self, arrived: Instant, answer: &[u8]) -> std::io::Result<()> {
        pause((arrived + self.manner.delay).saturating_duration_since(Instant::now()));
        self.stream.write_all(answer)
    }

    fn note(&self, category: String, recipient: &str) {
        let now = Instant::now();
        let mut all = lock(&self.taken);
        let remembered = category == self.remembered;
        let taken = all.entry(category).or_default();
        taken.count += 1;
        taken.span = Some((taken.span.map_or(now, |(first, _)| first), now));
        if remembered {
            taken.recipients.entry(recipient.to_owned()).or_insert(now);
        }
    }
}

/// Where the first message ends, its dot included.
fn end_of_message(input: &[u8]) -> Option<usize> {
    const DOT: &[u8] = b"\r\n.\r\n";
    memchr::memmem::find(input, DOT).map(|at| at + DOT.len())
}

/// The category that a message names.
fn category(message: &[u8]) -> String {
    let head = String::from_utf8_lossy(&message[..message.len().min(4096)]);
    let value = head.lines().find_map(|line| line.strip_prefix("X-Besked-Category: "));
    value.unwrap_or("none").to_owned()
}
