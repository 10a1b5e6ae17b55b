//! The tree of a condition.

/// Where a node starts in the text of its condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Bytes before it.
    pub offset: u32,
    /// Its line, from 1 on.
    pub line: u32,
    /// Its column in bytes, from 1 on.
    pub column: u32,
}

impl Position {
    /// The start of a text.
    pub const START: Self = Self { offset: 0, line: 1, column: 1 };

    /// Where what follows this text starts, if the text starts here. Each line feed and each carriage return starts a line.
    #[must_use]
    pub fn after(mut self, text: &[u8]) -> Self {
        for byte in text {
            self.offset = self.offset.saturating_add(1);
            if matches!(byte, b'\r' | b'\n') {
                self.line = self.line.saturating_add(1);
                self.column = 1;
            } else {
                self.column = self.column.saturating_add(1);
            }
        }
        self
    }
}

/// A node and where it starts. Two nodes are equal if they say the same, wherever they stand.
#[derive(Debug, Clone)]
pub struct Node<T> {
    /// What it is.
    pub it: T,
    /// Where it starts.
    pub at: Position,
}

impl<T: PartialEq> PartialEq for Node<T> {
    fn eq(&self, other: &Self) -> bool {
        self.it == other.it
    }
}

/// A condition.
#[derive(Debug, Clone, PartialEq)]
pub enum Expr {
    /// All of them.
    And(Vec<Node<Expr>>),
    /// At least one.
    Or(Vec<Node<Expr>>),
    /// The opposite.
    Not(Box<Node<Expr>>),
    /// The name of a macro.
    Identifier(String),
    /// `field exists`.
    Exists(Box<Node<Operand>>),
    /// `field = value`.
    Compare {
        /// What is compared.
        left: Box<Node<Operand>>,
        /// How.
        operator: Operator,
        /// How many of the values must compare so.
        modifier: Option<Modifier>,
        /// With what.
        right: Box<Node<Right>>,
    },
}

/// What has a value.
#[derive(Debug, Clone, PartialEq)]
pub enum Operand {
    /// `proc.aname[2]`. An argument that is empty but there is another thing than none.
    Field {
        /// Name, with what follows its dots.
        name: String,
        /// What stands in brackets.
        arg: Option<Vec<u8>>,
    },
    /// `tolower(proc.name)`, `getopt(proc.args, "c:")[c]`, and on the right `val(proc.pname)`.
    Transform {
        /// Which.
        transformer: Transformer,
        /// What it takes.
        values: Vec<Node<Operand>>,
        /// What stands in brackets behind it.
        arg: Option<Vec<u8>>,
    },
    /// A literal argument of a transformer.
    Value(Vec<u8>),
    /// Literal arguments in parentheses.
    List(Vec<Node<Operand>>),
}

/// What is compared with.
#[derive(Debug, Clone, PartialEq)]
pub enum Right {
    /// One value, without its quotes. An identifier without quotes may be the name of a list, where a list is due.
    Value(Vec<u8>),
    /// Several.
    List(Vec<Vec<u8>>),
    /// A field or the like.
    Operand(Operand),
}

macro_rules! spelled {
    ($(#[$doc:meta])* $name:ident { $($(#[$note:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$note])* $variant,)+ }

        impl $name {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// As it is written.
            #[must_use]
            pub fn text(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }
    };
}

spelled! {
    /// How two values are compared.
    Operator {
        /// Equal.
        Eq = "=",
        /// Equal, written twice.
        EqEq = "==",
        /// Not equal.
        Ne = "!=",
        /// At most.
        Le = "<=",
        /// Less.
        Lt = "<",
        /// At least.
        Ge = ">=",
        /// More.
        Gt = ">",
        /// A text is in it.
        Contains = "contains",
        /// Likewise, in whatever case.
        IContains = "icontains",
        /// Bytes, written in hexadecimal, are in it.
        BContains = "bcontains",
        /// A pattern of `*`, `?` and `[]`.
        Glob = "glob",
        /// Likewise, in whatever case.
        IGlob = "iglob",
        /// It starts with bytes, written in hexadecimal.
        BStartsWith = "bstartswith",
        /// It starts with a text.
        StartsWith = "startswith",
        /// It ends with a text.
        EndsWith = "endswith",
        /// It, or all of it, is among some.
        In = "in",
        /// One of it is among some.
        Intersects = "intersects",
        /// Paths among some start it.
        PMatch = "pmatch",
        /// A regular expression that has to match all of it.
        Regex = "regex",
    }
}

spelled! {
    /// How many of the values on the right must compare so.
    Modifier {
        /// Exactly one.
        OneOf = "oneof",
        /// At least one.
        AnyOf = "anyof",
        /// Each.
        AllOf = "allof",
    }
}

spelled! {
    /// What makes a value of others.
    Transformer {
        /// Lower case.
        ToLower = "tolower",
        /// Upper case.
        ToUpper = "toupper",
        /// Decoded base64.
        B64 = "b64",
        /// What stands behind the last slash.
        Basename = "basename",
        /// How many bytes, or how many values.
        Len = "len",
        /// Texts with a text between them.
        Join = "join",
        /// Texts one after the other.
        Concat = "concat",
        /// An option of a command line.
        Getopt = "getopt",
        /// The value of a field, as it is; only on the right.
        Val = "val",
    }
}
