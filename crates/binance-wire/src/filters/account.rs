//! The filters that bind an account over all pairs (`exchangeFilters`), and over an asset (`assetFilters`).

use keel_domain::{Asset, ExchangeLimits, IdError, MaxAsset};
use serde::{Deserialize, Serialize};

use super::Filter;

/// The filters that bind an account's orders on a pair (myFilters).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MyFilters {
    /// Over all pairs.
    pub exchange_filters: Vec<Filter>,
    /// Of the pair.
    pub symbol_filters: Vec<Filter>,
    /// Of assets. No other answer tells them.
    pub asset_filters: Vec<Filter>,
}

/// The domain's limits over all pairs, gathered from the venue's list. Filters of other kinds are passed over.
#[must_use]
pub fn exchange_limits(list: &[Filter]) -> ExchangeLimits {
    let mut limits = ExchangeLimits::default();
    for filter in list {
        match *filter {
            Filter::ExchangeMaxNumOrders { max_num_orders } => limits.max_num_orders = Some(max_num_orders),
            Filter::ExchangeMaxNumAlgoOrders { max_num_algo_orders } => {
                limits.max_num_algo_orders = Some(max_num_algo_orders);
            }
            Filter::ExchangeMaxNumIcebergOrders {
                max_num_iceberg_orders,
            } => limits.max_num_iceberg_orders = Some(max_num_iceberg_orders),
            Filter::ExchangeMaxNumOrderLists { max_num_order_lists } => {
                limits.max_num_order_lists = Some(max_num_order_lists);
            }
            _ => {}
        }
    }
    limits
}

/// The domain's limits of assets, gathered from the venue's list. Filters of other kinds are passed over.
///
/// # Errors
/// An asset whose name cannot be one.
pub fn max_assets(list: &[Filter]) -> Result<Vec<MaxAsset>, IdError> {
    let mut assets = Vec::new();
    for filter in list {
        if let Filter::MaxAsset { asset, limit } = filter {
            let asset = Asset::new(asset)?;
            assets.push(MaxAsset { asset, limit: *limit });
        }
    }
    Ok(assets)
}

/// The venue's list of limits over all pairs.
#[must_use]
pub fn exchange_filters(limits: &ExchangeLimits) -> Vec<Filter> {
    let filters = [
        limits
            .max_num_orders
            .map(|max_num_orders| Filter::ExchangeMaxNumOrders { max_num_orders }),
        limits
            .max_num_algo_orders
            .map(|max_num_algo_orders| Filter::ExchangeMaxNumAlgoOrders { max_num_algo_orders }),
        limits
            .max_num_iceberg_orders
            .map(|max_num_iceberg_orders| Filter::ExchangeMaxNumIcebergOrders {
                max_num_iceberg_orders,
            }),
        limits
            .max_num_order_lists
            .map(|max_num_order_lists| Filter::ExchangeMaxNumOrderLists { max_num_order_lists }),
    ];
    filters.into_iter().flatten().collect()
}

/// The venue's list of limits of assets.
#[must_use]
pub fn asset_filters(assets: &[MaxAsset]) -> Vec<Filter> {
    let filter = |most: &MaxAsset| Filter::MaxAsset {
        asset: most.asset.to_string(),
        limit: most.limit,
    };
    assets.iter().map(filter).collect()
}
