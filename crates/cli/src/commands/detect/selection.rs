//! Which rules are switched on: options whose order counts.

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use plimsoll_detect::rules::{Pick, Selection};

/// `--disable`, `--enable`, `--disable-tag` and `--enable-tag`, in the order in which they were given.
pub(super) struct Steps(pub(super) Vec<Selection>);

/// Name, whether it switches on, whether it takes a tag, help.
const OPTIONS: [(&str, bool, bool, &str); 4] = [
    (
        "disable",
        false,
        false,
        "Switch off rules whose name fits this pattern, in which `*` stands for anything. This option and the three below can be given several times and count in their order",
    ),
    ("enable", true, false, "Switch on rules whose name fits this pattern"),
    ("disable-tag", false, true, "Switch off rules with this tag"),
    ("enable-tag", true, true, "Switch on rules with this tag"),
];

impl clap::FromArgMatches for Steps {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut steps = Vec::new();
        for (name, enable, is_tag, _) in OPTIONS {
            let values = matches.get_many::<String>(name).into_iter().flatten();
            for (at, value) in matches.indices_of(name).into_iter().flatten().zip(values) {
                let pick = if is_tag { Pick::Tag(value.clone()) } else { Pick::Name(value.clone()) };
                steps.push((at, Selection { enable, pick }));
            }
        }
        steps.sort_by_key(|(at, _)| *at);
        Ok(Self(steps.into_iter().map(|(_, step)| step).collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl clap::Args for Steps {
    fn augment_args(command: Command) -> Command {
        OPTIONS.iter().fold(command, |command, (name, _, is_tag, help)| {
            let value = if *is_tag { "TAG" } else { "RULE" };
            let option = Arg::new(*name).long(*name).value_name(value).action(ArgAction::Append).value_parser(value_parser!(String));
            command.arg(option.help(*help).help_heading("Rules"))
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

/// What a step of an option means, for messages.
pub(super) fn described(step: &Selection) -> String {
    let verb = if step.enable { "enable" } else { "disable" };
    match &step.pick {
        Pick::Name(name) => format!("--{verb} `{name}`"),
        Pick::Tag(tag) => format!("--{verb}-tag `{tag}`"),
    }
}
