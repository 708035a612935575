//! Packaging requests: a header and a row for each product.

use super::{
    Store, branch,
    reservations::{Allocation, ReservationItem},
    tables::NEW_INDEX,
    unchanged,
};
use crate::{domain::packaging::packed, error::WarehouseError};
use contracts::{
    Order, OrderId, ProductId, WarehouseId,
    bodies::warehouse::{PackageView, PackagingLine, PackagingPage, PackagingStatus, PackagingView},
    events::Happening,
    stock::ReservationState,
};
use platform::{
    bus::{self, Aggregate},
    outbox::Pending,
    tables::{Condition, Item, Query, TableError, Transaction, text},
};
use serde::{Deserialize, Serialize};

/// The part of a header's sort key that follows the branch.
const HEADER: &str = "__metadata";
/// Rows of one order at the most.
const ROWS_MAX: usize = 1_000;

/// Separates the warehouse from its own page token in the token of a list over warehouses.
const TOKEN_MARK: char = '~';

/// The header of a request.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Header {
    pub(super) order_id: OrderId,
    pub(super) sk: String,
    pub(super) version: u64,
    pub(super) status: PackagingStatus,
    pub(super) warehouse_id: WarehouseId,
    pub(super) allocation: u32,
    /// The order no longer wants it.
    #[serde(default)]
    pub(super) withdrawn: bool,
    /// Where a picker finds it; only while it waits for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) new_in: Option<WarehouseId>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<String>,
    #[serde(flatten)]
    pub(super) pending: Pending,
}

/// The row of a product.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Line {
    pub(super) order_id: OrderId,
    pub(super) sk: String,
    pub(super) version: u64,
    pub(super) allocation: u32,
    #[serde(flatten)]
    pub(super) line: PackagingLine,
}

/// A row of the table, told by its attributes.
#[derive(Deserialize)]
#[serde(untagged)]
enum Row {
    Header(Header),
    Line(Line),
}

/// A request as its readers see it: the highest branch.
#[derive(Clone, Debug)]
pub(crate) struct Packaging {
    pub(super) header: Header,
    pub(super) lines: Vec<Line>,
    /// The headers of lower branches.
    others: Vec<Header>,
}

/// What a request for a package comes to.
#[derive(Clone, Debug)]
pub(crate) enum Supply {
    /// A new request, and the goods that are committed with it.
    New(Vec<ReservationItem>),
    /// It is there already, or a later one is.
    There,
    /// No goods are kept for the order, so there is nothing to pack.
    NothingKept,
}

impl Header {
    pub(super) fn branch(&self) -> &str {
        self.sk.rsplit_once('#').map_or("", |(branch, _)| branch)
    }

    pub(super) fn epoch(&self) -> u64 {
        branch::epoch(&self.sk)
    }

    /// The same header, one version later and in another status.
    pub(super) fn changed(&self, status: PackagingStatus) -> Self {
        let mut changed = self.clone();
        changed.version += 1;
        changed.status = status;
        changed.new_in = None;
        changed
    }
}

impl Packaging {
    /// The lines alone.
    pub(super) fn contents(&self) -> Vec<PackagingLine> {
        self.lines.iter().map(|line| line.line.clone()).collect()
    }

    /// The line of a product.
    pub(super) fn line(&self, product_id: ProductId) -> Option<&Line> {
        self.lines.iter().find(|line| line.line.product_id == product_id)
    }

    /// The header with this sort key, whether it is the highest or not.
    fn row(&self, sk: &str) -> Option<&Header> {
        self.others.iter().chain([&self.header]).find(|header| header.sk == sk)
    }

    /// The package as the order's owner sees it.
    pub(crate) fn package(&self) -> PackageView {
        PackageView {
            order_id: self.header.order_id,
            allocation: self.header.allocation,
            status: self.header.status,
            packed: packed(&self.contents()),
            reason: self.header.reason.clone(),
        }
    }

    /// The request as staff see it.
    pub(crate) fn view(&self) -> PackagingView {
        PackagingView {
            order_id: self.header.order_id,
            status: self.header.status,
            warehouse_id: self.header.warehouse_id.clone(),
            products: self.contents(),
        }
    }
}

impl Store {
    /// An order's request.
    pub(crate) async fn packaging(&self, order_id: OrderId) -> Result<Option<Packaging>, TableError> {
        let query = Query::partition("orderId", text(order_id.to_string())).consistent();
        let (mut headers, mut lines) = (Vec::new(), Vec::new());
        for row in self.packaging.query_all(query, ROWS_MAX).await? {
            match row {
                Row::Header(header) => headers.push(header),
                Row::Line(line) => lines.push(line),
            }
        }
        let rank = |header: &Header| (header.epoch(), header.allocation, header.version);
        headers.sort_by_key(rank);
        let Some(header) = headers.pop() else { return Ok(None) };
        lines.retain(|line| line.allocation == header.allocation && line.sk.starts_with(header.branch()));
        Ok(Some(Packaging { header, lines, others: headers }))
    }

    /// Orders that wait for a picker in a warehouse. The index may be a moment behind.
    pub(crate) async fn waiting(
        &self,
        warehouse_id: &WarehouseId,
        limit: usize,
        token: Option<&str>,
    ) -> Result<PackagingPage, TableError> {
        let query = Query::partition("newIn", text(warehouse_id.as_str())).index(NEW_INDEX);
        let page = self.packaging.query::<Header>(query.limit(limit).after(token)?).await?;
        let packaging_request_ids = page.items.into_iter().map(|header| header.order_id).collect();
        Ok(PackagingPage { packaging_request_ids, next_token: page.next_token })
    }

    /// Orders that wait for a picker in any warehouse of this region, warehouse by warehouse.
    pub(crate) async fn waiting_here(
        &self,
        limit: usize,
        token: Option<&str>,
    ) -> Result<PackagingPage, TableError> {
        let homes: Vec<&WarehouseId> =
            self.platform.config.warehouses.iter().map(|known| &known.id).collect();
        let homes: Vec<&WarehouseId> = homes.into_iter().filter(|id| self.is_home(id)).collect();
        let (mut at, mut token) = place_in(&homes, token)?;
        let mut found = PackagingPage { packaging_request_ids: Vec::new(), next_token: None };
        while let Some(warehouse) = homes.get(at) {
            let room = limit - found.packaging_request_ids.len();
            let page = self.waiting(warehouse, room, token.as_deref()).await?;
            found.packaging_request_ids.extend(page.packaging_request_ids);
            if page.next_token.is_none() {
                at += 1;
            }
            token = page.next_token;
            if found.packaging_request_ids.len() >= limit {
                break;
            }
        }
        let rest = homes.get(at).map(|id| format!("{id}{TOKEN_MARK}{}", token.unwrap_or_default()));
        found.next_token = rest;
        Ok(found)
    }

    /// Adds a new request for an order to `writes`, where goods are kept for it, and commits those goods.
    pub(crate) async fn ask_for_package(
        &self,
        writes: Transaction,
        order: &Order,
        lines: &[PackagingLine],
    ) -> Result<(Supply, Transaction), WarehouseError> {
        let held = self.packaging(order.order_id).await?;
        if held.as_ref().is_some_and(|held| held.header.allocation >= order.allocation) {
            return Ok((Supply::There, writes));
        }
        let allocation = Allocation {
            order_id: order.order_id,
            warehouse_id: &order.warehouse_id,
            number: order.allocation,
        };
        let reserved = self.reservations(allocation).await?;
        if !reserved.iter().any(|item| item.reservation.state.open()) {
            return Ok((Supply::NothingKept, writes));
        }
        let mut writes = self.put_request(writes, held.as_ref(), order, lines)?;
        let mut committed = Vec::with_capacity(reserved.len());
        for item in reserved.iter().filter(|item| item.reservation.state == ReservationState::Held) {
            let mut after = item.changed(ReservationState::Committed, item.reservation.quantity, 0);
            writes = self.put_reservation(writes, Some(item), &mut after)?;
            committed.push(after);
        }
        Ok((Supply::New(committed), writes))
    }

    fn put_request(
        &self,
        writes: Transaction,
        held: Option<&Packaging>,
        order: &Order,
        lines: &[PackagingLine],
    ) -> Result<Transaction, TableError> {
        let branch = self.own_branch(order.epoch);
        let sk = format!("{branch}#{HEADER}");
        let own = held.and_then(|held| held.row(&sk));
        let header = Header {
            order_id: order.order_id,
            sk,
            version: held.map_or(0, |held| held.header.version) + 1,
            status: PackagingStatus::New,
            warehouse_id: order.warehouse_id.clone(),
            allocation: order.allocation,
            withdrawn: false,
            new_in: Some(order.warehouse_id.clone()),
            reason: None,
            // What an earlier allocation in this row has not published yet stays pending.
            pending: own.map(|own| own.pending.clone()).unwrap_or_default(),
        };
        let condition = unchanged("orderId", own.map(|own| own.version));
        let mut writes = writes.put(&self.packaging, &header, condition)?;
        for line in lines {
            let sk = format!("{branch}#{}", line.product_id);
            let (order_id, allocation) = (order.order_id, order.allocation);
            let line = Line { order_id, sk, version: 1, allocation, line: line.clone() };
            // The header's condition guards the lines.
            writes = writes.put(&self.packaging, &line, Condition::default())?;
        }
        Ok(writes)
    }

    /// Adds the withdrawal of an order's request to a transaction, where the request is of this allocation
    /// and its package is not complete.
    pub(super) async fn withdraw_package(
        &self,
        writes: Transaction,
        allocation: Allocation<'_>,
    ) -> Result<Transaction, TableError> {
        match self.packaging(allocation.order_id).await? {
            Some(held) if held.header.allocation == allocation.number => self.withdraw(writes, &held.header),
            _ => Ok(writes),
        }
    }

    /// Adds the withdrawal of a request that no picker began to a transaction.
    pub(crate) async fn withdraw_unstarted(
        &self,
        writes: Transaction,
        order_id: OrderId,
    ) -> Result<Transaction, TableError> {
        match self.packaging(order_id).await? {
            Some(held) if held.header.status == PackagingStatus::New => self.withdraw(writes, &held.header),
            _ => Ok(writes),
        }
    }

    fn withdraw(&self, writes: Transaction, held: &Header) -> Result<Transaction, TableError> {
        let over = matches!(held.status, PackagingStatus::Completed | PackagingStatus::Failed);
        if over || held.withdrawn || !self.is_home(&held.warehouse_id) {
            return Ok(writes);
        }
        let withdrawn = Header { withdrawn: true, ..held.changed(held.status) };
        self.put_header(writes, held, &withdrawn)
    }

    /// Adds a changed header to a transaction.
    pub(super) fn put_header(
        &self,
        writes: Transaction,
        held: &Header,
        after: &Header,
    ) -> Result<Transaction, TableError> {
        writes.put(&self.packaging, after, Condition::version(held.version))
    }

    /// Adds a changed line to a transaction.
    pub(super) fn put_line(&self, writes: Transaction, line: &Line) -> Result<Transaction, TableError> {
        writes.put(&self.packaging, line, Condition::version(line.version - 1))
    }

    /// Adds a check that the header is as it was read to a transaction.
    pub(super) fn header_unchanged(
        &self,
        writes: Transaction,
        held: &Header,
    ) -> Result<Transaction, TableError> {
        writes.check(&self.packaging, self.header_key(held), Condition::version(held.version))
    }

    pub(super) fn header_key(&self, header: &Header) -> Item {
        self.packaging.key(header.order_id.to_string(), Some(text(&header.sk)))
    }

    /// Adds an event of this change to the header.
    pub(super) fn tell(&self, header: &mut Header, happening: Happening) {
        let id = format!("{}:{}", header.order_id, header.allocation);
        let aggregate =
            Aggregate { kind: "packaging", id: &id, version: header.version, epoch: header.epoch() };
        let mut event = bus::event(&self.platform, aggregate, &id, happening);
        event.metadata.correlation_id = header.order_id.to_string();
        self.packaging_outbox.add(&mut header.pending, &event);
    }
}

/// Where a list over warehouses goes on.
fn place_in(homes: &[&WarehouseId], token: Option<&str>) -> Result<(usize, Option<String>), TableError> {
    let Some(token) = token else { return Ok((0, None)) };
    let (id, rest) = token.split_once(TOKEN_MARK).ok_or(TableError::Page)?;
    let at = homes.iter().position(|home| home.as_str() == id).ok_or(TableError::Page)?;
    Ok((at, (!rest.is_empty()).then(|| rest.to_owned())))
}
