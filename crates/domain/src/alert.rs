//! What a person is told, by what they have to do about it.

use std::fmt;

use serde::{Serialize, Serializer};

/// Who has to act on an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AlertOwner {
    /// Who watches the system while it trades.
    Operator,
    /// Whose account, key and money it is.
    AccountHolder,
    /// Who looks after the machine: its disk, its clock, its network.
    HostAdministrator,
    /// Who can change the program or the strategy.
    Developer,
}

impl AlertOwner {
    /// A name that does not change: a label of metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::AccountHolder => "account-holder",
            Self::HostAdministrator => "host-administrator",
            Self::Developer => "developer",
        }
    }
}

impl fmt::Display for AlertOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

macro_rules! alert_classes {
    ($($(#[$doc:meta])* $class:ident = $name:literal, $owner:ident, $remedy:literal;)*) => {
        /// A kind of error, told apart from the others by what a person does about it. docs/ALERTS.md has a row for each.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum AlertClass {
            $($(#[$doc])* $class,)*
        }

        impl AlertClass {
            /// Every class.
            pub const ALL: &'static [Self] = &[$(Self::$class),*];

            /// A name that does not change: a label of metrics.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$class => $name,)*
                }
            }

            /// Who has to act.
            #[must_use]
            pub const fn owner(self) -> AlertOwner {
                match self {
                    $(Self::$class => AlertOwner::$owner,)*
                }
            }

            /// What the owner does first.
            #[must_use]
            pub const fn remedy(self) -> &'static str {
                match self {
                    $(Self::$class => $remedy,)*
                }
            }
        }
    };
}

alert_classes! {
    /// The session with the venue is down.
    SessionDown = "session-down", Operator, "the session is opened anew by itself; if it stays down, look at the network and at the venue's status page";
    /// The venue did not answer a question, or its answer is not enough.
    QueryFailed = "query-failed", Operator, "it is asked again by itself; if it goes on, look at the venue's status page";
    /// The venue wants no requests for a while.
    RateLimited = "rate-limited", Operator, "the trader waits by itself; find out what else sends requests from this address or with this key";
    /// The configuration wants more orders than half of what the venue takes.
    OrderLimit = "order-limit", Operator, "set risk.orders_per_10s_max to at most half of the venue's limit";
    /// The venue serves our key no more.
    KeyRefused = "key-refused", AccountHolder, "give the trader a key that the venue takes, then `trader resume`";
    /// A start that must not trade.
    StartRefused = "start-refused", Operator, "do what the text says, then start again";
    /// The venue takes no orders on a pair, or takes them again; or it changed the pair's rules.
    PairStatus = "pair-status", Operator, "nothing while the venue keeps the pair shut; look at its announcements";
    /// The venue tells something of a pair or its market that this program does not know.
    VenueChanged = "venue-changed", Developer, "read the venue's change log, make the program know what is new, then `trader resume`";
    /// No usable prices come.
    MarketData = "market-data", Operator, "entries wait for a whole book; if it does not come, look at the network and at the venue's status page";
    /// A price that is far from the last one, or a trade of ours that is.
    PriceJump = "price-jump", Operator, "look at the market; halt if it is not one to trade in";
    /// More came than is kept: something was dropped.
    Overflow = "overflow", HostAdministrator, "look at the load of the machine: it does not keep up";
    /// The wall clock jumped, or differs from the venue's.
    Clock = "clock", HostAdministrator, "set the machine's clock by NTP, and let nothing else set it";
    /// The fate of an order is not known.
    UnknownOutcome = "unknown-outcome", Operator, "the venue is asked until it proves what became of the order; send nothing by hand meanwhile";
    /// An order that was to be canceled is live.
    CancelFailed = "cancel-failed", Operator, "what a halt, an end or another restriction forbids is canceled again by itself; if it goes on, cancel by hand at the venue";
    /// An order or a change of one that is not ours.
    ForeignOrder = "foreign-order", AccountHolder, "find out who else trades on the account, and stop it";
    /// Money came into the account, left it, or was locked from outside.
    Transfer = "transfer", AccountHolder, "nothing if the transfer is yours; otherwise revoke the key and call the venue";
    /// Own records and the venue's differ.
    Difference = "difference", Operator, "compare with the venue's own pages; where it is right, start again with --accept-venue REASON";
    /// The venue says what cannot be, by what it said before.
    Contradiction = "contradiction", Developer, "keep the journal, find out which side is wrong, and `trader resume` only after that";
    /// A way of protecting a position failed, and the next one is taken.
    Protection = "protection", Operator, "nothing yet; be ready to sell by hand";
    /// Something is held that nothing protects.
    Unprotected = "unprotected", Operator, "sell or protect it by hand at the venue now";
    /// A position that was to be sold is not.
    NotFlat = "not-flat", Operator, "`trader flatten` again, or sell by hand at the venue";
    /// More was lost than may be.
    Loss = "loss", AccountHolder, "find out why it lost, and decide whether it goes on: `trader resume`";
    /// Orders were refused, or traded, one after the other.
    Runaway = "runaway", Developer, "find out why the strategy sends them, correct it or the limits, then `trader resume`";
    /// The last check before the socket let an order not out.
    LastInch = "last-inch", Developer, "keep the journal: the gate let an order pass that it must not; no resume before that is understood";
    /// An operator restricted trading.
    OperatorHalt = "operator-halt", Operator, "`trader resume` once the reason is gone";
    /// A part of the program panicked or stood still.
    Internal = "internal", Developer, "keep log and journal, find the fault; `trader resume`, or start again";
    /// The journal failed.
    Journal = "journal", HostAdministrator, "look at the disk, then start the trader anew";
    /// The disk is nearly full.
    Disk = "disk", HostAdministrator, "free some space";
    /// The control socket is dead.
    Control = "control", Operator, "halt by the file KILL, or end by SIGTERM; then start the trader anew";
    /// The guard is not there, or could not do its work.
    Guard = "guard", Operator, "start `trader guard` with the same configuration, or see to it that it reaches the venue";
    /// The trader fell silent, and the guard cancels its orders.
    TraderSilent = "trader-silent", Operator, "find out why the trader is dead or stuck, and start it again";
    /// Orders may be open that nobody looks after.
    Leftover = "leftover", Operator, "look at the open orders on the venue's own pages, and cancel by hand what should not be there";
}

impl AlertClass {
    /// An alert of this class, in words.
    #[must_use]
    pub fn alert(self, text: impl Into<String>) -> Alert {
        Alert {
            class: self,
            text: text.into(),
        }
    }
}

impl fmt::Display for AlertClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Serialize for AlertClass {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// Something that a person is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// What kind of error it is.
    pub class: AlertClass,
    /// What happened.
    pub text: String,
}

impl fmt::Display for Alert {
    /// With who has to act, as a person reads it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}] {}", self.class.owner(), self.text)
    }
}
