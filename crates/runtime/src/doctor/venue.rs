//! The questions to the venue, and what it means that one is not answered.

use keel_binance::{Inquiry, RequestError, try_socket};
use keel_config::{Config, Credentials, CredentialsError, Mode};
use keel_domain::{Asset, Instrument, Symbol};
use keel_execution::InstanceTag;

use super::machine::Looked;
use super::{Finding, judge, of_pair};
use crate::{Clock, assemble};

const REACH: &str =
    "look at the network, the firewall and the [venue] addresses, or wait until the venue is back";

pub(super) async fn ask(
    config: &Config,
    credentials: Result<Credentials, CredentialsError>,
    looked: &Looked,
    tell: &mut impl FnMut(Finding),
) {
    let clock = Clock::start();
    let now = || clock.now();
    let venue = &config.venue;
    for (what, url) in [
        ("streams", format!("{}/stream", venue.stream_url)),
        ("WS API", venue.ws_api_url.clone()),
    ] {
        tell(match try_socket(&url).await {
            Ok(()) => Finding::ok(what, format!("{url} opens")),
            Err(error) => Finding::fail(what, format!("{url}: {error}"), REACH),
        });
    }
    let (credentials, missing) = match credentials {
        Ok(credentials) => (Some(assemble::credentials(credentials)), None),
        Err(error) => (None, Some(error.to_string())),
    };
    let mut inquiry = match Inquiry::new(&venue.rest_url, credentials.as_ref(), venue.recv_window) {
        Ok(inquiry) => inquiry,
        Err(error) => return tell(Finding::fail("key", error.to_string(), "correct [credentials]")),
    };
    match inquiry.clock(now).await {
        Ok(reading) => {
            tell(Finding::ok("REST", format!("{} answers", venue.rest_url)));
            tell(judge::clock(reading));
        }
        Err(error) => {
            let text = format!("{}: {error}; nothing else was asked there", venue.rest_url);
            return tell(Finding::fail("REST", text, REACH));
        }
    }
    let instruments = pairs(config, &inquiry, tell).await;
    if let Some(missing) = missing {
        let text = format!("{missing}; account, fees and open orders were not asked");
        return tell(Finding::fail("key", text, "give it as said, and examine again"));
    }
    let mut signed = Signed {
        config,
        inquiry: &mut inquiry,
        clock,
        looked,
    };
    if signed.account(&instruments, tell).await {
        signed.pairs(&instruments, tell).await;
    }
}

/// A question that came to nothing.
fn unanswered(what: String, error: &RequestError) -> Finding {
    let remedy = match error {
        RequestError::RateLimited { .. } => "wait so long; something on this address asks too much",
        error if error.is_lasting() => {
            "correct credentials (right key and secret, of this venue, good from this address, with the right to read and trade) and \
             trading.symbols"
        }
        _ => "examine again; where it stays so, look at the venue's status page",
    };
    Finding::fail(what, error.to_string(), remedy)
}

/// What needs no key. Gives the pairs that there are.
async fn pairs(config: &Config, inquiry: &Inquiry, tell: &mut impl FnMut(Finding)) -> Vec<Instrument> {
    let mut found = Vec::new();
    for symbol in &config.trading.symbols {
        // One by one: a pair that there is not refuses the whole question.
        match pair(inquiry, *symbol).await {
            Ok((Some(instrument), top)) => {
                tell(judge::pair(config, &instrument, top));
                found.push(instrument);
            }
            Ok((None, _)) => {
                let text = "the venue does not describe it";
                tell(Finding::fail(
                    of_pair("pair", *symbol),
                    text,
                    "correct trading.symbols",
                ));
            }
            Err(error) => tell(unanswered(of_pair("pair", *symbol), &error)),
        }
    }
    found
}

type Described = (
    Option<Instrument>,
    Option<(keel_domain::Price, keel_domain::Price)>,
);

async fn pair(inquiry: &Inquiry, symbol: Symbol) -> Result<Described, RequestError> {
    let instruments = inquiry.instruments(&[symbol]).await?;
    let instrument = instruments.into_iter().find(|known| known.symbol == symbol);
    Ok((instrument, inquiry.top(symbol).await?))
}

struct Signed<'a> {
    config: &'a Config,
    inquiry: &'a mut Inquiry,
    clock: Clock,
    looked: &'a Looked,
}

impl Signed<'_> {
    /// Key and account; whether there is use in asking on.
    async fn account(&mut self, instruments: &[Instrument], tell: &mut impl FnMut(Finding)) -> bool {
        let clock = self.clock;
        let now = || clock.now();
        match self.inquiry.key_rights(now).await {
            Ok(rights) => tell(judge::key(&rights)),
            Err(error) if self.config.mode != Mode::Live && !error.is_lasting() => {
                let text = format!("what it may do is not told here: {error}");
                tell(Finding::warn(
                    "key",
                    text,
                    "look at it in the venue's API management",
                ));
            }
            Err(error) => {
                tell(unanswered("key".to_owned(), &error));
                if error.is_lasting() {
                    return false;
                }
            }
        }
        let standing = match self.inquiry.account(now).await {
            Ok(standing) => standing,
            Err(error) => {
                tell(unanswered("account".to_owned(), &error));
                return false;
            }
        };
        tell(judge::account(&standing, self.looked));
        for instrument in instruments {
            tell(judge::balances(&standing, instrument));
        }
        true
    }

    async fn pairs(&mut self, instruments: &[Instrument], tell: &mut impl FnMut(Finding)) {
        let clock = self.clock;
        let now = || clock.now();
        let assets = instruments.iter().flat_map(|pair| [pair.base, pair.quote]);
        let priced: Vec<Asset> = assets.collect();
        let tag = self.config.instance_tag.parse::<InstanceTag>();
        for symbol in instruments.iter().map(|instrument| instrument.symbol) {
            tell(match self.inquiry.fees(now, symbol).await {
                Ok(fees) => judge::fees(symbol, fees, &priced),
                Err(error) => unanswered(of_pair("fees", symbol), &error),
            });
            tell(match (self.inquiry.open_orders(now, symbol).await, &tag) {
                (Ok(orders), Ok(tag)) => judge::open_orders(symbol, &orders, *tag, self.looked),
                (Err(error), _) => unanswered(of_pair("open orders", symbol), &error),
                (_, Err(error)) => Finding::fail(
                    of_pair("open orders", symbol),
                    error.to_string(),
                    "correct [instance] tag",
                ),
            });
        }
    }
}
