//! Statements as comma-separated values (RFC 4180), one header line, lines ended by CR LF.
//!
//! No field can hold a comma, a quote or a line break: ids and assets are checked where they are made, the rest are
//! numbers and times.

use std::fmt::{Display, Write as _};

use crate::{DayLine, Statement, TradeLine};

const TRADE_COLUMNS: &str = "time,strategy,symbol,trade_id,order_id,side,qty,price,value,currency,is_maker,commission,\
commission_asset,fee,realised,slippage,is_estimated";
const DAY_COLUMNS: &str = "day,strategy,symbol,currency,trades,orders,turnover,realised,fees,fees_unvalued,pnl,\
fill_ratio,maker_share,slippage,slippage_bp,slippage_unknown,is_estimated,\
unrealised_before,unrealised_after,net";

/// One row of fields.
#[derive(Default)]
struct Row(String);

impl Row {
    fn with(mut self, field: impl Display) -> Self {
        let separator = if self.0.is_empty() { "" } else { "," };
        // Writing to a string cannot fail.
        let _ = write!(self.0, "{separator}{field}");
        self
    }

    /// Nothing between the commas where the value is not known.
    fn with_known(self, field: Option<impl Display>) -> Self {
        match field {
            Some(field) => self.with(field),
            None => self.with(""),
        }
    }
}

fn table(columns: &str, rows: impl Iterator<Item = Row>) -> String {
    let mut text = format!("{columns}\r\n");
    for Row(row) in rows {
        text.push_str(&row);
        text.push_str("\r\n");
    }
    text
}

fn trade_row(line: &TradeLine) -> Row {
    Row::default()
        .with(&line.time)
        .with(line.strategy)
        .with(line.symbol)
        .with(line.trade_id)
        .with(line.order_id)
        .with(&line.side)
        .with(line.qty)
        .with(line.price)
        .with(line.value)
        .with(line.currency)
        .with(line.is_maker)
        .with(line.commission)
        .with_known(line.commission_asset)
        .with_known(line.fee)
        .with(line.realised)
        .with_known(line.slippage)
        .with(line.is_estimated)
}

fn day_row(line: &DayLine) -> Row {
    Row::default()
        .with(&line.day)
        .with(line.strategy)
        .with(line.symbol)
        .with(line.currency)
        .with(line.trades)
        .with(line.orders)
        .with(line.turnover)
        .with(line.realised)
        .with(line.fees)
        .with(line.fees_unvalued)
        .with(line.pnl)
        .with_known(line.fill_ratio)
        .with_known(line.maker_share)
        .with(line.slippage)
        .with_known(line.slippage_bp)
        .with(line.slippage_unknown)
        .with(line.is_estimated)
        .with(line.unrealised_before)
        .with(line.unrealised_after)
        .with(line.net)
}

impl Statement {
    /// The trades, one a row.
    #[must_use]
    pub fn trades_csv(&self) -> String {
        table(TRADE_COLUMNS, self.trades.iter().map(trade_row))
    }

    /// The days, one a row for each strategy and pair.
    #[must_use]
    pub fn days_csv(&self) -> String {
        table(DAY_COLUMNS, self.days.iter().map(day_row))
    }
}
