//! The operations desk: people who see on the news that a warehouse is under water, and say so.

use super::Ground;
use bytes::Bytes;
use contracts::{
    bodies::warehouse::WarehouseNotice,
    ids::{Region, WarehouseId},
};
use futures::future::join_all;
use http::{Request, header};
use std::time::Duration;

/// One try takes no longer.
const LIMIT: Duration = Duration::from_secs(3);
/// The pause between two tries.
const PAUSE: Duration = Duration::from_millis(500);

/// Tells every region that still answers that a warehouse is lost, until each has taken note.
pub async fn declare_lost(ground: Ground, token: String, warehouse: WarehouseId, reason: String) {
    let notice = WarehouseNotice { reason, lost: true };
    let regions = ground.reachable();
    let tell = |region: Region| {
        let (ground, token, warehouse, notice) = (&ground, &token, &warehouse, &notice);
        async move {
            while let Err(why) = tell_once(ground, token, &region, warehouse, notice).await {
                if ground.base(&region).is_none() {
                    return; // lost meanwhile
                }
                tracing::debug!(%region, %warehouse, %why, "the desk tells it again");
                tokio::time::sleep(PAUSE).await;
            }
        }
    };
    join_all(regions.into_iter().map(tell)).await;
}

async fn tell_once(
    ground: &Ground,
    token: &str,
    region: &Region,
    warehouse: &WarehouseId,
    notice: &WarehouseNotice,
) -> anyhow::Result<()> {
    let base = ground.base(region).ok_or_else(|| anyhow::anyhow!("not reachable"))?;
    let request = Request::post(format!("{base}/warehouse/admin/warehouses/{warehouse}/close"))
        .header(header::HOST, base.trim_start_matches("http://"))
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .body(Bytes::from(serde_json::to_vec(notice)?))?;
    let answer = tokio::time::timeout(LIMIT, ground.network.send(request)).await??;
    anyhow::ensure!(answer.status().is_success(), "status {}", answer.status());
    Ok(())
}
