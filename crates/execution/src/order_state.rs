//! Where an order can stand, and what cannot be.

use keel_domain::{ClOrdId, ExecType, OrdStatus, Timestamp};
use serde::{Deserialize, Serialize};

use crate::UnknownCause;

/// How an order ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ending {
    /// By the venue's word; the status is terminal.
    Ended(OrdStatus),
    /// The venue refused the submission.
    Rejected,
    /// No byte of it left.
    NotSent,
    /// It was sent, and every source of the venue shows that it never arrived.
    NeverArrived,
}

/// Where an order stands, as far as evidence goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum OrderState {
    /// Its intent is durable; its bytes may be under way.
    Submitted,
    /// Its fate is not known. Ends by the venue's evidence only.
    Unknown(UnknownCause),
    /// The venue has it.
    Live,
    /// Nothing more can trade.
    Done(Ending),
}

/// Where the wish to cancel stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum CancelState {
    /// Nobody asked.
    None,
    /// Asked for, and not answered.
    Requested {
        /// When it was asked for last.
        at: Timestamp,
    },
    /// The answer to the cancel left its fate open; the order is to be queried.
    Unclear,
}

/// The venue's word and ours exclude each other. Trading of the symbol halts on one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Contradiction {
    /// Another symbol, side or price, or a larger quantity than was ordered.
    #[error("{0}: the venue reports another symbol, side or price, or a larger quantity than was ordered")]
    OtherTerms(ClOrdId),
    /// More traded than was ordered.
    #[error("{0}: the venue reports more traded than was ordered")]
    Overfilled(ClOrdId),
    /// The status does not go with the traded quantity: filled and not whole, new and traded, and the like.
    #[error("{0}: the venue's status and its traded quantity exclude each other")]
    StatusAgainstQty(ClOrdId),
    /// The reason for the report does not go with the status.
    #[error("{0}: the venue reports {1:?} with status {2:?}")]
    StatusAgainstExecType(ClOrdId, ExecType, OrdStatus),
    /// The report's trade is not one of this order.
    #[error("{0}: the venue reports a trade of another order")]
    OtherTrade(ClOrdId),
    /// Two endings that exclude each other.
    #[error("{0}: ended as {1:?}, and the venue now reports {2:?}")]
    OtherEnding(ClOrdId, OrdStatus, OrdStatus),
    /// An order that was refused or never sent is at the venue.
    #[error("{0}: was {1:?}, and the venue now has it")]
    Resurrected(ClOrdId, Ending),
    /// A second id from the venue for the same order.
    #[error("{0}: the venue now gives it another order id")]
    OtherOrderId(ClOrdId),
}

/// What a report did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// The order moved.
    Changed,
    /// Old news.
    Unchanged,
}
