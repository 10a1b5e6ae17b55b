//! Messages as lines into a writer; standard output.

use crate::worker::{Deliver, Failure, Then};
use crate::{Format, Message};
use std::io::{ErrorKind, Write};

/// How many lines are written with one call at most.
pub(crate) const BATCH: usize = 1024;

/// Appends the message as one line: a line end within it would make another alert out of what an attacker wrote.
pub(crate) fn push_line(buffer: &mut Vec<u8>, message: &Message, format: Format) {
    push_escaped(buffer, message.body(format));
    buffer.push(b'\n');
}

/// Appends `text` without its line ends.
pub(crate) fn push_escaped(buffer: &mut Vec<u8>, text: &str) {
    for byte in text.bytes() {
        match byte {
            b'\n' => buffer.extend_from_slice(b"\\n"),
            b'\r' => buffer.extend_from_slice(b"\\r"),
            other => buffer.push(other),
        }
    }
}

/// Writes `buffer`, whole lines. On failure tells how many lines got through; `torn` remembers that the last one did so only in part, so that the
/// next write ends it first.
pub(crate) fn write_lines(writer: &mut dyn Write, buffer: &[u8], torn: &mut bool) -> Result<(), (usize, std::io::Error)> {
    if *torn {
        writer.write_all(b"\n").map_err(|error| (0, error))?;
        *torn = false;
    }
    let mut rest = buffer;
    while !rest.is_empty() {
        let written = match writer.write(rest) {
            Ok(0) => Err(ErrorKind::WriteZero.into()),
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            other => other,
        };
        match written {
            Ok(count) => rest = rest.get(count..).unwrap_or_default(),
            Err(error) => {
                let written = buffer.get(..buffer.len() - rest.len()).unwrap_or_default();
                *torn = written.last().is_some_and(|byte| *byte != b'\n');
                return Err((written.iter().filter(|byte| **byte == b'\n').count(), error));
            }
        }
    }
    Ok(())
}

/// Standard output, or whatever the caller gives for it.
pub(crate) struct Output {
    writer: Box<dyn Write + Send>,
    format: Format,
    buffer: Vec<u8>,
    torn: bool,
}

impl Output {
    pub(crate) fn new(writer: Box<dyn Write + Send>, format: Format) -> Self {
        Self { writer, format, buffer: Vec::new(), torn: false }
    }
}

impl Deliver for Output {
    fn batch(&self) -> usize {
        BATCH
    }

    fn deliver(&mut self, messages: &[Message]) -> Result<(), Failure> {
        self.buffer.clear();
        messages.iter().for_each(|message| push_line(&mut self.buffer, message, self.format));
        let written = write_lines(&mut self.writer, &self.buffer, &mut self.torn);
        written.and_then(|()| self.writer.flush().map_err(|error| (messages.len(), error))).map_err(|(delivered, error)| Failure {
            delivered: delivered.min(messages.len()),
            // `| head` has seen enough, which is no failure.
            then: if error.kind() == ErrorKind::BrokenPipe { Then::End } else { Then::Again },
            reason: error.to_string(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes some bytes at a time and fails where it should.
    struct Narrow {
        taken: Vec<u8>,
        width: usize,
        room: usize,
    }

    impl Write for Narrow {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            let count = bytes.len().min(self.width).min(self.room - self.taken.len());
            if count == 0 {
                return Err(ErrorKind::StorageFull.into());
            }
            self.taken.extend_from_slice(&bytes[..count]);
            Ok(count)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// However much gets through, every line is there once and whole after the next attempt.
    #[test]
    fn no_line_is_lost_or_doubled() {
        let lines = ["a\n", "bcd\n", "\n", "ef\n"];
        let all = lines.concat();
        for width in 1..=3 {
            for room in 0..=all.len() {
                let mut narrow = Narrow { taken: Vec::new(), width, room };
                let mut torn = false;
                let delivered = match write_lines(&mut narrow, all.as_bytes(), &mut torn) {
                    Ok(()) => lines.len(),
                    Err((delivered, _)) => delivered,
                };
                assert_eq!(torn, room < all.len() && narrow.taken.last().is_some_and(|byte| *byte != b'\n'), "{width} {room}");
                narrow.room = usize::MAX;
                write_lines(&mut narrow, lines[delivered..].concat().as_bytes(), &mut torn).unwrap();
                let text = String::from_utf8(narrow.taken).unwrap();
                let (through, _) = all.split_at(room);
                let partial = through.rsplit_once('\n').map_or(through, |(_, rest)| rest);
                let partial = if partial.is_empty() { String::new() } else { format!("{partial}\n") };
                let wanted = [&lines[..delivered].concat(), &partial, &lines[delivered..].concat()].map(String::as_str).concat();
                assert_eq!(text, wanted, "{width} {room}");
            }
        }
    }
}
