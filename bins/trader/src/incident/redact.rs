//! What must not leave, though it should not be there: values that go by a secret's name, and private keys.

/// In place of what is taken out.
const REDACTED: &str = "[REDACTED]";
/// A request's key and signature as a library may log them, and what people name a secret.
const NAMES: [&str; 7] = [
    "x-mbx-apikey",
    "apikey",
    "api_key",
    "api_secret",
    "secretkey",
    "signature",
    "secret",
];
const KEY_BEGINS: &str = "-----BEGIN ";
const KEY_ENDS: &str = "-----END ";

/// The text without them, and how many were taken out. `name=value`, `name: value` and JSON are understood, escaped too.
pub(super) fn redact(text: &str) -> (String, usize) {
    let mut out = String::with_capacity(text.len());
    let mut count = 0;
    let mut is_in_key = false;
    for line in text.split_inclusive('\n') {
        if line.contains(KEY_BEGINS) {
            count += 1;
            is_in_key = !line.contains(KEY_ENDS);
            out.push_str(REDACTED);
            out.push('\n');
            continue;
        }
        // A key that is cut off ends where its letters do: nothing else is lost with it.
        if is_in_key && (line.contains(KEY_ENDS) || line.trim().chars().all(is_of_key)) {
            is_in_key = !line.contains(KEY_ENDS);
            continue;
        }
        is_in_key = false;
        count += values(line, &mut out);
    }
    (out, count)
}

fn is_of_key(c: char) -> bool {
    c.is_ascii_alphanumeric() || "+/=".contains(c)
}

/// One line, its named values taken out.
fn values(line: &str, out: &mut String) -> usize {
    // As long as the line, byte for byte, so that places in one are places in the other.
    let lower = line.to_ascii_lowercase();
    let (mut at, mut count) = (0, 0);
    while let Some((start, end)) = next_value(&lower, at) {
        out.push_str(line.get(at..start).unwrap_or_default());
        out.push_str(REDACTED);
        at = end;
        count += 1;
    }
    out.push_str(line.get(at..).unwrap_or_default());
    count
}

/// Where the next value of one of the names stands.
fn next_value(lower: &str, from: usize) -> Option<(usize, usize)> {
    let found = NAMES.iter().flat_map(|name| {
        let places = lower.get(from..).unwrap_or_default().match_indices(name);
        places.filter_map(|(place, _)| value_after(lower, from + place + name.len()))
    });
    found.min()
}

fn value_after(lower: &str, at: usize) -> Option<(usize, usize)> {
    let rest = lower.get(at..)?;
    let is_between = |c: char| matches!(c, '"' | '\\' | '\'' | ' ' | '=' | ':');
    let value = rest.trim_start_matches(is_between);
    let between = rest.get(..rest.len() - value.len())?;
    if !between.contains(['=', ':']) {
        return None;
    }
    let is_value = |c: char| c.is_ascii_alphanumeric() || "+/=_-.%".contains(c);
    let length = value.find(|c: char| !is_value(c)).unwrap_or(value.len());
    let start = at + between.len();
    (length > 0).then_some((start, start + length))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redacted(text: &str) -> String {
        redact(text).0
    }

    #[test]
    fn values_by_a_secrets_name_are_taken_out_in_every_form() {
        for text in [
            "GET /api/v3/account?timestamp=1&signature=c4na&x=1",
            r#"{"params":{"apiKey":"c4na","signature":"c4na"}}"#,
            r#"{"message":"{\"apiKey\":\"c4na\"}"}"#,
            "X-MBX-APIKEY: c4na",
            "KEEL_API_SECRET=c4na KEEL_API_KEY='c4na'",
        ] {
            let out = redacted(text);
            assert!(!out.contains("c4na") && out.contains(REDACTED), "{out}");
        }
        let (out, count) = redact("signature=one&signature=two, the end\n");
        assert_eq!(
            (out.as_str(), count),
            ("signature=[REDACTED]&signature=[REDACTED], the end\n", 2)
        );
    }

    #[test]
    fn a_private_key_is_taken_out_whole() {
        let text = "before\n-----BEGIN PRIVATE KEY-----\nc4na\nc4na\n-----END PRIVATE KEY-----\nafter\n";
        assert_eq!(redact(text), ("before\n[REDACTED]\nafter\n".to_owned(), 1));
        // As one line of a log, cut off: the next line stays.
        let log = "{\"m\":\"-----BEGIN PRIVATE KEY-----\\nc4na\"}\n{\"m\":\"next\"}\n";
        assert_eq!(redacted(log), "[REDACTED]\n{\"m\":\"next\"}\n");
    }

    #[test]
    fn what_is_no_secret_stays() {
        let text = "the secret of it is patience; a signature is missing\n{\"fact\":{\"Resumed\":{\"reason\":\"café\"}}}\n";
        assert_eq!(redact(text), (text.to_owned(), 0));
    }
}
