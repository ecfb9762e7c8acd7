//! What a plan is told.

/// A request.
#[derive(Debug, Clone, Copy, Default)]
pub struct RequestFacts<'a> {
    /// `GET`, `POST`, `PUT`, `DELETE`; empty for the WS API.
    pub method: &'a str,
    /// The path, or the WS API's method.
    pub name: &'a str,
    /// The API key.
    pub account: Option<&'a str>,
    /// The pair.
    pub symbol: Option<&'a str>,
    /// The client's id of the order it is about.
    pub cl_ord_id: Option<&'a str>,
    /// The exchange's id of the order it is about, where there is such an order.
    pub order_id: Option<u64>,
    /// The order that it names, also as the one to be replaced, where that rests in a book that trades.
    pub resting_order_id: Option<u64>,
}

/// An event that is about to leave on a connection.
#[derive(Debug, Clone, Copy)]
pub struct EventFacts<'a> {
    /// The connection.
    pub connection: u64,
    /// `executionReport`, `depth`, `trade`, `bookTicker`, and so on.
    pub kind: &'a str,
    /// Whether it is of an account.
    pub is_user: bool,
    /// The account's API key.
    pub account: Option<&'a str>,
    /// The pair.
    pub symbol: Option<&'a str>,
    /// The client's id of the order.
    pub cl_ord_id: Option<&'a str>,
}

impl EventFacts<'_> {
    pub(super) fn is_one_of(&self, patterns: &[String]) -> bool {
        patterns.iter().any(|pattern| match pattern.as_str() {
            "user" => self.is_user,
            "market" => !self.is_user,
            other => glob(other, self.kind),
        })
    }
}

/// A connection.
#[derive(Debug, Clone, Copy)]
pub struct ConnectionFacts {
    /// The connection.
    pub connection: u64,
    /// `streams` or `ws_api`.
    pub kind: &'static str,
}

/// Whether the text is what the pattern says; `*` stands for any letters, also none.
pub(super) fn glob(pattern: &str, text: &str) -> bool {
    let mut pieces = pattern.split('*');
    let Some(mut rest) = text.strip_prefix(pieces.next().unwrap_or_default()) else {
        return false;
    };
    let Some(last) = pieces.next_back() else {
        return rest.is_empty();
    };
    for piece in pieces {
        match rest.find(piece).and_then(|at| rest.get(at + piece.len()..)) {
            Some(after) => rest = after,
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::glob;

    #[test]
    fn a_star_stands_for_any_letters() {
        for (pattern, text, is_match) in [
            ("*", "", true),
            ("order.*", "order.place", true),
            ("order.*", "orders", false),
            ("/api/v3/*Order*", "/api/v3/openOrders", true),
            ("a*a", "a", false),
            ("", "GET", false),
            ("", "", true),
            ("order.place", "order.place", true),
            ("order.place", "order.places", false),
        ] {
            assert_eq!(glob(pattern, text), is_match, "{pattern} {text}");
        }
    }
}
