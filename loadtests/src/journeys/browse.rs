//! A customer who only looks: a page, a product of it, sometimes a search.

use super::{
    shop::{Shop, Visitor},
    step::{ask, token},
};
use crate::{client, history::Op};
use goose::goose::{GooseUser, TransactionError, TransactionResult};
use rand::RngExt;

/// Products on a page.
const PAGE: u32 = 20;

/// A visit.
pub(super) async fn visit(shop: &Shop, user: &mut GooseUser) -> TransactionResult {
    let mut visitor = shop.visitor(user.weighted_users_index).await.ok_or("more users than customers")?;
    visitor.think(shop).await;
    let token = token(shop, user, &mut visitor).await?;
    look(shop, user, &mut visitor, &token).await?;
    visitor.think(shop).await;
    let Some(item) = visitor.some_product() else { return Ok(()) };
    let (request, id) = (client::product(&token, item.product_id), item.product_id);
    ask(shop, user, &visitor, Op::Product, request, |reply| client::product_seen(reply, id)).await?;
    if visitor.dice.random_bool(0.25) {
        visitor.think(shop).await;
        let word = item.name.split_whitespace().next().unwrap_or("cigar");
        let request = client::search(&token, word);
        ask(shop, user, &visitor, Op::Search, request, client::search_seen).await?;
    }
    Ok(())
}

/// Reads a page of the catalogue and keeps it in mind.
pub(super) async fn look(
    shop: &Shop,
    user: &mut GooseUser,
    visitor: &mut Visitor,
    token: &str,
) -> Result<(), Box<TransactionError>> {
    let request = client::products(token, None, PAGE);
    visitor.page = ask(shop, user, visitor, Op::Browse, request, client::products_seen).await?.products;
    Ok(())
}
