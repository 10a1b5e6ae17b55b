use crate::{Outcome, engine, input::Loaded, output};
#[derive(clap::Args)]
pub(crate) struct Args {
    #[arg(long, help_heading = "Fix")]
    fix: bool,
    #[arg(long, help_heading = "Fix")]
    diff: bool,
    #[arg(long, help_heading = "Fix")]
    unsafe_fixes: bool,
}
impl Args {
    pub(crate) fn is_asked(&self) -> bool {
        self.fix || self.diff || self.unsafe_fixes
    }
}
pub(crate) fn run(_: &Args, loaded: Loaded, judge: engine::Judge, output: &output::Args) -> anyhow::Result<Outcome> {
    output.write(&engine::run(loaded, judge))
}
