//! A reader of Rust sources: their tokens without comments, their strings, and the paths they import and call. `use`
//! groups, `super` and inline modules are resolved.

/// A token of a source and its line, counted from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) text: String,
    pub(crate) line: usize,
}

impl Token {
    fn is_string(&self) -> bool {
        self.text.contains('"')
    }
}

/// A path such as `crate::runs::RunStore` as segments from the crate's root or an external crate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Path {
    pub(crate) segments: Vec<String>,
    pub(crate) line: usize,
}

/// Splits a source into identifiers, `::` and single marks, without comments, strings and character literals.
pub(crate) fn tokens(source: &str) -> Vec<Token> {
    let mut found = tokens_with_strings(source);
    found.retain(|token| !token.is_string());
    found
}

/// Returns the strings of a source outside `mod tests { … }`, as they are written, without quotation marks.
pub(crate) fn strings(source: &str) -> Vec<Token> {
    let mut found = without_tests(&tokens_with_strings(source));
    found.retain(Token::is_string);
    for Token { text, .. } in &mut found {
        let inside = text.find('"').map_or(0, |quote| quote + 1)..text.rfind('"').unwrap_or(0);
        *text = text[inside].to_owned();
    }
    found
}

/// Splits a source as [`tokens`] does, with strings.
fn tokens_with_strings(source: &str) -> Vec<Token> {
    let text: Vec<char> = source.chars().collect();
    let (mut at, mut line, mut found) = (0, 1, Vec::new());
    while at < text.len() {
        let end = skip_silent(&text, at).unwrap_or(at);
        if end > at {
            if !matches!(text[at], '/' | '\'') {
                found.push(Token { text: text[at..end].iter().collect(), line });
            }
            line += text[at..end].iter().filter(|c| **c == '\n').count();
            at = end;
            continue;
        }
        let length = match text[at] {
            c if c.is_alphabetic() || c == '_' => text[at..].iter().take_while(|c| is_word(**c)).count(),
            ':' if text.get(at + 1) == Some(&':') => 2,
            _ => 1,
        };
        let token: String = text[at..at + length].iter().collect();
        line += usize::from(token == "\n");
        if !token.trim().is_empty() {
            found.push(Token { text: token, line });
        }
        at += length;
    }
    found
}

/// Returns the tokens outside `mod tests { … }`.
pub(crate) fn without_tests(tokens: &[Token]) -> Vec<Token> {
    let mut kept = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let opens = tokens[at..].iter().take(3).map(|token| token.text.as_str()).eq(["mod", "tests", "{"]);
        if opens {
            at = block_end(tokens, at + 2);
        } else {
            kept.push(tokens[at].clone());
            at += 1;
        }
    }
    kept
}

/// Returns the index after the block that opens at `at`.
fn block_end(tokens: &[Token], mut at: usize) -> usize {
    let mut depth = 0;
    while let Some(token) = tokens.get(at) {
        at += 1;
        match token.text.as_str() {
            "{" => depth += 1,
            "}" if depth == 1 => break,
            "}" => depth -= 1,
            _ => {}
        }
    }
    at
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Returns the end of the comment, string or character literal that begins at `at`, if one does.
fn skip_silent(text: &[char], at: usize) -> Option<usize> {
    let rest = &text[at..];
    let starts = |with: &str| with.chars().enumerate().all(|(index, c)| rest.get(index) == Some(&c));
    if starts("//") {
        return Some(at + rest.iter().position(|c| *c == '\n').unwrap_or(rest.len()));
    }
    if starts("/*") {
        return Some(block_comment_end(text, at));
    }
    let word_before = at > 0 && is_word(text[at - 1]);
    if !word_before && let Some(end) = raw_string_end(text, at) {
        return Some(end);
    }
    match rest[0] {
        '"' => Some(quoted_end(text, at + 1, '"')),
        // A literal closes after one character or begins with an escape; others are lifetimes.
        '\'' if rest.get(1) == Some(&'\\') || rest.get(2) == Some(&'\'') => Some(quoted_end(text, at + 1, '\'')),
        _ => None,
    }
}

fn block_comment_end(text: &[char], at: usize) -> usize {
    let (mut depth, mut at) = (0, at);
    while at < text.len() {
        match (text[at], text.get(at + 1)) {
            ('/', Some('*')) => (depth, at) = (depth + 1, at + 2),
            ('*', Some('/')) => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

fn raw_string_end(text: &[char], at: usize) -> Option<usize> {
    let open = at + usize::from(matches!(text[at], 'b' | 'c'));
    if text.get(open) != Some(&'r') {
        return None;
    }
    let hashes = text[open + 1..].iter().take_while(|c| **c == '#').count();
    let body = open + 2 + hashes;
    if text.get(body - 1) != Some(&'"') {
        return None;
    }
    let closes = |end: usize| text[end] == '"' && (1..=hashes).all(|hash| text.get(end + hash) == Some(&'#'));
    Some((body..text.len()).find(|end| closes(*end)).map_or(text.len(), |end| end + 1 + hashes))
}

fn quoted_end(text: &[char], mut at: usize, quote: char) -> usize {
    while at < text.len() {
        match text[at] {
            '\\' => at += 2,
            c if c == quote => return at + 1,
            _ => at += 1,
        }
    }
    text.len()
}

/// Returns every path in a source that leads into this crate or, at its first segment, into one of `external`. `module`
/// is the source's module, such as `["tui", "screens", "runs"]`.
pub(crate) fn paths(source: &str, module: &[&str], external: impl Fn(&str) -> bool) -> Vec<Path> {
    let tokens = tokens(source);
    let mut found = Vec::new();
    // The inline modules around the current token, with the brace depth at which each ends.
    let mut inline: Vec<(usize, String)> = Vec::new();
    let mut depth = 0;
    for (index, token) in tokens.iter().enumerate() {
        let text = |offset: usize| tokens.get(index + offset).map_or("", |token| token.text.as_str());
        let before = |offset: usize| if index >= offset { tokens[index - offset].text.as_str() } else { "" };
        match token.text.as_str() {
            "{" => depth += 1,
            "}" => {
                depth -= 1;
                inline.retain(|(ends, _)| *ends < depth + 1);
            }
            "mod" if text(2) == "{" => inline.push((depth + 1, text(1).to_owned())),
            root @ ("crate" | "super")
                if text(1) == "::" && before(1) != "::" && !(before(1) == "in" && before(2) == "(") =>
            {
                let here =
                    module.iter().map(|name| (*name).to_owned()).chain(inline.iter().map(|(_, name)| name.clone()));
                let base = if root == "crate" { Vec::new() } else { here.collect() };
                expand(&tokens, index, base, &mut found);
            }
            name if external(name)
                && before(1) != "."
                && !(before(1) == "::" && is_name(before(2)))
                && (text(1) == "::" || matches!(before(1), "use" | "crate" | "::")) =>
            {
                found.push(Path { segments: vec![name.to_owned()], line: token.line });
            }
            _ => {}
        }
    }
    found
}

fn is_name(text: &str) -> bool {
    text != "use" && text.chars().next().is_some_and(is_word)
}

/// Collects the paths of the tree whose next segment is at `index`; returns the index after it.
fn expand(tokens: &[Token], mut index: usize, mut base: Vec<String>, found: &mut Vec<Path>) -> usize {
    loop {
        let Some(token) = tokens.get(index) else { return index };
        match token.text.as_str() {
            "{" => return expand_group(tokens, index + 1, &base, found),
            "crate" | "self" => {}
            "super" => {
                base.pop();
            }
            segment => base.push(segment.to_owned()),
        }
        if tokens.get(index + 1).is_none_or(|next| next.text != "::") {
            found.push(Path { segments: base, line: token.line });
            return index + 1;
        }
        index += 2;
    }
}

fn expand_group(tokens: &[Token], mut index: usize, base: &[String], found: &mut Vec<Path>) -> usize {
    while let Some(token) = tokens.get(index) {
        match token.text.as_str() {
            "}" => return index + 1,
            "," => index += 1,
            "as" => index += 2,
            _ => index = expand(tokens, index, base.to_owned(), found),
        }
    }
    index
}
