//! A client of HTTP/1.1 over one connection that it keeps.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;

/// A client that sends the same headers with each request: a key, or a cookie.
pub struct Client {
    stream: BufReader<TcpStream>,
    headers: String,
}

/// An answer.
pub struct Answer {
    /// The first line.
    pub status: String,
    /// The others up to the body.
    pub headers: Vec<String>,
    /// The body.
    pub body: String,
}

impl Client {
    /// Connects to a port of loopback. The headers are whole lines.
    pub fn new(port: u16, headers: &str) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).expect("it listens");
        stream.set_nodelay(true).expect("a socket");
        Self { stream: BufReader::new(stream), headers: headers.to_owned() }
    }

    /// Sends a request, such as `GET /path`, and reads the answer, which is a success.
    pub fn ask(&mut self, line: &str, body: &str, number: usize) -> Answer {
        let answer = self.exchange(
            line,
            &format!("Idempotency-Key: bench-{number}\r\nContent-Type: application/json\r\n"),
            body,
        );
        assert!(answer.status.starts_with("HTTP/1.1 2"), "{line}: {}: {}", answer.status, answer.body);
        answer
    }

    /// Sends a request with more headers, and reads the answer.
    pub fn exchange(&mut self, line: &str, more: &str, body: &str) -> Answer {
        let length = body.len();
        let head =
            format!("{line} HTTP/1.1\r\nHost: bench.example\r\n{}{more}Content-Length: {length}\r\n\r\n", self.headers);
        self.stream.get_mut().write_all(format!("{head}{body}").as_bytes()).expect("it reads");
        let status = self.line();
        let mut headers = Vec::new();
        loop {
            let header = self.line();
            if header.is_empty() {
                break;
            }
            headers.push(header);
        }
        let length =
            headers.iter().find_map(|it| it.to_ascii_lowercase().strip_prefix("content-length:").map(str::to_owned));
        let mut answer = vec![0; length.map_or(0, |it| it.trim().parse().expect("a length"))];
        self.stream.read_exact(&mut answer).expect("the answer is whole");
        Answer { status, headers, body: String::from_utf8_lossy(&answer).into_owned() }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.stream.read_line(&mut line).expect("it answers");
        line.trim_end().to_owned()
    }
}
