//! The page.

use keel_domain::{Money, Side, notional};
use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::format::{self, date_time, number, time_of_day};
use crate::plot::{self, Mark};
use crate::{MoneyLine, RunReport, Statistics, SymbolChart};

const STYLE: &str = include_str!("style.css");
/// The most trades listed; the JSON has all.
const FILLS_MAX: usize = 200;
/// The most days listed; the CSV beside the page has all.
const DAYS_MAX: usize = 31;

pub(crate) fn page(report: &RunReport) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "Keel: " (report.title.mode) " run of " (date_time(report.started_at)) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                main {
                    (header(report))
                    (tiles(report))
                    section { h2 { "Equity" } (plot::line(&report.equity, &[], false)) }
                    @for chart in &report.charts { (charts(report, chart)) }
                    (identity(report))
                    (pnl(report))
                    (statement(report))
                    (breaches(report))
                    (alerts(report))
                    (fills(report))
                }
            }
        }
    }
}

fn header(report: &RunReport) -> Markup {
    let title = &report.title;
    let symbols: Vec<&str> = title.symbols.iter().map(|symbol| symbol.as_str()).collect();
    let seconds = report.ended_at.since(report.started_at).as_secs();
    html! {
        h1 { "Keel " (title.mode) " run: " (title.strategy) " on " (symbols.join(", ")) }
        p.facts {
            (date_time(report.started_at)) ", " (seconds) " s · venue " (title.venue) " · account " (title.account)
            @if let Some(scenario) = &title.scenario { " · scenario " (scenario) }
            @if let Some(seed) = title.seed { " · seed " (seed) }
            br;
            "configuration " (title.config_hash) " · build " (title.build) " · ended: " (report.ending)
        }
        @if report.identity_ok {
            p.verdict.good { "✓ The money adds up: every balance changed by exactly its trades less commissions, and transfers." }
        } @else {
            p.verdict.bad { "✗ The money does not add up: see the identity below. Do not rely on this run." }
        }
    }
}

fn tile(label: &str, value: &str, class: &str) -> Markup {
    html! { div.tile { span { (label) } b class=(class) { (value) } } }
}

fn class_of(value: Money) -> &'static str {
    if value.is_zero() {
        ""
    } else if value.is_sign_positive() {
        "good"
    } else {
        "bad"
    }
}

fn tiles(report: &RunReport) -> Markup {
    let net = report.pnl.first().map(|pnl| (pnl.net(), pnl.currency));
    html! {
        div.tiles {
            @if let Some((net, currency)) = net {
                (tile(&format!("Profit and loss, {currency}"), &known(net, 2), net.map_or("", class_of)))
            }
            (tile("Fills", &report.fills.len().to_string(), ""))
            (tile("Orders sent", &report.orders.submitted.to_string(), ""))
            (tile("Canceled", &report.orders.canceled.to_string(), ""))
            (tile("Refused by the venue", &report.orders.rejected.to_string(), ""))
            (tile("Refused by risk", &report.breaches.values().sum::<u64>().to_string(), ""))
            (tile("Outcome unknown", &report.orders.unknown.to_string(), ""))
        }
    }
}

/// An amount that needs a price.
fn known(value: Option<Money>, places: u32) -> String {
    value.map_or_else(|| "no price".to_owned(), |value| number(value, places))
}

fn charts(report: &RunReport, chart: &SymbolChart) -> Markup {
    let own = report.fills.iter().filter(|fill| fill.symbol == chart.symbol);
    let marks: Vec<Mark> = own
        .map(|fill| Mark {
            at: fill.at,
            value: fill.last_px.to_decimal(),
            is_buy: fill.side == Side::Buy,
            label: format!("{} {} at {}", fill.side, fill.last_qty, fill.last_px),
        })
        .collect();
    html! {
        section { h2 { (chart.symbol) ": price and fills" } (plot::line(&chart.price, &marks, false)) }
        section { h2 { (chart.symbol) ": position" } (plot::line(&chart.position, &[], true)) }
    }
}

fn identity(report: &RunReport) -> Markup {
    html! {
        section {
            h2 { "Money identity, by asset" }
            @if let Some(line) = &report.identity_money { p { (in_currency(line)) } }
            table {
                tr { th { "Asset" } th { "At start" } th { "At end" } th { "Change" } th { "Transfers" } th { "Not ours" } th { "Trades" } th { "Commissions" } th { "Difference" } }
                @for line in &report.identity {
                    tr {
                        td { (line.asset) }
                        td { (number(line.at_start, 8)) }
                        td { (number(line.at_end, 8)) }
                        td { (number(line.at_end - line.at_start, 8)) }
                        td { (number(line.transferred, 8)) }
                        td { (number(line.foreign, 8)) }
                        td { (number(line.traded, 8)) }
                        td { (number(line.commission, 8)) }
                        @if line.difference.is_zero() { td.good { "0 ✓" } } @else { td.bad { (number(line.difference, 8)) " ✗" } }
                    }
                }
            }
        }
    }
}

/// The identity in one currency: not to be taken for checked where it could not be.
fn in_currency(line: &MoneyLine) -> String {
    let at = date_time(line.at);
    match line.difference {
        Some(difference) => format!(
            "In one currency, last at {at}: off by {}, of {} that rounding allows.",
            number(difference, 8),
            number(line.tolerance, 8)
        ),
        None => format!(
            "NOT checked in one currency, last at {at}: {}. Each asset by itself was.",
            line.unpriced.as_deref().unwrap_or("the pairs are not known")
        ),
    }
}

fn pnl(report: &RunReport) -> Markup {
    html! {
        section {
            h2 { "Profit and loss" }
            table {
                tr { th { "Currency" } th { "Realised" } th { "Unrealised" } th { "Fees" } th { "Net" } th { "Turnover" } }
                @for line in &report.pnl {
                    @let net = line.net();
                    tr {
                        td { (line.currency) } td { (number(line.realised, 4)) } td { (known(line.unrealised, 4)) }
                        td { (number(line.fees, 4)) (unvalued(line.fees_unvalued)) } td class=(net.map_or("", class_of)) { (known(net, 4)) } td { (number(line.turnover, 2)) }
                    }
                }
            }
        }
        section {
            h2 { "Positions at the end" }
            table {
                tr { th { "Symbol" } th { "Strategy" } th { "Position" } th { "Average price" } th { "Valued at" } th { "Realised" } th { "Fees" } }
                @for line in &report.positions {
                    tr {
                        td { (line.symbol) } td { (line.strategy) }
                        td { (line.position) }
                        td {
                            @if let Some(avg_px) = line.avg_px { (number(avg_px, 4)) } @else { "–" }
                            @if line.is_estimated { " (estimated)" }
                        }
                        td { @if let Some(mark) = line.mark { (number(mark.to_decimal(), 8)) } @else { "no price" } }
                        td { (number(line.realised, 4)) } td { (number(line.fees, 4)) }
                    }
                }
            }
        }
    }
}

/// The statement in short, by day; the tables beside the page have every column.
fn statement(report: &RunReport) -> Markup {
    let days = report.statement.iter().flat_map(|statement| &statement.days);
    let left_out = days.clone().count().saturating_sub(DAYS_MAX);
    html! {
        section {
            h2 { "Statement" @if left_out > 0 { " (the last " (DAYS_MAX) " lines; " (left_out) " earlier ones are in days.csv)" } }
            @if report.statement.is_none() { p.none { "Cannot be told exactly." } } @else {
                table {
                    tr { th { "Day, UTC" } th { "Strategy" } th { "Symbol" } th { "Trades" } th { "Turnover" } th { "Realised" } th { "Fees" } th { "Net" } th { "Maker share" } th { "Slippage, bp" } }
                    @for line in days.skip(left_out) {
                        tr {
                            td { (line.day) } td { (line.strategy) } td { (line.symbol) } td { (line.trades) } td { (number(line.turnover, 2)) }
                            td { (number(line.realised, 4)) }
                            td { (number(line.fees, 4)) (unvalued(line.fees_unvalued)) }
                            td class=(class_of(line.net)) { (number(line.net, 4)) }
                            td { @if let Some(share) = line.maker_share { (number(share, 4)) } @else { "–" } }
                            td { @if let Some(slippage) = line.slippage_bp { (number(slippage, 2)) } @else { "–" } }
                        }
                    }
                }
                p.none { "Net: realised less fees, and the change of what is not realised yet. Every trade and column: trades.csv and days.csv beside this page." }
                @if let Some(statistics) = report.statement.as_ref().and_then(|of| of.statistics) { (figures(&statistics)) }
            }
        }
    }
}

/// Fees that had no price are not to be taken for none.
fn unvalued(fees: u64) -> String {
    if fees == 0 {
        return String::new();
    }
    format!(" and {fees} without a value")
}

/// Figures that have no meaning are left out as such; `docs/STATEMENTS.md` defines them.
fn figures(statistics: &Statistics) -> Markup {
    let none = || "–".to_owned();
    let figure = |value: Option<f64>| value.map_or_else(none, |value| format::figure(value, 4));
    let percent = |value: Option<f64>| {
        value.map_or_else(none, |value| format!("{} %", format::figure(value * 100.0, 4)))
    };
    html! {
        table {
            tr { th { "Days" } th { "Return" } th { "Drawdown, at most" } th { "Sharpe" } th { "Sortino" } th { "Closing trades" } th { "Win rate" } th { "Profit factor" } }
            tr {
                td { (statistics.days) } td { (percent(statistics.total_return)) } td { (percent(statistics.max_drawdown)) }
                td { (figure(statistics.sharpe)) } td { (figure(statistics.sortino)) } td { (statistics.closing_trades) }
                td { (percent(statistics.win_rate)) } td { (figure(statistics.profit_factor)) }
            }
        }
    }
}

fn breaches(report: &RunReport) -> Markup {
    html! {
        section {
            h2 { "Refused by risk, by rule" }
            @if report.breaches.is_empty() { p.none { "None." } } @else {
                table {
                    tr { th { "Rule" } th { "Refusals" } }
                    @for (rule, count) in &report.breaches { tr { td { (rule) } td { (count) } } }
                }
            }
        }
    }
}

fn alerts(report: &RunReport) -> Markup {
    html! {
        section {
            h2 { "Alerts" }
            @if report.alerts.is_empty() { p.none { "None." } } @else {
                ul { @for alert in &report.alerts { li { (alert) } } }
            }
        }
    }
}

fn fills(report: &RunReport) -> Markup {
    let left_out = report.fills.len().saturating_sub(FILLS_MAX);
    html! {
        section {
            h2 { "Fills" @if left_out > 0 { " (the last " (FILLS_MAX) "; " (left_out) " earlier ones are in the JSON)" } }
            @if report.fills.is_empty() { p.none { "None." } } @else {
                table {
                    tr { th { "Time, UTC" } th { "Strategy" } th { "Symbol" } th { "Side" } th { "Quantity" } th { "Price" } th { "Value" } th { "Commission" } th { "Role" } th { "Trade" } }
                    @for fill in report.fills.iter().skip(left_out).rev() {
                        @let value = notional(fill.last_qty, fill.last_px);
                        tr {
                            td { (time_of_day(fill.at)) }
                            td { (fill.strategy) }
                            td { (fill.symbol) }
                            td class=(if fill.side == Side::Buy { "good" } else { "bad" }) { (fill.side) }
                            td { (fill.last_qty) }
                            td { (number(fill.last_px.to_decimal(), 8)) }
                            td { (number(value, 2)) }
                            td { (number(fill.commission, 8)) " " (fill.commission_asset) }
                            td { @if fill.is_maker { "maker" } @else { "taker" } }
                            td { (fill.trade_id) }
                        }
                    }
                }
            }
        }
    }
}
