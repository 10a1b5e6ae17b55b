//! What scripts are made of.

/// What a script is made of.
#[derive(Debug, Clone)]
pub(crate) enum Command {
    Simple {
        assignments: Vec<Assignment>,
        words: Vec<Word>,
    },
    /// `a | b`, where `! ` before it turns the status round.
    Pipeline {
        negated: bool,
        commands: Vec<Command>,
    },
    /// `a && b || c`, from the left; `true` is `&&`.
    Chain(Box<Command>, Vec<(bool, Command)>),
    List(Vec<Command>),
    If {
        arms: Vec<(Command, Command)>,
        otherwise: Option<Box<Command>>,
    },
    For {
        name: String,
        words: Vec<Word>,
        body: Box<Command>,
    },
    While {
        until: bool,
        condition: Box<Command>,
        body: Box<Command>,
    },
    /// `( … )`: what it sets ends with it.
    Subshell(Box<Command>),
    Redirected(Box<Command>, Vec<Redirect>),
}

/// `NAME=value` or `NAME+=value`.
#[derive(Debug, Clone)]
pub(crate) struct Assignment {
    pub(crate) name: String,
    pub(crate) append: bool,
    pub(crate) value: Word,
}

/// Where output goes or input comes from.
#[derive(Debug, Clone)]
pub(crate) enum Redirect {
    /// `2>/dev/null`, `>/dev/null`: the stream is dropped.
    Drop(Stream),
    /// `2>&1`, `>&2`.
    Merge { from: Stream, into: Stream },
    /// `< file`.
    Input(Word),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stream {
    Out,
    Err,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Word(pub(crate) Vec<Part>);

/// A part of a word. What is quoted is neither split nor a pattern.
#[derive(Debug, Clone)]
pub(crate) enum Part {
    Text {
        text: String,
        quoted: bool,
    },
    Variable {
        name: String,
        change: Option<(Change, Word)>,
        quoted: bool,
    },
    /// `${#name}`
    Length(String),
    /// `$( … )`
    Output {
        command: Command,
        quoted: bool,
    },
    /// `$(( … ))`
    Sum {
        expression: String,
        quoted: bool,
    },
}

/// What `${name…}` does with the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// `:-`, or `-` where only an unset variable counts.
    Default { also_empty: bool },
    /// `:+`, `+`
    Alternative { also_empty: bool },
    /// `%`, `%%`
    CutEnd { longest: bool },
    /// `#`, `##`
    CutStart { longest: bool },
}
