//! What a key may do.

use keel_domain::Timestamp;
use serde_json::json;

use super::endpoint::Answer;
use crate::core::AccountId;

/// What a key may do (`/sapi/v1/account/apiRestrictions`). Only reading and spot trading are carried out here; the others
/// are told to a client that asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "the venue's independent flags")]
pub struct KeyPermissions {
    /// Bound to addresses.
    pub is_ip_restricted: bool,
    /// Account data and the user data stream.
    pub reading: bool,
    /// Orders.
    pub spot_trading: bool,
    /// Withdrawals.
    pub withdrawals: bool,
    /// Transfers to another user.
    pub internal_transfer: bool,
    /// Transfers between accounts of one user.
    pub universal_transfer: bool,
    /// Margin.
    pub margin: bool,
    /// Futures.
    pub futures: bool,
    /// Options.
    pub vanilla_options: bool,
    /// Portfolio margin.
    pub portfolio_margin: bool,
}

impl Default for KeyPermissions {
    /// Reading and spot trading from one address: what a careful trader asks for.
    fn default() -> Self {
        Self {
            is_ip_restricted: true,
            reading: true,
            spot_trading: true,
            ..Self::NONE
        }
    }
}

/// A word that is no permission. Its text names those that there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no such permission; there are {}", KeyPermissions::NAMES.join(", "))]
pub struct UnknownPermission;

impl KeyPermissions {
    /// Nothing, from anywhere.
    pub const NONE: Self = Self {
        is_ip_restricted: false,
        reading: false,
        spot_trading: false,
        withdrawals: false,
        internal_transfer: false,
        universal_transfer: false,
        margin: false,
        futures: false,
        vanilla_options: false,
        portfolio_margin: false,
    };

    /// The words by which [`KeyPermissions::of_names`] takes them.
    pub const NAMES: [&'static str; 10] = [
        "ip_restrict",
        "reading",
        "spot_trading",
        "withdrawals",
        "internal_transfer",
        "universal_transfer",
        "margin",
        "futures",
        "vanilla_options",
        "portfolio_margin",
    ];

    /// Exactly what is named.
    ///
    /// # Errors
    /// [`UnknownPermission`].
    pub fn of_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, UnknownPermission> {
        let mut permissions = Self::NONE;
        for name in names {
            let flag = match name {
                "ip_restrict" => &mut permissions.is_ip_restricted,
                "reading" => &mut permissions.reading,
                "spot_trading" => &mut permissions.spot_trading,
                "withdrawals" => &mut permissions.withdrawals,
                "internal_transfer" => &mut permissions.internal_transfer,
                "universal_transfer" => &mut permissions.universal_transfer,
                "margin" => &mut permissions.margin,
                "futures" => &mut permissions.futures,
                "vanilla_options" => &mut permissions.vanilla_options,
                "portfolio_margin" => &mut permissions.portfolio_margin,
                _ => return Err(UnknownPermission),
            };
            *flag = true;
        }
        Ok(permissions)
    }

    /// Whether a request of this kind is for such a key.
    pub(super) const fn allows(self, need: Need) -> bool {
        match need {
            Need::Nothing => true,
            Need::Reading => self.reading,
            Need::Trading => self.spot_trading,
        }
    }
}

/// What a request needs of its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    /// To be known.
    Nothing,
    /// USER_DATA, USER_STREAM.
    Reading,
    /// TRADE.
    Trading,
}

/// Who asks, once the signature is found right.
#[derive(Debug, Clone, Copy)]
pub(super) struct Caller {
    pub(super) account: AccountId,
    pub(super) permissions: KeyPermissions,
    pub(super) created_at: Timestamp,
}

/// What the key may do, to its owner.
pub(super) fn restrictions(caller: &Caller) -> Answer {
    let permissions = caller.permissions;
    Ok(json!({
        "ipRestrict": permissions.is_ip_restricted,
        "createTime": caller.created_at.as_millis(),
        "enableReading": permissions.reading,
        "enableWithdrawals": permissions.withdrawals,
        "enableInternalTransfer": permissions.internal_transfer,
        "enableMargin": permissions.margin,
        "enableFutures": permissions.futures,
        "permitsUniversalTransfer": permissions.universal_transfer,
        "enableVanillaOptions": permissions.vanilla_options,
        "enableFixApiTrade": false,
        "enableFixReadOnly": false,
        "enableSpotAndMarginTrading": permissions.spot_trading,
        "enablePortfolioMarginTrading": permissions.portfolio_margin,
    }))
}
