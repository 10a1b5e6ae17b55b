//! Gzip streams that may break. The readers of `flate2` drop what they unpacked together with a break, up to a whole buffer of it; here
//! everything before the break is given, and then the error.

use flate2::{Decompress, FlushDecompress, Status};
use std::io::{self, BufRead, BufReader, Read};

/// The largest window that a stream can have, in bits.
const WINDOW: u8 = 15;

/// Unpacks gzip, also several members one after the other.
pub(crate) struct Gunzip<R> {
    input: BufReader<R>,
    inflate: Decompress,
    /// A member may begin here, and so the stream may end.
    between: bool,
    ended: bool,
    error: Option<io::Error>,
}

impl<R: Read> Gunzip<R> {
    /// Unpacks what `input` gives.
    pub(crate) fn new(input: R) -> Self {
        let input = BufReader::with_capacity(1 << 15, input);
        Self { input, inflate: Decompress::new_gzip(WINDOW), between: true, ended: false, error: None }
    }

    /// One step; how many bytes it gave.
    fn step(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let input = self.input.fill_buf()?;
        let is_end = input.is_empty();
        if is_end && self.between {
            self.ended = true;
            return Ok(0);
        }
        let before = (self.inflate.total_in(), self.inflate.total_out());
        let status = self.inflate.decompress(input, out, FlushDecompress::None);
        let [taken, given] = [self.inflate.total_in() - before.0, self.inflate.total_out() - before.1].map(|count| count as usize);
        self.input.consume(taken);
        self.between &= taken == 0;
        match status {
            Ok(Status::StreamEnd) => {
                self.inflate = Decompress::new_gzip(WINDOW);
                self.between = true;
            }
            Ok(_) if is_end && given == 0 => self.error = Some(io::Error::new(io::ErrorKind::UnexpectedEof, "it is cut off")),
            Ok(_) => {}
            // What exactly is wrong depends on the sizes of buffers.
            Err(_) => self.error = Some(io::Error::new(io::ErrorKind::InvalidData, "its data are damaged")),
        }
        Ok(given)
    }
}

impl<R: Read> Read for Gunzip<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while !self.ended && !out.is_empty() {
            if let Some(error) = self.error.take() {
                self.ended = true;
                return Err(error);
            }
            match self.step(out)? {
                0 => {}
                given => return Ok(given),
            }
        }
        Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::read::GzEncoder;

    fn packed(text: &[u8]) -> Vec<u8> {
        let mut packed = Vec::new();
        GzEncoder::new(text, Compression::default()).read_to_end(&mut packed).unwrap();
        packed
    }

    /// What is unpacked of some bytes with buffers of a length, and how that ends.
    fn unpacked(bytes: &[u8], length: usize) -> (Vec<u8>, String) {
        let (mut gunzip, mut whole, mut part) = (Gunzip::new(bytes), Vec::new(), vec![0; length]);
        loop {
            match gunzip.read(&mut part) {
                Ok(0) => return (whole, String::new()),
                Ok(read) => whole.extend_from_slice(&part[..read]),
                Err(error) => {
                    assert_eq!(gunzip.read(&mut part).unwrap(), 0);
                    return (whole, error.to_string());
                }
            }
        }
    }

    #[test]
    fn what_stands_before_a_break_is_given() {
        let text: Vec<u8> = (0..20_000_u32).flat_map(|number| format!("{number:x}\n").into_bytes()).collect();
        let whole = packed(&text);
        let mut broken = whole.clone();
        broken[whole.len() / 2..].iter_mut().for_each(|byte| *byte ^= 0x55);
        let mut wrong_sum = whole.clone();
        wrong_sum[whole.len() - 5] ^= 1;
        for (bytes, end) in [
            (&whole, ""),
            (&[whole.clone(), whole.clone()].concat(), ""),
            (&whole[..whole.len() / 2].to_vec(), "it is cut off"),
            (&whole[..5].to_vec(), "it is cut off"),
            (&wrong_sum, "its data are damaged"),
            (&[&whole[..], b"more"].concat(), "its data are damaged"),
        ] {
            let (given, error) = unpacked(bytes, 1 << 20);
            assert_eq!(error, end);
            assert!(error == "it is cut off" || given.starts_with(&text));
        }
        let (given, error) = unpacked(&broken, 1 << 20);
        assert!(!error.is_empty() && given.len() > text.len() / 3, "{error}: {}", given.len());
        assert_eq!(unpacked(&broken, 7), (given, error));
    }
}
