//! Cuts expressions into tokens.

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A bare word: a name, a function or a keyword.
    Word,
    /// `#name`.
    Name,
    /// `:value`.
    Value,
    /// Digits.
    Number,
    /// An operator or a bracket.
    Sign,
    /// Behind the last one.
    End,
}

/// A piece of an expression.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token<'t> {
    pub(super) kind: Kind,
    pub(super) text: &'t str,
    pub(super) start: usize,
}

impl Token<'_> {
    pub(super) fn is_sign(&self, sign: &str) -> bool {
        self.kind == Kind::Sign && self.text == sign
    }

    pub(super) fn is_keyword(&self, word: &str) -> bool {
        self.kind == Kind::Word && self.text.eq_ignore_ascii_case(word)
    }

    pub(super) fn end(&self) -> usize {
        self.start + self.text.len()
    }
}

/// All tokens, with [`Kind::End`] last.
pub(super) fn tokens(text: &str) -> Result<Vec<Token<'_>>, String> {
    let mut tokens = Vec::new();
    let mut start = 0;
    while let Some(first) = text[start..].chars().next() {
        if first.is_ascii_whitespace() {
            start += 1;
            continue;
        }
        let rest = &text[start..];
        let (kind, length) = cut(first, rest);
        if length == 0 {
            return Err(format!("Syntax error; token: \"{first}\", near: \"{}\"", near(rest)));
        }
        tokens.push(Token { kind, text: &rest[..length], start });
        start += length;
    }
    tokens.push(Token { kind: Kind::End, text: "", start: text.len() });
    Ok(tokens)
}

/// The kind and the length of the token at the beginning; no length where there is none.
fn cut(first: char, rest: &str) -> (Kind, usize) {
    let run = |from: usize, part: fn(&u8) -> bool| from + rest.bytes().skip(from).take_while(part).count();
    let word: fn(&u8) -> bool = |byte| byte.is_ascii_alphanumeric() || *byte == b'_';
    match first {
        '#' | ':' => {
            let kind = if first == '#' { Kind::Name } else { Kind::Value };
            let length = run(1, word);
            (kind, if length > 1 { length } else { 0 })
        }
        'a'..='z' | 'A'..='Z' | '_' => (Kind::Word, run(0, word)),
        // An index has no leading zeros.
        '0' => (Kind::Number, if run(1, u8::is_ascii_digit) == 1 { 1 } else { 0 }),
        '1'..='9' => (Kind::Number, run(0, u8::is_ascii_digit)),
        '<' if rest.starts_with("<>") || rest.starts_with("<=") => (Kind::Sign, 2),
        '>' if rest.starts_with(">=") => (Kind::Sign, 2),
        '<' | '>' | '=' | '+' | '-' | '(' | ')' | '[' | ']' | '.' | ',' => (Kind::Sign, 1),
        _ => (Kind::Sign, 0),
    }
}

fn near(rest: &str) -> &str {
    rest.char_indices().nth(12).map_or(rest, |(end, _)| &rest[..end])
}

/// The place of the bracket that closes the one at `open`.
fn closing(tokens: &[Token<'_>], open: usize) -> Option<usize> {
    let mut depth = 0usize;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        if token.is_sign("(") {
            depth += 1;
        } else if token.is_sign(")") {
            depth = depth.checked_sub(1)?;
            if depth == 0 {
                return Some(at);
            }
        }
    }
    None
}

/// Refuses brackets around nothing but brackets.
pub(super) fn check_brackets(tokens: &[Token<'_>]) -> Result<(), String> {
    let opens = |at: usize| tokens.get(at).is_some_and(|token| token.is_sign("("));
    let redundant = |at: usize| {
        opens(at)
            && opens(at + 1)
            && closing(tokens, at + 1).is_some_and(|end| closing(tokens, at) == Some(end + 1))
    };
    if (0..tokens.len()).any(redundant) {
        return Err("The expression has redundant parentheses;".to_owned());
    }
    Ok(())
}
