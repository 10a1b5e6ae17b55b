//! What can be said of an expression before it meets an object: the types of literals and of results, and regular
//! expressions that are none. What comes out of an object is dynamic.

use super::ast::{Expr, FoldKind, Kind, Operator};
use super::library;
use super::value::Type;
use super::{Failure, FailureKind};

/// The type of `expr`, if it is known.
pub(super) fn check(expr: &Expr) -> Result<Type, Failure> {
    let types = expr.children().into_iter().map(check).collect::<Result<Vec<_>, _>>()?;
    let wrong = |message: String| Err(Failure { kind: FailureKind::Compile, message, at: expr.at.clone() });
    let ty = |at: usize| types.get(at).copied().unwrap_or(Type::Dyn);
    let needs = |wanted: Type, what: &str| match types.iter().find(|ty| !matches!(**ty, Type::Dyn) && **ty != wanted) {
        Some(other) => wrong(format!("{what} takes {}, not {}", wanted.name(), other.name())),
        None => Ok(wanted),
    };
    Ok(match &expr.kind {
        Kind::Null => Type::Null,
        Kind::Bool(_) | Kind::Has { .. } => Type::Bool,
        Kind::Int(_) => Type::Int,
        Kind::Uint(_) => Type::Uint,
        Kind::Double(_) => Type::Double,
        Kind::String(_) => Type::String,
        Kind::Bytes(_) => Type::Bytes,
        Kind::Type(_) => Type::Kind,
        Kind::List(_) => Type::List,
        Kind::Map(_) => Type::Map,
        Kind::Struct(name, fields) => {
            for (_, field, value) in fields {
                well_named(value, &format!("{name}.{field}"))?;
            }
            Type::Map
        }
        Kind::Select { optional: true, .. } | Kind::Index { optional: true, .. } => Type::Optional,
        Kind::Root(_) | Kind::Local(_) | Kind::Select { .. } | Kind::Index { .. } => Type::Dyn,
        Kind::Call { function, arguments } => {
            if let Some(pattern) = function.pattern(arguments)
                && let Err(message) = library::compile(pattern)
            {
                return wrong(message);
            }
            function.returns
        }
        Kind::Not(_) => needs(Type::Bool, "`!`")?,
        Kind::And(_) => needs(Type::Bool, "`&&`")?,
        Kind::Or(_) => needs(Type::Bool, "`||`")?,
        Kind::Negate(_) => ty(0),
        Kind::Conditional(_) => {
            if !matches!(ty(0), Type::Dyn | Type::Bool) {
                return wrong(format!("a condition must be a boolean, is {}", ty(0).name()));
            }
            if ty(1) == ty(2) { ty(1) } else { Type::Dyn }
        }
        Kind::Binary(operator, _) => {
            use Operator::{Add, Divide, Equal, Greater, GreaterEqual, In, Less, LessEqual, Modulo, Multiply, NotEqual, Subtract};
            let (left, right) = (ty(0), ty(1));
            let mixed = left != right && left != Type::Dyn && right != Type::Dyn;
            let time = |ty| matches!(ty, Type::Timestamp | Type::Duration);
            let number = |ty| matches!(ty, Type::Int | Type::Uint | Type::Double);
            let misfit = match operator {
                Equal | NotEqual => false,
                Less | LessEqual | Greater | GreaterEqual => mixed && !(number(left) && number(right)),
                In => !matches!(right, Type::Dyn | Type::List | Type::Map),
                _ => mixed && !(time(left) && time(right)),
            };
            if misfit {
                return wrong(format!("`{}` does not take {} and {}", operator.symbol(), left.name(), right.name()));
            }
            match operator {
                Add | Subtract | Multiply | Divide | Modulo if left == right && !time(left) => left,
                Add | Subtract | Multiply | Divide | Modulo => Type::Dyn,
                _ => Type::Bool,
            }
        }
        Kind::Fold(fold) => match fold.kind {
            FoldKind::All | FoldKind::Exists | FoldKind::ExistsOne => Type::Bool,
            FoldKind::Filter | FoldKind::Map | FoldKind::SortBy => Type::List,
            FoldKind::TransformMap | FoldKind::TransformMapEntry => Type::Map,
            FoldKind::OptMap | FoldKind::OptFlatMap => Type::Optional,
        },
        Kind::Bind(_) => ty(1),
    })
}

/// That structs written as the value of a field carry its name (apiserver `cel/mutation/dynamic/objects.go`).
fn well_named(value: &Expr, wanted: &str) -> Result<(), Failure> {
    match &value.kind {
        Kind::Struct(name, _) if name.starts_with("Object") && wanted.starts_with("Object") && **name != *wanted => {
            let message = format!("`{name}` stands where `{wanted}` belongs");
            Err(Failure { kind: FailureKind::Compile, message, at: value.at.clone() })
        }
        Kind::List(items) => items.iter().try_for_each(|(_, item)| well_named(item, wanted)),
        Kind::Conditional(parts) => {
            let [_, yes, no] = &**parts;
            well_named(yes, wanted)?;
            well_named(no, wanted)
        }
        Kind::Fold(fold) if fold.kind == FoldKind::Map => well_named(&fold.body, wanted),
        _ => Ok(()),
    }
}
