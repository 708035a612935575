//! EventBridge of an upstream. Its deliveries are its own: the door sees what is put, not what arrives.

use std::sync::Arc;

use super::link::{CALL_LIMIT, CallError};
use super::{Region, Upstream};
use crate::cloud::reply::Reply;

impl Upstream {
    pub(super) async fn bus_call(
        &self,
        region: &Arc<Region>,
        target: &str,
        operation: &str,
        body: &str,
    ) -> Result<Reply, CallError> {
        let reply = self.link.send(target, body.to_owned(), CALL_LIMIT).await?;
        if operation == "PutEvents" && reply.status == 200 {
            region.bus.heard(body, &reply.body, &region.meter);
        }
        Ok(reply)
    }
}
