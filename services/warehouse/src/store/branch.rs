//! The epoch in a branch's name, for rows that do not hold it apart.

/// The epoch of `{epoch}#{region}` and of whatever follows it; 0 where it has none.
pub(super) fn epoch(branch: &str) -> u64 {
    branch.split('#').next().and_then(|epoch| epoch.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_branch_tells_its_epoch() {
        let name = platform::branches::name(10, &"eu-west-1".into());
        assert_eq!((epoch(&name), epoch("nonsense"), epoch("")), (10, 0, 0));
    }
}
