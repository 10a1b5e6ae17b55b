//! A tree back to text, as falcosecurity/libs prints it (`userspace/libsinsp/filter/ast.cpp`).
//!
//! What is printed means the same when it is read again, with the exceptions that it has there: an empty value is printed as nothing,
//! and a value that holds a comma or a parenthesis but no blank is printed without quotes.

use super::escape::escape_into;
use super::{Expr, Node, Operand, Right};

/// A condition as text; values need not be UTF-8.
#[must_use]
pub fn print(expr: &Node<Expr>) -> Vec<u8> {
    let mut out = Vec::new();
    print_expr(expr, &mut out);
    out
}

/// A field or a transformer as text.
#[must_use]
pub fn print_operand(operand: &Operand) -> Vec<u8> {
    let mut out = Vec::new();
    operand_into(operand, &mut out);
    out
}

fn print_expr(expr: &Node<Expr>, out: &mut Vec<u8>) {
    match &expr.it {
        Expr::And(children) => group(children, b" and ", print_expr, out),
        Expr::Or(children) => group(children, b" or ", print_expr, out),
        Expr::Not(child) => {
            out.extend_from_slice(b"not ");
            print_expr(child, out);
        }
        Expr::Identifier(name) => out.extend_from_slice(name.as_bytes()),
        Expr::Exists(left) => {
            operand_into(&left.it, out);
            out.extend_from_slice(b" exists");
        }
        Expr::Compare { left, operator, modifier, right } => {
            operand_into(&left.it, out);
            for word in [Some(operator.text()), modifier.map(super::Modifier::text)].into_iter().flatten() {
                out.push(b' ');
                out.extend_from_slice(word.as_bytes());
            }
            out.push(b' ');
            match &right.it {
                Right::Value(value) => escape_into(value, out),
                Right::List(values) => group(values, b", ", |value, out| escape_into(value, out), out),
                Right::Operand(operand) => operand_into(operand, out),
            }
        }
    }
}

fn operand_into(operand: &Operand, out: &mut Vec<u8>) {
    let arg = match operand {
        Operand::Field { name, arg } => {
            out.extend_from_slice(name.as_bytes());
            arg
        }
        Operand::Transform { transformer, values, arg } => {
            out.extend_from_slice(transformer.text().as_bytes());
            group(values, b",", |value, out| operand_into(&value.it, out), out);
            arg
        }
        Operand::Value(value) => return escape_into(value, out),
        Operand::List(values) => return group(values, b",", |value, out| operand_into(&value.it, out), out),
    };
    if let Some(arg) = arg {
        out.push(b'[');
        if arg.is_empty() {
            out.extend_from_slice(b"\"\"");
        }
        escape_into(arg, out);
        out.push(b']');
    }
}

fn group<T>(items: &[T], between: &[u8], each: impl Fn(&T, &mut Vec<u8>), out: &mut Vec<u8>) {
    out.push(b'(');
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.extend_from_slice(between);
        }
        each(item, out);
    }
    out.push(b')');
}
