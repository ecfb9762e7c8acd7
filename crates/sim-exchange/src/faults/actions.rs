//! A rule's keys, action by action.

use std::time::Duration;

use keel_domain::{InstrumentStatus, Symbol};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::keys::{FaultFileError, Keys};
use super::rule::{
    ConnectionAction, Corruption, EventAction, Fault, FilterChange, Hangup, Loss, RequestAction,
    RequestPattern, Stage, SymbolState, VenueAction, When,
};

type Read<T> = Result<T, FaultFileError>;

const STAGES: [(&str, Stage); 2] = [("before", Stage::Before), ("after", Stage::After)];
const LOSSES: [(&str, Loss); 2] = [("silence", Loss::Silence), ("reset", Loss::Reset)];
const HANGUPS: [(&str, Hangup); 2] = [("close", Hangup::Close), ("reset", Hangup::Reset)];
const CONNECTIONS: [(&str, &str); 3] = [("streams", "streams"), ("ws_api", "ws_api"), ("*", "*")];

/// Every action by its name. A `delay` is of requests or events, a `disconnect` of events or connections.
const ACTIONS: [(&str, &str); 27] = [
    ("lose_answer", "request"),
    ("lose_request", "request"),
    ("reset", "request"),
    ("reject", "request"),
    ("delay", "request or event"),
    ("status", "request"),
    ("unknown_outcome", "request"),
    ("cut_body", "request"),
    ("rate_limit", "request"),
    ("ban", "request"),
    ("deny_order", "request"),
    ("fill_before_cancel", "request"),
    ("drop", "event"),
    ("duplicate", "event"),
    ("reorder", "event"),
    ("stall", "event"),
    ("gap", "event"),
    ("corrupt", "event"),
    ("disconnect", "event or connection"),
    ("server_shutdown", "connection"),
    ("user_stream_lost", "connection"),
    ("refuse_connection", "connection"),
    ("clock_skew", "venue"),
    ("maintenance", "venue"),
    ("symbol_status", "venue"),
    ("filters", "venue"),
    ("delist", "venue"),
];

/// Reads action, target and time.
pub(super) fn read(keys: &mut Keys<'_>) -> Read<(&'static str, Fault, When)> {
    let names: Vec<(&str, (&'static str, &'static str))> =
        ACTIONS.iter().map(|action| (action.0, *action)).collect();
    let known: Vec<&str> = ACTIONS.iter().map(|(name, _)| *name).collect();
    let action = keys.word("action", &names)?;
    let (action, target) = keys.required("action", action, &format!("use one of {}", known.join(", ")))?;
    let fault = match target {
        "request" => request(keys, action)?,
        "event" => event(keys, action)?,
        "connection" => connection(keys, action)?,
        "venue" => Fault::Venue(venue(keys, action)?),
        "request or event" if keys.value("event").is_some() => event(keys, action)?,
        "request or event" => request(keys, action)?,
        _ if keys.value("connection").is_some() => connection(keys, action)?,
        _ => event(keys, action)?,
    };
    let when = when(keys, &fault)?;
    Ok((action, fault, when))
}

fn request(keys: &mut Keys<'_>, action: &str) -> Read<Fault> {
    let named = keys.texts("request")?;
    let named = match (named, action) {
        (None, "deny_order") => [
            "GET /api/v3/order",
            "DELETE /api/v3/order",
            "order.status",
            "order.cancel",
        ]
        .map(str::to_owned)
        .to_vec(),
        (None, "fill_before_cancel") => [
            "DELETE /api/v3/order",
            "POST /api/v3/order/cancelReplace",
            "order.cancel",
            "order.cancelReplace",
        ]
        .map(str::to_owned)
        .to_vec(),
        (named, _) => keys.required(
            "request",
            named,
            "name requests: \"POST /api/v3/order\", \"order.place\", \"order.*\", \"*\" for all",
        )?,
    };
    let patterns = named.iter().map(|text| RequestPattern::parse(text)).collect();
    Ok(Fault::Request(patterns, request_action(keys, action)?))
}

fn request_action(keys: &mut Keys<'_>, action: &str) -> Read<RequestAction> {
    let loss = |keys: &mut Keys<'_>| Ok(keys.word("how", &LOSSES)?.unwrap_or(Loss::Silence));
    let stage = |keys: &mut Keys<'_>| Ok(keys.word("stage", &STAGES)?.unwrap_or(Stage::After));
    Ok(match action {
        "lose_answer" => RequestAction::Lose(Stage::After, loss(keys)?),
        "lose_request" => RequestAction::Lose(Stage::Before, loss(keys)?),
        "reset" => RequestAction::Lose(stage(keys)?, Loss::Reset),
        "reject" => RequestAction::Reject {
            status: status(keys, 400, 400..=599)?,
            code: code(keys)?,
            msg: {
                let msg = keys.text("msg")?;
                keys.required("msg", msg, "write the venue's text: clients read it")?
            },
        },
        "delay" => RequestAction::Delay(stage(keys)?, keys.lapse("ms")?),
        "status" => RequestAction::Status(stage(keys)?, status(keys, 503, 500..=599)?),
        "unknown_outcome" => {
            let code = code(keys)?;
            if code != -1006 && code != -1007 {
                return Err(keys.error("code", format!("{code} does not say that"), "use -1006 or -1007"));
            }
            RequestAction::UnknownOutcome(stage(keys)?, code)
        }
        "cut_body" => RequestAction::CutBody,
        "rate_limit" => RequestAction::RateLimit(span(keys, "retry_after_s")?),
        "ban" => RequestAction::Ban(span(keys, "retry_after_s")?),
        "fill_before_cancel" => RequestAction::FillFirst,
        _ => RequestAction::DenyOrder {
            span: span(keys, "for_s")?,
            hidden_in_lists: keys
                .word("lists", &[("hide", true), ("show", false)])?
                .unwrap_or(false),
        },
    })
}

fn event(keys: &mut Keys<'_>, action: &str) -> Read<Fault> {
    let named = keys.texts("event")?;
    let named = match (named, action) {
        (None, "gap") => vec!["depth".to_owned()],
        (named, _) => keys.required(
            "event",
            named,
            "name events: \"executionReport\", \"depth\", \"trade\", \"market\", \"user\", \"*\" for all",
        )?,
    };
    let corruptions = [
        ("broken_json", Corruption::BrokenJson),
        ("crossed", Corruption::Crossed),
        ("zero_price", Corruption::ZeroPrice),
    ];
    let action = match action {
        "drop" => EventAction::Drop,
        "duplicate" => EventAction::Duplicate,
        "delay" => EventAction::Delay(keys.lapse("ms")?),
        "reorder" => EventAction::Reorder,
        "stall" => EventAction::Stall(span(keys, "for_s")?),
        "gap" => EventAction::Gap(keys.count("frames")?.unwrap_or(1)),
        "corrupt" => {
            let what = keys.word("what", &corruptions)?;
            EventAction::Corrupt(keys.required("what", what, "use broken_json, crossed or zero_price")?)
        }
        _ => EventAction::Disconnect(keys.word("how", &HANGUPS)?.unwrap_or(Hangup::Close)),
    };
    Ok(Fault::Event(named, action))
}

fn connection(keys: &mut Keys<'_>, action: &str) -> Read<Fault> {
    let on = keys.word("connection", &CONNECTIONS)?;
    let on = keys.required("connection", on, "use streams, ws_api, or * for both")?;
    let action = match action {
        "disconnect" => ConnectionAction::Disconnect(keys.word("how", &HANGUPS)?.unwrap_or(Hangup::Close)),
        "server_shutdown" => ConnectionAction::ServerShutdown(span(keys, "for_s")?),
        "user_stream_lost" => {
            let ways = [("terminated", true), ("silence", false)];
            let told = keys.word("how", &ways)?.unwrap_or(false);
            ConnectionAction::UserStreamLost { told }
        }
        _ => ConnectionAction::Refuse(status(keys, 503, 400..=599)?),
    };
    let every = match action {
        ConnectionAction::Refuse(_) => None,
        _ => keys.seconds("every_s")?,
    };
    if every.is_some_and(|every| every < Duration::from_millis(100)) {
        return Err(keys.error("every_s", "is too short", "use 0.1 or more"));
    }
    Ok(Fault::Connection {
        on: on.to_owned(),
        every,
        action,
    })
}

fn venue(keys: &mut Keys<'_>, action: &str) -> Read<VenueAction> {
    let statuses = [
        ("TRADING", InstrumentStatus::Trading),
        ("HALT", InstrumentStatus::Halt),
        ("BREAK", InstrumentStatus::Break),
        ("CANCEL_ONLY", InstrumentStatus::CancelOnly),
    ];
    Ok(match action {
        "clock_skew" => {
            let ms = keys.number("ms")?;
            let ms = keys.required(
                "ms",
                ms,
                "write how far ahead the venue's clock is; negative: behind",
            )?;
            let nanos = ms
                .checked_mul(Decimal::from(1_000_000))
                .and_then(|nanos| nanos.to_i64());
            let day = 86_400_000_000_000_i64;
            match nanos.filter(|nanos| (-day..=day).contains(nanos)) {
                Some(nanos) => VenueAction::ClockSkew(nanos),
                None => return Err(keys.error("ms", "is more than a day", "use -86400000 to 86400000")),
            }
        }
        "maintenance" => VenueAction::Maintenance,
        "symbol_status" => {
            let symbol = symbol(keys)?;
            let status = keys.word("status", &statuses)?;
            let status = keys.required("status", status, "use TRADING, HALT, BREAK or CANCEL_ONLY")?;
            VenueAction::Symbol(symbol, SymbolState::Status(status))
        }
        "filters" => {
            let symbol = symbol(keys)?;
            let number = "write a number above zero, as \"0.01\"";
            let change = FilterChange {
                tick_size: keys.parsed("tick_size", number)?,
                step_size: keys.parsed("step_size", number)?,
                min_notional: keys.parsed("min_notional", number)?,
            };
            if change == FilterChange::default() {
                let remedy = "name tick_size, step_size or min_notional";
                return Err(keys.error("action", "changes nothing", remedy));
            }
            VenueAction::Filters(symbol, change)
        }
        _ => VenueAction::Symbol(symbol(keys)?, SymbolState::Delisted),
    })
}

fn symbol(keys: &mut Keys<'_>) -> Read<Symbol> {
    let symbol = keys.parsed("symbol", "name a pair: \"BTCUSDT\"")?;
    keys.required("symbol", symbol, "name the pair: \"BTCUSDT\"")
}

fn span(keys: &mut Keys<'_>, key: &'static str) -> Read<Duration> {
    let span = keys.seconds(key)?;
    keys.required(key, span, "write for how many seconds")
}

fn status(keys: &mut Keys<'_>, default: u16, range: std::ops::RangeInclusive<u16>) -> Read<u16> {
    let Some(number) = keys.number("status")? else {
        return Ok(default);
    };
    let status = number
        .to_u16()
        .filter(|status| number.is_integer() && range.contains(status));
    status.ok_or_else(|| {
        let remedy = format!("use {} to {}", range.start(), range.end());
        keys.error("status", format!("{number} does not fit"), remedy)
    })
}

fn code(keys: &mut Keys<'_>) -> Read<i32> {
    let code = keys.number("code")?;
    let code = keys.required("code", code, "write one of the venue's codes, as -2010")?;
    code.to_i32().filter(|_| code.is_integer()).ok_or_else(|| {
        keys.error(
            "code",
            format!("{code} is no code"),
            "write one of the venue's codes, as -2010",
        )
    })
}

fn when(keys: &mut Keys<'_>, fault: &Fault) -> Read<When> {
    let from = keys.seconds("from_s")?.unwrap_or_default();
    let until = keys.seconds("until_s")?;
    if until.is_some_and(|until| until <= from) {
        return Err(keys.error("until_s", "is not after from_s", "leave it out, or make it later"));
    }
    let mut when = When {
        probability_ppb: When::CERTAIN_PPB,
        nth: None,
        max: None,
        from,
        until,
        account: None,
        symbol: None,
        cl_ord_id: None,
    };
    if matches!(fault, Fault::Venue(_)) {
        return Ok(when);
    }
    if let Some(chance) = keys.number("probability")? {
        let is_chance = chance >= Decimal::ZERO && chance <= Decimal::ONE;
        let ppb = (chance.min(Decimal::TWO) * Decimal::from(When::CERTAIN_PPB))
            .trunc()
            .to_u32();
        when.probability_ppb = ppb.filter(|_| is_chance).ok_or_else(|| {
            keys.error(
                "probability",
                format!("{chance} is no probability"),
                "use 0 to 1, as 0.05",
            )
        })?;
    }
    when.nth = keys.count("nth")?;
    when.max = keys.count("max")?;
    if !matches!(fault, Fault::Connection { .. }) {
        when.account = keys.text("account")?;
        when.symbol = keys.text("symbol")?.map(|symbol| symbol.to_ascii_uppercase());
        when.cl_ord_id = keys.text("cl_ord_id")?;
    }
    Ok(when)
}
