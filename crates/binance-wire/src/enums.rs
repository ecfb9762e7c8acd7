//! The venue's enumerations (enums.md).

use std::fmt;
use std::str::FromStr;

use keel_domain::{ExecType, OrdStatus, Side, TimeInForce};
use serde::{Deserialize, Serialize};

/// A word that is none of an enumeration's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not one of the venue's words")]
pub struct UnknownWord;

macro_rules! wire_enum {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$variant_doc])* #[serde(rename = $word)] $variant,)*
        }

        impl $name {
            /// The venue's word.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = UnknownWord;

            fn from_str(text: &str) -> Result<Self, UnknownWord> {
                match text { $($word => Ok(Self::$variant),)* _ => Err(UnknownWord) }
            }
        }
    };
}

wire_enum! {
    /// Order side.
    WireSide {
        /// Buy.
        Buy = "BUY",
        /// Sell.
        Sell = "SELL",
    }
}

wire_enum! {
    /// Order type.
    WireOrderType {
        /// Limit.
        Limit = "LIMIT",
        /// Market.
        Market = "MARKET",
        /// Post-only limit.
        LimitMaker = "LIMIT_MAKER",
        /// Market order on a trigger below (sell) or above (buy).
        StopLoss = "STOP_LOSS",
        /// Limit order on such a trigger.
        StopLossLimit = "STOP_LOSS_LIMIT",
        /// Market order on a trigger above (sell) or below (buy).
        TakeProfit = "TAKE_PROFIT",
        /// Limit order on such a trigger.
        TakeProfitLimit = "TAKE_PROFIT_LIMIT",
    }
}

wire_enum! {
    /// Time in force.
    WireTimeInForce {
        /// Good till canceled.
        Gtc = "GTC",
        /// Immediate or cancel.
        Ioc = "IOC",
        /// Fill or kill.
        Fok = "FOK",
    }
}

wire_enum! {
    /// Order status.
    WireOrderStatus {
        /// Accepted.
        New = "NEW",
        /// Waits for the order it depends on.
        PendingNew = "PENDING_NEW",
        /// Partly traded.
        PartiallyFilled = "PARTIALLY_FILLED",
        /// Wholly traded.
        Filled = "FILLED",
        /// Canceled by the user.
        Canceled = "CANCELED",
        /// Being canceled.
        PendingCancel = "PENDING_CANCEL",
        /// Refused.
        Rejected = "REJECTED",
        /// Ended by its terms.
        Expired = "EXPIRED",
        /// Ended by self-trade prevention.
        ExpiredInMatch = "EXPIRED_IN_MATCH",
    }
}

wire_enum! {
    /// Execution type of a user event.
    WireExecType {
        /// Accepted.
        New = "NEW",
        /// Canceled.
        Canceled = "CANCELED",
        /// Amended.
        Replaced = "REPLACED",
        /// Refused.
        Rejected = "REJECTED",
        /// Traded.
        Trade = "TRADE",
        /// Expired.
        Expired = "EXPIRED",
        /// Self-trade prevention.
        TradePrevention = "TRADE_PREVENTION",
    }
}

wire_enum! {
    /// Status of a pair.
    WireSymbolStatus {
        /// Trades.
        Trading = "TRADING",
        /// Ended its trading day.
        EndOfDay = "END_OF_DAY",
        /// Halted.
        Halt = "HALT",
        /// In a break.
        Break = "BREAK",
        /// Takes cancels only.
        CancelOnly = "CANCEL_ONLY",
    }
}

wire_enum! {
    /// How much an order's answer tells.
    WireRespType {
        /// Ids and time.
        Ack = "ACK",
        /// And the state.
        Result = "RESULT",
        /// And the fills.
        Full = "FULL",
    }
}

impl From<WireSide> for Side {
    fn from(side: WireSide) -> Self {
        match side {
            WireSide::Buy => Self::Buy,
            WireSide::Sell => Self::Sell,
        }
    }
}

impl From<Side> for WireSide {
    fn from(side: Side) -> Self {
        match side {
            Side::Buy => Self::Buy,
            Side::Sell => Self::Sell,
        }
    }
}

impl From<WireTimeInForce> for TimeInForce {
    fn from(time_in_force: WireTimeInForce) -> Self {
        match time_in_force {
            WireTimeInForce::Gtc => Self::Gtc,
            WireTimeInForce::Ioc => Self::Ioc,
            WireTimeInForce::Fok => Self::Fok,
        }
    }
}

impl From<TimeInForce> for WireTimeInForce {
    fn from(time_in_force: TimeInForce) -> Self {
        match time_in_force {
            TimeInForce::Gtc => Self::Gtc,
            TimeInForce::Ioc => Self::Ioc,
            TimeInForce::Fok => Self::Fok,
        }
    }
}

impl From<WireOrderStatus> for OrdStatus {
    fn from(status: WireOrderStatus) -> Self {
        match status {
            WireOrderStatus::New => Self::New,
            WireOrderStatus::PendingNew => Self::PendingNew,
            WireOrderStatus::PartiallyFilled => Self::PartiallyFilled,
            WireOrderStatus::Filled => Self::Filled,
            WireOrderStatus::Canceled => Self::Canceled,
            WireOrderStatus::PendingCancel => Self::PendingCancel,
            WireOrderStatus::Rejected => Self::Rejected,
            WireOrderStatus::Expired => Self::Expired,
            WireOrderStatus::ExpiredInMatch => Self::ExpiredInMatch,
        }
    }
}

impl From<OrdStatus> for WireOrderStatus {
    fn from(status: OrdStatus) -> Self {
        match status {
            OrdStatus::New => Self::New,
            OrdStatus::PendingNew => Self::PendingNew,
            OrdStatus::PartiallyFilled => Self::PartiallyFilled,
            OrdStatus::Filled => Self::Filled,
            OrdStatus::Canceled => Self::Canceled,
            OrdStatus::PendingCancel => Self::PendingCancel,
            OrdStatus::Rejected => Self::Rejected,
            OrdStatus::Expired => Self::Expired,
            OrdStatus::ExpiredInMatch => Self::ExpiredInMatch,
        }
    }
}

impl From<WireExecType> for ExecType {
    fn from(exec_type: WireExecType) -> Self {
        match exec_type {
            WireExecType::New => Self::New,
            WireExecType::Canceled => Self::Canceled,
            WireExecType::Replaced => Self::Replaced,
            WireExecType::Rejected => Self::Rejected,
            WireExecType::Trade => Self::Trade,
            WireExecType::Expired => Self::Expired,
            WireExecType::TradePrevention => Self::TradePrevention,
        }
    }
}
