//! A file that grows: appended to, turned over at a size, found again when something else moved it.

use crate::lines::{BATCH, push_line, write_lines};
use crate::options::FileOptions;
use crate::worker::{Deliver, Failure};
use crate::{Format, Message};
use std::fs;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

pub(crate) struct File {
    options: FileOptions,
    format: Format,
    open: Option<Open>,
    remark: Option<String>,
}

struct Open {
    file: fs::File,
    /// Device and inode, which tell whether the path still leads here.
    identity: (u64, u64),
    size: u64,
    /// Its last line has no end: a write that got through in part, in an earlier run maybe.
    torn: bool,
    /// Terminals, pipes and the like are not turned over.
    is_regular: bool,
}

impl File {
    /// Fails when the file cannot be written to, which nobody wants to learn with the first alert.
    pub(crate) fn open(options: &FileOptions, format: Format) -> Result<Self, String> {
        let mut sink = Self { options: options.clone(), format, open: None, remark: None };
        // A named pipe waits for its reader; that is for the sink's thread.
        if fs::metadata(&options.filename).map_or(true, |metadata| metadata.is_file()) {
            let open = open(&options.filename).map_err(|error| error.to_string())?;
            sink.open = options.keep_alive.then_some(open);
        }
        Ok(sink)
    }

    /// The file at the path as it is now.
    fn current(&mut self) -> io::Result<&mut Open> {
        let path = &self.options.filename;
        let moved = |open: &Open| fs::metadata(path).map_or(true, |metadata| (metadata.dev(), metadata.ino()) != open.identity);
        let open = match self.open.take() {
            Some(open) if !moved(&open) => open,
            _ => open(path)?,
        };
        Ok(self.open.insert(open))
    }

    /// Writes whole lines; on failure tells how many got through.
    fn write(&mut self, lines: &[u8]) -> Result<(), (usize, io::Error)> {
        let open = self.current().map_err(|error| (0, error))?;
        open.size += lines.len() as u64;
        write_lines(&mut open.file, lines, &mut open.torn)
    }

    /// Whether `more` bytes go beyond the size at which the file is turned over.
    fn is_full(&mut self, waiting: usize, more: usize) -> bool {
        let Some(most) = self.options.max_size else { return false };
        let Ok(open) = self.current() else { return false };
        let size = open.size + waiting as u64;
        open.is_regular && size > 0 && size + more as u64 > most
    }

    /// `alerts` becomes `alerts.1`, that `alerts.2`, and so on; the oldest goes. Where this fails, the file just grows on.
    fn turn_over(&mut self) {
        let path = &self.options.filename;
        let turned =
            (1..self.options.max_files).rev().try_for_each(|number| match fs::rename(numbered(path, number), numbered(path, number + 1)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            });
        let turned = turned.and_then(|()| match self.options.max_files {
            0 => fs::remove_file(path),
            _ => fs::rename(path, numbered(path, 1)),
        });
        match turned {
            Ok(()) => self.open = None,
            Err(error) => self.remark = Some(format!("the file has its full size and cannot be turned over: {error}")),
        }
    }
}

impl Deliver for File {
    fn batch(&self) -> usize {
        BATCH
    }

    fn deliver(&mut self, messages: &[Message]) -> Result<(), Failure> {
        let mut delivered = 0;
        let mut lines = Vec::new();
        let mut line = Vec::new();
        let mut waiting = 0;
        let result = (|| {
            for message in messages {
                line.clear();
                push_line(&mut line, message, self.format);
                if self.is_full(lines.len(), line.len()) {
                    self.write(&lines)?;
                    delivered += std::mem::take(&mut waiting);
                    lines.clear();
                    self.turn_over();
                }
                lines.extend_from_slice(&line);
                waiting += 1;
            }
            self.write(&lines)
        })();
        if !self.options.keep_alive {
            self.open = None;
        }
        result.map_err(|(lines, error): (usize, io::Error)| Failure { delivered: delivered + lines, ..Failure::again(error.to_string()) })
    }

    fn reopen(&mut self) {
        self.open = None;
    }

    fn remark(&mut self) -> Option<String> {
        self.remark.take()
    }
}

/// Alerts tell of secrets at times, so that a new file is for its owner only.
fn open(path: &Path) -> io::Result<Open> {
    let file = fs::OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
    let metadata = file.metadata()?;
    let (size, is_regular) = (metadata.len(), metadata.is_file());
    // It may be that it can be written but not read; then it counts as whole.
    let mut last = [b'\n'];
    if let (true, Some(end)) = (is_regular, size.checked_sub(1)) {
        let _ = fs::File::open(path).and_then(|file| file.read_at(&mut last, end));
    }
    Ok(Open { identity: (metadata.dev(), metadata.ino()), size, torn: last != [b'\n'], is_regular, file })
}

fn numbered(path: &Path, number: u32) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{number}"));
    name.into()
}

#[cfg(test)]
mod tests {
    use crate::Sinks;
    use crate::testing::{config, message, start, start_with};
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;
    use std::time::Duration;

    fn sink(directory: &Path, options: &str) -> String {
        format!("file{options},filename={}", directory.join("alerts").display())
    }

    /// Every file of the directory, by name.
    fn files(directory: &Path) -> Vec<(String, String)> {
        let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap());
        let mut files: Vec<_> =
            entries.map(|entry| (entry.file_name().into_string().unwrap(), fs::read_to_string(entry.path()).unwrap())).collect();
        files.sort();
        files
    }

    fn lines(sinks: &mut Sinks, count: u32) {
        (1..=count).for_each(|number| sinks.send(&message(number)));
        let problems = sinks.finish(Duration::MAX);
        assert!(problems.is_empty(), "{problems:?}");
    }

    #[test]
    fn lines_are_appended_and_the_file_turned_over() {
        // Lines of eight bytes: three go into twenty-four.
        type Case<'c> = (&'c str, u32, &'c [(&'c str, &'c str)]);
        let table: &[Case<'_>] = &[
            ("", 2, &[("alerts", "before\nalert 1\nalert 2\n")]),
            (",keep_alive=false", 2, &[("alerts", "before\nalert 1\nalert 2\n")]),
            (",max_size=23", 2, &[("alerts", "before\nalert 1\nalert 2\n")]),
            (",max_size=22", 2, &[("alerts", "alert 2\n"), ("alerts.1", "before\nalert 1\n")]),
            (
                ",max_size=16,max_files=2",
                7,
                &[("alerts", "alert 6\nalert 7\n"), ("alerts.1", "alert 4\nalert 5\n"), ("alerts.2", "alert 2\nalert 3\n")],
            ),
            (",max_size=16,max_files=1,keep_alive=false", 5, &[("alerts", "alert 4\nalert 5\n"), ("alerts.1", "alert 2\nalert 3\n")]),
            (",max_size=16,max_files=0", 5, &[("alerts", "alert 4\nalert 5\n")]),
            // A line that is longer than the size stands alone.
            (",max_size=1,max_files=1", 2, &[("alerts", "alert 2\n"), ("alerts.1", "alert 1\n")]),
        ];
        for (options, count, wanted) in table {
            let directory = tempfile::tempdir().unwrap();
            fs::write(directory.path().join("alerts"), "before\n").unwrap();
            lines(&mut start(&[&sink(directory.path(), options)]).sinks, *count);
            let wanted: Vec<_> = wanted.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
            assert_eq!(files(directory.path()), wanted, "{options}");
        }
    }

    #[test]
    fn a_new_file_is_for_its_owner_only() {
        let directory = tempfile::tempdir().unwrap();
        lines(&mut start(&[&sink(directory.path(), ",format=json")]).sinks, 1);
        let path = directory.path().join("alerts");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_to_string(&path).unwrap(), format!("{}\n", message(1).json));
    }

    /// A write that got through in part does not spoil the next line.
    #[test]
    fn a_torn_line_is_ended() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("alerts"), "ale").unwrap();
        lines(&mut start(&[&sink(directory.path(), "")]).sinks, 1);
        lines(&mut start(&[&sink(directory.path(), ",keep_alive=false")]).sinks, 1);
        assert_eq!(files(directory.path())[0].1, "ale\nalert 1\nalert 1\n");
    }

    /// What logrotate does: the file is moved away, and the path leads to a new one.
    #[test]
    fn a_moved_file_is_left() {
        let directory = tempfile::tempdir().unwrap();
        let mut sink = crate::Sink::new(crate::Channel::of_kind("file").unwrap());
        sink.set("filename", directory.path().join("alerts").to_str().unwrap()).unwrap();
        let crate::Channel::File(options) = &sink.channel else { panic!("{sink:?}") };
        let mut file = super::File::open(options, sink.format).unwrap();
        use crate::worker::Deliver;
        file.deliver(&[message(1)]).unwrap();
        fs::rename(directory.path().join("alerts"), directory.path().join("old")).unwrap();
        file.deliver(&[message(2)]).unwrap();
        fs::remove_file(directory.path().join("alerts")).unwrap();
        file.deliver(&[message(3)]).unwrap();
        file.reopen();
        file.deliver(&[message(4)]).unwrap();
        let wanted = [("alerts", "alert 3\nalert 4\n"), ("old", "alert 1\n")].map(|(name, text)| (name.to_owned(), text.to_owned()));
        assert_eq!(files(directory.path()), wanted);
    }

    #[test]
    fn what_cannot_be_written() {
        let directory = tempfile::tempdir().unwrap();
        let run = start(&["file=/nowhere/at/all"]);
        assert_eq!(run.problems, ["alerts cannot be sent to the file `/nowhere/at/all`: No such file or directory (os error 2)"]);
        // A device without room, and one sink's trouble is not the other's.
        let mut run = start(&["file,retries=2,filename=/dev/full", &sink(directory.path(), "")]);
        run.send([1, 2]);
        assert_eq!(run.finish(), ["2 alerts could not be delivered to the file `/dev/full`: No space left on device (os error 28)"]);
        assert_eq!(files(directory.path())[0].1, "alert 1\nalert 2\n");
        // A directory in the way of the older file: the file grows on.
        fs::create_dir_all(directory.path().join("alerts.1/x")).unwrap();
        let mut run = start(&[&sink(directory.path(), ",max_size=8,max_files=1")]);
        run.send([3]);
        let problems = run.finish();
        assert!(problems.len() == 1 && problems[0].contains("cannot be turned over"), "{problems:?}");
        assert_eq!(fs::read_to_string(directory.path().join("alerts")).unwrap(), "alert 1\nalert 2\nalert 3\n");
    }

    /// A line end in an alert makes no second alert.
    #[test]
    fn one_alert_is_one_line() {
        let kept = crate::testing::Kept::default();
        let mut run = start_with(&config(&["stdout"]), Box::new(kept.clone()));
        run.sinks.send(&crate::Message { text: "a\nb\r\nc".into(), ..message(1) });
        assert_eq!(run.finish(), Vec::<String>::new());
        assert_eq!(*kept.0.lock().unwrap(), b"a\\nb\\r\\nc\n");
    }
}
