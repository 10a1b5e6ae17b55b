use crate::Report;
use std::io::{self, Write};
pub(crate) fn render(_: &Report, _: &mut dyn Write) -> io::Result<()> {
    Ok(())
}
