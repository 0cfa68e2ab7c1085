//! A client of HTTP/1.1 over one connection that it keeps.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;

/// A client with a key.
pub struct Client {
    stream: BufReader<TcpStream>,
    key: String,
}

impl Client {
    /// Connects to a port of loopback.
    pub fn new(port: u16, key: &str) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).expect("it listens");
        stream.set_nodelay(true).expect("a socket");
        Self { stream: BufReader::new(stream), key: key.to_owned() }
    }

    /// Sends a request, such as `GET /path`, and reads the answer, which is a success.
    pub fn ask(&mut self, line: &str, body: &str, number: usize) {
        let head = format!(
            "{line} HTTP/1.1\r\nHost: bench.example\r\nAuthorization: Bearer {}\r\nIdempotency-Key: bench-{number}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            self.key,
            body.len()
        );
        self.stream.get_mut().write_all(format!("{head}{body}").as_bytes()).expect("it reads");
        let status = self.line();
        let mut length = 0;
        loop {
            let header = self.line().to_ascii_lowercase();
            if header.is_empty() {
                break;
            }
            if let Some(value) = header.strip_prefix("content-length:") {
                length = value.trim().parse().expect("a length");
            }
        }
        let mut answer = vec![0; length];
        self.stream.read_exact(&mut answer).expect("the answer is whole");
        assert!(status.starts_with("HTTP/1.1 2"), "{line}: {status}: {}", String::from_utf8_lossy(&answer));
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.stream.read_line(&mut line).expect("it answers");
        line.trim_end().to_owned()
    }
}
