//! Runs the whole platform in several regions, floods a continent and proves what was kept.
