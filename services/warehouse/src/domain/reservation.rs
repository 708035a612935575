//! How far a reservation may go, and what becomes of one that nobody committed.

use contracts::{
    Order, OrderStatus,
    stock::{Movement, Reservation, ReservationState},
};

/// A step of a reservation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// The order exists: the goods are kept for good.
    Commit,
    /// The goods lie in the package.
    Pick,
    /// The goods go back to the others.
    Release,
    /// The goods left the warehouse.
    Consume,
}

impl Step {
    /// What the step does to the stock.
    pub(crate) fn movement(self) -> Option<Movement> {
        match self {
            Step::Commit | Step::Pick => None,
            Step::Release => Some(Movement::Release),
            Step::Consume => Some(Movement::Consume),
        }
    }
}

/// The reservation is in a state that does not allow the step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the reservation is {0:?}")]
pub(crate) struct Impossible(pub(crate) ReservationState);

/// The state after a step; nothing, where the step was made before.
pub(crate) fn next(state: ReservationState, step: Step) -> Result<Option<ReservationState>, Impossible> {
    use ReservationState::{Committed, Consumed, Held, Picked, Released, WrittenOff};
    match (step, state) {
        (Step::Commit, Held) => Ok(Some(Committed)),
        (Step::Commit, Committed | Picked | Consumed) => Ok(None),
        (Step::Pick, Held | Committed) => Ok(Some(Picked)),
        (Step::Pick, Picked) => Ok(None),
        (Step::Release, Held | Committed | Picked) => Ok(Some(Released)),
        (Step::Release, Released | WrittenOff) => Ok(None),
        (Step::Consume, Held | Committed | Picked) => Ok(Some(Consumed)),
        (Step::Consume, Consumed) => Ok(None),
        (_, state) => Err(Impossible(state)),
    }
}

/// What becomes of a reservation whose time is up, given what the journal says about its order.
pub(crate) fn when_expired(reservation: &Reservation, order: Option<&Order>) -> Step {
    let wanted = order.is_some_and(|order| {
        order.allocation == reservation.allocation
            && order.warehouse_id == reservation.warehouse_id
            && !order.status.terminal()
            && !matches!(
                order.status,
                OrderStatus::Backordered | OrderStatus::Reallocating | OrderStatus::Cancelling
            )
    });
    if wanted { Step::Commit } else { Step::Release }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATES: [ReservationState; 6] = [
        ReservationState::Held,
        ReservationState::Committed,
        ReservationState::Picked,
        ReservationState::Consumed,
        ReservationState::Released,
        ReservationState::WrittenOff,
    ];

    #[test]
    fn a_repeated_step_changes_nothing() {
        for state in STATES {
            for step in [Step::Commit, Step::Pick, Step::Release, Step::Consume] {
                if let Ok(Some(after)) = next(state, step) {
                    assert_eq!(next(after, step), Ok(None), "{state:?} {step:?}");
                }
            }
        }
    }

    #[test]
    fn what_is_over_stays_over() {
        for state in STATES.into_iter().filter(|state| !state.open()) {
            for step in [Step::Commit, Step::Pick, Step::Release, Step::Consume] {
                assert!(!matches!(next(state, step), Ok(Some(_))), "{state:?} {step:?}");
            }
        }
    }

    #[test]
    fn only_open_reservations_move_stock() {
        for state in STATES {
            for step in [Step::Release, Step::Consume] {
                assert_eq!(matches!(next(state, step), Ok(Some(_))), state.open(), "{state:?} {step:?}");
            }
        }
    }
}
