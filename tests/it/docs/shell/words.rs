//! The commands of a script and their words, as far as examples need a shell's grammar.

/// What a reader types of a `console` block: the lines after `$ `, with those that continue them.
pub(super) fn typed(block: &str) -> String {
    let (mut script, mut goes_on) = (String::new(), false);
    for line in block.lines() {
        let Some(line) = line.strip_prefix("$ ").or(goes_on.then_some(line)) else { continue };
        script.push_str(line);
        script.push('\n');
        goes_on = line.ends_with(['\\', '|']);
    }
    script
}

/// The words of each command: without assignments before it, and without redirections.
pub(in super::super) fn commands(script: &str) -> Result<Vec<Vec<String>>, String> {
    let mut found = vec![];
    for part in parts(script) {
        let words = shlex::split(&part).ok_or_else(|| format!("{part}: a quote is not closed"))?;
        let words: Vec<String> = words.into_iter().skip_while(|word| before_a_command(word)).collect();
        if !words.is_empty() {
            found.push(words);
        }
    }
    Ok(found)
}

fn before_a_command(word: &str) -> bool {
    let assigned = word.split_once('=').is_some_and(|(name, _)| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'));
    assigned || ["if", "then", "else", "while", "until", "do", "!", "sudo", "time", "exec"].contains(&word)
}

/// A script, cut where one command ends. Quotes and escapes stay in the parts.
fn parts(script: &str) -> Vec<String> {
    let (mut parts, mut part, mut quote) = (vec![], String::new(), None);
    let mut characters = script.chars().peekable();
    while let Some(c) = characters.next() {
        match (c, quote) {
            ('\\', quote) if quote != Some('\'') => match characters.next() {
                Some('\n') | None => part.push(' '),
                Some(next) => part.extend([c, next]),
            },
            (c, Some(open)) => {
                quote = (c != open).then_some(open);
                part.push(c);
            }
            ('\'' | '"', None) => {
                quote = Some(c);
                part.push(c);
            }
            ('#', None) if part.is_empty() || part.ends_with(' ') => while characters.next_if(|c| *c != '\n').is_some() {},
            ('\n' | ';' | '|' | '&' | '(' | ')' | '<' | '>', None) => parts.push(std::mem::take(&mut part)),
            (c, None) => part.push(c),
        }
    }
    parts.push(part);
    parts
}

#[test]
fn commands_are_told_apart_as_a_shell_does() {
    let rows: [(&str, &[&[&str]]); 8] = [
        ("a b; c && d || e", &[&["a", "b"], &["c"], &["d"], &["e"]]),
        ("a 'b; c' \"d | e\"", &[&["a", "b; c", "d | e"]]),
        ("a \\\n  b", &[&["a", "b"]]),
        ("X=1 Y='2 3' a b=c", &[&["a", "b=c"]]),
        ("a # b\nc#d", &[&["a"], &["c#d"]]),
        ("x=$(a b) > c.txt", &[&["a", "b"], &["c.txt"]]),
        ("a b\\ c 'd\\'", &[&["a", "b c", "d\\"]]),
        ("if ! a; then b; fi", &[&["a"], &["b"], &["fi"]]),
    ];
    for (script, expected) in rows {
        assert_eq!(commands(script).unwrap(), expected, "{script}");
    }
    assert!(commands("a 'b").is_err());
    assert_eq!(typed("$ a |\n  b\nout\n$ c \\\n d\nout\n"), "a |\n  b\nc \\\n d\n");
}
