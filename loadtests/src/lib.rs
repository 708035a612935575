//! Goose journeys: how customers use the shop.
