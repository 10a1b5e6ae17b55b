//! What is wrong with rules: the codes of Falco's load results and our own, the item that is blamed, and its place.

use crate::condition::Position;
use plimsoll_model::{Location, Node, Problem, ProblemKind, Source, Span};
use std::fmt;
use std::sync::Arc;

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $text:literal, $error:literal;)+) => {
        /// What kind of thing is wrong. Names that start with `LOAD_` are those of `falco_load_result.cpp`; the others are ours.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code { $($(#[$doc])* $variant,)+ }

        impl Code {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The stable name.
            #[must_use]
            pub fn text(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }

            /// Whether the rules can not be used because of it.
            #[must_use]
            pub fn is_error(self) -> bool {
                match self { $(Self::$variant => $error,)+ }
            }
        }
    };
}

codes! {
    /// The text is no YAML.
    YamlParse = "LOAD_ERR_YAML_PARSE", true;
    /// The YAML does not have the shape of a rules file.
    YamlValidate = "LOAD_ERR_YAML_VALIDATE", true;
    /// A condition can not be compiled.
    CompileCondition = "LOAD_ERR_COMPILE_CONDITION", true;
    /// An output can not be compiled.
    CompileOutput = "LOAD_ERR_COMPILE_OUTPUT", true;
    /// An item is not right, or does not fit the others.
    Validate = "LOAD_ERR_VALIDATE", true;
    /// A rule about events that nothing here produces.
    UnknownSource = "LOAD_UNKNOWN_SOURCE", false;
    /// A field of JSON is compared with the text that stands for no value.
    UnsafeNaCheck = "LOAD_UNSAFE_NA_CHECK", false;
    /// A condition that does not say which event types it is about.
    NoEventType = "LOAD_NO_EVTTYPE", false;
    /// A rule that is skipped, as it asks to be, for a field that is not known.
    UnknownFilter = "LOAD_UNKNOWN_FILTER", false;
    /// A macro that nothing uses.
    UnusedMacro = "LOAD_UNUSED_MACRO", false;
    /// A list that nothing uses.
    UnusedList = "LOAD_UNUSED_LIST", false;
    /// An item of no known kind.
    UnknownItem = "LOAD_UNKNOWN_ITEM", false;
    /// Something that will not be there any more in some later version.
    DeprecatedItem = "LOAD_DEPRECATED_ITEM", false;
    /// Values of an exception that are not there.
    AppendNoValues = "LOAD_APPEND_NO_VALUES", false;
    /// Two exceptions of one name in one rule.
    ExceptionNameNotUnique = "LOAD_EXCEPTION_NAME_NOT_UNIQUE", false;
    /// The name of a macro that no condition can use.
    InvalidMacroName = "LOAD_INVALID_MACRO_NAME", false;
    /// The name of a list that no condition can use.
    InvalidListName = "LOAD_INVALID_LIST_NAME", false;
    /// A condition that may not say what was meant.
    ConditionWarning = "LOAD_COMPILE_CONDITION", false;
    /// A key that the item does not have.
    UnknownKey = "LOAD_UNKNOWN_KEY", false;
    /// A key that stands twice in one mapping.
    DuplicateKey = "DUPLICATE_KEY", false;
    /// A rule that can match no event.
    NeverTrue = "RULE_NEVER_TRUE", false;
    /// A rule that an earlier one always answers for.
    Shadowed = "RULE_SHADOWED", false;
    /// A macro that is never true makes all of a condition never true.
    NeverTrueMacro = "MACRO_NEVER_TRUE", false;
    /// Lists that name each other: what is left of the names is taken as text.
    ListCycle = "LIST_CYCLE", false;
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident = $text:literal,)+) => {
        /// What a step on the way from a file to what is blamed is, by the names of `rule_loader.cpp`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum ItemKind { $($(#[$doc])* $variant,)+ }

        impl ItemKind {
            /// As messages call it.
            #[must_use]
            pub fn text(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }
    };
}

kinds! {
    /// The value of a key.
    ValueFor = "value for",
    /// The exceptions of a rule.
    Exceptions = "exceptions",
    /// One of them.
    Exception = "exception",
    /// Its values.
    ExceptionValues = "exception values",
    /// One of them.
    ExceptionValue = "exception value",
    /// A whole file.
    RulesContent = "rules content",
    /// An item of the file that is of no known kind.
    RulesContentItem = "rules content item",
    /// Which version of the engine the file asks for.
    RequiredEngineVersion = "required_engine_version",
    /// Which plugins it asks for.
    RequiredPluginVersions = "required plugin versions",
    /// One of them.
    RequiredPluginVersionsEntry = "required plugin versions entry",
    /// What would do as well.
    RequiredPluginVersionsAlternative = "required plugin versions alternative",
    /// A list.
    List = "list",
    /// An item of it.
    ListItem = "list item",
    /// A macro.
    Macro = "macro",
    /// Its condition.
    MacroCondition = "macro condition",
    /// A rule.
    Rule = "rule",
    /// Its condition.
    RuleCondition = "rule condition",
    /// A part of a condition.
    ConditionExpression = "condition expression",
    /// Its output.
    RuleOutput = "rule output",
    /// Its priority.
    RulePriority = "rule priority",
    /// What is overridden of an earlier item.
    Overrides = "overrides",
}

/// Something that is wrong with rules.
#[derive(Debug, Clone)]
pub struct Diagnostic {
    /// Which kind of thing.
    pub code: Code,
    /// What, in the words of Falco where it says the same. May be empty: then the code says all.
    pub message: String,
    /// What to do about it, where there is something.
    pub help: Option<String>,
    /// The way from the file to what is blamed.
    pub context: Context,
    /// The condition that is blamed, where it is one.
    pub excerpt: Option<Excerpt>,
}

/// A condition as it was compiled: with what was appended and with lists in it, so that it need not stand in the file.
#[derive(Debug, Clone)]
pub struct Excerpt {
    /// The whole text.
    pub text: Arc<str>,
    /// Which place of it is blamed.
    pub at: Position,
}

/// The way from a file to what is blamed.
#[derive(Clone)]
pub struct Context(Arc<Step>);

/// A step on this way.
pub struct Step {
    /// What it is.
    pub kind: ItemKind,
    /// Its name, or empty.
    pub name: String,
    /// Where it stands.
    pub location: Location,
    outer: Option<Context>,
}

impl Context {
    /// A whole file.
    pub(crate) fn file(source: &Arc<Source>) -> Self {
        let location = Location { source: Arc::clone(source), span: Span::default() };
        Self(Arc::new(Step { kind: ItemKind::RulesContent, name: String::new(), location, outer: None }))
    }

    /// Something in it.
    pub(crate) fn within(&self, kind: ItemKind, name: &str, location: Location) -> Self {
        Self(Arc::new(Step { kind, name: name.to_owned(), location, outer: Some(self.clone()) }))
    }

    /// Something in it that is a node of the YAML.
    pub(crate) fn node(&self, kind: ItemKind, name: &str, node: Node<'_>) -> Self {
        self.within(kind, name, node.location())
    }

    /// From the file on.
    #[must_use]
    pub fn steps(&self) -> Vec<&Step> {
        let mut steps: Vec<&Step> = std::iter::successors(Some(&*self.0), |step| step.outer.as_ref().map(|outer| &*outer.0)).collect();
        steps.reverse();
        steps
    }

    /// Where the last step stands.
    #[must_use]
    pub fn location(&self) -> &Location {
        &self.0.location
    }

    /// Something wrong here.
    pub(crate) fn diagnostic(&self, code: Code, message: impl Into<String>) -> Diagnostic {
        Diagnostic { code, message: message.into(), help: None, context: self.clone(), excerpt: None }
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, step) in self.steps().iter().enumerate() {
            let name = if step.name.is_empty() { String::new() } else { format!(" '{}'", step.name) };
            write!(f, "{}{}{name}", if at == 0 { "" } else { " > " }, step.kind.text())?;
        }
        write!(f, " ({})", self.location())
    }
}

impl Diagnostic {
    /// Adds what to do about it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds what to do about it, where there is something.
    #[must_use]
    pub(crate) fn with_help(self, help: Option<String>) -> Self {
        Self { help: help.or(self.help), ..self }
    }

    /// The place in the file: the exact one where the text stands there as it was compiled, else that of the item.
    #[must_use]
    pub fn location(&self) -> Location {
        let whole = self.context.location();
        let exact = self.excerpt.as_ref().and_then(|excerpt| excerpt.place(whole));
        exact.unwrap_or_else(|| whole.clone())
    }

    /// The line that is blamed, of the condition as it was compiled or of the file.
    #[must_use]
    pub fn quote(&self) -> String {
        match &self.excerpt {
            Some(excerpt) => excerpt.line().to_owned(),
            None => {
                let location = self.context.location();
                location.source.line(location.start().line).map_or_else(String::new, |(_, line)| line.to_owned())
            }
        }
    }
}

impl Excerpt {
    /// The line of the blamed place.
    fn line(&self) -> &str {
        let at = (self.at.offset as usize).min(self.text.len());
        let start =
            self.text.as_bytes().get(..at).unwrap_or_default().iter().rposition(|byte| *byte == b'\n').map_or(0, |before| before + 1);
        self.text.get(start..).and_then(|rest| rest.lines().next()).unwrap_or("")
    }

    /// The blamed place in the file, where the text up to it stands there letter by letter, but for white space.
    fn place(&self, whole: &Location) -> Option<Location> {
        let before = self.text.as_bytes().get(..self.at.offset as usize)?;
        let mut wanted = before.iter().filter(|byte| !byte.is_ascii_whitespace());
        let mut at = whole.span.start as usize;
        let written = whole.source.slice(whole.span).as_bytes();
        // A block scalar starts with its header, a quoted one with its quote.
        let skip = match written.first()? {
            b'|' | b'>' => written.iter().position(|byte| *byte == b'\n')?,
            b'"' | b'\'' => 1,
            _ => 0,
        };
        at += skip;
        let mut rest = written.get(skip..)?.iter().peekable();
        loop {
            while rest.next_if(|byte| byte.is_ascii_whitespace()).is_some() {
                at += 1;
            }
            let Some(next) = wanted.next() else { break };
            if rest.next()? != next {
                return None;
            }
            at += 1;
        }
        // The word that stands there, as far as it is the same.
        let same = self.text.as_bytes().get(self.at.offset as usize..)?.iter().zip(rest);
        let length = same.take_while(|(text, written)| text == written && !text.is_ascii_whitespace()).count();
        Some(Location { source: Arc::clone(&whole.source), span: Span::new(at, at + length) })
    }
}

impl From<&Diagnostic> for Problem {
    fn from(diagnostic: &Diagnostic) -> Self {
        let kind = match diagnostic.code {
            Code::YamlParse => ProblemKind::Syntax,
            Code::DuplicateKey => ProblemKind::DuplicateKey,
            code if code.is_error() => ProblemKind::Invalid,
            _ => ProblemKind::Note,
        };
        let named = diagnostic.context.steps().into_iter().rev().find(|step| !step.name.is_empty() && step.kind != ItemKind::ValueFor);
        let item = named.map_or_else(String::new, |step| format!("{} `{}`: ", step.kind.text(), step.name));
        let separator = if diagnostic.message.is_empty() { "" } else { ": " };
        let message = format!("{item}{}{separator}{}", diagnostic.code.text(), diagnostic.message);
        let problem = Self::new(kind, message).located(diagnostic.location());
        match &diagnostic.help {
            Some(help) => problem.help(help.clone()),
            None => problem,
        }
    }
}

/// All that is wrong, in the order in which it was found.
#[derive(Debug, Clone, Default)]
pub struct Diagnostics(pub Vec<Diagnostic>);

impl Diagnostics {
    /// Whether the rules can be used.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        !self.0.iter().any(|diagnostic| diagnostic.code.is_error())
    }

    /// What makes the rules unusable.
    pub fn errors(&self) -> impl Iterator<Item = &Diagnostic> {
        self.0.iter().filter(|diagnostic| diagnostic.code.is_error())
    }

    /// What is worth a look.
    pub fn warnings(&self) -> impl Iterator<Item = &Diagnostic> {
        self.0.iter().filter(|diagnostic| !diagnostic.code.is_error())
    }

    /// Adds one.
    pub(crate) fn push(&mut self, diagnostic: Diagnostic) {
        self.0.push(diagnostic);
    }
}

/// A value, or why there is none.
pub(crate) type Outcome<T> = Result<T, Box<Diagnostic>>;
