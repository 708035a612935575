//! What a movement does to the stock of one product in one warehouse.

use contracts::stock::{Movement, StockLedgerRow, StockLevel};

/// The level after a movement of `quantity` units. Nothing, where the movement is not possible: no more may
/// be reserved than lies there, and neither number is ever negative.
pub(crate) fn moved(level: &StockLevel, movement: Movement, quantity: i64) -> Option<StockLevel> {
    if quantity < 0 && movement != Movement::Adjustment {
        return None;
    }
    let (on_hand, reserved) = match movement {
        Movement::Initial | Movement::Receipt | Movement::Restock | Movement::Adjustment => (quantity, 0),
        Movement::Reserve => (0, quantity),
        Movement::Release => (0, -quantity),
        Movement::Consume => (-quantity, -quantity),
        Movement::WriteOff => (-quantity, 0),
    };
    let after = StockLevel {
        on_hand: level.on_hand.checked_add(on_hand)?,
        reserved: level.reserved.checked_add(reserved)?,
        version: level.version + 1,
        ..level.clone()
    };
    (0 <= after.reserved && after.reserved <= after.on_hand).then_some(after)
}

/// The ledger's row of a movement that led to `after`.
pub(crate) fn ledger_row(
    after: &StockLevel,
    movement: Movement,
    quantity: i64,
    reference: &str,
) -> StockLedgerRow {
    StockLedgerRow {
        product_id: after.product_id,
        warehouse_id: after.warehouse_id.clone(),
        seq: after.version,
        movement,
        quantity,
        reference: reference.to_owned(),
        on_hand_after: after.on_hand,
        reserved_after: after.reserved,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::reservation::{Step, next};
    use contracts::{ProductId, WarehouseId, stock::ReservationState};
    use proptest::prelude::*;

    fn empty() -> StockLevel {
        StockLevel {
            product_id: ProductId(uuid::Uuid::from_u128(1)),
            warehouse_id: WarehouseId::from("wh"),
            on_hand: 0,
            reserved: 0,
            version: 0,
        }
    }

    #[derive(Clone, Debug)]
    enum Command {
        Receive(i64),
        Adjust(i64),
        Reserve { order: usize, quantity: i64 },
        Step { order: usize, step: Step },
    }

    fn command() -> impl Strategy<Value = Command> {
        let step =
            prop_oneof![Just(Step::Commit), Just(Step::Pick), Just(Step::Release), Just(Step::Consume)];
        prop_oneof![
            (1..50i64).prop_map(Command::Receive),
            (-50..50i64).prop_map(Command::Adjust),
            (0..6usize, 1..40i64).prop_map(|(order, quantity)| Command::Reserve { order, quantity }),
            (0..6usize, step).prop_map(|(order, step)| Command::Step { order, step }),
        ]
    }

    /// One shelf with its reservations and its ledger.
    struct Shelf {
        level: StockLevel,
        ledger: Vec<StockLedgerRow>,
        orders: [Option<(ReservationState, i64)>; 6],
    }

    impl Shelf {
        fn new(units: i64) -> Self {
            let mut shelf = Shelf { level: empty(), ledger: Vec::new(), orders: [None; 6] };
            assert!(shelf.movement(Movement::Initial, units));
            shelf
        }

        fn movement(&mut self, movement: Movement, quantity: i64) -> bool {
            let Some(after) = moved(&self.level, movement, quantity) else { return false };
            self.ledger.push(ledger_row(&after, movement, quantity, "test"));
            self.level = after;
            true
        }

        fn apply(&mut self, command: &Command) {
            match *command {
                Command::Receive(quantity) => drop(self.movement(Movement::Receipt, quantity)),
                Command::Adjust(delta) => drop(self.movement(Movement::Adjustment, delta)),
                Command::Reserve { order, quantity } => {
                    if self.orders[order].is_none() && self.movement(Movement::Reserve, quantity) {
                        self.orders[order] = Some((ReservationState::Held, quantity));
                    }
                }
                Command::Step { order, step } => self.step(order, step),
            }
        }

        fn step(&mut self, order: usize, step: Step) {
            let Some((state, quantity)) = self.orders[order] else { return };
            let Ok(Some(after)) = next(state, step) else { return };
            if let Some(movement) = step.movement() {
                assert!(
                    self.movement(movement, quantity),
                    "a step of an open reservation is always possible"
                );
            }
            self.orders[order] = Some((after, quantity));
        }

        fn open(&self) -> i64 {
            self.orders.iter().flatten().filter(|(state, _)| state.open()).map(|(_, quantity)| quantity).sum()
        }
    }

    /// The levels that the ledger alone gives.
    fn replayed(ledger: &[StockLedgerRow]) -> StockLevel {
        ledger.iter().fold(empty(), |level, row| {
            let after = moved(&level, row.movement, row.quantity).expect("what happened was possible");
            assert_eq!((after.on_hand, after.reserved), (row.on_hand_after, row.reserved_after));
            assert_eq!(after.version, row.seq);
            after
        })
    }

    proptest! {
        #[test]
        fn the_books_always_add_up(units in 0..100i64, commands in prop::collection::vec(command(), 0..60)) {
            let mut shelf = Shelf::new(units);
            for command in &commands {
                shelf.apply(command);
                prop_assert!(0 <= shelf.level.reserved && shelf.level.reserved <= shelf.level.on_hand);
                prop_assert_eq!(shelf.level.reserved, shelf.open());
            }
            prop_assert_eq!(replayed(&shelf.ledger), shelf.level);
        }
    }

    #[test]
    fn nothing_negative_is_moved() {
        let level = moved(&empty(), Movement::Initial, 5).expect("possible");
        for movement in [Movement::Reserve, Movement::Receipt, Movement::Consume] {
            assert_eq!(moved(&level, movement, -1), None, "{movement:?}");
        }
        assert_eq!(moved(&level, Movement::Reserve, 6), None);
        assert_eq!(moved(&level, Movement::Adjustment, -6), None);
        assert_eq!(moved(&level, Movement::Receipt, i64::MAX), None);
    }

    #[test]
    fn what_is_spoken_for_is_not_counted_away() {
        let level = StockLevel { on_hand: 5, reserved: 3, ..empty() };
        let after = |delta| moved(&level, Movement::Adjustment, delta).map(|after| after.on_hand);
        assert_eq!((after(-2), after(-3), after(4)), (Some(3), None, Some(9)));
    }
}
