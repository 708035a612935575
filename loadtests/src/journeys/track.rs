//! A customer who follows their orders: the list, one of them, and the attempt that made it.

use super::{
    buy,
    shop::Shop,
    step::{ask, token},
};
use crate::{
    client::{self, Trouble},
    history::Op,
};
use goose::goose::{GooseUser, TransactionResult};
use rand::RngExt;

/// Orders on a page.
const PAGE: u32 = 20;

/// A visit. The first one makes an order, so that there is something to follow.
pub(super) async fn visit(shop: &Shop, user: &mut GooseUser) -> TransactionResult {
    let mut visitor = shop.visitor(user.weighted_users_index).await.ok_or("more users than customers")?;
    if visitor.orders.is_empty() && shop.provider.is_some() {
        return buy::buy(shop, user, &mut visitor).await;
    }
    visitor.think(shop).await;
    let token = token(shop, user, &mut visitor).await?;
    ask(shop, user, &visitor, Op::GetOrders, client::orders(&token, PAGE), client::orders_seen).await?;
    if visitor.orders.is_empty() {
        return Ok(());
    }
    visitor.think(shop).await;
    let newest = visitor.orders.len();
    let place = visitor.dice.random_range(0..newest);
    let bought = visitor.orders[place].clone();
    let request = client::order(&token, bought.order_id, Some(bought.version));
    let seen =
        ask(shop, user, &visitor, Op::GetOrder, request, |reply| client::order_seen(reply, bought.order_id))
            .await?;
    visitor.orders[place].version = seen.version;
    visitor.think(shop).await;
    let request = client::order_by_key(&token, &bought.key);
    ask(shop, user, &visitor, Op::GetByKey, request, |reply| {
        let seen = client::order_by_key_seen(reply)?.ok_or_else(|| Trouble::unknown("it was not found"))?;
        if seen.order_id == bought.order_id { Ok(()) } else { Err(Trouble::unknown("another order came")) }
    })
    .await
}
