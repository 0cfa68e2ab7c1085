//! The connection of a session: what is written, the replies that are read, and the deadline of the present step.

use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use futures_util::FutureExt as _;
use memchr::memmem;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::task::unconstrained;
use tokio::time::{Instant, Sleep, sleep_until};

use super::replies::{Answer, Replies, lost};
use crate::domain::reply::Failure;

/// The end of a message: the line of a single dot.
const DOT: &[u8] = b".\r\n";

/// The most bytes that the buffer for messages keeps from one message to the next.
const KEPT: usize = 256 * 1024;

/// A connection, encrypted or not.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// A connection with its replies.
pub(super) struct Wire {
    stream: Box<dyn Stream>,
    replies: Replies,
    timer: Timer,
    /// True if the last reply did not come before its deadline.
    late: bool,
    /// The message that is being written, as it is sent.
    message: Vec<u8>,
}

impl Wire {
    pub(super) fn new(stream: Box<dyn Stream>) -> Self {
        Self { stream, replies: Replies::default(), timer: Timer::default(), late: false, message: Vec::new() }
    }

    /// Takes the connection away; `None` if the server has sent something that was not requested.
    pub(super) fn take(&mut self) -> Option<Box<dyn Stream>> {
        (!self.replies.has_more()).then(|| std::mem::replace(&mut self.stream, Box::new(tokio::io::empty())))
    }

    /// Uses another connection from now on.
    pub(super) fn set(&mut self, stream: Box<dyn Stream>) {
        self.stream = stream;
    }

    /// Writes commands, if any, and reads the next reply.
    pub(super) async fn ask(&mut self, deadline: Instant, commands: &str) -> Answer {
        let Self { stream, replies, timer, .. } = self;
        let answered = async {
            stream.write_all(commands.as_bytes()).await.map_err(|error| lost(&error))?;
            // If this fails, reading returns the cause, or what the server said before.
            let _ = stream.flush().await;
            replies.next(stream).await
        };
        let answer = timer.until(deadline, answered).await;
        self.late = answer.is_none();
        answer.unwrap_or_else(|| Err(Failure::Unclear("no answer before the deadline".to_owned())))
    }

    /// True if the last reply did not come before its deadline.
    pub(super) const fn is_late(&self) -> bool {
        self.late
    }

    /// True if the server has sent a reply that was not requested: the next reply would be read as the answer to another
    /// command.
    pub(super) fn is_out_of_step(&mut self) -> bool {
        if !self.replies.has_more() {
            // An end or an error will occur again when the reply to the next command is read.
            let _ = unconstrained(self.replies.fill(&mut self.stream)).now_or_never();
        }
        self.replies.has_more()
    }

    /// Writes a message with its final dot, in as few writes as the kernel allows, and the commands behind it. `uncertain` is true
    /// whenever a byte of the dot may have been sent: it is set before each write that could reach the dot, and cleared if the write
    /// did not reach it. No write goes beyond the dot: over TLS one that failed may have sent all but its end.
    ///
    /// Returns false if the message was written and the commands behind it were not: the server may have answered the dot.
    pub(super) async fn write_message(
        &mut self,
        deadline: Instant,
        (message, behind): (&[u8], &str),
        uncertain: &AtomicBool,
    ) -> Result<bool, String> {
        let Self { stream, timer, message: bytes, .. } = self;
        bytes.clear();
        stuff(message, bytes);
        let dot = bytes.len();
        bytes.extend_from_slice(DOT);
        let end = bytes.len();
        bytes.extend_from_slice(behind.as_bytes());
        let mut done = 0;
        let writing = async {
            while done < bytes.len() {
                let upto = if done < end { end } else { bytes.len() };
                let written = poll_fn(|cx| {
                    let before = uncertain.swap(true, Ordering::Relaxed);
                    let polled = Pin::new(&mut *stream).poll_write(cx, &bytes[done..upto]);
                    let reached = matches!(polled, Poll::Ready(Ok(written)) if done + written > dot);
                    uncertain.store(before || reached, Ordering::Relaxed);
                    polled
                });
                match written.await? {
                    0 => return Err(io::ErrorKind::WriteZero.into()),
                    written => done += written,
                }
            }
            Ok(())
        };
        let written = timer.until(deadline, writing).await;
        let all = done == bytes.len();
        bytes.clear();
        bytes.shrink_to(KEPT);
        match written {
            _ if done >= end => Ok(all),
            Some(written) => written.map(|()| true).map_err(|error: io::Error| lost(&error).text()),
            None => Err("the message was not accepted before the deadline".to_owned()),
        }
    }
}

/// One timer for all steps of a session. Setting it costs more than most steps take, so it is left to go off at the end of an
/// earlier step, and set again then: a step that ends in time does not touch it.
#[derive(Default)]
struct Timer(Option<Pin<Box<Sleep>>>);

impl Timer {
    /// The result of a step; `None` if it takes too long.
    async fn until<T>(&mut self, deadline: Instant, step: impl Future<Output = T>) -> Option<T> {
        let mut step = pin!(step);
        poll_fn(|cx| match step.as_mut().poll(cx) {
            Poll::Ready(done) => Poll::Ready(Some(done)),
            Poll::Pending => self.poll(deadline, cx).map(|()| None),
        })
        .await
    }

    fn poll(&mut self, deadline: Instant, cx: &mut Context<'_>) -> Poll<()> {
        let timer = self.0.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if timer.deadline() > deadline {
            timer.as_mut().reset(deadline);
        }
        loop {
            ready!(timer.as_mut().poll(cx));
            if timer.deadline() >= deadline {
                return Poll::Ready(());
            }
            timer.as_mut().reset(deadline);
        }
    }
}

/// Adds a message as it is sent: dots at the beginning of a line doubled (RFC 5321 section 4.5.2), ending in CRLF.
fn stuff(message: &[u8], bytes: &mut Vec<u8>) {
    bytes.reserve(message.len() + message.len() / 64 + 8);
    if message.starts_with(b".") {
        bytes.push(b'.');
    }
    let mut rest = 0;
    for end_of_line in memmem::find_iter(message, b"\n.") {
        bytes.extend_from_slice(&message[rest..=end_of_line]);
        bytes.push(b'.');
        rest = end_of_line + 1;
    }
    bytes.extend_from_slice(&message[rest..]);
    if !bytes.ends_with(b"\r\n") {
        bytes.extend_from_slice(b"\r\n");
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::ReadBuf;

    use super::*;
    use crate::config::{EXAMPLE, parse};
    use crate::domain::address::Address;
    use crate::domain::reply::Reply;
    use crate::mail::smtp::{Envelope, Session, Steps};

    /// RFC 5321 section 4.5.2: every line that begins with a dot gets another one, and no other line does.
    #[test]
    fn dots_at_the_beginning_of_a_line_are_doubled() {
        for (message, wire) in [
            ("a\r\n", "a\r\n"),
            (".\r\n", "..\r\n"),
            (".a\r\n..b\r\nc.\r\n.\r\n", "..a\r\n...b\r\nc.\r\n..\r\n"),
            ("\r\n.\r\n", "\r\n..\r\n"),
            ("no end", "no end\r\n"),
            ("", "\r\n"),
        ] {
            let mut bytes = Vec::new();
            stuff(message.as_bytes(), &mut bytes);
            assert_eq!(String::from_utf8(bytes).unwrap(), wire, "{message:?}");
        }
    }

    /// A server that reads no further, and has answered all the same.
    struct Unread {
        /// How many writes succeed.
        writes: usize,
        then: fn() -> Poll<io::Result<usize>>,
        replies: &'static [u8],
    }

    impl AsyncWrite for Unread {
        fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
            let Some(left) = self.writes.checked_sub(1) else { return (self.then)() };
            self.writes = left;
            Poll::Ready(Ok(bytes.len()))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    impl AsyncRead for Unread {
        fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            Pin::new(&mut self.replies).poll_read(cx, into)
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_fails_behind_the_dot_does_not_hide_the_answer_to_it() {
        let fails: [fn() -> Poll<io::Result<usize>>; 3] =
            [|| Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())), || Poll::Ready(Ok(0)), || Poll::Pending];
        for then in fails {
            for (writes, behind, written) in [(1, "MAIL\r\n", Some(false)), (1, "", Some(true)), (0, "MAIL\r\n", None)]
            {
                let mut wire = Wire::new(Box::new(Unread { writes, then, replies: b"250 taken\r\n" }));
                let (uncertain, by) = (AtomicBool::new(false), Instant::now() + Duration::from_secs(60));
                let wrote = wire.write_message(by, (b"a\r\n", behind), &uncertain).await;
                assert_eq!(
                    (wrote.ok(), uncertain.load(Ordering::Relaxed)),
                    (written, writes > 0),
                    "{writes} {behind:?}"
                );
                let answer = wire.ask(Instant::now() + Duration::from_secs(60), "").await;
                assert_eq!(answer, Ok(Reply { code: 250, text: "taken".to_owned() }));
            }
            let smtp = parse(EXAMPLE, "example", &[]).unwrap().smtp;
            let stream = Unread { writes: 1, then, replies: b"250 taken\r\n" };
            let mut session = Session::over(Box::new(stream), &smtp, Steps::default());
            let address = Address::parse("a@one.example").unwrap();
            let envelope = Envelope { from: Some(&address), to: &address, reports: None };
            let group = session.group(envelope, b"b\r\n").unwrap();
            let reply = session.finish(b"a\r\n", &AtomicBool::new(false), Some(&group)).await;
            assert_eq!(reply.map(|reply| reply.code), Ok(250));
            assert!(!session.is_usable() && !session.is_ahead(), "nothing is begun on it");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_step_ends_by_its_own_deadline_whatever_the_one_before_had() {
        let (mut timer, begun) = (Timer::default(), Instant::now());
        let after = |seconds| begun + Duration::from_secs(seconds);
        for (deadline, takes, ends) in [(60, 1, 1), (600, 300, 300), (310, 400, 310), (330, 325, 325), (400, 900, 400)]
        {
            let in_time = timer.until(after(deadline), sleep_until(after(takes))).await;
            assert_eq!((in_time.is_some(), begun.elapsed().as_secs()), (takes == ends, ends));
        }
    }
}
