//! The part of TaskRouter's expression language that searches for the task of a call use.
//!
//! ```text
//! any        = all *( "OR" all )
//! all        = term *( "AND" term )
//! term       = "(" any ")" / comparison
//! comparison = path ( "==" / "=" ) string
//! path       = name *( "." name )
//! string     = "'" *any-but-' "'" / DQUOTE *any-but-DQUOTE DQUOTE
//! ```

use serde_json::Value;

/// A parsed expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Expression {
    Any(Vec<Self>),
    All(Vec<Self>),
    Equal { path: Vec<String>, value: String },
}

/// Why an expression cannot be evaluated: it is wrong, or outside the subset.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ExpressionError {
    #[error("EvaluateTaskAttributes: {expected} expected at byte {at}")]
    Expected { expected: &'static str, at: usize },
    #[error("EvaluateTaskAttributes: parentheses nested more than {MAXIMUM_DEPTH} deep")]
    TooDeep,
}

/// Enough for any filter. A hostile expression cannot exhaust the stack.
const MAXIMUM_DEPTH: usize = 32;

impl Expression {
    pub(super) fn parse(text: &str) -> Result<Self, ExpressionError> {
        let mut parser = Parser { text, at: 0, depth: 0 };
        let expression = parser.any()?;
        match parser.rest() {
            "" => Ok(expression),
            _ => Err(parser.expected("AND, OR or the end")),
        }
    }

    /// A path that does not exist, or whose value is not a string, equals nothing.
    pub(super) fn matches(&self, attributes: &Value) -> bool {
        match self {
            Self::Any(terms) => terms.iter().any(|term| term.matches(attributes)),
            Self::All(terms) => terms.iter().all(|term| term.matches(attributes)),
            Self::Equal { path, value } => {
                let found = path.iter().try_fold(attributes, |at, name| at.get(name));
                found.and_then(Value::as_str) == Some(value)
            }
        }
    }
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
    depth: usize,
}

impl<'t> Parser<'t> {
    fn any(&mut self) -> Result<Expression, ExpressionError> {
        self.chain("OR", Self::all, Expression::Any)
    }

    fn all(&mut self) -> Result<Expression, ExpressionError> {
        self.chain("AND", Self::term, Expression::All)
    }

    /// Operands with `operator` between them. A single operand is returned unchanged.
    fn chain(
        &mut self,
        operator: &str,
        operand: fn(&mut Self) -> Result<Expression, ExpressionError>,
        joined: fn(Vec<Expression>) -> Expression,
    ) -> Result<Expression, ExpressionError> {
        let first = operand(self)?;
        let mut operands = vec![first];
        while self.takes_word(operator) {
            operands.push(operand(self)?);
        }
        Ok(if operands.len() == 1 {
            operands.remove(0)
        } else {
            joined(operands)
        })
    }

    fn term(&mut self) -> Result<Expression, ExpressionError> {
        if !self.takes("(") {
            return self.comparison();
        }
        self.depth += 1;
        if self.depth > MAXIMUM_DEPTH {
            return Err(ExpressionError::TooDeep);
        }
        let inner = self.any()?;
        if !self.takes(")") {
            return Err(self.expected("AND, OR or )"));
        }
        self.depth -= 1;
        Ok(inner)
    }

    fn comparison(&mut self) -> Result<Expression, ExpressionError> {
        let path = self.path()?;
        if !(self.takes("==") || self.takes("=")) {
            return Err(self.expected("== or ="));
        }
        Ok(Expression::Equal {
            path,
            value: self.string()?,
        })
    }

    fn path(&mut self) -> Result<Vec<String>, ExpressionError> {
        let rest = self.rest();
        let end = rest
            .find(|letter: char| !is_name(letter) && letter != '.')
            .unwrap_or(rest.len());
        let (path, _) = rest.split_at(end);
        let names: Vec<String> = path.split('.').map(str::to_owned).collect();
        if names.iter().any(String::is_empty) {
            return Err(self.expected("a path of names"));
        }
        self.at += end;
        Ok(names)
    }

    fn string(&mut self) -> Result<String, ExpressionError> {
        let rest = self.rest();
        for quote in ['\'', '"'] {
            if let Some((value, _)) = rest.strip_prefix(quote).and_then(|inner| inner.split_once(quote)) {
                self.at += value.len() + 2;
                return Ok(value.to_owned());
            }
        }
        Err(self.expected("a quoted string"))
    }

    fn takes(&mut self, symbol: &str) -> bool {
        let taken = self.rest().starts_with(symbol);
        if taken {
            self.at += symbol.len();
        }
        taken
    }

    /// Like `takes`, but `ORDER` doesn't begin with the word `OR`.
    fn takes_word(&mut self, word: &str) -> bool {
        let after = self.rest().strip_prefix(word);
        after.is_some_and(|after| !after.starts_with(is_name)) && self.takes(word)
    }

    /// The rest, without white space at its start.
    fn rest(&mut self) -> &'t str {
        let (_, rest) = self.text.split_at(self.at);
        let trimmed = rest.trim_start();
        self.at += rest.len() - trimmed.len();
        trimmed
    }

    fn expected(&self, expected: &'static str) -> ExpressionError {
        ExpressionError::Expected { expected, at: self.at }
    }
}

fn is_name(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn matches(expression: &str, attributes: &Value) -> bool {
        Expression::parse(expression).unwrap().matches(attributes)
    }

    #[test]
    fn the_filters_of_real_projects_find_their_task() {
        let task = json!({
            "call_sid": "CA1",
            "conference": {"sid": "CF1", "participants": {"worker": "CA2", "customer": "CA1"}},
            "skill": 5,
        });
        let cases = [
            ("conference.participants.worker == 'CA2'", true),
            ("conference.participants.worker == 'CA1'", false),
            ("conference.sid == \"CF1\"", true),
            ("call_sid= 'CA1'", true),
            ("call_sid=='CA1'", true),
            (
                "conference.sid == 'CF9' OR conference.participants.worker == 'CA9' OR call_sid == 'CA1'",
                true,
            ),
            ("call_sid == 'CA1' AND conference.sid == 'CF9'", false),
            ("call_sid == 'CA1' AND conference.sid == 'CF1'", true),
            // AND binds more tightly than OR.
            ("call_sid == 'CA1' OR call_sid == 'x' AND call_sid == 'y'", true),
            ("(call_sid == 'CA1' OR call_sid == 'x') AND call_sid == 'y'", false),
            ("((call_sid == 'CA1'))", true),
            ("call_sid == 'CA1 OR '", false),
            ("missing.sid == 'CA1'", false),
            ("call_sid.deeper == 'CA1'", false),
            ("conference == 'CF1'", false),
            ("skill == '5'", false),
        ];
        for (expression, found) in cases {
            assert_eq!(matches(expression, &task), found, "{expression}");
        }
        assert!(!matches("a == ''", &Value::Null));
    }

    #[test]
    fn an_expression_outside_the_subset_is_refused_where_it_starts() {
        let cases = [
            ("", 0),
            ("call_sid", 8),
            ("call_sid == ", 12),
            ("call_sid == CA1", 12),
            ("call_sid == 'CA1", 12),
            ("call_sid != 'CA1'", 9),
            ("call_sid == 'CA1' or a == 'b'", 18),
            ("call_sid == 'CA1' ORDER a == 'b'", 18),
            ("(call_sid == 'CA1'", 18),
            ("call_sid == 'CA1')", 17),
            ("a..b == 'c'", 0),
            ("a == 'b' AND", 12),
        ];
        for (expression, at) in cases {
            match Expression::parse(expression) {
                Err(ExpressionError::Expected { at: found, .. }) => assert_eq!(found, at, "{expression}"),
                other => panic!("{expression}: {other:?}"),
            }
        }
        let deep = "(".repeat(100_000);
        assert_eq!(Expression::parse(&deep), Err(ExpressionError::TooDeep));
    }

    fn written(expression: &Expression) -> String {
        let joined = |terms: &[Expression], word: &str| {
            let terms: Vec<_> = terms.iter().map(|term| format!("({})", written(term))).collect();
            terms.join(word)
        };
        match expression {
            Expression::Any(terms) => joined(terms, " OR "),
            Expression::All(terms) => joined(terms, " AND "),
            Expression::Equal { path, value } => format!("{} == '{value}'", path.join(".")),
        }
    }

    fn expressions() -> impl Strategy<Value = Expression> {
        let name = "[a-z_][a-z0-9_]{0,5}";
        let leaf = (prop::collection::vec(name, 1..4), "[ -&(-~]{0,8}");
        let leaf = leaf.prop_map(|(path, value)| Expression::Equal { path, value });
        leaf.prop_recursive(4, 24, 3, |inner| {
            let terms = prop::collection::vec(inner, 2..4);
            prop_oneof![terms.clone().prop_map(Expression::Any), terms.prop_map(Expression::All)]
        })
    }

    proptest! {
        #[test]
        fn proptest_what_is_written_is_read_back(expression in expressions()) {
            prop_assert_eq!(Expression::parse(&written(&expression)), Ok(expression));
        }

        #[test]
        fn proptest_no_text_makes_the_parser_panic(text in ".{0,64}") {
            let _ = Expression::parse(&text);
        }
    }
}
