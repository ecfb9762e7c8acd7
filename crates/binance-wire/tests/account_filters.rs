//! Filters over all pairs and of assets, against the samples of filters.md and of myFilters.
#![allow(clippy::expect_used, reason = "helpers outside #[test] functions")]

mod common;

use common::{read_back, value};
use keel_binance_wire::filters::{
    Filter, MyFilters, asset_filters, exchange_filters, exchange_limits, max_assets,
};
use keel_domain::{ExchangeLimits, MaxAsset};

#[test]
fn the_documented_exchange_filters_are_the_limits_of_an_account_both_ways() {
    let filters: Vec<Filter> = read_back(sample!("exchange_filters"));
    let limits = exchange_limits(&filters);
    assert_eq!(
        limits,
        ExchangeLimits {
            max_num_orders: Some(1_000),
            max_num_algo_orders: Some(200),
            max_num_iceberg_orders: Some(10_000),
            max_num_order_lists: Some(20),
        }
    );
    let written = serde_json::to_value(exchange_filters(&limits)).expect("it can be written");
    assert_eq!(written, value(sample!("exchange_filters")));
    assert!(exchange_filters(&ExchangeLimits::default()).is_empty());
    // A pair's own filter of the like name is not one over all pairs.
    let of_a_pair = [Filter::MaxNumOrders { max_num_orders: 1 }];
    assert_eq!(exchange_limits(&of_a_pair), ExchangeLimits::default());
}

#[test]
fn my_filters_tell_the_limits_of_assets() {
    let told: MyFilters = read_back(sample!("my_filters"));
    assert_eq!(
        exchange_limits(&told.exchange_filters).max_num_orders,
        Some(1_000)
    );
    let limit = MaxAsset {
        asset: "JPY".parse().expect("an asset"),
        limit: 1_000_000.into(),
    };
    assert_eq!(max_assets(&told.asset_filters), Ok(vec![limit]));
    assert_eq!(max_assets(&told.symbol_filters), Ok(Vec::new()));
    let written = serde_json::to_value(asset_filters(&[limit])).expect("it can be written");
    assert_eq!(written, value(sample!("my_filters"))["assetFilters"]);
    let nameless = Filter::MaxAsset {
        asset: String::new(),
        limit: 1.into(),
    };
    assert!(max_assets(&[nameless]).is_err());
}
